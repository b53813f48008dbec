import { API_VERSION } from '../src/resources/metadata.ts';

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

/** The resources of the demo: what a person would write, with this machine's ports. */
export function demoResources(backendPort: number, nameServers: readonly string[]): readonly unknown[] {
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
          { name: '@', type: 'CAA', data: ['0 issue "letsencrypt.org"'] },
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
