import { z } from 'zod';
import { CHALLENGE_TYPES, KEY_ALGORITHMS } from '../resources/certificate-policy.ts';
import type { CertificateRecord } from './model.ts';

/*
 * A record as it lies in the store. What a later release adds is left out by an earlier one; what is wrong is corrupt and nothing else.
 */

const instant = z.number().min(0).max(8.64e15);
const names = z.array(z.string().min(1).max(255)).max(1000).readonly();
const text = z.string();

const issued = z.object({
  names,
  key: z.enum(KEY_ALGORITHMS),
  issuer: text,
  serial: text,
  sha256: text,
  notBeforeMs: instant,
  notAfterMs: instant,
  ariId: text.exactOptional(),
  certificateUrl: text.exactOptional(),
  agentKey: text.exactOptional(),
  issuedAtMs: instant,
  renewAtMs: instant,
  revokedAtMs: instant.exactOptional(),
});

const challenge = z.object({
  name: text,
  wildcard: z.boolean(),
  type: z.enum(CHALLENGE_TYPES),
  authorizationUrl: text,
  challengeUrl: text,
  token: text,
  keyAuthorization: text,
});

const order = z.object({
  phase: z.enum(['intended', 'ordered', 'challenged', 'answered', 'finalizing']),
  issuer: text,
  directory: text,
  names,
  key: z.enum(KEY_ALGORITHMS),
  agentKey: text.exactOptional(),
  startedAtMs: instant,
  replaces: text.exactOptional(),
  askedAtMs: instant.exactOptional(),
  url: text.exactOptional(),
  finalizeUrl: text.exactOptional(),
  expiresAtMs: instant.exactOptional(),
  challenges: z.array(challenge).readonly(),
});

const failures = z.object({
  count: z.number(),
  firstAtMs: instant,
  lastAtMs: instant,
  code: text,
  message: text,
  fix: text.exactOptional(),
  byIssuer: z.record(text, z.number()),
  resting: z.record(text, z.number()).exactOptional(),
  revision: text.exactOptional(),
  nextTryAtMs: instant,
});

export const certificateRecordSchema = z.object({
  id: text,
  policy: z.string().regex(/^[^/]+\/[^/]+$/),
  cluster: text.exactOptional(),
  current: issued.exactOptional(),
  order: order.exactOptional(),
  failures: failures.exactOptional(),
  ari: z
    .object({
      startMs: instant,
      endMs: instant,
      explanationUrl: text.exactOptional(),
      nextCheckAtMs: instant,
    })
    .exactOptional(),
  forced: z.object({ reason: text, atMs: instant, overLimits: z.boolean().exactOptional() }).exactOptional(),
  revoking: z
    .object({
      serial: text,
      issuer: text,
      certificateDer: text,
      reason: z.number(),
      afterReplacement: z.boolean(),
      askedAtMs: instant,
    })
    .exactOptional(),
  unwantedSinceMs: instant.exactOptional(),
  history: z
    .array(
      z.object({
        atMs: instant,
        event: z.enum(['issued', 'renewed', 'failed', 'revoked', 'abandoned']),
        issuer: text,
        names,
        serial: text.exactOptional(),
        detail: text.exactOptional(),
      }),
    )
    .readonly(),
}) satisfies z.ZodType<CertificateRecord>;
