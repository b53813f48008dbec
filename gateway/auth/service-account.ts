import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a pod knows of its own API server. */
export interface ServiceAccount {
  /** @throws Error outside a cluster */
  read(): Promise<{ readonly url: string; readonly token: string; readonly ca: string }>;
}

/** Where Kubernetes mounts the service account (https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/). */
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

export function serviceAccountFiles(
  env: Readonly<Record<string, string | undefined>>,
  folder: string = FOLDER,
): ServiceAccount {
  return {
    async read() {
      const host = env.KUBERNETES_SERVICE_HOST;
      if (host === undefined) throw new Error('this is not a pod: the policy must name the API server');
      const [token, ca] = await Promise.all([
        readFile(join(folder, 'token'), 'utf8'),
        readFile(join(folder, 'ca.crt'), 'utf8'),
      ]);
      const port = env.KUBERNETES_SERVICE_PORT ?? '443';
      return { url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, token: token.trim(), ca };
    },
  };
}
