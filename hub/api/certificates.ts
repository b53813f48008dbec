import { z } from 'zod';
import { CHALLENGE_TYPES, KEY_ALGORITHMS } from '../../src/resources/certificate-policy.ts';
import { objectName } from '../../src/resources/metadata.ts';
import {
  type CertificateDetail,
  type CertificateHistory,
  type CertificateRenewal,
  type CertificateTrial,
  type CertificateView,
  REVOCATION_REASONS,
  type RevocationReason,
} from './certificate-services.ts';
import { type Endpoint, endpoint, jsonBody } from './endpoint.ts';
import { ALL_NAMESPACES, may } from './permissions.ts';
import { demand, type Principal } from './principal.ts';

const text = z.string();
const maybe = text.exactOptional();
const count = z.number();
const texts = z.array(text);
// The keys of the table, which the type is made of.
const reasons = z.enum(Object.keys(REVOCATION_REASONS) as [RevocationReason, ...RevocationReason[]]);

const viewFields = {
  id: text,
  namespace: text,
  policy: text,
  dnsNames: texts,
  state: z.enum(['waiting', 'ordering', 'valid', 'expiring', 'expired', 'failing']),
  issuer: text,
  key: z.object({
    algorithm: z.enum(KEY_ALGORITHMS),
    location: z.enum(['hub', 'agent']),
    cluster: maybe,
    reuse: z.boolean(),
  }),
  serial: maybe,
  sha256: maybe,
  notBefore: maybe,
  notAfter: maybe,
  renewAt: maybe,
  clusters: z.array(
    z.object({
      name: text,
      delivered: z.boolean(),
      served: z.enum(['yes', 'no', 'pending', 'off']),
      detail: maybe,
    }),
  ),
  message: maybe,
};
const view: z.ZodType<CertificateView> = z.object(viewFields).meta({ id: 'Certificate' });
const list = z.object({ items: z.array(view) }).meta({ id: 'CertificateList' });
const forecast = z
  .object({
    issuer: text,
    limit: z.enum(['certificatesPerNameSet', 'certificatesPerDomain', 'ordersPerAccount', 'failuresPerName']),
    subject: text,
    used: count,
    allowed: count,
    windowSeconds: count,
    fitsAt: maybe,
    text,
  })
  .meta({ id: 'CertificateForecast' });
const detail: z.ZodType<CertificateDetail> = z
  .object({
    ...viewFields,
    chain: z.array(z.object({ subject: text, issuer: text, serial: text, notBefore: text, notAfter: text })),
    order: z
      .object({
        phase: z.enum(['intended', 'ordered', 'challenged', 'answered', 'finalizing']),
        issuer: text,
        dnsNames: texts,
        startedAt: text,
        url: maybe,
        expiresAt: maybe,
        replaces: z.boolean(),
        waitsFor: text,
        challenges: z.array(z.object({ name: text, type: z.enum(CHALLENGE_TYPES), waitsFor: text })),
      })
      .exactOptional(),
    ari: z.object({ start: text, end: text, explanationUrl: maybe, nextCheckAt: text }).exactOptional(),
    renewal: z.object({ at: maybe, why: text }),
    forecast: z.array(forecast),
    failures: z
      .object({
        count,
        firstAt: text,
        lastAt: text,
        code: text,
        message: text,
        fix: maybe,
        byIssuer: z.record(text, count),
        nextTryAt: text,
      })
      .exactOptional(),
    revokedAt: maybe,
    revocation: z.object({ serial: text, reason: reasons, askedAt: text }).exactOptional(),
  })
  .meta({ id: 'CertificateDetail' });
const history: z.ZodType<CertificateHistory> = z
  .object({
    id: text,
    items: z.array(
      z.object({
        at: text,
        event: z.enum(['issued', 'renewed', 'failed', 'revoked', 'abandoned']),
        issuer: text,
        dnsNames: texts,
        serial: maybe,
        detail: maybe,
      }),
    ),
  })
  .meta({ id: 'CertificateHistory' });
const chain = z.object({ certificatePem: text.describe('Leaf first.') }).meta({ id: 'CertificateChain' });
const renewal: z.ZodType<CertificateRenewal> = z
  .object({ certificate: detail, message: text, warnings: texts })
  .meta({ id: 'CertificateRenewal' });
const trial: z.ZodType<CertificateTrial> = z
  .object({
    policy: text,
    issuer: text,
    directory: text,
    state: z.enum(['running', 'passed', 'failed']),
    dnsNames: texts,
    startedAt: text,
    finishedAt: maybe,
    steps: z.array(z.object({ at: text, text })),
    problem: z.object({ code: text, message: text, fix: text }).exactOptional(),
  })
  .meta({ id: 'CertificateTrial' });

const listQuery = z.strictObject({
  namespace: objectName
    .optional()
    .describe('Only this namespace; all that the caller may see when left out.'),
  policy: objectName.optional().describe('Only those of this CertificatePolicy.'),
});
const change = {
  dryRun: z.boolean().default(false).describe('Nothing is stored or asked of the CA.'),
  force: z.boolean().default(false),
};
const renewBody = z
  .strictObject({
    ...change,
    force: change.force.describe('Also when a limit of the CA is known to be used up; needs a reason.'),
    reason: z.string().min(1).max(500).optional().describe('For the audit log.'),
  })
  .refine((body) => !body.force || body.reason !== undefined, {
    path: ['reason'],
    message: 'is needed with force',
  })
  .meta({ id: 'CertificateRenewalRequest' });
