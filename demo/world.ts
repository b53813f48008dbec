import { API_VERSION } from '../src/resources/metadata.ts';

const GATEWAY_API_VERSION = 'gateway.networking.k8s.io/v1';
/** As the Gateway says; each agent binds them on its own address to ports that need no root. */
export const GATEWAY_PORT = 80;
export const TLS_PORT = 443;
/** The route and the policy of the protected API. */
export const API_ROUTE = 'orders';
export const API_PRINCIPAL = 'shop-app';
/** Calls a minute that each key has at this path, at all agents together. */
export const LIMITED_PATH = '/limited';
export const CALLS_PER_MINUTE = 10;
const LIMITED_ROUTE = 'limited';
export const DOWNLOAD_PATH = '/download';
/** The CertificatePolicy, and whom the zone lets issue certificates. */
export const CERTIFICATE_POLICY = 'shop';
export const CAA_IDENTITY = 'pebble.example';

/** One cluster of the demo: an agent with its name server, and a backend on a loopback address of its own. */
export interface DemoCluster {
  readonly name: string;
  readonly city: string;
  readonly country: string;
  readonly latitude: number;
  readonly longitude: number;
  /** Published in DNS and probed; 127.0.0.0/8 is all loopback on Linux. */
  readonly address: string;
}

export const CLUSTERS: readonly DemoCluster[] = [
  {
    name: 'frankfurt',
    city: 'Frankfurt',
    country: 'DE',
    latitude: 50.11,
    longitude: 8.68,
    address: '127.0.1.1',
  },
  { name: 'paris', city: 'Paris', country: 'FR', latitude: 48.86, longitude: 2.35, address: '127.0.1.2' },
  {
    name: 'virginia',
    city: 'Virginia',
    country: 'US',
    latitude: 39.04,
    longitude: -77.49,
    address: '127.0.1.3',
  },
  {
    name: 'singapore',
    city: 'Singapore',
    country: 'SG',
    latitude: 1.35,
    longitude: 103.82,
    address: '127.0.1.4',
  },
];

/** The places the living view shows. */
export const PLACES = ['DE', 'FR', 'US', 'IN', 'SG'] as const;

export const ZONE = 'shop.example';
export const HOSTNAME = 'www.shop.example';
export const NAMESPACE = 'default';

/** A CA of this machine that speaks ACME. */
export interface AcmeCa {
  readonly directory: string;
  /** PEM: what it is known by. */
  readonly authority: string;
}

/** The resources of the demo: what a person would write, with this machine's ports. */
export function demoResources(
  backendPort: number,
  nameServers: readonly string[],
  ca: AcmeCa | undefined,
): readonly unknown[] {
  return [
    ...namingResources(backendPort, nameServers),
    ...certificateResources(ca),
    ...apiResources(backendPort),
  ];
}

/** A certificate for the zone and all names in it: from the ACME CA, proven by the hub's own zone, or from the hub's internal CA. */
function certificateResources(ca: AcmeCa | undefined): readonly unknown[] {
  const metadata = (name: string) => ({ namespace: NAMESPACE, name });
  const issuer = (name: string, spec: object) => ({
    apiVersion: API_VERSION,
    kind: 'Issuer',
    metadata: metadata(name),
    spec,
  });
  return [
    issuer('internal', { internal: {} }),
    ...(ca === undefined
      ? []
      : [
          {
            apiVersion: API_VERSION,
            kind: 'Secret',
            metadata: metadata('pebble'),
            spec: { stringData: { 'ca.crt': ca.authority } },
          },
          issuer('pebble', {
            acme: {
              directory: ca.directory,
              staging: ca.directory,
              termsOfServiceAgreed: true,
              caSecret: { name: 'pebble', key: 'ca.crt' },
            },
          }),
        ]),
    {
      apiVersion: API_VERSION,
      kind: 'CertificatePolicy',
      metadata: metadata(CERTIFICATE_POLICY),
      spec: {
        // One alone: what the other has given at an earlier start is replaced at once.
        issuers: [ca === undefined ? 'internal' : 'pebble'],
        dnsNames: [ZONE, `*.${ZONE}`],
      },
    },
  ];
}

/**
 * An API behind the gateway of every agent: a key is needed, and an admin's for /admin; part of it is limited. Each agent uses the backend
 * next to it.
 */
