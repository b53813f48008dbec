import type { RequestOptions } from 'node:https';
import { type Cluster, KubeConfig } from '@kubernetes/client-node';
import { messageOf } from '../src/errors/error.ts';
import type { KubeAccess, KubeAuthorisation, KubeTls } from './connection.ts';
import { noAccess } from './failures.ts';

/** How long what the library says is used again: it reads files each time; tokens of plug-ins it keeps until they end. */
const KEPT_MS = 10_000;

/**
 * What a kubeconfig file says: client certificates, tokens, exec plug-ins, OIDC, proxies. This file alone loads the library, which costs 90 MB.
 * @throws PortolanError KUBERNETES_UNAVAILABLE
 */
export function kubeconfigAccess({
  file,
  context,
  environment,
  monotonicMs = () => performance.now(),
}: {
  readonly file?: string;
  readonly context?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly monotonicMs?: () => number;
}): KubeAccess {
  const load = (): { readonly config: KubeConfig; readonly cluster: Cluster } => {
    const config = loaded(file, environment);
    if (context !== undefined) config.setCurrentContext(context);
    const cluster = config.getCurrentCluster();
    if (cluster === null)
      throw noAccess(`the context "${config.getCurrentContext()}" of the kubeconfig names no cluster`);
    return { config, cluster };
  };
  let { config, cluster } = load();
  const server = cluster.server.replace(/\/+$/, '');
  if (!/^https?:\/\/[^/]/.test(server))
    throw noAccess(
      `the cluster "${cluster.name}" of the kubeconfig has no server of the form https://host:port`,
    );
  let kept: KubeAuthorisation | undefined;
  let readAtMs = 0;
  const read = async (): Promise<KubeAuthorisation> => {
    const options: RequestOptions = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (cause) {
      throw noAccess(`the credentials of the kubeconfig cannot be had: ${messageOf(cause)}`, cause);
    }
    readAtMs = monotonicMs();
    return authorisationOf(options, cluster.proxyUrl !== undefined, kept?.tls);
  };
  return {
    server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    async authorise(refused) {
      // The library keeps a plug-in's token until its end, also one that was taken back: read from the beginning, it asks anew.
      const mustReload = refused !== undefined && refused === kept;
      if (mustReload) ({ config, cluster } = load());
      if (kept === undefined || mustReload || monotonicMs() - readAtMs > KEPT_MS) kept = await read();
      return kept;
    },
  };
}

function loaded(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): KubeConfig {
  const files = (file ?? environment.KUBECONFIG ?? '').split(':').filter((name) => name !== '');
  if (files.length === 0) files.push(`${environment.HOME ?? ''}/.kube/config`);
  const config = new KubeConfig();
  try {
    for (const [index, name] of files.entries()) {
      if (index === 0) {
        config.loadFromFile(name);
        continue;
      }
      const further = new KubeConfig();
      further.loadFromFile(name);
      config.mergeConfig(further, true);
    }
  } catch (cause) {
    throw noAccess(messageOf(cause), cause);
  }
  return config;
}

function authorisationOf(
  options: RequestOptions,
  proxied: boolean,
  before: KubeTls | undefined,
): KubeAuthorisation {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {}))
    if (value !== undefined) headers[name.toLowerCase()] = String(value);
  if (typeof options.auth === 'string')
    headers.authorization = `Basic ${Buffer.from(options.auth, 'utf8').toString('base64')}`;
  const tls: KubeTls = {
    ...pem('ca', options.ca),
    ...pem('cert', options.cert),
    ...pem('key', options.key),
    ...(typeof options.servername === 'string' && { servername: options.servername }),
    ...(options.rejectUnauthorized === false && { rejectUnauthorized: false }),
  };
  const { agent } = options;
  return {
    headers,
    tls: before !== undefined && isSame(before, tls) ? before : tls,
    ...(proxied && typeof agent === 'object' && { agent }),
  };
}

function pem(name: 'ca' | 'cert' | 'key', value: unknown): KubeTls {
  return typeof value === 'string'
    ? { [name]: value }
    : Buffer.isBuffer(value)
      ? { [name]: value.toString('utf8') }
      : {};
}

function isSame(a: KubeTls, b: KubeTls): boolean {
  return (['ca', 'cert', 'key', 'servername', 'rejectUnauthorized'] as const).every(
    (key) => a[key] === b[key],
  );
}
