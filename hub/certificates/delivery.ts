import type { GatewayCertificate, GatewayPart, GatewaySecrets } from '../../src/policy/model.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { type ObjectKey, type Objects, objectKey } from '../reconcile/objects.ts';
import type { AgentKeyDesk } from './agent-keys.ts';
import type { CertificateSource } from './contract.ts';
import type { GatewayChallenges } from './gateway-challenges.ts';

/** What one cluster gets of certificates, as `GatewaySecrets` has it. */
export interface DeliveredCertificates {
  readonly certificates: Readonly<Record<string, GatewayCertificate>>;
  /** The other fields of `GatewaySecrets`; those with nothing in them are absent. */
  readonly rest: Pick<GatewaySecrets, 'sets' | 'agentKeys' | 'challenges'>;
  /** Policies (`certificatepolicy/<namespace>/<name>`) without any certificate yet, and what is said of it. */
  readonly waiting: ReadonlyMap<string, string>;
}

/** What gateways get of certificates, keys to make and challenges to answer. */
export interface CertificateDelivery {
  /** Grows whenever a cluster may get something else than before. */
  readonly version: number;
  /** The cluster gets something although no Gateway of it names a policy. */
  concerns(cluster: ObjectKey, objects: DeliveryObjects): boolean;
  /**
   * @param refs policies that listeners of the cluster name, as in `SecretRefs.policies`
   * @param part what its gateways serve
   * @throws PortolanError STORE_UNAVAILABLE
   */
  deliver(
    refs: readonly string[],
    cluster: ObjectKey,
    part: GatewayPart,
    objects: DeliveryObjects,
  ): Promise<DeliveredCertificates>;
  /** A pass over all clusters is over: pairs that no cluster got are forgotten. */
  forgetUnused(): void;
}

type DeliveryObjects = Pick<Objects, 'Cluster' | 'CertificatePolicy'>;
type Pair = Awaited<ReturnType<CertificateSource['pair']>>;

interface Cached {
  readonly stamp: string;
  readonly pair: Pair;
}

const PREFIX = 'certificatepolicy/';

export function createCertificateDelivery(options: {
  /** Undefined: certificates are not kept yet. */
  readonly source: () => CertificateSource | undefined;
  readonly agentKeys: Pick<AgentKeyDesk, 'wantedOf' | 'version'>;
  readonly challenges?: Pick<GatewayChallenges, 'version' | 'of'>;
}): CertificateDelivery {
  const { source, agentKeys, challenges } = options;
  const cached = new Map<string, Cached>();
  let used = new Set<string>();

  async function pairOf(from: CertificateSource, id: string): Promise<Pair> {
    used.add(id);
    const stamp = from.stampOf?.(id) ?? `at ${from.version}`;
    const known = cached.get(id);
    if (known?.stamp === stamp) return known.pair;
    const pair = await from.pair(id);
    cached.set(id, { stamp, pair });
    return pair;
  }

  return {
    get version() {
      // Each only grows, so their sum is another one whenever one of them is.
      return (source()?.version ?? -1) + agentKeys.version + (challenges?.version ?? 0);
    },

    concerns: (cluster, objects) =>
      selectedBy(cluster, objects).length > 0 || agentKeys.wantedOf(cluster).length > 0,

    async deliver(refs, cluster, part, objects) {
      const from = source();
      const certificates: Record<string, GatewayCertificate> = {};
      const sets: Record<string, readonly string[]> = {};
      const waiting = new Map<string, string>();
      const selected = selectedBy(cluster, objects).map((policy) => `${PREFIX}${policy}`);
      for (const ref of [...new Set([...refs, ...selected])].sort()) {
        const policy = ref.slice(PREFIX.length);
        const ids: string[] = [];
        for (const id of from?.idsOf(policy, cluster) ?? []) {
          const pair = from === undefined ? undefined : await pairOf(from, id);
          if (pair === undefined) continue;
          certificates[id] = pair;
          ids.push(id);
        }
        sets[ref] = ids;
        if (ids.length === 0)
          waiting.set(ref, `waiting for the first certificate of CertificatePolicy ${policy}`);
      }
      const keys = agentKeys.wantedOf(cluster);
      const answers = challenges?.of(cluster, part);
      return {
        certificates,
        rest: {
          ...(Object.keys(sets).length === 0 ? {} : { sets }),
          ...(keys.length === 0
            ? {}
            : {
                agentKeys: Object.fromEntries(
                  keys.map(({ id, algorithm, names }) => [id, { algorithm, names }]),
                ),
              }),
          ...(answers === undefined ? {} : { challenges: answers }),
        },
        waiting,
      };
    },

    forgetUnused() {
      for (const id of [...cached.keys()]) if (!used.has(id)) cached.delete(id);
      used = new Set();
    },
  };
}

/** Policies whose `spec.clusters` selects this cluster of their namespace, by `namespace/name`. */
function selectedBy(
  cluster: ObjectKey,
  { Cluster, CertificatePolicy }: DeliveryObjects,
): readonly ObjectKey[] {
  const found = Cluster.get(cluster);
  if (found === undefined) return [];
  return [...CertificatePolicy.values()]
    .filter((policy) => selects(policy, found))
    .map(({ metadata }) => objectKey(metadata.namespace, metadata.name));
}

function selects({ metadata, spec }: Resource<'CertificatePolicy'>, cluster: Resource<'Cluster'>): boolean {
  if (spec.clusters === undefined || metadata.namespace !== cluster.metadata.namespace) return false;
  const labels = cluster.metadata.labels;
  return Object.entries(spec.clusters).every(([name, value]) => labels[name] === value);
}
