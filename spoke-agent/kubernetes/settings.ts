import { z } from 'zod';

const namespace = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'is no namespace');
const named = z
  .string()
  .max(317)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'is no namespace/name');

/** `kubernetes` of an agent's configuration. */
export const kubernetesSettings = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('Serves what its Kubernetes cluster holds: Gateways, routes, Services and their pods.'),
  kubeconfig: z
    .string()
    .min(1)
    .max(4096)
    .optional()
    .describe("Default: the pod's service account, else KUBECONFIG, else ~/.kube/config."),
  namespaces: z
    .array(namespace)
    .min(1)
    .max(100)
    .optional()
    .describe('Only these are looked at; all when left out.'),
  gatewayService: named
    .optional()
    .describe('`namespace/name` of the Service in front of this agent: its addresses are the public ones.'),
  nodeAddresses: z
    .boolean()
    .default(false)
    .describe('External addresses of nodes are public ones when nothing else has any.'),
  secrets: z
    .array(named)
    .max(256)
    .optional()
    .describe(
      '`namespace/name` of the Secrets that may be read; default: those that Gateways refer to, as far as RBAC lets it.',
    ),
});
export type KubernetesSettings = z.output<typeof kubernetesSettings>;
