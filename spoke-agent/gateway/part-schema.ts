import { z } from 'zod';

/*
 * Shape of the parts `gateway` and `gatewaySecrets`, as far as this agent reads them. Unknown fields pass: the hub may be one version
 * ahead. Unknown kinds of filters and methods do not: a request that should have been refused would pass. Used only in the
 * sacrificial check.
 */

const text = z.string();
const texts = z.array(z.string());
const name = z.string().min(1);
const duration = z.number().min(0);
const count = z.number().int().min(0);
const portNumber = z.number().int().min(1).max(65_535);
const hostname = z.string().min(1).optional();
const source = z.looseObject({ kind: name, name, sectionName: text.optional() });
const textMap = z.record(z.string(), z.string());
const weight = z.number().min(0);

const pairs = z.array(z.tuple([z.string(), z.string()]));
const headerChanges = z.looseObject({ set: pairs, add: pairs, remove: texts });
const pathRewrite = z.looseObject({ type: z.enum(['full', 'prefix']), value: text });
const filter = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('requestHeaders'), changes: headerChanges }),
  z.looseObject({ type: z.literal('responseHeaders'), changes: headerChanges }),
  z.looseObject({ type: z.literal('rewrite'), hostname: text.optional(), path: pathRewrite.optional() }),
  z.looseObject({
    type: z.literal('redirect'),
    scheme: z.enum(['http', 'https']).optional(),
    hostname: text.optional(),
    port: portNumber.optional(),
    path: pathRewrite.optional(),
    statusCode: z.number().int().min(300).max(399),
  }),
  z.looseObject({ type: z.literal('mirror'), backend: name, fraction: z.number().min(0).max(1) }),
  z.looseObject({
    type: z.literal('cors'),
    cors: z.looseObject({
      allowOrigins: texts,
      allowMethods: texts,
      allowHeaders: texts,
      exposeHeaders: texts,
      allowCredentials: z.boolean(),
      maxAgeSeconds: duration,
    }),
  }),
]);
const filters = z.array(filter);
const weighted = z.looseObject({ backend: name.optional(), weight, filters });
const valueMatch = z.looseObject({ name, type: z.enum(['exact', 'regex']), value: text });

const hosts = z.array(
  z.looseObject({
    hostname,
    matches: z.array(
      z.looseObject({
        rule: name,
        path: z.looseObject({ type: z.enum(['exact', 'prefix', 'regex']), value: text }),
        method: name.optional(),
        headers: z.array(valueMatch),
        query: z.array(valueMatch),
      }),
    ),
    passthrough: z.array(weighted).optional(),
  }),
);
const frameListener = z.looseObject({
  id: name,
  source,
  hostname,
  tls: z
    .looseObject({
      certificates: texts,
      clientCa: z.looseObject({ bundles: texts, mode: z.enum(['require', 'request']) }).optional(),
    })
    .optional(),
});

const rule = z.looseObject({
  id: name,
  source,
  filters,
  backends: z.array(weighted),
  callers: z.array(z.looseObject({ when: text, backends: z.array(weighted) })),
  timeouts: z.looseObject({
    requestMs: duration.optional(),
    backendRequestMs: duration.optional(),
    headMs: duration.optional(),
  }),
  retry: z
    .looseObject({
      attempts: count,
      codes: z.array(count),
      backoffMs: duration,
      budget: z.looseObject({ percent: duration, intervalMs: duration, minPerSecond: duration }),
    })
    .optional(),
  sessionPersistence: z
    .looseObject({
      scope: name,
      type: z.enum(['cookie', 'header']),
      name,
      lifetime: z.enum(['session', 'permanent']),
    })
    .optional(),
  auth: name.optional(),
  quota: name.optional(),
  edge: name,
});

const backend = z.looseObject({
  source,
  endpoints: z.array(z.looseObject({ address: name, port: portNumber, weight })),
  service: z
    .string()
    .regex(/^[^/\s]+\/[^/:\s]+:[1-9]\d{0,4}$/)
    .optional(),
  protocol: z.enum(['http/1.1', 'h2']),
  tls: z
    .looseObject({
      serverName: name,
      subjectAltNames: z.array(z.looseObject({ type: z.enum(['hostname', 'uri']), value: name })),
      bundles: texts,
      clientCertificate: name.optional(),
    })
    .optional(),
  balance: z.enum(['roundRobin', 'leastRequest', 'random']),
  connectTimeoutMs: duration,
  idleTimeoutMs: duration,
  limits: z.looseObject({ maxConnections: z.number().int().min(1), maxPendingRequests: count }),
  outlier: z.looseObject({
    consecutiveFailures: count,
    baseEjectionMs: duration,
    maxEjectedPercent: duration,
  }),
  healthCheck: z
    .looseObject({
      path: name,
      intervalMs: z.number().positive(),
      timeoutMs: z.number().positive(),
      fall: z.number().int().min(1),
      rise: z.number().int().min(1),
      statuses: z.array(count),
    })
    .optional(),
});

const edge = z.looseObject({
  responseHeaders: z.record(z.string(), z.string().nullable()),
  limits: z.looseObject({
    maxBodyBytes: count,
    maxHeaderBytes: count,
    headerTimeoutMs: duration,
    bodyIdleTimeoutMs: duration,
    keepAliveTimeoutMs: duration,
    maxConnections: count,
    maxConcurrentStreams: count,
  }),
  clientAddress: z.looseObject({
    proxyProtocol: z.enum(['off', 'accept', 'require']),
    trustedProxies: z.array(z.union([z.cidrv4(), z.cidrv6()])),
  }),
  path: z.looseObject({ doubtful: z.enum(['refuse', 'keep']) }),
  accessLog: z.looseObject({ format: z.enum(['json', 'common', 'off']) }),
  residency: z
    .looseObject({
      rules: z.array(
        z.looseObject({
          region: name,
          countries: texts,
          unknown: z.enum(['restrict', 'allow']),
          inside: z.boolean(),
          hostnames: texts,
        }),
      ),
    })
    .optional(),
});

