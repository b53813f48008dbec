import { createHash } from 'node:crypto';
import { nameOf } from '../policy/policy-index.ts';
import type { Resource } from '../resources/catalogue.ts';
import { limitsOf, mostNames } from './limits.ts';
import type { CertificateRecord, NameSet, WantedCertificate } from './model.ts';
import { certificateName, covers, nameSet, sameNames } from './names.ts';
import { type CertificateObjects, NamingIndex } from './naming.ts';
import { type CoveredName, type PackedSet, packNames, withoutCovered } from './packing.ts';
import { Claims, findingsOf, type PolicyFinding, type Source } from './wanted-findings.ts';

/** One policy, seen through. */
export interface WantedOfPolicy {
  /** `namespace/name`. */
  readonly policy: string;
  /** In the order of their places, then of clusters. */
  readonly certificates: readonly WantedCertificate[];
  readonly findings: readonly PolicyFinding[];
  /** `namespace/name` of the clusters that get it: their Gateways name it, or they have the labels of `clusters`; sorted. */
  readonly clusters: readonly string[];
}

export interface Wanted {
  readonly policies: ReadonlyMap<string, WantedOfPolicy>;
  readonly certificates: readonly WantedCertificate[];
}

/** `cert-` and 16 hex digits: of the policy, the place and the cluster, whatever the names. */
export function certificateId(policy: string, place: number, cluster?: string): string {
  return `cert-${sha256(JSON.stringify([policy, place, cluster ?? null]))}`;
}

/** 16 hex digits of it. */
function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * Which certificates all policies want, given what there is. Remembers each policy with everything that it was made of, so that a change of one
 * object costs one policy, and equal results are the same objects.
 */
export function createWanting(): {
  wanted(objects: CertificateObjects, records: ReadonlyMap<string, CertificateRecord>): Wanted;
} {
  let before = new Map<string, Remembered>();
  const places = new Places();
  let naming: { readonly of: CertificateObjects; readonly index: NamingIndex } | undefined;

  return {
    wanted(objects, records) {
      if (naming === undefined || !sameMaps(naming.of, objects))
        naming = { of: objects, index: new NamingIndex(objects) };
      const { index } = naming;
      const after = new Map<string, Remembered>();
      const claims = new Claims();
      const placed = places.byPolicy(records);
      for (const [key, policy] of objects.CertificatePolicy) {
        const source = sourceOf(policy, objects, index);
        const seen = seenThrough(policy, source, setsOf(policy, placed.get(key) ?? []));
        const digest = digestOf(source, seen.packed);
        const known = before.get(key);
        const remembered =
          known !== undefined && known.policy === policy && known.digest === digest
            ? known
            : { policy, digest, source, result: wantedOf(key, policy, source, seen) };
        after.set(key, remembered);
        claims.add(key, source.names);
      }
      before = after;
      const policies = new Map<string, WantedOfPolicy>();
      for (const [key, { result, source }] of after) {
        const others = claims.others(key, source.names);
        policies.set(
          key,
          others.length === 0 ? result : { ...result, findings: [...result.findings, ...others] },
        );
      }
      return { policies, certificates: [...policies.values()].flatMap(({ certificates }) => certificates) };
    },
  };
}

interface Remembered {
  readonly policy: Resource<'CertificatePolicy'>;
  readonly digest: string;
  readonly source: Source;
  readonly result: WantedOfPolicy;
}

