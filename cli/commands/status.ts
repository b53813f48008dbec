import type { Command } from 'commander';
import type { HubStatus } from '../../src/client/client.ts';
import { documentText } from '../output/document.ts';
import { ageText } from '../output/duration.ts';
import { table } from '../output/table.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';

export function addStatusCommand(program: Command, session: Session): void {
  program
    .command('status')
    .summary('the hub, its name servers, agents and health, at a glance')
    .description(
      'Shows the hub, the name servers and what they serve, the agents, and the health of every target.',
    )
    .addHelpText('after', '\nExamples:\n  $ portolan status\n  $ portolan status -o json')
    .action(async (_options: unknown, command: Command) => {
      const format = outputOf(command);
      const { client } = connect(session, command);
      const status = await client.status();
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(status, format));
      else printLines(session, statusLines(status, client.server, session.terminal.nowMs()));
    });
}

function statusLines(status: HubStatus, server: string, nowMs: number): readonly string[] {
  const { hub } = status;
  return [
    `hub ${hub.version} at ${server}, up ${ageText(hub.startedAt, nowMs)}, content ${hub.sequence}, epoch ${hub.epoch}`,
    '',
    ...hubLines(status),
    ...table(
      ['NAME SERVER', 'CLUSTER', 'ADDRESSES', 'STATE', 'CONTENT', 'DETAIL'],
      status.nameServers.map((s) => [
        s.id.startsWith('agent/') ? 'agent' : s.id,
        s.cluster ?? '',
        s.addresses.join(','),
        s.state,
        String(s.sequence),
        s.detail,
      ]),
    ),
    '',
    ...table(
      ['AGENT OF', 'FAILURE DOMAIN', 'VERSION', 'CONNECTED', 'SEEN', 'SNAPSHOT'],
      status.agents.map((a) => [
        a.cluster,
        a.failureDomain,
        a.version,
        a.revoked ? 'revoked' : a.connected ? 'yes' : 'no',
        a.lastSeenAt === undefined ? 'never' : `${ageText(a.lastSeenAt, nowMs)} ago`,
        String(a.snapshotSequence),
      ]),
    ),
    '',
    ...table(
      ['TARGET', 'CLUSTER', 'STATE', 'FOR', 'WHY'],
      status.targets.map((t) => [
        `${t.protocol}://${t.address.includes(':') ? `[${t.address}]` : t.address}:${t.port}`,
        t.cluster,
        t.degraded ? `${t.state} (degraded)` : t.state,
        ageText(t.since, nowMs),
        t.reason,
      ]),
    ),
  ];
}

/** Only where several hubs share a store. */
function hubLines({ hubs }: HubStatus): readonly string[] {
  if (hubs === undefined) return [];
  return [
    ...table(
      ['HUB', 'ROLE', 'EPOCH', 'VERSION', 'API', 'HEARD'],
      hubs.map((h) => [
        h.identity,
        h.role,
        String(h.epoch),
        h.version,
        h.api,
        `${(h.heardAgoMs / 1000).toFixed(1)} s ago`,
      ]),
    ),
    '',
  ];
}
