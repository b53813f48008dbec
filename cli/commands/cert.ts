import { type Command, Option } from 'commander';
import type { CertificateRenewal, Client } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { failure, followRenewal, followTrial } from '../certificate-follow.ts';
import { certificateLines, certificateRows, historyLines, trialLines } from '../output/certificate-text.ts';
import { documentText, objectName } from '../output/document.ts';
import { parseDurationMs } from '../output/duration.ts';
import { createSpinner } from '../output/spinner.ts';
import {
  connect,
  globals,
  type OutputFormat,
  outputOf,
  printLines,
  progress,
  type Session,
} from '../session.ts';

const REASONS = [
  'unspecified',
  'keyCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
] as const;
/** States in which somebody should do something. */
const BAD: readonly string[] = ['expiring', 'expired', 'failing'];
const WAIT_DEFAULT = '5m';

export function addCertCommand(program: Command, session: Session): void {
  const cert = program
    .command('cert')
    .summary('certificates of CAs: see, renew, revoke, try')
    .description(
      'The certificates that CertificatePolicies ask for: what there is, what orders wait for, when each is renewed and why then. A certificate is named by its id, or by its policy where that has one certificate. Private keys are never shown.',
    );
  addList(cert, session);
  addDescribe(cert, session);
  addHistory(cert, session);
  addRenew(cert, session);
  addRevoke(cert, session);
  addTry(cert, session);
}

interface ListOptions {
  readonly allNamespaces?: boolean;
  readonly policy?: string;
}

function addList(cert: Command, session: Session): void {
  cert
    .command('list')
    .summary('certificates with state, end, next renewal and clusters')
    .description(
      'Lists certificates: names, who issued them, when they expire and are renewed, and the clusters that get them. Exit code 1: one is expiring, expired or failing.',
    )
    .option('-A, --all-namespaces', 'of every namespace')
    .option('--policy <name>', 'only those of this CertificatePolicy')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan cert list\n  $ portolan cert list -A --policy shop -o json',
    )
    .action(async ({ allNamespaces, policy }: ListOptions, self: Command) => {
      const format = outputOf(self, ['json', 'yaml', 'name']);
      const { client, namespace } = connect(session, self);
      const items = await client.listCertificates({
        ...(allNamespaces === true ? {} : { namespace }),
        ...(policy === undefined ? {} : { policy }),
      });
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText({ items }, format));
      else if (format === 'name')
        printLines(
          session,
          items.map(({ id }) => objectName('certificate', id)),
        );
      else if (items.length === 0)
        progress(
          session,
          self,
          `No certificate in ${allNamespaces === true ? 'any namespace' : namespace}: apply an Issuer and a CertificatePolicy, see docs/guides/certificates.md.`,
        );
      else
        printLines(
          session,
          certificateRows(items, {
            nowMs: session.terminal.nowMs(),
            namespaces: allNamespaces === true,
          }),
        );
      if (items.some(({ state }) => BAD.includes(state))) session.exitCode = 1;
    });
}

function addDescribe(cert: Command, session: Session): void {
  cert
    .command('describe <certificate>')
    .summary('chain, order under way, next renewal and why then, limits, clusters, failures')
    .description(
      "Shows one certificate: its chain, the order under way and what each challenge waits for, when it is renewed and why then, what the next order would be of the CA's limits, the clusters that have it and what they show, and the last failure with what to do. --pem prints the chain alone.",
    )
    .option('--pem', 'only the chain, leaf first')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan cert describe cert-1a2b3c4d\n  $ portolan cert describe shop --pem | openssl x509 -noout -text',
    )
    .action(async (text: string, { pem }: { readonly pem?: boolean }, self: Command) => {
      const format = outputOf(self, pem === true ? [] : ['json', 'yaml']);
      const { client, namespace } = connect(session, self);
      const id = await idOf(client, namespace, text);
      if (pem === true) {
        session.terminal.out(await client.certificateChain(namespace, id));
        return;
      }
      const found = await client.describeCertificate(namespace, id);
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(found, format));
      else printLines(session, certificateLines(found, session.terminal.nowMs()));
    });
}

