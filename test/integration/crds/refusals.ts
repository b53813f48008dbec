import type { CrdKind } from '../../../src/resources/crd-kinds.ts';

/** A spec that a rule refuses; it is as good as possible but for that. */
export interface Refusal {
  readonly kind: CrdKind;
  readonly message: string;
  readonly spec: unknown;
}

const check = (more: object) => ({ protocol: 'tcp', port: 443, ...more });
const policy = (more: object) => ({
  hostnames: ['a.example.com'],
  endpoints: [{ name: 'a', cluster: 'a' }],
  routing: { default: { tiers: [{ members: [{ endpoint: 'a' }] }] } },
  ...more,
});
const provider = (more: object) => ({
  zones: [{ origin: 'example.com' }],
  google: { project: 'shop' },
  ...more,
});
const zone = (more: object) => ({
  origin: 'example.com',
  nameServers: [{ name: 'ns.example.net' }],
  ...more,
});
const acme = { directory: 'https://ca.example.com/directory', termsOfServiceAgreed: true };
const certificates = (more: object) => ({ issuers: ['ca'], dnsNames: ['a.example.com'], ...more });
const over = (rules: object) => ({ targetRefs: [{ kind: 'Gateway', name: 'gw' }], rules });
const login = (rule: object) => over({ authentication: { a: rule } });
const key = (credentials: object) => login({ apiKey: { credentials: [credentials] } });
const limit = (more: object) => over({ limits: { a: { rates: [{ limit: 1, window: '1m' }], ...more } } });

const ADDRESS = 'must be an IPv4 or IPv6 address';
const NEITHER = 'must have exactly one of `rules`, `defaults`, `overrides`';
const NOWHERE = 'must have exactly one of `targetRefs`, `selector`';

const onlyWith = (field: string, protocols: string, value: unknown): readonly [string, object] => [
  `\`${field}\` goes with \`protocol\` ${protocols} only`,
  { [field]: value },
];
/** What goes with some protocols of a health check only; a TCP one has none of it. */
const CHECK_FIELDS = [
  onlyWith('path', 'http, https', '/'),
  onlyWith('method', 'http, https', 'GET'),
  onlyWith('host', 'http, https', 'a.example.com'),
  onlyWith('headers', 'http, https', { a: 'b' }),
  onlyWith('expectedStatuses', 'http, https', [200]),
  onlyWith('bodyContains', 'http, https', 'ok'),
  onlyWith('serverName', 'https, tls, grpc', 'a.example.com'),
  onlyWith('caSecret', 'https, tls, grpc', { name: 'ca', key: 'ca.crt' }),
  onlyWith('service', 'grpc', 'shop'),
  onlyWith('tls', 'grpc', true),
];
const CHECKS: readonly (readonly [string, object])[] = [
  ...CHECK_FIELDS.map(([message, more]): readonly [string, object] => [message, check(more)]),
  ['`port` is needed with `protocol` tcp, grpc', { protocol: 'tcp' }],
  [
    'timeoutMs must be at most the interval, or 1 s where the interval is shorter',
    check({ timeoutMs: 2001, intervalSeconds: 2 }),
  ],
];