function apiResources(backendPort: number): readonly unknown[] {
  const metadata = (name: string) => ({ namespace: NAMESPACE, name });
  const backendRefs = [{ group: 'portolan.dev', kind: 'Backend', name: 'web', port: backendPort }];
  const route = (name: string) => ({ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name });
  return [
    {
      apiVersion: GATEWAY_API_VERSION,
      kind: 'Gateway',
      metadata: metadata('public'),
      spec: {
        gatewayClassName: 'portolan',
        listeners: [
          { name: 'http', port: GATEWAY_PORT, protocol: 'HTTP' },
          {
            name: 'https',
            port: TLS_PORT,
            protocol: 'HTTPS',
            hostname: `*.${ZONE}`,
            tls: {
              certificateRefs: [
                { group: 'portolan.dev', kind: 'CertificatePolicy', name: CERTIFICATE_POLICY },
              ],
            },
          },
        ],
      },
    },
    {
      apiVersion: API_VERSION,
      kind: 'Backend',
      metadata: metadata('web'),
      spec: {
        endpoints: CLUSTERS.map((c) => ({ address: c.address, port: backendPort, cluster: c.name })),
      },
    },
    {
      apiVersion: GATEWAY_API_VERSION,
      kind: 'HTTPRoute',
      metadata: metadata(API_ROUTE),
      spec: {
        parentRefs: [{ name: 'public' }],
        rules: [{ backendRefs }],
      },
    },
    {
      apiVersion: GATEWAY_API_VERSION,
      kind: 'HTTPRoute',
      metadata: metadata(LIMITED_ROUTE),
      spec: {
        parentRefs: [{ name: 'public' }],
        rules: [
          {
            matches: [{ path: { type: 'PathPrefix', value: LIMITED_PATH } }],
            filters: [
              {
                type: 'URLRewrite',
                urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
              },
            ],
            backendRefs,
          },
        ],
      },
    },
    {
      apiVersion: GATEWAY_API_VERSION,
      kind: 'HTTPRoute',
      metadata: metadata('download'),
      spec: {
        parentRefs: [{ name: 'public' }],
        rules: [{ matches: [{ path: { type: 'PathPrefix', value: DOWNLOAD_PATH } }], backendRefs }],
      },
    },
    {
      apiVersion: API_VERSION,
      kind: 'RateLimitPolicy',
      metadata: metadata(LIMITED_ROUTE),
      spec: {
        targetRefs: [route(LIMITED_ROUTE)],
        rules: {
          limits: {
            'per-key': {
              rates: [{ limit: CALLS_PER_MINUTE, window: '1m' }],
              counters: ['auth.keyId'],
              // Ten for four agents: none of them holds any beforehand. On a busy machine the hub may take a while to answer.
              wait: '2s',
            },
          },
        },
      },
    },
    {
      apiVersion: API_VERSION,
      kind: 'AuthPolicy',
      metadata: metadata(API_ROUTE),
      spec: {
        targetRefs: [route(API_ROUTE), route(LIMITED_ROUTE)],
        rules: {
          authentication: { key: { apiKey: {} } },
          authorization: {
            admins: { cel: { expressions: ["!request.path.startsWith('/admin') || 'admin' in auth.roles"] } },
          },
        },
      },
    },
  ];
}

function namingResources(backendPort: number, nameServers: readonly string[]): readonly unknown[] {
  const metadata = (name: string) => ({ namespace: NAMESPACE, name });
  const one = (endpoint: string) => ({ members: [{ endpoint, weight: 1 }] });
  return [
    ...CLUSTERS.map((c) => ({
      apiVersion: API_VERSION,
      kind: 'Cluster',
      metadata: metadata(c.name),
      spec: {
        location: { country: c.country, latitude: c.latitude, longitude: c.longitude },
        addresses: [c.address],
      },
    })),
    {
      apiVersion: API_VERSION,
      kind: 'HealthCheck',
      metadata: metadata('web'),
      spec: { protocol: 'http', port: backendPort, path: '/healthz', expectedStatuses: [200] },
    },
    {
      apiVersion: API_VERSION,
      kind: 'Zone',
      metadata: metadata('shop'),
      spec: {
        origin: ZONE,
        nameServers: nameServers.map((address, i) => ({ name: `ns${i + 1}.${ZONE}`, addresses: [address] })),
        records: [
          { name: '@', type: 'MX', data: ['10 mail.shop.example.'] },
          { name: 'mail', type: 'A', data: ['192.0.2.25'] },
          { name: '@', type: 'TXT', data: ['"v=spf1 mx -all"'] },
          { name: '@', type: 'CAA', data: ['0 issue "letsencrypt.org"', `0 issue "${CAA_IDENTITY}"`] },
          { name: 'blog', type: 'CNAME', data: [`${HOSTNAME}.`] },
        ],
      },
    },
    {
      apiVersion: API_VERSION,
      kind: 'TrafficPolicy',
      metadata: metadata('shop'),
      spec: {
        hostnames: [HOSTNAME, ZONE, `*.api.${ZONE}`],
        ttlSeconds: 5,
        minTtlSeconds: 1,
        endpoints: CLUSTERS.map((c) => ({ name: c.name, cluster: c.name })),
        healthCheck: { ref: 'web' },
        routing: {
          geo: [
            {
              name: 'germany',
              match: { countries: ['DE', 'AT', 'CH'] },
              tiers: [one('frankfurt'), one('paris')],
            },
            {
              name: 'france',
              match: { countries: ['FR', 'BE', 'ES', 'PT'] },
              tiers: [one('paris'), one('frankfurt')],
            },
            {
              name: 'rest-of-europe',
              match: { continents: ['EU'] },
              tiers: [
                {
                  members: [
                    { endpoint: 'frankfurt', weight: 60 },
                    { endpoint: 'paris', weight: 40 },
                  ],
                },
              ],
            },
            {
              name: 'asia-pacific',
              match: { continents: ['AS', 'OC'] },
              tiers: [one('singapore'), one('virginia')],
            },
          ],
          default: { tiers: [one('virginia'), one('singapore')] },
        },
        residency: [{ region: 'EU', unknownLocation: 'allow' }],
      },
    },
  ];
}