function sourceOf(
  policy: Resource<'CertificatePolicy'>,
  objects: CertificateObjects,
  index: NamingIndex,
): Source {
  const { spec, metadata } = policy;
  const { namespace } = metadata;
  const listeners = index.listenersOf(nameOf(policy));
  const texts = [...(spec.dnsNames ?? [])];
  const { selector } = spec;
  if (selector?.trafficPolicies !== undefined)
    for (const traffic of index.labelled('TrafficPolicy', namespace, selector.trafficPolicies))
      texts.push(...traffic.spec.hostnames);
  if (selector?.gateways !== undefined)
    for (const gateway of index.labelled('Gateway', namespace, selector.gateways))
      texts.push(...hostnames(gateway.spec.listeners));
  if (spec.dnsNames === undefined && selector === undefined) texts.push(...hostnames(listeners));
  const names: string[] = [];
  const invalid: string[] = [];
  for (const text of texts) {
    const name = certificateName(text);
    if (typeof name === 'string') names.push(name);
    else invalid.push(name.reason);
  }
  const clusters = new Set<string>();
  for (const { gateway } of listeners) for (const c of index.clustersOf(gateway)) clusters.add(nameOf(c));
  if (spec.clusters !== undefined)
    for (const cluster of index.labelled('Cluster', namespace, spec.clusters)) clusters.add(nameOf(cluster));
  let trusted = false;
  const issuers = spec.issuers.map((name) => {
    const key = `${namespace}/${name}`;
    const issuer = objects.Issuer.get(key);
    const standsIn = trusted && issuer?.spec.internal !== undefined;
    trusted ||= issuer?.spec.acme !== undefined;
    return {
      key,
      standsIn,
      revision: issuer === undefined ? undefined : revisionOf(issuer, objects),
    };
  });
  const limits = spec.issuers.flatMap((name) => {
    const issuer = objects.Issuer.get(`${namespace}/${name}`);
    return issuer === undefined ? [] : [limitsOf(issuer.spec)];
  });
  return {
    names: nameSet(names),
    invalid,
    clusters: [...clusters].sort(),
    listeners,
    issuers,
    most: mostNames(spec.namesPerCertificate, limits),
  };
}

function hostnames(listeners: readonly { readonly hostname?: string | undefined }[]): readonly string[] {
  return listeners.flatMap(({ hostname }) => (hostname === undefined ? [] : [hostname]));
}

/** Of all that its CA is asked with: after a correction of any of it what failed before does not count. */
function revisionOf({ metadata, spec }: Resource<'Issuer'>, { Secret }: CertificateObjects): string {
  const secrets = [spec.acme?.caSecret, spec.acme?.externalAccountBinding?.secret].flatMap((ref) => {
    const secret = ref === undefined ? undefined : Secret.get(`${metadata.namespace}/${ref.name}`)?.metadata;
    return secret === undefined ? [] : [` ${secret.uid} ${secret.generation}`];
  });
  return `${metadata.uid} ${metadata.generation}${secrets.join('')}`;
}

function digestOf(source: Source, packed: readonly PackedSet[]): string {
  const { listeners, ...rest } = source;
  // Ten thousand of them are kept.
  return sha256(JSON.stringify([rest, hostnames(listeners), packed]));
}

interface Seen {
  readonly covered: readonly CoveredName[];
  readonly packed: readonly PackedSet[];
}

function seenThrough(
  { spec }: Resource<'CertificatePolicy'>,
  source: Source,
  sets: ReadonlyMap<number, NameSet>,
): Seen {
  const { names, covered } = withoutCovered(source.names);
  const most = Math.max(1, spec.key.clusterName === undefined ? source.most : source.most - 1);
  return {
    covered,
    packed: packNames(names, sets, most).map((set) =>
      sameNames(set.names, source.names) ? { ...set, names: source.names } : set,
    ),
  };
}

/** The sets of a policy as they are, by place: of the clusters' certificates the newest, without the clusters' own names. */
function setsOf(
  policy: Resource<'CertificatePolicy'>,
  records: readonly PlacedRecord[],
): ReadonlyMap<number, NameSet> {
  const newest = new Map<number, { readonly names: NameSet; readonly atMs: number }>();
  for (const { record, place } of records) {
    const names = record.order?.names ?? record.current?.names;
    const atMs = record.order?.startedAtMs ?? record.current?.issuedAtMs;
    if (names === undefined || atMs === undefined) continue;
    if (atMs <= (newest.get(place)?.atMs ?? -1)) continue;
    const own = ownName(policy, record.cluster);
    newest.set(place, { names: own === undefined ? names : names.filter((name) => name !== own), atMs });
  }
  return new Map([...newest].map(([place, { names }]) => [place, names]));
}

