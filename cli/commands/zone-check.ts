import type { Command } from 'commander';
import { type Finding, TOPICS, type Topic } from '../../src/dns/delegation/findings.ts';
import { judgeDelegation } from '../../src/dns/delegation/judge.ts';
import { parentDs } from '../../src/dns/delegation/judge-chain.ts';
import { authoritative, delegationOf, serialOf, wantedNames } from '../../src/dns/delegation/reading.ts';
import { registrarEntries, registrarLines } from '../../src/dns/delegation/registrar.ts';
import type { DelegationView, WantedZone } from '../../src/dns/delegation/view.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { documentText } from '../output/document.ts';
import { painter } from '../output/paint.ts';
import { repeated } from '../repeated-option.ts';
import { connect, globals, outputOf, printLines, type Session } from '../session.ts';
import { addressArgument, originArgument, storedZone } from '../zone-argument.ts';
import { lookAtDelegation } from '../zone-check/look.ts';

interface CheckOptions {
  readonly parent?: readonly string[];
  readonly port: string;
  readonly timeout: string;
  readonly hub: boolean;
}

export function addZoneCheck(zone: Command, session: Session): void {
  zone
    .command('check <origin>')
    .summary('is the zone delegated to its servers, and do they agree?')
    .description(
      'Looks at a zone as a stranger does: the name servers and glue in the zone above, every name server over UDP and TCP, serials, EDNS, recursion, DNSSEC; and beside it, what the hub says. Then it prints what belongs at the registrar. Exit code 1 when something is wrong.',
    )
    .option(
      '--parent <address>',
      'begin at this server of the zone above (or further up) instead of the root; may be repeated',
      repeated,
    )
    .option('--port <port>', 'port of the name servers, for private trees', '53')
    .option('--timeout <seconds>', 'the check ends after this time', '30')
    .option('--no-hub', 'do not ask the hub what the zone is to be')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan zone check example.com\n  $ portolan zone check example.com --parent 192.0.2.1 -o json',
    )
    .action(async (originText: string, options: CheckOptions, self: Command) => {
      const format = outputOf(self);
      const origin = originArgument(originText);
      const port = numberOption('--port', options.port, 65_535);
      const timeoutSeconds = numberOption('--timeout', options.timeout, 600);
      const wanted = options.hub ? await wantedByHub(session, self, origin) : undefined;
      const view = await lookAtDelegation(origin, {
        parents: (options.parent ?? []).map((text) => addressArgument(text, '--parent')),
        port,
        wanted,
        patience: {
          timeoutMs: Math.min(3000, (timeoutSeconds * 1000) / 4),
          attempts: 2,
          signal: AbortSignal.timeout(timeoutSeconds * 1000),
        },
        nowSeconds: () => Math.floor(session.terminal.nowMs() / 1000),
      });
      const findings = judgeDelegation(view);
      const ok = findings.every((f) => f.severity !== 'error');
      const registrar = registrarEntries(view);
      if (format === 'json' || format === 'yaml') {
        session.terminal.out(documentText({ zone: origin, ok, findings, registrar }, format));
      } else {
        const paint = painter(session.terminal);
        printLines(session, [
          ...TOPICS.flatMap((topic) => topicLines(topic, view, findings, paint)),
          '',
          ...registrarText(registrarLines(origin, registrar)),
        ]);
      }
      session.exitCode = ok ? 0 : 1;
    });
}

/** @throws PortolanError USAGE */
function numberOption(flag: string, text: string, most: number): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= most) return value;
  throw new PortolanError('USAGE', `${flag} takes a whole number from 1 to ${most}, not "${text}"`, {
    fix: `Leave ${flag} out for its default.`,
  });
}

/** What the hub says of the zone. Without a hub, or without the zone there, the check goes by what is to be seen. */
async function wantedByHub(
  session: Session,
  command: Command,
  origin: DomainName,
): Promise<WantedZone | undefined> {
  try {
    const { client } = connect(session, command);
    const stored = await storedZone(client, origin, globals(command).namespace);
    if (stored === undefined) {
      session.terminal.err(`the hub has no zone ${origin}; it is checked as it is seen from outside\n`);
      return undefined;
    }
    const { nameServers } = await client.status();
    const { spec, status } = stored;
    return {
      nameServers: spec.nameServers,
      serial: status?.serial,
      signed: spec.dnssec !== undefined,
      lagging: nameServers
        .filter((server) => server.state !== 'serving')
        .map((server) => {
          const where = server.cluster === undefined ? 'of the hub' : `of cluster ${server.cluster}`;
          return `the name server ${where} (${server.addresses.join(', ')}) is ${server.state}: ${server.detail}`;
        }),
    };
  } catch (thrown) {
    const error = PortolanError.from(thrown);
    session.terminal.err(`the hub was not asked (${error.code}: ${error.message}); --no-hub leaves it out\n`);
    return undefined;
  }
}

function topicLines(
  topic: Topic,
  view: DelegationView,
  findings: readonly Finding[],
  paint: ReturnType<typeof painter>,
): readonly string[] {
  const own = findings.filter((f) => f.topic === topic);
  const lines = own.flatMap((f) => [
    `${f.severity === 'error' ? paint('✗', 'red') : paint('!', 'yellow')} ${topic}: ${f.what} [${f.code}]`,
    `    cause: ${f.cause}`,
    `    fix: ${f.fix}`,
  ]);
  if (own.length > 0) return lines;
  const text = summary(topic, view);
  return text === undefined ? [] : [`${paint('✓', 'green')} ${topic}: ${text}`];
}

/** What is in order; `undefined` when there was nothing to look at. */
function summary(topic: Topic, view: DelegationView): string | undefined {
  const servers = authoritative(view);
  switch (topic) {
    case 'parent':
      return view.parents.length === 0
        ? undefined
        : `${view.zone} is delegated by ${serversText(view.parents.length)} of ${view.parentZone ?? 'the zone above'}`;
    case 'names':
      return wantedNames(view).length === 0 ? undefined : wantedNames(view).join(', ');
    case 'glue':
      return view.parents.some((p) => delegationOf(p, view.zone) !== undefined)
        ? 'every address in the zone above is right'
        : undefined;
    case 'servers':
      return servers.length === 0
        ? undefined
        : `${serversText(servers.length)} with authority over UDP and TCP`;
    case 'serial': {
      const [first] = servers;
      return first === undefined ? undefined : `${serialOf(first, view.zone) ?? ''} at all of them`;
    }
    case 'edns':
      return servers.length === 0 ? undefined : 'spoken by all of them';
    case 'recursion':
      return servers.length === 0 ? undefined : 'offered by none of them';
    case 'dnssec':
      if (servers.length === 0) return undefined;
      return parentDs(view).length === 0 ? 'not signed' : 'the chain from the zone above to the SOA is valid';
    case 'hub':
      return view.wanted === undefined ? undefined : 'every name server it knows is up to date';
  }
}

function serversText(count: number): string {
  return `${count} server${count === 1 ? '' : 's'}`;
}

function registrarText(lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return ['For the registrar: nothing is known of this zone yet.'];
  return [
    'For the registrar (name servers, addresses of those inside the zone, DS records):',
    '',
    ...lines.map((line) => `  ${line}`),
  ];
}