const METHODS = [
  'apiKey',
  'keyPair',
  'jwt',
  'introspection',
  'mtls',
  'tokenReview',
  'anonymous',
  'plain',
] as const;
const CHECKS = ['cel', 'roles', 'scopes', 'http', 'subjectAccessReview'] as const;
const deny = z.looseObject({
  status: z.number().int().min(200).max(599),
  headers: textMap,
  body: text.optional(),
  redirect: text.optional(),
});
const auth = z.looseObject({
  source: z.array(source),
  when: texts,
  authentication: z.array(
    z.looseObject({
      name,
      when: texts,
      method: z.looseObject({ type: z.enum(METHODS) }),
      defaults: textMap,
      overrides: textMap,
    }),
  ),
  metadata: z.array(
    z.looseObject({
      name,
      when: texts,
      source: z.looseObject({ type: z.enum(['http', 'userInfo']) }),
      onFailure: z.enum(['deny', 'null']),
    }),
  ),
  authorization: z.array(
    z.looseObject({ name, when: texts, check: z.looseObject({ type: z.enum(CHECKS) }) }),
  ),
  response: z.looseObject({
    headers: z.array(z.union([z.tuple([text, text]), z.tuple([text, text, texts])])),
    unauthenticated: deny,
    unauthorized: deny,
  }),
  decisions: z.looseObject({
    mode: z.enum(['strict', 'resilient', 'allow', 'none']),
    ttlSeconds: duration,
    negativeTtlSeconds: duration,
  }),
  maxStalenessSeconds: duration,
});

const budget = z.looseObject({
  id: name,
  scope: name,
  algorithm: z.enum(['fixed-window', 'sliding-window', 'token-bucket']),
  limit: z
    .number()
    .int()
    .min(0)
    .max(2 ** 40),
  window: z.discriminatedUnion('type', [
    z.looseObject({ type: z.literal('length'), ms: z.number().int().min(1) }),
    z.looseObject({
      type: z.literal('calendar'),
      unit: z.enum(['day', 'week', 'month', 'year', 'eternity']),
      timeZone: name,
    }),
  ]),
  burst: z.number().int().min(1).optional(),
  floorShare: z.number().min(0).max(1),
  allocation: z.enum(['proportional', 'fair']),
  waits: z.boolean(),
  onHubLoss: z.enum(['floor', 'deny', 'allow']),
});
const places = z.array(count);
const limit = z.looseObject({
  name,
  source,
  when: texts,
  counters: texts,
  rates: places,
  plans: z.record(z.string(), places),
  cost: z.looseObject({
    request: text.optional(),
    answer: z
      .discriminatedUnion('type', [
        z.looseObject({ type: z.literal('header'), name }),
        z.looseObject({ type: z.literal('json'), path: z.array(name).min(1) }),
      ])
      .optional(),
    most: z.number().int().min(1),
  }),
  shadow: z.boolean(),
  waitMs: duration,
  onHubLoss: z.enum(['floor', 'deny', 'allow']),
  metric: name.optional(),
  silent: z.boolean().optional(),
});
const limits = z.looseObject({ source: z.array(source), limits: z.array(limit) });
const quotaFrame = z.looseObject({
  version: count,
  budgets: z.array(budget),
  domains: z.record(z.string(), name),
});

const framePort = z.looseObject({
  port: portNumber,
  protocol: z.enum(['http', 'https', 'tls']),
  edge: name,
  listeners: z.array(frameListener),
});

/** What would become the prototype of what is joined: entries that are found and not listed. */
const entries = <T extends z.ZodType>(entry: T) =>
  z
    .custom(
      (value) => typeof value !== 'object' || value === null || !Object.hasOwn(value, '__proto__'),
      '__proto__ is no name',
    )
    .pipe(z.record(z.string(), entry));

/** References from one entry to another are no matter of the shape: `gatewayProblems` follows them. */
export const gatewayPart = z.looseObject({
  ports: z.array(framePort.extend({ listeners: z.array(frameListener.extend({ hosts })) })),
  rules: entries(rule),
  backends: entries(backend),
  auth: entries(auth),
  edge: entries(edge),
  quota: quotaFrame.extend({ policies: entries(limits) }).optional(),
});

/** The pieces that it names were read before: `verifyPieces`. */
export const gatewayFrame = z.looseObject({ ports: z.array(framePort), quota: quotaFrame.optional() });

export const gatewayPiece = z.looseObject({
  rules: entries(rule),
  backends: entries(backend),
  auth: entries(auth),
  edge: entries(edge),
  quotas: entries(limits),
  hosts: entries(hosts),
});

const pepper = z.base64().length(44);
export const gatewaySecretsPart = z.looseObject({
  certificates: z.record(
    z.string(),
    z.looseObject({ certificatePem: z.string(), keyPem: z.string(), agentKey: z.string().optional() }),
  ),
  sets: z.record(z.string(), z.array(z.string())).optional(),
  agentKeys: z
    .record(z.string(), z.looseObject({ algorithm: z.string(), names: z.array(z.string()) }))
    .optional(),
  challenges: z
    .looseObject({
      http: textMap,
      tlsAlpn: z.record(z.string(), z.looseObject({ certificatePem: z.string(), keyPem: z.string() })),
    })
    .optional(),
  bundles: textMap,
  values: textMap,
  peppers: z.looseObject({ hub: pepper, cluster: pepper }).optional(),
});
