import { z } from 'zod';
import {
  apiGroup,
  kindName,
  type PolicyAncestorStatus,
  preciseHostname,
  referencedName,
  routeHostname,
  sectionName,
} from './route-fields.ts';

const subjectAltName = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('Hostname'), hostname: routeHostname }),
  z.strictObject({
    type: z.literal('URI'),
    uri: z
      .string()
      .min(1)
      .max(253)
      .regex(/^[a-z][a-z0-9+.-]*:[^\s]+$/i, 'an absolute URI such as spiffe://example.com/api'),
  }),
]);

/** `BackendTLSPolicySpec` of the Gateway API v1. */
export const backendTlsPolicySpec = z.strictObject({
  targetRefs: z
    .array(
      z.strictObject({
        group: apiGroup,
        kind: kindName,
        name: referencedName,
        sectionName: sectionName.optional().describe('Port of the Service; default: all.'),
      }),
    )
    .min(1)
    .max(16)
    .describe('A Service (group "") or Backend (group `portolan.dev`) of this namespace.'),
  validation: z
    .strictObject({
      caCertificateRefs: z
        .array(
          z.strictObject({
            group: apiGroup,
            kind: kindName,
            name: referencedName.describe('A Secret with `ca.crt`, PEM.'),
          }),
        )
        .max(8)
        .default([]),
      wellKnownCACertificates: z.literal('System').optional(),
      hostname: preciseHostname.describe('Sent as server name, and what the certificate must be for.'),
      subjectAltNames: z
        .array(subjectAltName)
        .max(5)
        .default([])
        .describe(
          'When given, the certificate must have one of these; the hostname is then for the server name only.',
        ),
    })
    .refine((v) => (v.wellKnownCACertificates !== undefined) !== v.caCertificateRefs.length > 0, {
      path: ['caCertificateRefs'],
      message: 'exactly one of caCertificateRefs and wellKnownCACertificates must be given',
    }),
});
export type BackendTlsPolicySpec = z.output<typeof backendTlsPolicySpec>;

/** `PolicyStatus`. */
export interface BackendTlsPolicyStatus {
  readonly ancestors: readonly PolicyAncestorStatus[];
}
