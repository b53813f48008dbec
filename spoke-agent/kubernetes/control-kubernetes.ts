import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient } from '../../kube/contract.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { ServiceEndpoints } from '../../src/kubernetes/service-endpoints.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';
import type { Inventory, InventoryStatuses } from '../../src/protocol/generated/portolan_pb.js';
import type { Family } from '../../src/telemetry/metric-text.ts';
import type { AgentLog } from '../log.ts';
import type { KubernetesFacts } from '../messages.ts';
import { type ClusterAgent, startClusterAgent } from './cluster-agent.ts';
import { kubernetesMetrics } from './metrics.ts';
import {
  type ClusterSecretFile,
  newDigestKey,
  readClusterSecrets,
  writeClusterSecrets,
} from './secret-file.ts';
import type { KubernetesSettings } from './settings.ts';
import { FIELD_MANAGER } from './status-writer.ts';

const OPEN_AGAIN_MS = 10_000;
const LINE_EVERY_MS = 60_000;

export interface ControlKubernetesOptions {
  readonly settings: KubernetesSettings;
  readonly dataDir: string;
  readonly session: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly feed: ServiceEndpoints;
  readonly send: (message: Inventory) => boolean;
  readonly onSecrets: () => void;
  readonly clock: LinkClock;
  readonly random: () => number;
  readonly log: AgentLog;
}

/** The Kubernetes side of a control process, from the moment its configuration asks for it. */
export interface ControlKubernetes {
  streamOpened(): void;
  streamEnded(): void;
  statuses(message: InventoryStatuses): void;
  facts(): KubernetesFacts;
  metrics(): readonly Family[];
  close(): Promise<void>;
}

/** Opens the API server, for as long as that takes, and then follows the cluster. */
export function startControlKubernetes(options: ControlKubernetesOptions): ControlKubernetes {
  const { settings, clock, log, environment } = options;
  let agent: ClusterAgent | undefined;
  let isOpen = false;
  let closed = false;
  let cancel: (() => void) | undefined;
  let toldMs = Number.NEGATIVE_INFINITY;

  const open = async (): Promise<void> => {
    try {
      const [client, secretFile] = await Promise.all([
        openClient(options),
        secretsOf(options.dataDir, options.log),
      ]);
      if (closed) return;
      agent = startClusterAgent({
        ...options,
        client,
        secretFile,
        ...(environment.POD_NAME === undefined ? {} : { podName: environment.POD_NAME }),
        ...(environment.NODE_NAME === undefined ? {} : { nodeName: environment.NODE_NAME }),
      });
      if (isOpen) agent.streamOpened();
      log.info(
        { server: client.server, namespaces: settings.namespaces ?? 'all' },
        'the Kubernetes cluster is followed',
      );
    } catch (thrown) {
      if (closed) return;
      const now = clock.monotonicMs();
      if (now - toldMs >= LINE_EVERY_MS) {
        toldMs = now;
        log.error(
          { err: PortolanError.from(thrown) },
          'the Kubernetes cluster cannot be followed; it is tried again',
        );
      }
      cancel = clock.after(OPEN_AGAIN_MS, () => {
        opening = open();
      });
    }
  };
  let opening = open();

  return {
    streamOpened() {
      isOpen = true;
      agent?.streamOpened();
    },
    streamEnded() {
      isOpen = false;
      agent?.streamEnded();
    },
    statuses: (message) => agent?.statuses(message),
    facts() {
      if (agent === undefined)
        return {
          complete: false,
          writesStatuses: false,
          objects: {},
          problems: [{ resource: 'kube-apiserver', message: 'no API server is known yet' }],
        };
      const { complete, leads, objects, problems } = agent.stats;
      return { complete, writesStatuses: leads, objects, problems };
    },
    metrics: () => (agent === undefined ? [] : kubernetesMetrics(agent.stats)),
    async close() {
      closed = true;
      cancel?.();
      await opening;
      await agent?.close();
    },
  };
}

async function openClient({
  settings,
  environment,
  clock,
  random,
}: ControlKubernetesOptions): Promise<KubeClient> {
  const monotonicMs = () => clock.monotonicMs();
  const access = await openKubeAccess({
    environment,
    monotonicMs,
    ...(settings.kubeconfig === undefined ? {} : { file: settings.kubeconfig }),
  });
  return createKubeClient({ ...access, fieldManager: FIELD_MANAGER, random, monotonicMs });
}

/** The file begins with the key of the digests, so that these are the same after a restart. */
async function secretsOf(dataDir: string, log: AgentLog): Promise<ClusterSecretFile> {
  const found = await readClusterSecrets(dataDir);
  if (found !== undefined) return found;
  const fresh: ClusterSecretFile = { digestKey: newDigestKey(), secrets: {} };
  await writeClusterSecrets(dataDir, fresh).catch((err: unknown) =>
    log.error({ err }, 'the file of the Secrets of the cluster cannot be written'),
  );
  return fresh;
}
