import type { CoreV1Api, KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { messageOf, PortolanError } from '../../src/errors/error.ts';

/** A certificate that a Kubernetes Secret of type `kubernetes.io/tls` shall hold. */
export interface TlsSecret {
  /** Default: the agent's own namespace. */
  readonly namespace?: string;
  readonly name: string;
  /** PEM, leaf first. */
  readonly certificatePem: string;
  readonly keyPem: string;
  /** `namespace/name` of the CertificatePolicy. */
  readonly policy: string;
}

export interface KubernetesSecrets {
  /**
   * Has the Secret hold this certificate, by server-side apply: fields of other managers stay, and a Secret that somebody else manages is not taken over.
   * @returns whether anything was written
   * @throws PortolanError KUBERNETES_REFUSED, KUBERNETES_UNAVAILABLE
   */
  put(secret: TlsSecret): Promise<'written' | 'same'>;
}

/** An API server, and the namespace that is meant when none is given. */
export interface KubernetesApi {
  readonly core: CoreV1Api;
  readonly namespace: string;
  /** Options of a request that applies (`application/apply-patch+yaml`). */
  readonly applying: Parameters<CoreV1Api['patchNamespacedSecret']>[1];
}

const FIELD_MANAGER = 'portolan-agent';
const POLICY_ANNOTATION = 'portolan.dev/certificate-policy';

const stored = z.object({
  type: z.string().optional(),
  data: z.record(z.string(), z.string()).optional(),
  metadata: z.object({ annotations: z.record(z.string(), z.string()).optional() }).optional(),
});
const failure = z.object({ code: z.number().int(), body: z.unknown() });
const statusBody = z.object({ message: z.string() });

/**
 * The API server of the pod's own cluster, else of `KUBECONFIG` or `~/.kube/config`. The library loads only here: it costs 90 MB.
 * @throws PortolanError KUBERNETES_UNAVAILABLE
 */
async function openKubernetes(): Promise<KubernetesApi> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (cause) {
    throw new PortolanError(
      'KUBERNETES_UNAVAILABLE',
      `no Kubernetes API server is known: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
  return kubernetesFrom(config);
}

/** The API server of this configuration's current context. */
export async function kubernetesFrom(config: KubeConfig): Promise<KubernetesApi> {
  const { CoreV1Api, PatchStrategy, setHeaderOptions } = await import('@kubernetes/client-node');
  return {
    core: config.makeApiClient(CoreV1Api),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    applying: setHeaderOptions('Content-Type', PatchStrategy.ServerSideApply),
  };
}

export function createKubernetesSecrets(
  open: () => Promise<KubernetesApi> = openKubernetes,
): KubernetesSecrets {
  let opening: Promise<KubernetesApi> | undefined;
  return {
    async put(secret) {
      opening ??= open();
      let api: KubernetesApi;
      try {
        api = await opening;
      } catch (thrown) {
        opening = undefined;
        throw thrown;
      }
      const at = { namespace: secret.namespace ?? api.namespace, name: secret.name };
      const wanted = {
        type: 'kubernetes.io/tls',
        data: { 'tls.crt': base64(secret.certificatePem), 'tls.key': base64(secret.keyPem) },
        annotations: { [POLICY_ANNOTATION]: secret.policy },
      };
      if (isSame(await current(api, at), wanted)) return 'same';
      const { type, data, annotations } = wanted;
      const body = {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { ...at, annotations },
        type,
        data,
      };
      await asked(at, () =>
        api.core.patchNamespacedSecret(
          { ...at, body, fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' },
          api.applying,
        ),
      );
      return 'written';
    },
  };
}

interface Place {
  readonly namespace: string;
  readonly name: string;
}

async function current(api: KubernetesApi, at: Place): Promise<z.output<typeof stored> | undefined> {
  const found: unknown = await asked(at, () => api.core.readNamespacedSecret(at), 404);
  return found === undefined ? undefined : stored.parse(found);
}

function isSame(
  found: z.output<typeof stored> | undefined,
  wanted: {
    readonly type: string;
    readonly data: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  },
): boolean {
  if (found?.type !== wanted.type) return false;
  const has = (of: Readonly<Record<string, string>> | undefined, all: Readonly<Record<string, string>>) =>
    Object.entries(all).every(([key, value]) => of?.[key] === value);
  return has(found.data, wanted.data) && has(found.metadata?.annotations, wanted.annotations);
}

/** Asks the API server; `absent` is the status that means there is nothing. The message of what it throws never holds what was sent. */
async function asked<T>(at: Place, ask: () => Promise<T>, absent?: number): Promise<T | undefined> {
  const place = `Secret ${at.namespace}/${at.name}`;
  try {
    return await ask();
  } catch (thrown) {
    const answered = failure.safeParse(thrown);
    if (!answered.success)
      throw new PortolanError(
        'KUBERNETES_UNAVAILABLE',
        `${place}: the Kubernetes API server does not answer`,
        {
          cause: thrown,
        },
      );
    const { code, body } = answered.data;
    if (code === absent) return undefined;
    if (code >= 500 || code === 429)
      throw new PortolanError(
        'KUBERNETES_UNAVAILABLE',
        `${place}: the Kubernetes API server answers ${code}`,
      );
    throw new PortolanError('KUBERNETES_REFUSED', `${place}: ${code} ${reasonOf(body)}`, {
      fix: fixOf(code),
    });
  }
}

function reasonOf(body: unknown): string {
  const text: unknown = typeof body === 'string' ? parsed(body) : body;
  const status = statusBody.safeParse(text);
  return status.success ? status.data.message.slice(0, 500) : 'without a reason';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fixOf(code: number): string {
  if (code === 401 || code === 403)
    return "Let the agent's service account get and patch this Secret, and create it: a Role with verbs get, create and patch on secrets.";
  if (code === 404) return 'Create the namespace, or name another one.';
  if (code === 409)
    return 'Somebody else manages this Secret: name another one, or have that manager leave tls.crt and tls.key alone.';
  return 'The message has the reason of the API server.';
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
