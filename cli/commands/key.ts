import type { Command } from 'commander';
import type { ApiKey, ApiKeyCreated, ApiKeyInput, Client } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { documentText } from '../output/document.ts';
import { ageText, parseDurationMs } from '../output/duration.ts';
import { table } from '../output/table.ts';
import { repeated } from '../repeated-option.ts';
import { connect, outputOf, printLines, progress, type Session } from '../session.ts';
import { wholeNumber } from '../whole-number.ts';
import { addKeyImport } from './key-import.ts';

const STATES = ['active', 'rotated', 'revoked', 'expired'] as const;

export function addKeyCommand(program: Command, session: Session): void {
  const key = program
    .command('key')
    .summary('create, rotate and revoke API keys')
    .description(
      'API keys of those who call through a gateway. The hub keeps digests alone: a key is shown once, and known by its id afterwards.',
    );
  addCreate(key, session);
  addList(key, session);
  addDescribe(key, session);
  addRotate(key, session);
  addRevoke(key, session);
  addDelete(key, session);
  addKeyImport(key, session);
}

interface CreateOptions {
  readonly role?: readonly string[];
  readonly plan?: string;
  readonly label?: readonly string[];
  readonly attribute?: readonly string[];
  readonly pairId?: string;
  readonly ttl?: string;
}

function addCreate(key: Command, session: Session): void {
  key
    .command('create <principal>')
    .summary('make an API key')
    .description(
      'Makes an API key for a principal, such as an application. The key is shown only now; `-o name` prints it alone.',
    )
    .option('--role <role>', 'a role that policies may ask for; may be repeated', repeated)
    .option('--plan <plan>', 'the plan its limits come from')
    .option('--label <name=value>', 'a label that policies may ask for; may be repeated', repeated)
    .option('--attribute <name=value>', 'a further fact for expressions; may be repeated', repeated)
    .option('--pair-id <id>', 'the id that must come with the key')
    .option('--ttl <duration>', 'it ends after this time, such as 90d (default: never)')
    .addHelpText(
      'after',
      `
Examples:
  $ portolan key create partner-a --role reader --plan gold --ttl 90d
  $ portolan key create shop-app -n shop --label team=shop --output json`,
    )
    .action(async (principal: string, options: CreateOptions, self: Command) => {
      const format = outputOf(self, ['json', 'yaml', 'name']);
      const { client, namespace } = connect(session, self);
      const { role, plan, label, attribute, pairId, ttl } = options;
      const input: ApiKeyInput = {
        principal,
        roles: [...(role ?? [])],
        labels: pairs(label, '--label'),
        attributes: pairs(attribute, '--attribute'),
        ...(plan === undefined ? {} : { plan }),
        ...(pairId === undefined ? {} : { pairId }),
        ...(ttl === undefined
          ? {}
          : { expiresAt: new Date(session.terminal.nowMs() + parseDurationMs(ttl, '--ttl')).toISOString() }),
      };
      const created = await client.createKey(namespace, input);
      printCreated(created, format);
      if (await isUnknown(client, namespace))
        progress(
          session,
          self,
          `warning: namespace ${namespace} has no AuthPolicy, no route and no Gateway: unless a policy of another namespace names it, nothing takes this key`,
        );
      if (format === 'table')
        progress(
          session,
          self,
          `key ${created.id} of ${created.principal} (${created.expiresAt === undefined ? 'no end' : `until ${created.expiresAt}`}) is shown only now`,
        );
    });

  function printCreated(created: ApiKeyCreated, format: string): void {
    if (format === 'json' || format === 'yaml') session.terminal.out(documentText(created, format));
    else printLines(session, [created.key]);
  }
}

/** A namespace is there by what is in it: one with nothing that gateways use is perhaps a slip of the finger. */
async function isUnknown(client: Client, namespace: string): Promise<boolean> {
  try {
    for (const kind of ['AuthPolicy', 'HTTPRoute', 'GRPCRoute', 'Gateway'] as const) {
      const { items } = await client.list(kind, namespace);
      if (items.length > 0) return false;
    }
    return true;
  } catch {
    // Who makes keys may not be allowed to look at policies.
    return false;
  }
}