const OF_KINDS: readonly (readonly [CrdKind, string, object])[] = [
  ['Cluster', ADDRESS, { location: { country: 'DE' }, addresses: ['192.0.2.300'] }],
  [
    'DNSProvider',
    'must have exactly one of `route53`, `google`, `azure`, `powerdns`, `rfc2136`',
    provider({ route53: {} }),
  ],
  ['DNSProvider', ADDRESS, provider({ verify: { servers: [{ address: 'ns.example.com' }] } })],
  ['Zone', ADDRESS, zone({ nameServers: [{ name: 'ns.example.com', addresses: ['1.2.3'] }] })],
  ['Zone', 'the root zone has no zone above it', zone({ origin: '.', delegation: { provider: 'parent' } })],
  [
    'Zone',
    'a rule without ranges and without a TSIG key would let anybody copy the zone',
    zone({ transfers: { allow: [{}] } }),
  ],
  [
    'Zone',
    'must be a CIDR block such as 192.0.2.0/24',
    zone({ transfers: { allow: [{ ranges: ['192.0.2.1'] }] } }),
  ],
  ['Issuer', 'must have exactly one of `acme`, `internal`', { acme, internal: {} }],
  [
    'CertificatePolicy',
    'CAs give wildcards for dns-01 only: set challenge dns-01 or auto, or remove the wildcard',
    certificates({ dnsNames: ['*.example.com'], challenge: 'http-01' }),
  ],
  ['CertificatePolicy', 'must be a name, not an address', certificates({ dnsNames: ['192.0.2.1'] })],
  ['CertificatePolicy', 'selects nothing', certificates({ selector: {} })],
  [
    'CertificatePolicy',
    '`clusterName` is for keys made by agents: set location agent',
    certificates({ key: { clusterName: '{cluster}.example.com' } }),
  ],
  ...CHECKS.flatMap(([message, spec]): readonly (readonly [CrdKind, string, object])[] => [
    ['HealthCheck', message, spec],
    ['TrafficPolicy', message, policy({ healthCheck: { inline: spec } })],
  ]),
  [
    'TrafficPolicy',
    'minTtlSeconds must not be above ttlSeconds',
    policy({ ttlSeconds: 10, minTtlSeconds: 11 }),
  ],
  [
    'TrafficPolicy',
    'an endpoint has either addresses or a cname',
    policy({ endpoints: [{ name: 'a', cluster: 'a', addresses: ['192.0.2.1'], cname: 'b.example.com' }] }),
  ],
  ['TrafficPolicy', ADDRESS, policy({ endpoints: [{ name: 'a', cluster: 'a', addresses: ['x'] }] })],
  ['TrafficPolicy', 'must have exactly one of `ref`, `inline`', policy({ healthCheck: {} })],
  [
    'TrafficPolicy',
    'must have at least one of cidrs, subdivisions, countries, regions, continents',
    policy({
      routing: {
        geo: [{ name: 'a', match: { countries: [] }, tiers: [{ members: [{ endpoint: 'a' }] }] }],
        default: { tiers: [{ members: [{ endpoint: 'a' }] }] },
      },
    }),
  ],
  [
    'TrafficPolicy',
    'must be a CIDR block such as 192.0.2.0/24',
    policy({
      routing: {
        geo: [{ name: 'a', match: { cidrs: ['192.0.2.0'] }, tiers: [{ members: [{ endpoint: 'a' }] }] }],
        default: { tiers: [{ members: [{ endpoint: 'a' }] }] },
      },
    }),
  ],
  [
    'TrafficPolicy',
    'all weights are zero',
    policy({ routing: { default: { tiers: [{ members: [{ endpoint: 'a', weight: 0 }] }] } } }),
  ],
  [
    'TrafficPolicy',
    '`addresses` goes with `action` maintenance only',
    policy({ residency: [{ region: 'EU', onAllDown: { action: 'panic', addresses: ['192.0.2.1'] } }] }),
  ],
  [
    'TrafficPolicy',
    '`addresses` is needed with `action` maintenance',
    policy({ residency: [{ region: 'EU', onAllDown: { action: 'maintenance' } }] }),
  ],
  [
    'TrafficPolicy',
    '`ipv4PrefixLength` goes with `mode` sticky only',
    policy({ selection: { mode: 'weighted', ipv4PrefixLength: 24 } }),
  ],
  [
    'TrafficPolicy',
    '`ipv6PrefixLength` goes with `mode` sticky only',
    policy({ selection: { mode: 'weighted', ipv6PrefixLength: 48 } }),
  ],
  ['Backend', 'must be an IP address or a DNS name', { endpoints: [{ address: 'a_b', port: 80 }] }],
  ['GatewayPolicy', NOWHERE, { rules: {} }],
  ['GatewayPolicy', NEITHER, { selector: {}, rules: {}, defaults: { rules: {} } }],
  [
    'GatewayPolicy',
    'must be a CIDR block such as 192.0.2.0/24',
    over({ clientAddress: { trustedProxies: ['192.0.2.0/33'] } }),
  ],
  [
    'GatewayPolicy',
    'must be a name, not an address',
    over({ residency: { rules: [{ region: 'EU', hostnames: ['192.0.2.1'] }] } }),
  ],
  ['AuthPolicy', NOWHERE, { ...over({}), selector: {} }],
  ['AuthPolicy', NEITHER, { selector: {} }],
  [
    'AuthPolicy',
    'must have exactly one of `apiKey`, `keyPair`, `jwt`, `oauth2Introspection`, `mtls`, `kubernetesTokenReview`, `anonymous`, `plain`',
    login({ anonymous: {}, apiKey: {} }),
  ],
  ['AuthPolicy', '`scheme` goes with `in` authorization only', key({ in: 'header', name: 'a', scheme: 'b' })],
  ['AuthPolicy', '`scheme` is needed with `in` authorization', key({ in: 'authorization' })],
  [
    'AuthPolicy',
    '`name` goes with `in` header, query, cookie only',
    key({ in: 'authorization', scheme: 'a', name: 'b' }),
  ],
  ['AuthPolicy', '`name` is needed with `in` header, query, cookie', key({ in: 'cookie' })],
  [
    'AuthPolicy',
    '`name` has a character that is not allowed with `in` header, cookie',
    key({ in: 'cookie', name: 'a b' }),
  ],
  [
    'AuthPolicy',
    '`jwksRef` cannot stand beside jwksUri',
    login({ jwt: { issuer: 'a', jwksUri: 'https://a.example.com', jwksRef: { name: 'a' } } }),
  ],
  [
    'AuthPolicy',
    'is no URL, so its keys cannot be found by discovery: add jwksUri or jwksRef',
    login({ jwt: { issuer: 'a' } }),
  ],
  ['AuthPolicy', 'must have exactly one of `http`, `userInfo`', over({ metadata: { a: {} } })],
  [
    'AuthPolicy',
    'must have exactly one of `url`, `urlExpression`',
    over({ metadata: { a: { http: { method: 'GET' } } } }),
  ],
  [
    'AuthPolicy',
    'must have exactly one of `cel`, `roles`, `scopes`, `http`, `kubernetesSubjectAccessReview`',
    over({ authorization: { a: { priority: 1 } } }),
  ],
  ['AuthPolicy', 'must have anyOf or allOf', over({ authorization: { a: { roles: {} } } })],
  [
    'RateLimitPolicy',
    'must have exactly one of `targetRefs`, `selector`, `domain`',
    { ...limit({}), domain: 'shop' },
  ],
  ['RateLimitPolicy', NEITHER, { domain: 'shop' }],
  [
    'RateLimitPolicy',
    '`plans` cannot be used with `domain`: other proxies do not say a plan',
    {
      domain: 'shop',
      rules: { limits: { a: { plans: { gold: { rates: [{ limit: 1, window: '1m' }] } } } } },
    },
  ],
  ['RateLimitPolicy', 'has no rate: add `rates` or `plans`', limit({ rates: [] })],
  ['RateLimitPolicy', '`burst` has a meaning with algorithm token-bucket only', limit({ burst: 5 })],
  [
    'RateLimitPolicy',
    '`burst` stands beside several rates: keep one, or write a limit for each',
    limit({
      burst: 5,
      algorithm: 'token-bucket',
      rates: [
        { limit: 1, window: '1m' },
        { limit: 9, window: '1h' },
      ],
    }),
  ],
  [
    'RateLimitPolicy',
    'calendar windows (day, week, month, year, eternity) need algorithm fixed-window',
    limit({ algorithm: 'sliding-window', rates: [{ limit: 1, window: 'day' }] }),
  ],
  [
    'RateLimitPolicy',
    '`floor` has a meaning with onHubLoss floor only',
    limit({ floor: 10, onHubLoss: 'deny' }),
  ],
  ['RateLimitPolicy', 'must be at most 5s: clients give up when they wait longer', limit({ wait: '6s' })],
  [
    'RateLimitPolicy',
    'must be a duration such as 10s, 1m or 24h, or one of day, week, month, year and eternity',
    limit({ rates: [{ limit: 1, window: 'fortnight' }] }),
  ],
  ['RateLimitPolicy', 'must have `request`, `response` or both', limit({ cost: {} })],
  [
    'RateLimitPolicy',
    'must have exactly one of `header`, `json`',
    limit({ cost: { response: { header: 'a', json: 'b' } } }),
  ],
];

export const REFUSALS: readonly Refusal[] = OF_KINDS.map(([kind, message, spec]) => ({
  kind,
  message,
  spec,
}));
