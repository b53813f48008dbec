import type { Command } from 'commander';
import type { ClusterAction, ClusterToken } from '../../src/client/client.ts';
import { API_VERSION } from '../../src/resources/metadata.ts';
import { documentText, objectName } from '../output/document.ts';
import { ageText, parseDurationMs } from '../output/duration.ts';
import { table } from '../output/table.ts';
import { repeated } from '../repeated-option.ts';
import { connect, outputOf, printLines, progress, type Session } from '../session.ts';
import { addObjectWriteFlags, addWriteFlags, type WriteFlags, writeOptions } from '../write-flags.ts';
import { addInventoryCommand } from './cluster-inventory.ts';
import { addJoinCommand } from './cluster-join.ts';

export function addClusterCommand(program: Command, session: Session): void {
  const cluster = program
    .command('cluster')
    .summary('create, join, drain and remove clusters')
    .description('Registers clusters, joins their agents, and takes them out of answers and back in.');
  addList(cluster, session);
  addCreate(cluster, session);
  addToken(cluster, session);
  addJoinCommand(cluster, session);
  addInventoryCommand(cluster, session);
  addDrain(cluster, session);
  addUndrain(cluster, session);
  addRemove(cluster, session);
}

function addList(cluster: Command, session: Session): void {
  cluster
    .command('list')
    .summary('clusters with their agents')
    .description('Lists clusters with what the hub knows of their agents and name servers now.')
    .option('-A, --all-namespaces', 'in every namespace the token may see')
    .addHelpText('after', '\nExamples:\n  $ portolan cluster list\n  $ portolan cluster list -A -o json')
    .action(async (options: { readonly allNamespaces?: boolean }, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const [{ items }, status] = await Promise.all([
        client.list('Cluster', options.allNamespaces === true ? undefined : namespace),
        client.status(),
      ]);
      if (format === 'json' || format === 'yaml') {
        session.terminal.out(documentText({ items }, format));
        return;
      }
      const rows = items.map((c) => {
        const key = `${c.metadata.namespace}/${c.metadata.name}`;
        const agent = status.agents.find((a) => a.cluster === key && !a.revoked);
        const server = status.nameServers.find((s) => s.cluster === key);
        const targets = status.targets.filter((t) => t.cluster === key);
        const ready = c.status?.conditions.find((x) => x.type === 'Ready');
        return [
          options.allNamespaces === true ? key : c.metadata.name,
          c.spec.location.country,
          c.status?.draining === undefined
            ? ready?.status === 'True'
              ? 'Ready'
              : (ready?.reason ?? '')
            : 'Draining',
          agent === undefined
            ? 'none'
            : agent.connected
              ? `connected ${agent.version}`
              : `away, seen ${agent.lastSeenAt === undefined ? 'never' : `${ageText(agent.lastSeenAt, session.terminal.nowMs())} ago`}`,
          `${targets.filter((t) => t.state === 'up').length}/${targets.length} up`,
          server === undefined ? '' : `${server.addresses.join(',')} ${server.state}`,
        ];
      });
      if (rows.length === 0) session.terminal.err('No clusters.\n');
      else printLines(session, table(['NAME', 'COUNTRY', 'STATE', 'AGENT', 'TARGETS', 'NAME SERVER'], rows));
    });
}

interface CreateOptions {
  readonly country: string;
  readonly subdivision?: string;
  readonly address?: readonly string[];
  readonly failureDomain?: string;
  readonly dryRun?: boolean;
}

function addCreate(cluster: Command, session: Session): void {
  cluster
    .command('create <name>')
    .summary('register a cluster')
    .description('Registers a cluster. Its agent joins with a token from `portolan cluster token`.')
    .requiredOption('--country <code>', 'where it runs, ISO 3166-1 (JP); decides residency and distance')
    .option('--subdivision <code>', 'ISO 3166-2 (US-VA)')
    .option('--address <ip>', 'a public address its endpoints have by default; may be repeated', repeated)
    .option('--failure-domain <name>', 'clusters that fail together share one (default: its name)')
    .option('--dry-run', 'check everything and store nothing')
    .addHelpText(
      'after',
      `
Examples:
  $ portolan cluster create tokyo --country JP --address 203.0.113.10
  $ portolan cluster create virginia --country US --subdivision US-VA --failure-domain us-east`,
    )
    .action(async (name: string, options: CreateOptions, self: Command) => {
      const format = outputOf(self, ['json', 'yaml', 'name']);
      const { client, namespace } = connect(session, self);
      const document = {
        apiVersion: API_VERSION,
        kind: 'Cluster',
        metadata: { namespace, name },
        spec: {
          location: {
            country: options.country.toUpperCase(),
            ...(options.subdivision === undefined ? {} : { subdivision: options.subdivision.toUpperCase() }),
          },
          ...(options.failureDomain === undefined ? {} : { failureDomain: options.failureDomain }),
          ...(options.address === undefined ? {} : { addresses: options.address }),
        },
      };
      const created = await client.create('Cluster', { namespace, name }, document, writeOptions(options));
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(created, format));
      else if (format === 'name') printLines(session, [objectName('Cluster', name)]);
      else {
        printLines(session, [
          `${objectName('Cluster', name)} created${options.dryRun === true ? ' (dry run)' : ''}`,
        ]);
        if (options.dryRun !== true) progress(session, self, `next: portolan cluster token ${name}`);
      }
    });
}

