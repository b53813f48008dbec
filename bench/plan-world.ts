import type { AgentIdentity, Change } from '../hub/store/contract.ts';
import type { Kind, SpecOf } from '../src/resources/catalogue.ts';
import { parseResource } from '../src/resources/validate.ts';

/** The size of the goal: 1,000 clusters × 10,000 names. */
export const CLUSTERS = 1_000;
export const NAMES = 10_000;
const ZONES = 20;
const ENDPOINTS_PER_NAME = 4;
const NAMESPACE = 'default';

/** Countries of clusters, in turns: with them every policy has endpoints in and outside of Europe. */
const COUNTRIES = ['DE', 'FR', 'US', 'SG', 'BR', 'NL', 'PL', 'JP', 'ZA', 'IE'] as const;

export const clusterName = (index: number): string => `c${String(index).padStart(4, '0')}`;
export const policyName = (index: number): string => `p${String(index).padStart(5, '0')}`;
export const hostname = (index: number): string => `n${index}.z${index % ZONES}.bench.example.`;
const clusterAddress = (index: number): string => `10.${index >> 8}.${index & 255}.1`;

/** Which clusters a name has endpoints on: spread so that every cluster has its share. */
function clustersOf(index: number): readonly number[] {
  return Array.from({ length: ENDPOINTS_PER_NAME }, (_, k) => (index + k * 251) % CLUSTERS);
}

/** A name as people route them: an EU rule, a failover tier, weights, residency. `ttlSeconds` is what the bench changes. */
export function policySpec(index: number, ttlSeconds = 30): unknown {
  const names = clustersOf(index).map(clusterName);
  const members = (of: readonly string[]) => ({
    members: of.map((endpoint, i) => ({ endpoint, weight: 10 + i })),
  });
  const first = names.slice(0, 2);
  const second = names.slice(2);
  return {
    hostnames: [hostname(index)],
    ttlSeconds,
    endpoints: names.map((cluster) => ({ name: cluster, cluster })),
    routing: {
      geo: [{ name: 'europe', match: { continents: ['EU'] }, tiers: [members(second), members(first)] }],
      default: { tiers: [members(first), members(second)] },
    },
    residency: [{ region: 'EU', unknownLocation: 'allow', onAllDown: { action: 'lastAnswer' } }],
  };
}

/** Every object of the world as writes to the store. */
export function* changes(): Generator<Change> {
  for (let i = 0; i < CLUSTERS; i += 1) {
    yield create('Cluster', clusterName(i), {
      location: { country: COUNTRIES[i % COUNTRIES.length] },
      addresses: [clusterAddress(i)],
    });
  }
  for (let i = 0; i < ZONES; i += 1) {
    yield create('Zone', `z${i}`, {
      origin: `z${i}.bench.example`,
      nameServers: [{ name: `ns.z${i}.bench.example`, addresses: ['192.0.2.53'] }],
    });
  }
  for (let i = 0; i < NAMES; i += 1) yield create('TrafficPolicy', policyName(i), policySpec(i));
}

function create(kind: Kind, name: string, spec: unknown): Change {
  return { type: 'create', key: { kind, namespace: NAMESPACE, name }, spec: parsedSpec(kind, name, spec) };
}

export function update(kind: Kind, name: string, spec: unknown): Change {
  return { type: 'update', key: { kind, namespace: NAMESPACE, name }, spec: parsedSpec(kind, name, spec) };
}

function parsedSpec(kind: Kind, name: string, spec: unknown): SpecOf<Kind> {
  return parseResource({
    apiVersion: 'portolan.dev/v1alpha1',
    kind,
    metadata: { namespace: NAMESPACE, name },
    spec,
  }).spec;
}

/** An agent for every cluster, as the join leaves it. */
export function identities(): readonly AgentIdentity[] {
  return Array.from({ length: CLUSTERS }, (_, index) => ({
    agentUid: `agent-${clusterName(index)}`,
    clusterUid: `uid-${clusterName(index)}`,
    cluster: { kind: 'Cluster', namespace: NAMESPACE, name: clusterName(index) },
    generation: 1,
    revoked: false,
    joinedAt: '2026-01-01T00:00:00.000Z',
    spkiSha256: '0'.repeat(64),
    certificateChainPem: '',
  }));
}
