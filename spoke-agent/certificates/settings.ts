import { resolve } from 'node:path';
import { z } from 'zod';

const filePath = z.string().min(1).max(4096);
const policyKey = z
  .string()
  .max(300)
  .regex(/^[a-z0-9.-]+\/[a-z0-9.-]+$/, 'is no namespace/name');

const exportItem = z
  .strictObject({
    policy: policyKey.describe(
      'CertificatePolicy, `namespace/name`: one that a Gateway of this cluster names, or whose `spec.clusters` selects it.',
    ),
    dnsName: z
      .string()
      .min(1)
      .max(253)
      .optional()
      .describe(
        'Of a policy with several certificates: a name of the one that is meant; default: the first.',
      ),
    certificateFile: filePath
      .optional()
      .describe(
        'Where the chain goes, leaf first, PEM. The same file as `keyFile`: both, the key after the chain.',
      ),
    keyFile: filePath.optional().describe('Where the private key goes, PKCS#8 PEM.'),
    mode: z
      .string()
      .regex(/^0?[0-7]{3}$/, 'is no mode such as 0640')
      .default('0600')
      .describe('Permissions of the key file; those of the certificate are 0644.'),
    owner: z
      .string()
      .max(130)
      .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/, 'is no user or user:group')
      .optional()
      .describe(
        '`user` or `user:group` that the files belong to, by name or number; the agent needs the right to give them away.',
      ),
    reload: z
      .array(z.string().min(1).max(4096))
      .min(1)
      .max(64)
      .optional()
      .describe(
        'Command and arguments, run without a shell whenever the files have changed: `[systemctl, reload, nginx]`.',
      ),
    reloadTimeoutSeconds: z.number().int().min(1).max(600).default(30),
    kubernetesSecret: z
      .strictObject({
        name: z
          .string()
          .max(253)
          .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'is no name of a Secret'),
        namespace: z
          .string()
          .max(63)
          .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'is no namespace')
          .optional()
          .describe("Default: the agent's own."),
      })
      .optional()
      .describe(
        'In the place of files: a Secret of type kubernetes.io/tls, at the API server of the pod or of KUBECONFIG.',
      ),
  })
  .superRefine((item, context) => {
    const files = item.certificateFile !== undefined && item.keyFile !== undefined;
    const some = item.certificateFile !== undefined || item.keyFile !== undefined;
    if (files !== (item.kubernetesSecret === undefined) || some !== files)
      context.addIssue({
        code: 'custom',
        message: 'needs certificateFile and keyFile, or kubernetesSecret',
      });
    if (item.kubernetesSecret !== undefined && (item.reload ?? item.owner) !== undefined)
      context.addIssue({ code: 'custom', message: 'has reload or owner, which are for files' });
  });

export const certificateSettings = z.strictObject({
  exports: z
    .array(exportItem)
    .max(100)
    .default([])
    .describe('Certificates that other programs of this machine get, and how these hear of a new one.'),
});
export type CertificateSettings = z.output<typeof certificateSettings>;
export type ExportItem = CertificateSettings['exports'][number];

/** The same with paths that the working folder does not change. */
export function withAbsoluteExports({ exports }: CertificateSettings): CertificateSettings {
  return {
    exports: exports.map(({ certificateFile, keyFile, ...item }) => ({
      ...item,
      ...(certificateFile === undefined ? {} : { certificateFile: resolve(certificateFile) }),
      ...(keyFile === undefined ? {} : { keyFile: resolve(keyFile) }),
    })),
  };
}
