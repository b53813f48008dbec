import type { Command } from 'commander';
import { PortolanError } from '../../src/errors/error.ts';
import { documentText, objectName } from '../output/document.ts';
import { connect, outputOf, printLines, progress, type Session } from '../session.ts';

export interface KubernetesJoinOptions {
  readonly kubernetes?: boolean;
  readonly apply?: boolean;
  readonly kubeNamespace?: string;
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly image?: string;
}

/** The flags of `cluster join --kubernetes`. */
export function addKubernetesJoinFlags(command: Command): Command {
  return command
    .option('--kubernetes', 'print what runs the agent in a Kubernetes cluster, instead of running it here')
    .option(
      '--apply',
      'with --kubernetes: apply it to the cluster (server-side apply) instead of printing it',
    )
    .option(
      '--kube-namespace <name>',
      'with --kubernetes: the namespace of Kubernetes it runs in (default: portolan)',
    )
    .option('--context <name>', 'with --apply: the context of the kubeconfig (default: its current one)')
    .option('--kubeconfig <file>', 'with --apply: the kubeconfig (default: KUBECONFIG, then ~/.kube/config)')
    .option('--image <image>', 'with --kubernetes: the image of the agent, which you built and pushed');
}

const DEFAULT_NAMESPACE = 'portolan';

/** Makes a token for the cluster, or takes the one that is given, and prints or applies what joins with it. */
export async function joinInKubernetes(
  session: Session,
  command: Command,
  clusterOrToken: string | undefined,
  options: KubernetesJoinOptions,
): Promise<void> {
  const format = outputOf(command, ['json', 'yaml', 'name']);
  const namespace = options.kubeNamespace ?? DEFAULT_NAMESPACE;
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw new PortolanError('USAGE', `${namespace} is no namespace of Kubernetes`, {
      fix: 'Write lower-case letters, digits and "-", at most 63.',
    });
  }
  if (options.apply !== true && (options.context ?? options.kubeconfig) !== undefined) {
    throw new PortolanError(
      'USAGE',
      '--context and --kubeconfig say where to apply, and nothing is applied',
      {
        fix: 'Add --apply, or give the printed objects to kubectl with its own --context.',
      },
    );
  }
  const token = await tokenFor(session, command, clusterOrToken);
  // Loaded here: no other command pays for it.
  const { agentObjects } = await import('../kubernetes/agent-objects.ts');
  const objects = agentObjects({
    namespace,
    token,
    ...(options.image === undefined ? {} : { image: options.image }),
  });
  if (options.apply !== true) {
    if (format === 'json')
      session.terminal.out(documentText({ apiVersion: 'v1', kind: 'List', items: objects }, 'json'));
    else session.terminal.out(objects.map((object) => documentText(object, 'yaml')).join('---\n'));
    progress(session, command, 'the token in it works once and for minutes: apply it now');
    return;
  }
  const [{ createKubeClient }, { openKubeAccess }, { applyManifests }] = await Promise.all([
    import('../../kube/client.ts'),
    import('../../kube/config.ts'),
    import('../../kube/manifests.ts'),
  ]);
  const access = await openKubeAccess({
    environment: { HOME: session.terminal.homeFolder, ...session.terminal.env },
    ...(options.kubeconfig === undefined ? {} : { file: options.kubeconfig }),
    ...(options.context === undefined ? {} : { context: options.context }),
  });
  const client = createKubeClient(access);
  progress(session, command, `applying ${objects.length} objects at ${client.server}`);
  const applied = await applyManifests(client, objects, { fieldManager: 'portolan-join', force: true });
  const names = applied.map(({ kind, metadata }) => objectName(kind, metadata.name));
  if (format === 'json' || format === 'yaml') {
    session.terminal.out(documentText({ server: client.server, namespace, applied: names }, format));
    return;
  }
  printLines(session, format === 'name' ? names : names.map((name) => `${name} applied`));
  progress(
    session,
    command,
    `the agent joins when its pod starts: kubectl -n ${namespace} rollout status statefulset/portolan-agent`,
  );
}

async function tokenFor(
  session: Session,
  command: Command,
  clusterOrToken: string | undefined,
): Promise<string> {
  const given = clusterOrToken ?? session.terminal.env.PORTOLAN_JOIN_TOKEN;
  if (given === undefined || given === '') {
    throw new PortolanError('USAGE', 'a join needs a cluster, or a token', {
      fix: 'Name the cluster: `portolan cluster join tokyo --kubernetes`.',
    });
  }
  if (given.startsWith('ptl1.')) return given;
  const { client, namespace } = connect(session, command);
  return (await client.clusterToken({ namespace, name: given }, undefined)).token;
}