function addHistory(cert: Command, session: Session): void {
  cert
    .command('history <certificate>')
    .summary('what happened to it: issued, renewed, failed, revoked')
    .description('Lists the last 20 events of a certificate, the newest first.')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan cert history shop\n  $ portolan cert history cert-1a2b3c4d -o json',
    )
    .action(async (text: string, _options: unknown, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const history = await client.certificateHistory(namespace, await idOf(client, namespace, text));
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(history, format));
      else printLines(session, historyLines(history));
    });
}

interface RenewOptions {
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly wait?: boolean;
  readonly timeout: string;
}

function addRenew(cert: Command, session: Session): void {
  cert
    .command('renew <certificate>')
    .summary('order another one now')
    .description(
      "Orders another certificate now; what is served stays until it is there, and no connection is closed then. Refused when a limit of the CA is known to be used up. With --dry-run nothing is asked of the CA: it says what the order would be of the CA's limits.",
    )
    .option('--reason <text>', 'why, for the audit log')
    .option('--dry-run', 'only what it would be')
    .option('--force', 'also when a limit is used up; needs --reason and the admin role')
    .option('--wait', 'until it is issued and every cluster has it')
    .option('--timeout <duration>', 'with --wait: not longer', WAIT_DEFAULT)
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan cert renew shop --wait\n  $ portolan cert renew cert-1a2b3c4d --dry-run',
    )
    .action(async (text: string, options: RenewOptions, self: Command) => {
      const { reason, dryRun, force, wait } = options;
      const format = outputOf(self);
      const giveUpMs = parseDurationMs(options.timeout, '--timeout');
      if (force === true && (reason ?? '') === '')
        throw new PortolanError('USAGE', '--force needs --reason', {
          fix: 'Say why: --force --reason "the key was lost". It goes into the audit log.',
        });
      const { client, namespace } = connect(session, self);
      const id = await idOf(client, namespace, text);
      const before = await client.describeCertificate(namespace, id);
      const done = await client.renewCertificate(namespace, id, {
        ...(reason === undefined ? {} : { reason }),
        ...(dryRun === true ? { dryRun: true } : {}),
        ...(force === true ? { force: true } : {}),
      });
      if (wait !== true || dryRun === true) {
        printRenewal(session, self, format, done);
        return;
      }
      const spinner = createSpinner(session.terminal, globals(self).quiet === true);
      spinner.say(done.message);
      for (const warning of done.warnings) spinner.say(`warning: ${warning}`);
      const after = await followRenewal(client, before, spinner, {
        giveUpMs,
        nowMs: session.terminal.nowMs,
      }).finally(() => spinner.stop());
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(after, format));
      else
        printLines(session, [
          `${id}: serial ${after.serial ?? ''} by ${after.issuer}, good until ${after.notAfter ?? ''}, at ${after.clusters.map((c) => c.name).join(', ') || 'no cluster yet'}`,
        ]);
    });
}

interface RevokeOptions {
  readonly reason: (typeof REASONS)[number];
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

function addRevoke(cert: Command, session: Session): void {
  cert
    .command('revoke <certificate>')
    .summary('replace it, then revoke it at the CA')
    .description(
      'Orders a replacement and revokes the certificate at its CA once the replacement is there. With --force it is revoked at once, while it is still served. After keyCompromise the next key is a new one, whatever the policy says.',
    )
    .addOption(
      new Option('--reason <reason>', 'for the CA (RFC 5280)').choices(REASONS).makeOptionMandatory(),
    )
    .option('--dry-run', 'only what would happen')
    .option('--force', 'at once, before there is a replacement; needs the admin role')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan cert revoke shop --reason superseded\n  $ portolan cert revoke cert-1a2b3c4d --reason keyCompromise --force',
    )
    .action(async (text: string, { reason, dryRun, force }: RevokeOptions, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const id = await idOf(client, namespace, text);
      const done = await client.revokeCertificate(namespace, id, {
        reason,
        ...(dryRun === true ? { dryRun: true } : {}),
        ...(force === true ? { force: true } : {}),
      });
      printRenewal(session, self, format, done);
    });
}

