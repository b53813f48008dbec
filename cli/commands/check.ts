import type { Command } from 'commander';
import { type Client, createClient, type HubStatus } from '../../src/client/client.ts';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import type { Condition } from '../../src/resources/metadata.ts';
import { findContext, type HubContext, namingToken } from '../context.ts';
import { documentText } from '../output/document.ts';
import { painter } from '../output/paint.ts';
import { globals, outputOf, printLines, type Session } from '../session.ts';
import { bindingsText } from './token.ts';

/** One thing that was looked at. */
interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What a person can type; only where it is not ok. */
  readonly fix?: string;
}

/** Certificates bear this much; more is to be corrected (NTP). */
const CLOCK_LIMIT_MS = 30_000;

export function addCheckCommand(program: Command, session: Session): void {
  program
    .command('check')
    .summary('is everything in order? what is not, and what to do')
    .description(
      'Looks at the hub (reachable, ready, versions, clock, token), at every cluster and its agent, at every name server, and at policies and zones that are not served. Exit code 1 when something is not in order.',
    )
    .addHelpText('after', '\nExamples:\n  $ portolan check\n  $ portolan check -o json')
    .action(async (_options: unknown, self: Command) => {
      const format = outputOf(self);
      const context = findContext(globals(self), session.terminal);
      const findings = await look(session, context);
      const ok = findings.every((f) => f.ok);
      if (format === 'json' || format === 'yaml')
        session.terminal.out(documentText({ ok, findings }, format));
      else
        printLines(
          session,
          findings.flatMap((f) => findingLines(f, painter(session.terminal))),
        );
      session.exitCode = ok ? 0 : 1;
    });
}

function findingLines(finding: Finding, paint: ReturnType<typeof painter>): readonly string[] {
  return [
    `${finding.ok ? paint('✓', 'green') : paint('✗', 'red')} ${finding.what}: ${finding.detail}`,
    ...(finding.fix === undefined ? [] : [`    fix: ${finding.fix}`]),
  ];
}

async function look(session: Session, context: HubContext): Promise<readonly Finding[]> {
  let hubDate: number | undefined;
  const client = createClient({
    server: context.server,
    token: context.token,
    timeoutMs: 10_000,
    fetch: async (...request) => {
      const response = await fetch(...request);
      hubDate = Date.parse(response.headers.get('date') ?? '');
      return response;
    },
  });
  try {
    const readiness = await client.ready();
    const reached: Finding = {
      what: 'hub',
      ok: true,
      detail: `answers at ${context.server} (from ${context.source})`,
    };
    const clock = clockFinding(hubDate, session.terminal.nowMs());
    const ready: Finding = readiness.ready
      ? { what: 'ready', ok: true, detail: 'yes' }
      : {
          what: 'ready',
          ok: false,
          detail: readiness.reasons.join('; '),
          fix: "See the hub's log; it says more.",
        };
    return [reached, ready, ...clock, ...(await withToken(session, client, context))];
  } catch (thrown) {
    return [failed('hub', thrown)];
  }
}

function failed(what: string, thrown: unknown): Finding {
  const { code, message, fix } = PortolanError.from(thrown);
  return { what, ok: false, detail: `${code}: ${message}`, fix };
}

function clockFinding(hubDate: number | undefined, nowMs: number): readonly Finding[] {
  if (hubDate === undefined || Number.isNaN(hubDate)) return [];
  // The header has whole seconds.
  const difference = Math.abs(nowMs - hubDate);
  const ok = difference <= CLOCK_LIMIT_MS;
  const text =
    difference < 2000
      ? 'agrees with this machine'
      : `differs by ${Math.round(difference / 1000)} s from this machine`;
  return [
    {
      what: 'clock of the hub',
      ok,
      detail: text,
      ...(ok ? {} : { fix: 'Correct the clock of this machine or of the hub (NTP).' }),
    },
  ];
}

async function withToken(session: Session, client: Client, context: HubContext): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let status: HubStatus;
  try {
    const me = await client.whoAmI();
    findings.push({ what: 'token', ok: true, detail: `${me.display}: ${bindingsText(me.bindings)}` });
    status = await client.status();
  } catch (thrown) {
    return [failed('token', namingToken(PortolanError.from(thrown), context))];
  }
  findings.push(versionFinding('hub', status.hub.version, session.version));
  for (const part of [clusterFindings, nameServerFindings, servedFindings]) {
    try {
      findings.push(...(await part(client, status, session)));
    } catch (thrown) {
      findings.push(
        failed(
          `namespace ${context.namespace}`,
          messageOf(thrown) === '' ? thrown : PortolanError.from(thrown),
        ),
      );
    }
  }
  return findings;
}

