import type { CrdKind } from './crd-kinds.ts';
import { type CelRule, celText, type PlaceRules } from './crd-structural.ts';
import { DNS_PROVIDER_TYPES } from './dns-provider.ts';
import { CALENDAR_UNITS } from './rate-limit-policy.ts';

/*
 * The rules of the schemas that zod has as code, said again in CEL where Kubernetes can check them, so that `kubectl apply` refuses what
 * the hub would. `hub` names what is left to the hub, which shows it as Accepted=False. Every refinement of a schema has an entry here, or
 * the generation fails.
 */

function has(fields: readonly string[]): string {
  return `[${fields.map((field) => `has(self.${field})`).join(', ')}].filter(given, given).size()`;
}

function exactlyOne(...fields: readonly string[]): CelRule {
  const names = fields.map((field) => `\`${field}\``).join(', ');
  return { rule: `${has(fields)} == 1`, message: `must have exactly one of ${names}` };
}

const noAddress: CelRule = { rule: '!isIP(self)', message: 'must be a name, not an address' };

const checkTiming: CelRule = {
  rule: 'double(self.timeoutMs) <= (self.intervalSeconds > 1.0 ? self.intervalSeconds * 1000.0 : 1000.0)',
  message: 'timeoutMs must be at most the interval, or 1 s where the interval is shorter',
  fieldPath: '.timeoutMs',
};

/** Places below the rules of a policy, wherever they stand. */
function inBlocks(places: readonly PlaceRules[]): readonly PlaceRules[] {
  return ['rules', 'defaults.rules', 'overrides.rules'].flatMap((block) =>
    places.map((place) => ({ ...place, path: place.path === '' ? block : `${block}.${place.path}` })),
  );
}

const onePolicyBlock = exactlyOne('rules', 'defaults', 'overrides');
const attached: PlaceRules = { path: '', rules: [exactlyOne('targetRefs', 'selector'), onePolicyBlock] };

const tiers = (path: string): readonly PlaceRules[] => [
  {
    path: `${path}[].members`,
    keys: ['endpoint'],
    rules: [{ rule: 'self.exists(member, member.weight > 0)', message: 'all weights are zero' }],
    hub: 'that members are endpoints of the policy',
  },
];

const calendar = `[${CALENDAR_UNITS.map(celText).join(', ')}]`;

const limitRules: readonly CelRule[] = [
  { rule: 'size(self.rates) > 0 || size(self.plans) > 0', message: 'has no rate: add `rates` or `plans`' },
  {
    rule: "!has(self.burst) || self.algorithm == 'token-bucket'",
    message: '`burst` has a meaning with algorithm token-bucket only',
    fieldPath: '.burst',
  },
  {
    rule: '!has(self.burst) || size(self.rates) <= 1',
    message: '`burst` stands beside several rates: keep one, or write a limit for each',
    fieldPath: '.burst',
  },
  {
    rule: `self.algorithm == 'fixed-window' || !self.rates.exists(rate, rate.window in ${calendar})`,
    message: 'calendar windows (day, week, month, year, eternity) need algorithm fixed-window',
    fieldPath: '.rates',
  },
  {
    rule: "!has(self.floor) || self.onHubLoss == 'floor'",
    message: '`floor` has a meaning with onHubLoss floor only',
    fieldPath: '.floor',
  },
  {
    rule: "duration(self.wait) <= duration('5s')",
    message: 'must be at most 5s: clients give up when they wait longer',
    fieldPath: '.wait',
  },
];