/** By namespace and principal, the older first: ids are random. */
function byOwner(a: ApiKey, b: ApiKey): number {
  return (
    compareText(a.namespace, b.namespace) ||
    compareText(a.principal, b.principal) ||
    compareText(a.createdAt, b.createdAt) ||
    compareText(a.id, b.id)
  );
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

interface ListOptions {
  readonly allNamespaces?: boolean;
  readonly principal?: string;
  readonly plan?: string;
  readonly state?: string;
  readonly label?: readonly string[];
  readonly limit?: number;
}

function addList(key: Command, session: Session): void {
  key
    .command('list')
    .summary('API keys by their ids')
    .description('Lists API keys by their public ids; never a key itself.')
    .option('-A, --all-namespaces', 'those of all namespaces the caller may see')
    .option('--principal <name>', 'only of this principal')
    .option('--plan <plan>', 'only of this plan')
    .option('--state <state>', `only those that are ${STATES.join(', ')}`)
    .option('--label <name=value>', 'only with this label; may be repeated', repeated)
    .option('--limit <count>', 'at most so many (default: 100)', wholeNumber('--limit'))
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan key list --principal partner-a\n  $ portolan key list -A --state revoked -o json',
    )
    .action(async (options: ListOptions, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const state = STATES.find((known) => known === options.state);
      if (options.state !== undefined && state === undefined)
        throw new PortolanError('USAGE', `--state ${options.state} is no state of a key`, {
          fix: `Use one of ${STATES.join(', ')}.`,
        });
      const labels = Object.entries(pairs(options.label, '--label')).map(
        ([name, value]) => `${name}=${value}`,
      );
      const wanted = options.limit ?? 100;
      const items: ApiKey[] = [];
      let after: string | undefined;
      do {
        const page = await client.listKeys({
          limit: String(Math.min(1_000, wanted - items.length)),
          ...(options.allNamespaces === true ? {} : { namespace }),
          ...(options.principal === undefined ? {} : { principal: options.principal }),
          ...(options.plan === undefined ? {} : { plan: options.plan }),
          ...(state === undefined ? {} : { state }),
          ...(labels.length === 0 ? {} : { labels: labels.join(',') }),
          ...(after === undefined ? {} : { after }),
        });
        items.push(...page.items);
        after = page.next;
      } while (after !== undefined && items.length < wanted);
      items.sort(byOwner);
      if (format === 'json' || format === 'yaml') {
        session.terminal.out(documentText({ items }, format));
        return;
      }
      const now = session.terminal.nowMs();
      const head = ['ID', 'NAMESPACE', 'PRINCIPAL', 'PLAN', 'ROLES', 'STATE', 'AGE', 'UNTIL'];
      const rows = items.map((item) => [
        item.id,
        item.namespace,
        item.principal,
        item.plan ?? '',
        item.roles.join(','),
        item.state,
        ageText(item.createdAt, now),
        item.expiresAt ?? 'no end',
      ]);
      printLines(session, table(head, rows));
      if (after !== undefined)
        progress(session, self, `there are more than ${items.length}; --limit shows more of them`);
    });
}

function addDescribe(key: Command, session: Session): void {
  key
    .command('describe <id>')
    .summary('one API key, and where it counts')
    .description('Shows what a key stands for, and on which clusters its last change counts already.')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan key describe k-qu4x2mnb7a\n  $ portolan key describe k-qu4x2mnb7a -n shop -o json',
    )
    .action(async (id: string, _options: unknown, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const found = await client.describeKey(namespace, id);
      if (format === 'json' || format === 'yaml') {
        session.terminal.out(documentText(found, format));
        return;
      }
      const texts = (values: Readonly<Record<string, string>>): string =>
        Object.entries(values)
          .map(([name, value]) => `${name}=${value}`)
          .join(', ');
      const lines = [
        ['Id', found.id],
        ['Namespace', found.namespace],
        ['Principal', found.principal],
        ['State', found.state],
        ['Roles', found.roles.join(', ')],
        ['Plan', found.plan],
        ['Pair id', found.pairId],
        ['Labels', texts(found.labels)],
        ['Attributes', texts(found.attributes)],
        ['Created', found.createdAt],
        ['Expires', found.expiresAt ?? 'never'],
        ['Revoked', found.revokedAt],
        ['Predecessor', found.predecessor],
        ['Successor', found.successor],
      ].flatMap(([name, value]) =>
        value === undefined || value === '' ? [] : [`${`${name}:`.padEnd(13)}${value}`],
      );
      printLines(session, lines);
      const rows = found.clusters.map(({ cluster, state, detail }) => [cluster, state, detail]);
      printLines(session, [
        '',
        ...(rows.length > 0
          ? table(['CLUSTER', 'STATE', 'DETAIL'], rows)
          : [`It counts nowhere yet: no cluster takes keys of namespace ${found.namespace}.`]),
      ]);
    });
}

