import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../src/errors/error.ts';
import type { KubeAccess, KubeAuthorisation, KubeTls } from './connection.ts';
import { noAccess } from './failures.ts';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet writes a new token when an hour of the old one is over, well before it ends. */
const TOKEN_KEPT_MS = 60_000;

export interface KubeConfigOptions {
  /** Default: those of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Where a pod has the files of its service account. */
  readonly serviceAccountFolder?: string;
  /** A kubeconfig file, before all else. */
  readonly file?: string;
  /** Default: its current context. */
  readonly context?: string;
  readonly monotonicMs?: () => number;
}

/**
 * How to reach the API server that is meant: the file that is named, else `KUBECONFIG`, else the pod's own cluster, else `~/.kube/config`.
 * @throws PortolanError KUBERNETES_UNAVAILABLE
 */
export async function openKubeAccess(options: KubeConfigOptions = {}): Promise<KubeAccess> {
  const environment = options.environment ?? process.env;
  const named = options.file ?? environment.KUBECONFIG;
  if (named === undefined || named === '') {
    const folder = options.serviceAccountFolder ?? SERVICE_ACCOUNT;
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
    if (host !== undefined && host !== '' && existsSync(join(folder, 'token')))
      return inCluster(host, port ?? '443', folder, options.monotonicMs);
    const home = join(environment.HOME ?? '', '.kube', 'config');
    if (environment.HOME === undefined || !existsSync(home))
      throw noAccess(
        'this is no pod with a service account, KUBECONFIG is not set, and there is no ~/.kube/config',
      );
  }
  const { kubeconfigAccess } = await import('./kubeconfig.ts');
  return kubeconfigAccess({
    ...(options.file !== undefined && { file: options.file }),
    ...(options.context !== undefined && { context: options.context }),
    ...(options.monotonicMs !== undefined && { monotonicMs: options.monotonicMs }),
    environment,
  });
}

async function inCluster(
  host: string,
  port: string,
  folder: string,
  monotonicMs: () => number = () => performance.now(),
): Promise<KubeAccess> {
  let kept: KubeAuthorisation | undefined;
  let readAtMs = 0;
  let tls: KubeTls | undefined;
  const read = async (): Promise<KubeAuthorisation> => {
    const [token, ca] = await Promise.all([fileOf(folder, 'token'), fileOf(folder, 'ca.crt')]);
    if (tls?.ca !== ca) tls = { ca };
    readAtMs = monotonicMs();
    return { headers: { authorization: `Bearer ${token.trim()}` }, tls };
  };
  const namespace = existsSync(join(folder, 'namespace'))
    ? (await fileOf(folder, 'namespace')).trim()
    : 'default';
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace,
    async authorise(refused) {
      if (kept === undefined || refused === kept) kept = await read();
      else if (monotonicMs() - readAtMs > TOKEN_KEPT_MS)
        try {
          kept = await read();
        } catch {
          // The one that is kept is good until the server says otherwise.
          readAtMs = monotonicMs();
        }
      return kept;
    },
  };
}

async function fileOf(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (cause) {
    throw noAccess(`the service account's ${name} cannot be read: ${messageOf(cause)}`, cause);
  }
}
