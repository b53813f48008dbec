import type { Command } from 'commander';
import { z } from 'zod';
import type { Client, ObjectName } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { addAgentFlags, agentArguments } from '../agent-flags.ts';
import { runInForeground, runToEnd } from '../child-program.ts';
import { dataDirOf } from '../config-data-dir.ts';
import {
  freeLoopbackAddress,
  type JoinOutcome,
  waitUntilConnected,
  waitUntilReady,
} from '../join-progress.ts';
import { documentText } from '../output/document.ts';
import { connect, outputOf, printLines, progress, type Session } from '../session.ts';
import {
  addKubernetesJoinFlags,
  joinInKubernetes,
  type KubernetesJoinOptions,
} from './cluster-join-kubernetes.ts';

const joinLine = z.object({
  cluster: z.string(),
  agentUid: z.string(),
  clusterUid: z.string(),
  dataDir: z.string(),
});
type Joined = z.output<typeof joinLine>;

interface JoinOptions extends KubernetesJoinOptions {
  readonly dataDir?: string;
  readonly config?: string;
  readonly enrolOnly?: boolean;
  readonly admin?: string;
  readonly [flag: string]: unknown;
}

const PATIENCE_MS = 30_000;

export function addJoinCommand(cluster: Command, session: Session): void {
  const command = cluster
    .command('join [token-or-cluster]')
    .summary('make this machine, or a Kubernetes cluster, the agent of a cluster')
    .description(
      'Exchanges a join token for an identity, then runs the agent in the foreground until Ctrl-C. The token comes from `portolan cluster token`; it may stand in PORTOLAN_JOIN_TOKEN instead. Later starts need no token: `portolan agent --data-dir <dir>`. With --kubernetes, run where you administer the hub, it takes the name of the cluster instead and prints (or with --apply applies) the agent for a Kubernetes cluster, with a new token in a Secret.',
    )
    .option(
      '--data-dir <dir>',
      'where identity, snapshots and the last states are kept (default: dataDir of the --config file)',
    )
    .option('--enrol-only', 'get the identity and end; run the agent later');
  addKubernetesJoinFlags(command);
  addAgentFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ PORTOLAN_JOIN_TOKEN=ptl1.… portolan cluster join --data-dir /var/lib/portolan-agent --enrol-only
  $ portolan cluster join tokyo --kubernetes --apply --context tokyo --image registry.example/portolan/agent:0.1.0`,
    )
    .action(async (token: string | undefined, options: JoinOptions, self: Command) => {
      if (options.kubernetes === true) {
        await joinInKubernetes(session, self, token, options);
        return;
      }
      const format = outputOf(self);
      const dataDir = dataDirOf(options.dataDir, options.config, session.terminal.env);
      const joined = await enrol(session, token, dataDir);
      if (joined === undefined) return;
      if (options.enrolOnly === true) {
        if (format === 'json' || format === 'yaml') session.terminal.out(documentText(joined, format));
        else
          printLines(session, [
            `enrolled as agent ${joined.agentUid} of cluster ${joined.cluster}`,
            `run it:   portolan agent --data-dir ${dataDir}`,
          ]);
        return;
      }
      await runAgent(session, self, { ...options, dataDir }, joined);
    });
}

/** `undefined` when it failed; the program has said why on stderr. */
async function enrol(
  session: Session,
  token: string | undefined,
  dataDir: string,
): Promise<Joined | undefined> {
  const secret = token ?? session.terminal.env.PORTOLAN_JOIN_TOKEN;
  if (secret === undefined || secret === '') {
    throw new PortolanError('USAGE', 'a join needs a token', {
      fix: 'An admin makes one with `portolan cluster token <cluster>`; give it as the argument or in PORTOLAN_JOIN_TOKEN.',
    });
  }
  // By the environment: arguments of a process can be read by every user of the machine.
  const env = { ...session.terminal.env, PORTOLAN_JOIN_TOKEN: secret };
  const { code, stdout } = await runToEnd('agent-join', ['--data-dir', dataDir], session.entryUrl, env);
  if (code !== 0) {
    session.exitCode = code;
    return undefined;
  }
  return joinLine.parse(JSON.parse(stdout));
}

async function runAgent(
  session: Session,
  command: Command,
  options: JoinOptions & { readonly dataDir: string },
  joined: Joined,
): Promise<void> {
  const watched = await hubOf(session, command, joined);
  // Without the hub's word, the agent's own: it tells on its admin listener.
  const admin = options.admin ?? (watched === undefined ? await freeLoopbackAddress() : undefined);
  const flags = admin === undefined ? options : { ...options, admin };
  const ended = new AbortController();
  const outcome =
    watched !== undefined
      ? waitUntilReady(watched.client, watched.cluster, ended.signal, PATIENCE_MS)
      : waitUntilConnected(admin ?? '', ended.signal, PATIENCE_MS);
  const told = outcome.then(
    (result) => {
      if (!ended.signal.aborted)
        progress(session, command, outcomeText(joined, result, watched !== undefined));
    },
    (thrown: unknown) => {
      if (!ended.signal.aborted)
        progress(session, command, `the hub was not asked further: ${PortolanError.from(thrown).message}`);
    },
  );
  try {
    session.exitCode = await runInForeground(
      'agent',
      agentArguments(flags, options.dataDir),
      session.entryUrl,
    );
  } finally {
    ended.abort();
    await told;
  }
}

/** The hub of this cluster, when this machine has a context with a token for it. */
async function hubOf(
  session: Session,
  command: Command,
  joined: Joined,
): Promise<{ readonly client: Client; readonly cluster: ObjectName } | undefined> {
  try {
    const { client } = connect(session, command);
    const [namespace = '', name = ''] = joined.cluster.split('/');
    const found = await client.get('Cluster', { namespace, name });
    // Another hub may have a cluster of the same name.
    return found?.metadata.uid === joined.clusterUid ? { client, cluster: { namespace, name } } : undefined;
  } catch {
    // No context, no right to look, or a hub that is not reached from here: all usual on an agent's machine.
    return undefined;
  }
}

function outcomeText(joined: Joined, outcome: JoinOutcome, byHub: boolean): string {
  const { cluster } = joined;
  if (outcome.kind === 'ready') {
    return byHub
      ? `joined: heartbeat and first probe arrived (${cluster} is Ready)`
      : `joined: ${outcome.message}. Whether its probes arrive, the hub knows: portolan get cluster ${cluster.split('/')[1] ?? ''}`;
  }
  return `joined, but not ready after ${PATIENCE_MS / 1000} s: ${outcome.reason}: ${outcome.message}. The agent goes on trying.`;
}