/** Of one cluster. */
function ownName({ spec }: Resource<'CertificatePolicy'>, cluster: string | undefined): string | undefined {
  if (cluster === undefined) return undefined;
  return spec.key.clusterName?.replaceAll('{cluster}', cluster.slice(cluster.indexOf('/') + 1));
}

interface PlacedRecord {
  readonly record: CertificateRecord;
  readonly place: number;
}

/** A policy has at most as many places as names, and gaps. */
const MOST_PLACES = 2000;

/** Which place a record is for: its id says so, to who tries. Remembered, as ids and places never part. */
class Places {
  #known = new Map<string, number | undefined>();

  byPolicy(records: ReadonlyMap<string, CertificateRecord>): ReadonlyMap<string, readonly PlacedRecord[]> {
    const known = new Map<string, number | undefined>();
    const byPolicy = new Map<string, PlacedRecord[]>();
    for (const [id, record] of records) {
      const place = this.#known.has(id) ? this.#known.get(id) : placeOf(record);
      known.set(id, place);
      if (place === undefined) continue;
      const list = byPolicy.get(record.policy);
      if (list === undefined) byPolicy.set(record.policy, [{ record, place }]);
      else list.push({ record, place });
    }
    this.#known = known;
    return byPolicy;
  }
}

function placeOf({ id, policy, cluster }: CertificateRecord): number | undefined {
  for (let place = 0; place < MOST_PLACES; place += 1)
    if (certificateId(policy, place, cluster) === id) return place;
  return undefined;
}

function wantedOf(
  key: string,
  policy: Resource<'CertificatePolicy'>,
  source: Source,
  { covered, packed }: Seen,
): WantedOfPolicy {
  const findings = findingsOf(policy, source, covered, packed.length === 0);
  const perCluster = policy.spec.key.location === 'agent';
  const places = perCluster
    ? packed.flatMap((set) => source.clusters.map((cluster) => ({ set, cluster })))
    : packed.map((set) => ({ set, cluster: undefined }));
  return {
    policy: key,
    certificates: places.map(({ set, cluster }) => certificateOf(key, policy, source, set, cluster)),
    findings,
    clusters: source.clusters,
  };
}

function certificateOf(
  key: string,
  policy: Resource<'CertificatePolicy'>,
  source: Source,
  set: PackedSet,
  cluster: string | undefined,
): WantedCertificate {
  const { spec } = policy;
  const own = ownName(policy, cluster);
  const standIns = source.issuers.flatMap(({ key: issuer, standsIn }) => (standsIn ? [issuer] : []));
  const names =
    own === undefined || set.names.some((name) => covers(name, own))
      ? set.names
      : nameSet([...set.names, own]);
  return {
    id: certificateId(key, set.place, cluster),
    policy: key,
    names,
    key: spec.key.algorithm,
    reuseKey: spec.key.reuse,
    ...(cluster === undefined ? {} : { cluster }),
    issuers: source.issuers.map((issuer) => issuer.key),
    ...(standIns.length === 0 ? {} : { standIns }),
    challenge: spec.challenge,
    renewal: {
      ari: spec.renewal.ari,
      ...(spec.renewal.remainingPercent === undefined
        ? {}
        : { remainingPercent: spec.renewal.remainingPercent }),
    },
    revision: sha256(JSON.stringify([names, spec.key.algorithm, spec.challenge, source.issuers])),
  };
}

function sameMaps(a: CertificateObjects, b: CertificateObjects): boolean {
  return (
    a.Gateway === b.Gateway &&
    a.TrafficPolicy === b.TrafficPolicy &&
    a.Cluster === b.Cluster &&
    a.ReferenceGrant === b.ReferenceGrant &&
    a.found === b.found
  );
}