interface TryOptions {
  readonly issuer?: string;
  readonly last?: boolean;
  readonly wait?: boolean;
  readonly timeout: string;
}

function addTry(cert: Command, session: Session): void {
  cert
    .command('try <policy>')
    .summary("order from the CA's staging directory, and throw the certificate away")
    .description(
      "Makes a real order for a CertificatePolicy at the staging directory of its Issuer (Let's Encrypt has one; for others set spec.acme.staging) and throws the certificate away: DNS, gateways and the account are tried, and neither what is served nor the CA's limits are touched. Exit code 1: it failed.",
    )
    .option('--issuer <name>', "another Issuer than the policy's first")
    .option('--wait', 'follow it to its end')
    .option('--timeout <duration>', 'with --wait: not longer', '10m')
    .option('--last', 'how the last one went, without a new one')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan cert try shop --wait\n  $ portolan cert try shop --last -o json',
    )
    .action(async (policy: string, { issuer, last, wait, timeout }: TryOptions, self: Command) => {
      const format = outputOf(self);
      const giveUpMs = parseDurationMs(timeout, '--timeout');
      const { client, namespace } = connect(session, self);
      const begun =
        last === true
          ? await client.certificateTrial(namespace, policy)
          : await client.tryCertificatePolicy(namespace, policy, issuer === undefined ? {} : { issuer });
      const spinner = createSpinner(session.terminal, globals(self).quiet === true);
      const trial =
        wait === true
          ? await followTrial(client, namespace, begun, spinner, {
              giveUpMs,
              nowMs: session.terminal.nowMs,
            }).finally(() => spinner.stop())
          : begun;
      const asDocument = format === 'json' || format === 'yaml';
      if (asDocument) session.terminal.out(documentText(trial, format));
      if (trial.state === 'failed' && trial.problem !== undefined)
        throw failure(trial.problem.code, trial.problem.message, trial.problem.fix);
      if (!asDocument) printLines(session, trialLines(trial));
      if (trial.state === 'failed') session.exitCode = 1;
      if (trial.state === 'running')
        progress(session, self, `follow it with \`portolan cert try ${policy} --last --wait\``);
    });
}

function printRenewal(session: Session, self: Command, format: OutputFormat, done: CertificateRenewal): void {
  if (format === 'json' || format === 'yaml') {
    session.terminal.out(documentText(done, format));
    return;
  }
  for (const warning of done.warnings) session.terminal.err(`warning: ${warning}\n`);
  printLines(session, [
    `${done.certificate.id}: ${done.message}`,
    ...done.certificate.forecast.map(({ text }) => `  ${text}`),
  ]);
  if (done.certificate.order !== undefined)
    progress(session, self, `follow it with \`portolan cert describe ${done.certificate.id}\``);
}

const ID = /^cert-[0-9a-f]{8,}$/;

/** @throws PortolanError USAGE when a policy has several certificates, CERTIFICATE_NOT_FOUND */
async function idOf(client: Client, namespace: string, text: string): Promise<string> {
  if (ID.test(text)) return text;
  const items = await client.listCertificates({ namespace, policy: text });
  const [first, ...others] = items;
  if (first === undefined)
    throw new PortolanError(
      'CERTIFICATE_NOT_FOUND',
      `${text} is neither the id of a certificate nor a CertificatePolicy with one in namespace ${namespace}`,
    );
  if (others.length > 0)
    throw new PortolanError(
      'USAGE',
      `CertificatePolicy ${text} has ${items.length} certificates: ${items.map(({ id }) => id).join(', ')}`,
      { fix: `Name one by its id; \`portolan cert list --policy ${text}\` shows them.` },
    );
  return first.id;
}