function addToken(cluster: Command, session: Session): void {
  cluster
    .command('token <name>')
    .summary('make a token with which the agent of a cluster joins')
    .description(
      'Makes a join token: it works once, for this cluster, for at most an hour, and is shown only now. `-o name` prints the token alone.',
    )
    .option('--ttl <duration>', 'how long it can be used, 1m to 1h (default: 15m)')
    .addHelpText(
      'after',
      `
Examples:
  $ portolan cluster token tokyo
  $ portolan cluster join "$(portolan cluster token tokyo -o name)" --data-dir ./agent-tokyo`,
    )
    .action(async (name: string, options: { readonly ttl?: string }, self: Command) => {
      const format = outputOf(self, ['json', 'yaml', 'name']);
      const { client, namespace } = connect(session, self);
      const ttlSeconds =
        options.ttl === undefined ? undefined : Math.round(parseDurationMs(options.ttl, '--ttl') / 1000);
      const token: ClusterToken = await client.clusterToken({ namespace, name }, ttlSeconds);
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(token, format));
      else if (format === 'name') printLines(session, [token.token]);
      else {
        printLines(session, [
          `on the machine of ${name}, once, before ${token.expiresAt}:`,
          '',
          `  ${token.command}`,
        ]);
      }
    });
}

function addDrain(cluster: Command, session: Session): void {
  const command = cluster
    .command('drain <name>')
    .summary('take a cluster out of answers')
    .description(
      'Takes a cluster out of answers until it is undrained or the time is over; then it comes back by itself, also at agents that cannot reach the hub.',
    )
    .option('--for <duration>', 'ends by itself after this time, such as 30m');
  addWriteFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ portolan cluster drain paris --for 30m --reason "node upgrade"
  $ portolan cluster drain paris --dry-run`,
    )
    .action(async (name: string, options: WriteFlags & { readonly for?: string }, self: Command) => {
      const { client, namespace } = connect(session, self);
      const expiresAt =
        options.for === undefined
          ? undefined
          : new Date(session.terminal.nowMs() + parseDurationMs(options.for, '--for')).toISOString();
      const result = await client.drain(
        { namespace, name },
        { ...writeOptions(options), ...(expiresAt === undefined ? {} : { expiresAt }) },
      );
      show(session, self, result, options);
    });
}

function addUndrain(cluster: Command, session: Session): void {
  cluster
    .command('undrain <name>')
    .summary('put a drained cluster back into answers')
    .description('Puts a drained cluster back into answers. Doing it twice is no error.')
    .option('--dry-run', 'check everything and store nothing')
    .option('--reason <text>', 'why; goes into the audit log')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan cluster undrain paris\n  $ portolan cluster undrain paris -o json',
    )
    .action(async (name: string, options: WriteFlags, self: Command) => {
      const { client, namespace } = connect(session, self);
      show(session, self, await client.undrain({ namespace, name }, writeOptions(options)), options);
    });
}

function addRemove(cluster: Command, session: Session): void {
  const command = cluster
    .command('remove <name>')
    .summary('revoke the agent of a cluster and delete it')
    .description(
      "Revokes the agent's identity and deletes the cluster. Refused while a policy has endpoints on it.",
    );
  addObjectWriteFlags(command)
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan cluster remove tokyo --dry-run\n  $ portolan cluster remove tokyo --reason "moved to osaka"',
    )
    .action(async (name: string, options: WriteFlags, self: Command) => {
      const { client, namespace } = connect(session, self);
      show(session, self, await client.removeCluster({ namespace, name }, writeOptions(options)), options);
    });
}

function show(session: Session, command: Command, result: ClusterAction, flags: WriteFlags): void {
  const format = outputOf(command, ['json', 'yaml', 'name']);
  for (const warning of result.warnings) session.terminal.err(`warning: ${warning}\n`);
  if (format === 'json' || format === 'yaml') session.terminal.out(documentText(result, format));
  else if (format === 'name')
    printLines(session, [objectName('Cluster', result.cluster.split('/')[1] ?? result.cluster)]);
  else
    printLines(session, [
      `${result.message}${flags.dryRun === true ? ' (dry run: nothing was stored)' : ''}`,
    ]);
}
