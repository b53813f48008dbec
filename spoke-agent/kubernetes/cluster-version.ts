import { z } from 'zod';
import type { KubeClient } from '../../kube/contract.ts';
import { BUNDLE_ANNOTATION } from './gateway-class.ts';
import { CUSTOM_RESOURCE_DEFINITIONS, GATEWAY_CLASS_DEFINITION } from './resources.ts';

const AGAIN_MS = 60_000;
const RETRY_MS = 10_000;

/** Releases of the API server and of the Gateway API in it. They change once in months, and statuses shall say so soon: asked every minute. */
export interface ClusterVersion {
  /** Empty: not known yet. */
  readonly kubernetes: string;
  /** Undefined: not known, or not to be read. */
  readonly gatewayApi: string | undefined;
  start(): void;
  close(): void;
}

const versionInfo = z.object({ gitVersion: z.string().max(64) });

export function createClusterVersion(options: {
  readonly client: KubeClient;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly onChange: () => void;
}): ClusterVersion {
  const { client } = options;
  let kubernetes = '';
  let gatewayApi: string | undefined;
  let cancel: (() => void) | undefined;
  let closed = false;

  const ask = async (): Promise<void> => {
    const [info, definition] = await Promise.allSettled([
      client.json('/version'),
      client.get({ resource: CUSTOM_RESOURCE_DEFINITIONS, name: GATEWAY_CLASS_DEFINITION }),
    ]);
    if (closed) return;
    const found = versionInfo.safeParse(info.status === 'fulfilled' ? info.value : undefined);
    const nextKubernetes = found.success ? found.data.gitVersion : kubernetes;
    const nextApi =
      definition.status === 'fulfilled'
        ? definition.value?.metadata.annotations?.[BUNDLE_ANNOTATION]
        : gatewayApi;
    const changed = nextKubernetes !== kubernetes || nextApi !== gatewayApi;
    kubernetes = nextKubernetes;
    gatewayApi = nextApi;
    if (changed) options.onChange();
    cancel = options.after(found.success ? AGAIN_MS : RETRY_MS, () => void ask());
  };

  return {
    get kubernetes() {
      return kubernetes;
    },
    get gatewayApi() {
      return gatewayApi;
    },
    start: () => void ask(),
    close() {
      closed = true;
      cancel?.();
    },
  };
}