interface RotateOptions {
  readonly overlap?: string;
  readonly ttl?: string;
}

function addRotate(key: Command, session: Session): void {
  key
    .command('rotate <id>')
    .summary('make the successor of a key')
    .description(
      'Makes a new key that stands for all the old one did; the old key works a while longer. The new key is shown only now.',
    )
    .option('--overlap <duration>', 'how long the old key still works, such as 1h (default: 24h)')
    .option('--ttl <duration>', 'the new key ends after this time (default: never)')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan key rotate k-qu4x2mnb7a\n  $ portolan key rotate k-qu4x2mnb7a --overlap 7d --ttl 90d -o name',
    )
    .action(async (id: string, { overlap, ttl }: RotateOptions, self: Command) => {
      const format = outputOf(self, ['json', 'yaml', 'name']);
      const { client, namespace } = connect(session, self);
      const created = await client.rotateKey(namespace, id, {
        ...(overlap === undefined
          ? {}
          : { overlapSeconds: Math.round(parseDurationMs(overlap, '--overlap') / 1000) }),
        ...(ttl === undefined
          ? {}
          : { expiresAt: new Date(session.terminal.nowMs() + parseDurationMs(ttl, '--ttl')).toISOString() }),
      });
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(created, format));
      else {
        printLines(session, [created.key]);
        if (format === 'table')
          progress(session, self, `key ${created.id} follows ${id}; it is shown only now`);
      }
    });
}

function addRevoke(key: Command, session: Session): void {
  key
    .command('revoke <id>')
    .summary('end an API key for ever')
    .description(
      'Ends a key: refused on every connected cluster within a second, elsewhere when its agent is back.',
    )
    .option('--reason <text>', 'why, for the audit log')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan key revoke k-qu4x2mnb7a\n  $ portolan key revoke k-qu4x2mnb7a --reason "found in a public repository"',
    )
    .action(async (id: string, { reason }: { readonly reason?: string }, self: Command) => {
      const format = outputOf(self, ['json', 'yaml', 'name']);
      const { client, namespace } = connect(session, self);
      const revoked = await client.revokeKey(namespace, id, reason);
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(revoked, format));
      else printLines(session, [format === 'name' ? id : `key ${id} of ${revoked.principal} revoked`]);
    });
}

function addDelete(key: Command, session: Session): void {
  key
    .command('delete <ids...>')
    .summary('forget API keys that are revoked or have expired')
    .description(
      'Forgets keys that are revoked or have expired, so that neither the hub nor the agents keep them for ever. From then on they are unknown.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan key delete k-qu4x2mnb7a\n  $ portolan key delete -n shop k-qu4x2mnb7a k-4cbm7tq2xa',
    )
    .action(async (ids: readonly string[], _options: unknown, self: Command) => {
      const format = outputOf(self, ['json', 'yaml', 'name']);
      const { client, namespace } = connect(session, self);
      for (const id of ids) {
        const deleted = await client.deleteKey(namespace, id);
        if (format === 'json' || format === 'yaml') session.terminal.out(documentText(deleted, format));
        else printLines(session, [format === 'name' ? id : `key ${id} of ${deleted.principal} deleted`]);
      }
    });
}

function pairs(given: readonly string[] | undefined, flag: string): Record<string, string> {
  return Object.fromEntries(
    (given ?? []).map((text): [string, string] => {
      const at = text.indexOf('=');
      if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
      throw new PortolanError('USAGE', `${flag} ${JSON.stringify(text)} is no name and value`, {
        fix: `Write it like ${flag} team=shop.`,
      });
    }),
  );
}