const revokeBody = z
  .strictObject({
    ...change,
    force: change.force.describe(
      'At once, and not after the replacement is there; also when no policy wants it any more.',
    ),
    reason: reasons.describe('RFC 5280 section 5.3.1.'),
  })
  .meta({ id: 'CertificateRevocationRequest' });
const tryBody = z
  .strictObject({ issuer: objectName.optional().describe("Default: the policy's first.") })
  .meta({ id: 'CertificateTrialRequest' });

const base = '/v1/namespaces/{namespace}/certificates/{id}';
const policies = '/v1/namespaces/{namespace}/certificatepolicies/{name}/try';
const read = { kind: 'namespace', action: 'certificate.read' } as const;
const write = { kind: 'namespace', action: 'certificate.write' } as const;

/** What the hub has from CAs. No answer ever holds a private key. */
export const CERTIFICATE_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'listCertificates',
    method: 'GET',
    path: '/v1/certificates',
    tag: 'certificates',
    summary: 'Certificates with their names, issuer, state, end, next renewal and clusters.',
    access: { kind: 'somewhere', action: 'certificate.read' },
    query: listQuery,
    replies: { 200: { description: 'the certificates', schema: list } },
    handle: async ({ query: { namespace, policy }, principal }, { services }) => {
      const namespaces = visible(principal, namespace);
      return {
        status: 200,
        json: {
          items: await services.certificates.list({
            ...(namespaces === undefined ? {} : { namespaces }),
            policy,
          }),
        },
      };
    },
  }),
  endpoint({
    id: 'describeCertificate',
    method: 'GET',
    path: base,
    tag: 'certificates',
    summary:
      'One certificate: its chain, the order under way, when it is renewed and why then, forecast, failures.',
    access: read,
    replies: { 200: { description: 'the certificate', schema: detail } },
    handle: async ({ params: { namespace = '', id = '' } }, { services }) => ({
      status: 200,
      json: await services.certificates.describe(namespace, id),
    }),
  }),
  endpoint({
    id: 'certificateHistory',
    method: 'GET',
    path: `${base}/history`,
    tag: 'certificates',
    summary: 'What happened to it, newest first: issued, renewed, failed, revoked.',
    access: read,
    replies: { 200: { description: 'the last 20 events', schema: history } },
    handle: async ({ params: { namespace = '', id = '' } }, { services }) => ({
      status: 200,
      json: await services.certificates.history(namespace, id),
    }),
  }),
  endpoint({
    id: 'certificateChain',
    method: 'GET',
    path: `${base}/chain`,
    tag: 'certificates',
    summary: 'Its chain as PEM, without the key.',
    access: read,
    replies: { 200: { description: 'the chain', schema: chain } },
    handle: async ({ params: { namespace = '', id = '' } }, { services }) => ({
      status: 200,
      json: { certificatePem: await services.certificates.chain(namespace, id) },
    }),
  }),
  endpoint({
    id: 'renewCertificate',
    method: 'POST',
    path: `${base}/renew`,
    tag: 'certificates',
    summary: 'Order another one now; what is served stays until it is there.',
    access: write,
    body: jsonBody(renewBody),
    replies: { 202: { description: 'what happens', schema: renewal } },
    handle: async ({ params: { namespace = '', id = '' }, body, actor, principal }, { services }) => {
      if (body.force) demand(principal, 'force', namespace);
      return { status: 202, json: await services.certificates.renew(namespace, id, body, actor) };
    },
  }),
  endpoint({
    id: 'revokeCertificate',
    method: 'POST',
    path: `${base}/revoke`,
    tag: 'certificates',
    summary: 'Replace it and revoke it at the CA then; with force at once.',
    access: write,
    body: jsonBody(revokeBody),
    replies: { 202: { description: 'what happens', schema: renewal } },
    handle: async ({ params: { namespace = '', id = '' }, body, actor, principal }, { services }) => {
      if (body.force) demand(principal, 'force', namespace);
      return { status: 202, json: await services.certificates.revoke(namespace, id, body, actor) };
    },
  }),
  endpoint({
    id: 'tryCertificatePolicy',
    method: 'POST',
    path: policies,
    tag: 'certificates',
    summary: "Begin a real order at the Issuer's staging directory, whose certificate is thrown away.",
    access: write,
    body: jsonBody(tryBody),
    replies: { 202: { description: 'the trial under way', schema: trial } },
    handle: async ({ params: { namespace = '', name = '' }, body, actor }, { services }) => ({
      status: 202,
      json: await services.certificates.try(namespace, name, body, actor),
    }),
  }),
  endpoint({
    id: 'certificateTrial',
    method: 'GET',
    path: policies,
    tag: 'certificates',
    summary: 'How the last trial of the policy goes or ended.',
    access: read,
    replies: { 200: { description: 'the trial', schema: trial } },
    handle: async ({ params: { namespace = '', name = '' } }, { services }) => ({
      status: 200,
      json: await services.certificates.trial(namespace, name),
    }),
  }),
];

/** Namespaces whose certificates the caller sees; undefined: all. @throws PortolanError FORBIDDEN */
function visible(principal: Principal, namespace: string | undefined): readonly string[] | undefined {
  if (namespace !== undefined) {
    demand(principal, 'certificate.read', namespace);
    return [namespace];
  }
  if (may(principal.bindings, 'certificate.read', ALL_NAMESPACES)) return undefined;
  return principal.bindings
    .map((binding) => binding.namespace)
    .filter((name) => may(principal.bindings, 'certificate.read', name));
}
