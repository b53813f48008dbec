import { z } from 'zod';
import {
  cache,
  cacheSeconds,
  celExpression,
  conditions,
  credentialsLocation,
  expressions,
  headerFields,
  kubernetesApi,
  outbound,
  outboundUrl,
  secretValue,
} from './auth-policy-fields.ts';
import { boundedRecord } from './fields.ts';
import { objectName } from './metadata.ts';
import { type AttachedPolicyStatus, policySpec } from './policy-attachment.ts';
import { headerName, labelMap } from './route-fields.ts';

type Location = z.input<typeof credentialsLocation>;

const credentials = (...fallback: readonly Location[]) =>
  z
    .array(credentialsLocation)
    .min(1)
    .max(8)
    .prefault([...fallback])
    .describe('Where it is looked for, in this order.');

const bearer: Location = { in: 'authorization', scheme: 'Bearer' };

const keyScope = {
  namespaces: z
    .array(objectName)
    .max(32)
    .default([])
    .describe("Namespaces whose keys count; default: the policy's own."),
  labels: labelMap.default({}).describe('Labels that a key must have.'),
};

const claimPath = z.string().min(1).max(256);
const names = (most: number) => z.array(z.string().min(1).max(512)).max(most).default([]);

const METHODS = {
  apiKey: z.strictObject({
    credentials: credentials({ in: 'header', name: 'x-api-key' }, { in: 'authorization', scheme: 'APIKEY' }),
    ...keyScope,
  }),
  keyPair: z
    .strictObject({
      id: credentialsLocation.prefault({ in: 'header', name: 'x-app-id' }),
      key: credentialsLocation.prefault({ in: 'header', name: 'x-app-key' }),
      basic: z.boolean().default(false).describe('HTTP Basic with id and key as well.'),
      ...keyScope,
    })
    .describe('An application id and a key that belongs to it.'),
  jwt: z
    .strictObject({
      credentials: credentials(bearer),
      issuer: z.string().min(1).max(2048).describe('Exactly the `iss` claim.'),
      jwksUri: outboundUrl.optional().describe('Default: found by OpenID discovery at the issuer.'),
      jwksRef: secretValue('jwks.json').optional().describe('A JWKS of your own in a Secret, instead.'),
      audiences: names(32).describe('One of them must be in `aud`; none: not looked at.'),
      algorithms: z
        .array(
          z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']),
        )
        .min(1)
        .max(10)
        .default(['RS256', 'ES256']),
      leewaySeconds: z.number().int().min(0).max(300).default(30),
      tokenType: z.string().min(1).max(64).optional().describe('Required `typ`, such as at+jwt.'),
      requiredClaims: names(32),
      principalClaim: claimPath.default('sub'),
      roleClaims: z.array(claimPath).max(8).default([]).describe('Such as `realm_access.roles`.'),
      scopeClaims: z.array(claimPath).max(8).default(['scope']),
      ...outbound,
    })
    .superRefine(({ issuer, jwksUri, jwksRef }, context) => {
      if (jwksUri !== undefined && jwksRef !== undefined)
        context.addIssue({ code: 'custom', path: ['jwksRef'], message: 'cannot stand beside jwksUri' });
      if (jwksUri === undefined && jwksRef === undefined && !/^https?:\/\/./.test(issuer))
        context.addIssue({
          code: 'custom',
          path: ['issuer'],
          message: 'is no URL, so its keys cannot be found by discovery',
          params: { fix: 'Write the URL of the issuer, or add jwksUri or jwksRef.' },
        });
    }),
  oauth2Introspection: z.strictObject({
    credentials: credentials(bearer),
    url: outboundUrl,
    tokenTypeHint: z.string().min(1).max(64).optional(),
    clientId: z.string().min(1).max(512).optional(),
    clientSecretRef: secretValue('client-secret').optional(),
    audiences: names(32),
    cacheSeconds: cacheSeconds.default(30),
    ...outbound,
  }),
  mtls: z.strictObject({
    caRefs: z
      .array(secretValue('ca.crt'))
      .min(1)
      .max(8)
      .describe('The certificate must chain to one of them.'),
    subjects: names(256).describe('Distinguished names; none: any.'),
    spiffeIds: names(256),
    dnsNames: names(256),
    principal: z.enum(['subject', 'commonName', 'spiffe', 'dns']).default('subject'),
    header: z
      .enum(['client-cert', 'x-forwarded-client-cert'])
      .optional()
      .describe('A header with the certificate, believed from trusted proxies only.'),
  }),
  kubernetesTokenReview: z.strictObject({
    credentials: credentials(bearer),
    audiences: names(32),
    cacheSeconds: cacheSeconds.default(30),
    kubernetes: kubernetesApi,
  }),
  anonymous: z.strictObject({}),
  plain: z
    .strictObject({ header: headerName })
    .describe('The value of a header that a trusted proxy sets; ignored from others.'),
};

