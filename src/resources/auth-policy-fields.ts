import { z } from 'zod';
import { boundedRecord } from './fields.ts';
import { headerName, headerValue, referencedName } from './route-fields.ts';

/** A CEL expression in the environment of `src/policy/cel.ts`; the hub checks it when it is written. */
export const celExpression = z.string().min(1).max(4096);

export const conditions = z.array(celExpression).max(16);

/** A value of a Secret in the policy's namespace. */
export const secretValue = (key: string) =>
  z.strictObject({
    name: referencedName.describe("Name of a Secret in the policy's namespace."),
    key: z
      .string()
      .regex(/^[-._a-zA-Z0-9]{1,253}$/, 'a key of a Secret')
      .default(key),
  });

/** An `https` or `http` URL; where it leads is checked by the hub as far as it can tell, and by the agent (I32). */
export const outboundUrl = z.url({ protocol: /^https?$/, error: 'an http or https URL' }).max(2048);

/** Certificates and patience of an outbound call. */
export const outbound = {
  timeoutMs: z.number().int().min(10).max(30_000).default(2000),
  caRefs: z
    .array(secretValue('ca.crt'))
    .max(8)
    .default([])
    .describe("Secrets with the issuer's CA; default: the system's."),
};

export const cacheSeconds = z.number().int().min(0).max(86_400);

export const cache = z.strictObject({
  key: celExpression.describe('CEL: equal results share an entry.'),
  seconds: z.number().int().min(1).max(86_400).default(60),
});

export const kubernetesApi = z
  .strictObject({
    url: outboundUrl.optional().describe("Default: the cluster's own, with the agent's service account."),
    tokenRef: secretValue('token').optional(),
    ...outbound,
  })
  .prefault({});

const token = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/, 'an authorization scheme such as Bearer');

/** Where a credential stands in the request. */
export const credentialsLocation = z.discriminatedUnion('in', [
  z.strictObject({ in: z.literal('authorization'), scheme: token }),
  z.strictObject({ in: z.literal('header'), name: headerName }),
  z.strictObject({ in: z.literal('query'), name: z.string().min(1).max(256) }),
  z.strictObject({ in: z.literal('cookie'), name: headerName }),
]);

/** Header fields of an outbound call or answer, by name. */
export const headerFields = boundedRecord(headerName, headerValue, 32, 'headers');

/** CEL by name. */
export const expressions = boundedRecord(z.string().min(1).max(256), celExpression, 64);