/** By kind, what is said of places of its spec by hand. */
export const CRD_RULES: { readonly [K in CrdKind]: readonly PlaceRules[] } = {
  Cluster: [],
  HealthCheck: [{ path: '', rules: [checkTiming] }],
  DNSProvider: [{ path: '', rules: [exactlyOne(...DNS_PROVIDER_TYPES)] }],
  Zone: [
    {
      path: '',
      rules: [
        {
          rule: "!has(self.delegation) || self.origin != '.'",
          message: 'the root zone has no zone above it',
          fieldPath: '.delegation',
        },
      ],
    },
    { path: 'nameServers', hub: 'that name servers inside a delegated zone have addresses' },
    { path: 'records', hub: 'that records lie in the zone, and that their data fit their type' },
    {
      path: 'transfers.allow[]',
      rules: [
        {
          rule: 'has(self.ranges) || has(self.tsigSecret)',
          message: 'a rule without ranges and without a TSIG key would let anybody copy the zone',
        },
      ],
    },
  ],
  Issuer: [{ path: '', rules: [exactlyOne('acme', 'internal')] }],
  CertificatePolicy: [
    {
      path: '',
      rules: [
        {
          rule: "!(self.challenge in ['http-01', 'tls-alpn-01']) || !has(self.dnsNames) || !self.dnsNames.exists(name, name.startsWith('*.'))",
          message: 'CAs give wildcards for dns-01 only: set challenge dns-01 or auto, or remove the wildcard',
          fieldPath: '.challenge',
        },
      ],
    },
    { path: 'issuers', set: true },
    { path: 'dnsNames[]', rules: [noAddress] },
    {
      path: 'selector',
      rules: [{ rule: 'has(self.trafficPolicies) || has(self.gateways)', message: 'selects nothing' }],
    },
    {
      path: 'key',
      rules: [
        {
          rule: "!has(self.clusterName) || self.location == 'agent'",
          message: '`clusterName` is for keys made by agents: set location agent',
          fieldPath: '.clusterName',
        },
      ],
    },
  ],
  TrafficPolicy: [
    {
      path: '',
      rules: [
        {
          rule: 'self.minTtlSeconds <= self.ttlSeconds',
          message: 'minTtlSeconds must not be above ttlSeconds',
          fieldPath: '.minTtlSeconds',
        },
      ],
    },
    {
      path: 'hostnames',
      set: true,
      hub: 'that names which differ in case or a final dot only stand there once',
    },
    { path: 'endpoints', keys: ['name'] },
    {
      path: 'endpoints[]',
      rules: [
        {
          rule: '!has(self.addresses) || !has(self.cname)',
          message: 'an endpoint has either addresses or a cname',
          fieldPath: '.cname',
        },
      ],
    },
    { path: 'healthCheck.inline', rules: [checkTiming] },
    { path: 'routing.geo', keys: ['name'], hub: 'places that several rules claim at the same level' },
    {
      path: 'routing.geo[].match',
      rules: [
        {
          rule: ['cidrs', 'subdivisions', 'countries', 'regions', 'continents']
            .map((level) => `(has(self.${level}) && size(self.${level}) > 0)`)
            .join(' || '),
          message: 'must have at least one of cidrs, subdivisions, countries, regions, continents',
        },
      ],
    },
    ...['cidrs', 'subdivisions', 'countries', 'regions', 'continents'].map(
      (level): PlaceRules => ({
        path: `routing.geo[].match.${level}`,
        set: true,
      }),
    ),
    ...tiers('routing.geo[].tiers'),
    ...tiers('routing.default.tiers'),
    { path: 'residency', keys: ['region'] },
  ],
  // That a name is no address goes without saying where addresses are taken, too.
  Backend: [{ path: 'endpoints[].address' }],
  GatewayPolicy: [attached, ...inBlocks([{ path: 'residency.rules[].hostnames[]', rules: [noAddress] }])],
  AuthPolicy: [
    attached,
    ...inBlocks([
      {
        path: 'authentication{}',
        rules: [
          exactlyOne(
            'apiKey',
            'keyPair',
            'jwt',
            'oauth2Introspection',
            'mtls',
            'kubernetesTokenReview',
            'anonymous',
            'plain',
          ),
        ],
      },
      {
        path: 'authentication{}.jwt',
        rules: [
          {
            rule: '!has(self.jwksUri) || !has(self.jwksRef)',
            message: '`jwksRef` cannot stand beside jwksUri',
            fieldPath: '.jwksRef',
          },
          {
            rule: "has(self.jwksUri) || has(self.jwksRef) || self.issuer.matches('^https?://.')",
            message: 'is no URL, so its keys cannot be found by discovery: add jwksUri or jwksRef',
            fieldPath: '.issuer',
          },
        ],
      },
      { path: 'metadata{}', rules: [exactlyOne('http', 'userInfo')] },
      { path: 'metadata{}.http', rules: [exactlyOne('url', 'urlExpression')] },
      {
        path: 'authorization{}',
        rules: [exactlyOne('cel', 'roles', 'scopes', 'http', 'kubernetesSubjectAccessReview')],
      },
      ...['roles', 'scopes'].map(
        (field): PlaceRules => ({
          path: `authorization{}.${field}`,
          rules: [{ rule: 'size(self.anyOf) + size(self.allOf) > 0', message: 'must have anyOf or allOf' }],
        }),
      ),
    ]),
  ],
  RateLimitPolicy: [
    {
      path: '',
      rules: [
        exactlyOne('targetRefs', 'selector', 'domain'),
        onePolicyBlock,
        {
          rule: '!has(self.domain) || !has(self.rules) || self.rules.limits.all(name, size(self.rules.limits[name].plans) == 0)',
          message: '`plans` cannot be used with `domain`: other proxies do not say a plan',
        },
      ],
    },
    ...inBlocks([
      { path: 'when[]', form: 'text' },
      { path: 'limits{}', rules: limitRules, hub: 'the length of windows, time zones, and bursts of plans' },
      { path: 'limits{}.rates', keys: ['window'] },
      { path: 'limits{}.when[]', form: 'text' },
      { path: 'limits{}.counters[]', form: 'text' },
      { path: 'limits{}.plans{}.rates', keys: ['window'] },
      {
        path: 'limits{}.cost',
        rules: [
          {
            rule: 'has(self.request) || has(self.response)',
            message: 'must have `request`, `response` or both',
          },
        ],
      },
      { path: 'limits{}.cost.response', rules: [exactlyOne('header', 'json')] },
    ]),
  ],
  CallerRouting: [],
};