const priority = z
  .number()
  .int()
  .min(0)
  .max(1000)
  .default(0)
  .describe('Lower goes first; equal ones in the order of their names.');

/** Says so unless exactly one of `keys` is given. */
function exactlyOne(
  value: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  context: z.core.$RefinementCtx,
): void {
  if (keys.filter((key) => value[key] !== undefined).length === 1) return;
  context.issues.push({
    code: 'custom',
    input: value,
    message: `must have exactly one of ${keys.map((key) => `\`${key}\``).join(', ')}`,
  });
}

const authenticationRule = z
  .strictObject({
    priority,
    when: conditions.default([]).describe('Not tried unless all are true.'),
    apiKey: METHODS.apiKey.optional(),
    keyPair: METHODS.keyPair.optional(),
    jwt: METHODS.jwt.optional(),
    oauth2Introspection: METHODS.oauth2Introspection.optional(),
    mtls: METHODS.mtls.optional(),
    kubernetesTokenReview: METHODS.kubernetesTokenReview.optional(),
    anonymous: METHODS.anonymous.optional(),
    plain: METHODS.plain.optional(),
    defaults: expressions.default({}).describe('Fields set on the identity (CEL) where it has none.'),
    overrides: expressions.default({}).describe('Fields set on the identity (CEL) always.'),
  })
  .superRefine((rule, context) => exactlyOne(rule, Object.keys(METHODS), context));
export type AuthenticationSpec = z.output<typeof authenticationRule>;

const metadataRule = z
  .strictObject({
    priority,
    when: conditions.default([]),
    http: z
      .strictObject({
        method: z.enum(['GET', 'POST']).default('GET'),
        url: outboundUrl.optional(),
        urlExpression: celExpression.optional().describe('CEL that gives the URL, instead of `url`.'),
        headers: headerFields.default({}),
        body: celExpression.optional().describe('CEL; POST only; sent as JSON.'),
        ...outbound,
      })
      .refine((http) => (http.url === undefined) !== (http.urlExpression === undefined), {
        path: ['url'],
        message: 'exactly one of url and urlExpression must be given',
      })
      .optional(),
    userInfo: z
      .strictObject({
        identity: z.string().min(1).max(63).describe('Name of the jwt rule whose token is used.'),
        url: outboundUrl.optional().describe('Default: found by discovery at its issuer.'),
        ...outbound,
      })
      .optional(),
    cache: cache.optional(),
    onFailure: z.enum(['deny', 'null']).default('deny').describe('A failed call denies, or leaves null.'),
  })
  .superRefine((rule, context) => exactlyOne(rule, ['http', 'userInfo'], context));
export type MetadataSpec = z.output<typeof metadataRule>;

const members = z
  .strictObject({
    anyOf: z.array(z.string().min(1).max(256)).max(256).default([]),
    allOf: z.array(z.string().min(1).max(256)).max(256).default([]),
  })
  .refine((m) => m.anyOf.length + m.allOf.length > 0, 'must have anyOf or allOf');

const authorizationRule = z
  .strictObject({
    priority,
    when: conditions.default([]),
    cel: z
      .strictObject({ expressions: z.array(celExpression).min(1).max(16) })
      .optional()
      .describe('All must be true.'),
    roles: members.optional(),
    scopes: members.optional(),
    http: z
      .strictObject({
        url: outboundUrl,
        headers: headerFields.default({}),
        body: celExpression
          .optional()
          .describe('CEL for the JSON body; default: `{"input": {request, auth}}`, as OPA takes it.'),
        cache: cache.optional(),
        ...outbound,
      })
      .optional(),
    kubernetesSubjectAccessReview: z
      .strictObject({
        user: celExpression.default('auth.principal'),
        groups: celExpression.optional(),
        resource: z
          .strictObject({
            namespace: celExpression.default("''"),
            group: celExpression.default("''"),
            resource: celExpression.default("''"),
            name: celExpression.default("''"),
            subresource: celExpression.default("''"),
            verb: celExpression.default("'get'"),
          })
          .optional()
          .describe('CEL each; default: the path and method as non-resource attributes.'),
        cacheSeconds: cacheSeconds.default(10),
        kubernetes: kubernetesApi,
      })
      .optional(),
  })
  .superRefine((rule, context) =>
    exactlyOne(rule, ['cel', 'roles', 'scopes', 'http', 'kubernetesSubjectAccessReview'], context),
  );
export type AuthorizationSpec = z.output<typeof authorizationRule>;

const denial = z.strictObject({
  status: z.number().int().min(300).max(599).optional(),
  headers: headerFields.optional(),
  body: celExpression.optional().describe("CEL for the body's text; default: a problem document (RFC 9457)."),
  redirect: celExpression
    .optional()
    .describe('CEL for the URL of a login page; browsers are sent there (302).'),
});
export type DenialSpec = z.output<typeof denial>;

const ruleKey = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[a-zA-Z0-9]([-_a-zA-Z0-9]*[a-zA-Z0-9])?$/, 'a name of letters, digits, "-" and "_"');

const named = <S extends z.ZodType>(rule: S) => boundedRecord(ruleKey, rule, 32, 'rules').optional();

const authRules = z.strictObject({
  when: conditions.optional().describe('Requests for which one is false are not protected by it.'),
  authentication: named(authenticationRule).describe(
    'Alternatives by name; the first that finds valid credentials decides. None: anonymous.',
  ),
  metadata: named(metadataRule).describe('What is fetched before authorisation: `auth.metadata.<name>`.'),
  authorization: named(authorizationRule).describe('All must allow.'),
  response: z
    .strictObject({
      headers: boundedRecord(headerName, celExpression, 32, 'headers')
        .optional()
        .describe("Headers for the backend, CEL; a client's own of these names are removed."),
      unauthenticated: denial.optional().describe('Default status 401.'),
      unauthorized: denial.optional().describe('Default status 403.'),
    })
    .optional(),
  decisions: z
    .strictObject({
      mode: z.enum(['strict', 'resilient', 'allow', 'none']).optional().describe('Default strict.'),
      ttlSeconds: cacheSeconds.optional().describe('Default 10.'),
      negativeTtlSeconds: cacheSeconds.optional().describe('Default 2.'),
    })
    .optional()
    .describe("How long others' decisions are remembered, and what holds while they cannot be asked."),
  maxStalenessSeconds: z
    .number()
    .int()
    .min(0)
    .max(31_536_000)
    .optional()
    .describe('How long keys are honoured without word from the hub; 0 (the default): for ever.'),
});
export type AuthRules = z.output<typeof authRules>;

export const authPolicySpec = policySpec(authRules);
export type AuthPolicySpec = z.output<typeof authPolicySpec>;
export type AuthPolicyStatus = AttachedPolicyStatus;
