import { z } from 'zod';
import { createKubeClient } from '../../kube/client.ts';
import { openKubeAccess } from '../../kube/config.ts';
import type { KubeClient, KubeResource } from '../../kube/contract.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { ErrorCode } from '../../src/errors/table.ts';

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
   * @throws PortolanError KUBERNETES_FORBIDDEN, KUBERNETES_CONFLICT, KUBERNETES_REFUSED, KUBERNETES_UNAVAILABLE
   */
  put(secret: TlsSecret): Promise<'written' | 'same'>;
}

const FIELD_MANAGER = 'portolan-agent';
const POLICY_ANNOTATION = 'portolan.dev/certificate-policy';
const SECRETS: KubeResource = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};
const FIXES: { readonly [code in ErrorCode]?: string } = {
  KUBERNETES_FORBIDDEN:
    "Let the agent's service account get and patch this Secret, and create it: a Role with verbs get, create and patch on secrets.",
  KUBERNETES_CONFLICT:
    'Somebody else manages this Secret: name another one, or have that manager leave tls.crt and tls.key alone.',
};

const stored = z.object({
  type: z.string().optional(),
  data: z.record(z.string(), z.string()).optional(),
  metadata: z.object({ annotations: z.record(z.string(), z.string()).optional() }).optional(),
});

/** The API server is looked for at the first Secret, and again as long as there is none. */
async function openKubernetes(): Promise<KubeClient> {
  return createKubeClient(await openKubeAccess());
}

export function createKubernetesSecrets(open: () => Promise<KubeClient> = openKubernetes): KubernetesSecrets {
  let opening: Promise<KubeClient> | undefined;
  return {
    async put(secret) {
      opening ??= open();
      let client: KubeClient;
      try {
        client = await opening;
      } catch (thrown) {
        opening = undefined;
        throw thrown;
      }
      const at = { namespace: secret.namespace ?? client.namespace, name: secret.name };
      const wanted = {
        type: 'kubernetes.io/tls',
        data: { 'tls.crt': base64(secret.certificatePem), 'tls.key': base64(secret.keyPem) },
        annotations: { [POLICY_ANNOTATION]: secret.policy },
      };
      try {
        const found = await client.get({ resource: SECRETS, ...at });
        if (found !== undefined && isSame(stored.parse(found), wanted)) return 'same';
        const { type, data, annotations } = wanted;
        await client.apply(
          { apiVersion: 'v1', kind: 'Secret', metadata: { ...at, annotations }, type, data },
          SECRETS,
          { fieldManager: FIELD_MANAGER },
        );
        return 'written';
      } catch (thrown) {
        throw explained(thrown);
      }
    },
  };
}

/** With the way out of somebody who wants a certificate there. */
function explained(thrown: unknown): unknown {
  if (!(thrown instanceof PortolanError)) return thrown;
  const fix = FIXES[thrown.code];
  return fix === undefined
    ? thrown
    : new PortolanError(thrown.code, thrown.message, { fix, cause: thrown.cause });
}

function isSame(
  found: z.output<typeof stored>,
  wanted: {
    readonly type: string;
    readonly data: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  },
): boolean {
  if (found.type !== wanted.type) return false;
  const has = (of: Readonly<Record<string, string>> | undefined, all: Readonly<Record<string, string>>) =>
    Object.entries(all).every(([key, value]) => of?.[key] === value);
  return has(found.data, wanted.data) && has(found.metadata?.annotations, wanted.annotations);
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
