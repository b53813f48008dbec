import type { Kind } from './catalogue.ts';

/** Kinds that Kubernetes has as custom resources: of group portolan.dev, and set by sources. Secrets are Kubernetes' own there. */
export type CrdKind = Exclude<
  Kind,
  'Secret' | 'Drain' | 'Drill' | 'Gateway' | 'HTTPRoute' | 'GRPCRoute' | 'BackendTLSPolicy' | 'ReferenceGrant'
>;

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
  /** 1: with `-o wide` only. */
  readonly priority?: 1;
}

/** How a kind appears in `kubectl`. */
export interface CrdNames {
  /**
   * All begin with "p": the plain ones are taken in many clusters (`cr` and `cert` by cert-manager, `cl` by Cluster API, `ap` by Istio), and
   * those of Kubernetes itself may grow.
   */
  readonly shortNames: readonly [string];
  readonly columns: readonly PrinterColumn[];
  /** What the status has beside conditions and observedGeneration: name and description. */
  readonly status: Readonly<Record<string, string>>;
}

const text = (name: string, jsonPath: string, description: string): PrinterColumn => ({
  name,
  type: 'string',
  jsonPath,
  description,
});

const wide = (column: PrinterColumn): PrinterColumn => ({ ...column, priority: 1 });

const condition = (type: string, description: string): PrinterColumn =>
  text(type, `.status.conditions[?(@.type=="${type}")].status`, description);

const ACCEPTED = condition('Accepted', 'Whether the hub took it; if not, the message says why.');
const READY = condition('Ready', 'Whether it does what it says.');
const PROGRAMMED = condition('Programmed', 'Whether it is in effect where it belongs.');
const WHY = wide(
  text(
    'Message',
    '.status.conditions[?(@.type=="Accepted")].message',
    'Why the hub did not take it, or what it says of it.',
  ),
);
const AGE: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };
const ANCESTORS = {
  ancestors: 'Where it holds, each with its conditions (PolicyAncestorStatus of the Gateway API).',
};
const TARGET = text('Target', '.spec.targetRefs[0].name', 'The first of what it holds for.');

export const CRD_NAMES: { readonly [K in CrdKind]: CrdNames } = {
  Cluster: {
    shortNames: ['pcl'],
    columns: [
      ACCEPTED,
      text('Country', '.spec.location.country', 'Where it runs.'),
      { ...text('Connected', '.status.agent.connected', 'Whether its agent is connected.'), type: 'boolean' },
      text('Version', '.status.agent.version', 'Of its agent.'),
      wide(text('Addresses', '.spec.addresses', 'Public addresses.')),
      WHY,
      AGE,
    ],
    status: { agent: 'The agent of the cluster.', draining: 'Since when and why it is drained.' },
  },
  HealthCheck: {
    shortNames: ['phc'],
    columns: [
      ACCEPTED,
      text('Protocol', '.spec.protocol', 'How it is probed.'),
      { name: 'Port', type: 'integer', jsonPath: '.spec.port', description: "Default: the protocol's." },
      { name: 'Interval', type: 'number', jsonPath: '.spec.intervalSeconds', description: 'Seconds.' },
      WHY,
      AGE,
    ],
    status: {},
  },
  DNSProvider: {
    shortNames: ['pdp'],
    columns: [
      ACCEPTED,
      READY,
      text('Zone', '.spec.zones[0].origin', 'The first of its zones.'),
      wide({ name: 'Frozen', type: 'boolean', jsonPath: '.spec.frozen', description: 'Nothing is written.' }),
      WHY,
      AGE,
    ],
    status: { zones: 'How each zone at the provider stands.' },
  },
  Zone: {
    shortNames: ['pz'],
    columns: [
      ACCEPTED,
      text('Origin', '.spec.origin', 'Apex of the zone.'),
      { name: 'Serial', type: 'integer', jsonPath: '.status.serial', description: 'Of its SOA record.' },
      text('DNSSEC', '.status.dnssec.state', 'How its signing stands.'),
      WHY,
      AGE,
    ],
    status: { serial: 'Serial of the SOA record.', dnssec: 'How its signing stands.' },
  },
  Issuer: {
    shortNames: ['pis'],
    columns: [
      ACCEPTED,
      READY,
      text('Directory', '.spec.acme.directory', 'Of the CA; empty for the internal one.'),
      WHY,
      AGE,
    ],
    status: { account: 'URL of the account at the CA.', profiles: 'Profiles that the CA offers.' },
  },
  CertificatePolicy: {
    shortNames: ['pcert'],
    columns: [
      ACCEPTED,
      READY,
      text('Names', '.spec.dnsNames', 'Names that are listed; others come from listeners.'),
      text('Expires', '.status.certificates[0].notAfter', 'End of the first of its certificates.'),
      wide(text('Issuers', '.spec.issuers', 'In their order.')),
      WHY,
      AGE,
    ],
    status: {
      certificates: 'Its certificates, each with its names, state and life.',
      clusters: 'Clusters that have them, and what they show on their gateways.',
    },
  },
  TrafficPolicy: {
    shortNames: ['ptp'],
    columns: [
      ACCEPTED,
      READY,
      PROGRAMMED,
      text('Hostnames', '.spec.hostnames', 'Names that it answers for.'),
      text('Routing', '.spec.selection.mode', 'How a member of a tier is chosen.'),
      wide({ name: 'TTL', type: 'integer', jsonPath: '.spec.ttlSeconds', description: 'Seconds.' }),
      WHY,
      AGE,
    ],
    status: {
      endpoints: 'State of each endpoint, as the hub decides it.',
      dns: 'What becomes of each hostname at each DNS provider.',
    },
  },
  Backend: {
    shortNames: ['pbe'],
    columns: [
      ACCEPTED,
      text('Protocol', '.spec.protocol', 'Spoken with the endpoints.'),
      text('Endpoint', '.spec.endpoints[0].address', 'The first.'),
      WHY,
      AGE,
    ],
    status: {},
  },
  GatewayPolicy: { shortNames: ['pgwp'], columns: [ACCEPTED, TARGET, WHY, AGE], status: ANCESTORS },
  AuthPolicy: { shortNames: ['pap'], columns: [ACCEPTED, TARGET, WHY, AGE], status: ANCESTORS },
  RateLimitPolicy: {
    shortNames: ['prlp'],
    columns: [ACCEPTED, TARGET, wide(text('Domain', '.spec.domain', 'Of other proxies that ask.')), WHY, AGE],
    status: ANCESTORS,
  },
  CallerRouting: {
    shortNames: ['pcro'],
    columns: [ACCEPTED, text('When', '.spec.rules[0].when', 'Of the first rule.'), WHY, AGE],
    status: {},
  },
};

/** In the order in which they are installed and listed. */
export const CRD_KINDS: readonly CrdKind[] = [
  'Cluster',
  'HealthCheck',
  'DNSProvider',
  'Zone',
  'Issuer',
  'CertificatePolicy',
  'TrafficPolicy',
  'Backend',
  'GatewayPolicy',
  'AuthPolicy',
  'RateLimitPolicy',
  'CallerRouting',
];