/** One minor version apart is what is tested (hub N with agents N−1). */
function versionFinding(what: string, version: string, own: string): Finding {
  const [major, minor] = version.split('.').map(Number);
  const [ownMajor, ownMinor] = own.split('.').map(Number);
  const ok = major === ownMajor && Math.abs((minor ?? 0) - (ownMinor ?? 0)) <= 1;
  return {
    what: `version of ${what}`,
    ok,
    detail: version === own ? version : `${version}, this program is ${own}`,
    ...(ok ? {} : { fix: 'Use versions at most one minor version apart.' }),
  };
}

async function clusterFindings(
  client: Client,
  status: HubStatus,
  session: Session,
): Promise<readonly Finding[]> {
  const { items } = await client.list('Cluster');
  return items.flatMap((cluster): readonly Finding[] => {
    const key = `${cluster.metadata.namespace}/${cluster.metadata.name}`;
    const ready = cluster.status?.conditions.find((c) => c.type === 'Ready');
    const agent = status.agents.find((a) => a.cluster === key && !a.revoked);
    const drained = cluster.status?.draining === undefined ? '' : '; draining';
    const finding: Finding =
      ready?.status === 'True'
        ? clockNote(key, ready, drained)
        : {
            what: `cluster ${key}`,
            ok: false,
            detail: `${ready?.message ?? 'the hub has not looked at it yet'}${drained}`,
            fix: clusterFix(cluster.metadata.namespace, cluster.metadata.name, ready?.reason),
          };
    const version =
      agent === undefined || agent.version === ''
        ? []
        : [versionFinding(`the agent of ${key}`, agent.version, session.version)];
    return [finding, ...version.filter((v) => !v.ok)];
  });
}

/** The hub measures each agent's clock and says so in the condition when it is far off. */
function clockNote(key: string, ready: Condition, drained: string): Finding {
  const off = /its clock differs by (\d+) s/.exec(ready.message);
  return {
    what: `cluster ${key}`,
    ok: off === null,
    detail: `${ready.message}${drained}`,
    ...(off === null ? {} : { fix: 'Correct the clock of that machine (NTP).' }),
  };
}

function clusterFix(namespace: string, name: string, reason: string | undefined): string {
  const scope = namespace === 'default' ? '' : ` -n ${namespace}`;
  switch (reason) {
    case 'NoAgent':
      return `Join an agent: portolan cluster token ${name}${scope}`;
    case 'Disconnected':
      return 'Start its agent (`portolan agent --data-dir <dir>`), and see that it reaches the hub.';
    case 'SnapshotRefused':
      return "See the agent's log; it says what it refuses in the snapshot.";
    case 'NoProbe':
      return 'Wait some seconds; then see in its log whether its probes may leave (--allow-range for loopback).';
    default:
      return `See portolan describe cluster ${name}${scope}`;
  }
}

async function nameServerFindings(_client: Client, status: HubStatus): Promise<readonly Finding[]> {
  return status.nameServers.map((server) => ({
    what: `name server ${server.cluster ?? 'of the hub'} ${server.addresses.join(', ')}`,
    ok: server.state === 'serving',
    detail: server.state === 'serving' ? 'serving' : `${server.state}: ${server.detail}`,
    ...(server.state === 'serving'
      ? {}
      : { fix: 'See that its agent runs and is connected; it catches up by itself once it is.' }),
  }));
}

/** Policies and zones that are stored but not answered. */
async function servedFindings(client: Client): Promise<readonly Finding[]> {
  const [policies, zones] = await Promise.all([client.list('TrafficPolicy'), client.list('Zone')]);
  const all = [...policies.items, ...zones.items];
  const bad = all.flatMap((object): readonly Finding[] => {
    const wrong = object.status?.conditions.find((c) => c.status !== 'True');
    if (wrong === undefined) return [];
    const { namespace, name } = object.metadata;
    return [
      {
        what: `${object.kind.toLowerCase()} ${namespace}/${name}`,
        ok: false,
        detail: `${wrong.type} is ${wrong.status}: ${wrong.message}`,
        fix: `See portolan describe ${object.kind.toLowerCase()} ${name} -n ${namespace}`,
      },
    ];
  });
  const counts = `${policies.items.length} policies and ${zones.items.length} zones`;
  return bad.length > 0 ? bad : [{ what: 'content', ok: true, detail: `${counts} are served` }];
}
