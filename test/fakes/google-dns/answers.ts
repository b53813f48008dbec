import { type DomainName, isAtOrBelow, parentOf, wildcardUnder } from '../../../src/dns/name.ts';
import { RCODE } from '../../../src/dns/types.ts';
import type { FrontAnswer, FrontRecord } from '../dns-front.ts';
import { REGIONS } from './routing-policy.ts';
import type { ApiGeoPolicy, ApiRoutingPolicy, ApiTargets } from './schema.ts';
import { keyOf, type StoredSet, type ZoneSets } from './zone.ts';

/** What answers depend on besides the zone. */
export interface Situation {
  /** Whether Google's checks find an address up. */
  readonly isUp: (address: string) => boolean;
  /** In [0, 1). */
  readonly random: () => number;
  /** Where the client is; `undefined`: nobody knows, and the query's own region counts. */
  readonly at: readonly [latitude: number, longitude: number] | undefined;
}

/**
 * What Google's name servers answer from a zone. Wildcards and empty non-terminals as in RFC 4592; routing as in
 * https://cloud.google.com/dns/docs/routing-policies-overview.
 */
export function answerFrom(
  origin: DomainName,
  sets: ZoneSets,
  name: DomainName,
  type: string,
  situation: Situation,
): FrontAnswer {
  const soa = recordsOf(sets.get(`${origin} SOA`), origin, situation);
  const referral = delegationOf(origin, sets, name, type);
  if (referral !== undefined)
    return { answers: [], aa: false, authority: recordsOf(referral, referral.name, situation) };
  const owner = ownerOf(origin, sets, name);
  if (owner === undefined) return { answers: [], authority: soa, rcode: RCODE.NXDOMAIN };
  const found = sets.get(keyOf({ name: owner, type })) ?? sets.get(keyOf({ name: owner, type: 'CNAME' }));
  const answers = recordsOf(found, name, situation);
  const scope = found?.api.routingPolicy?.geo === undefined ? 0 : 24;
  return answers.length === 0
    ? { answers, authority: soa }
    : { answers, authority: [], ...(scope === 0 ? {} : { ecsScope: scope }) };
}

function delegationOf(
  origin: DomainName,
  sets: ZoneSets,
  name: DomainName,
  type: string,
): StoredSet | undefined {
  for (let at: DomainName | undefined = name; at !== undefined && at !== origin; at = parentOf(at)) {
    const cut = sets.get(keyOf({ name: at, type: 'NS' }));
    if (cut !== undefined && !(at === name && type === 'DS')) return cut;
  }
  return undefined;
}

/** The name itself, `name` when only something below it exists, or the wildcard that stands for it. */
function ownerOf(origin: DomainName, sets: ZoneSets, name: DomainName): DomainName | undefined {
  const exists = (candidate: DomainName): boolean =>
    [...sets.values()].some((set) => isAtOrBelow(set.name, candidate));
  if (exists(name)) return name;
  let encloser = parentOf(name);
  while (encloser !== undefined && encloser !== origin && !exists(encloser)) encloser = parentOf(encloser);
  if (encloser === undefined) return undefined;
  const wildcard = wildcardUnder(encloser);
  return [...sets.values()].some((set) => set.name === wildcard) ? wildcard : undefined;
}

function recordsOf(
  set: StoredSet | undefined,
  name: DomainName,
  situation: Situation,
): readonly FrontRecord[] {
  if (set === undefined) return [];
  const { rrdatas = [], routingPolicy, ttl = 0 } = set.api;
  const values = routingPolicy === undefined ? rrdatas : route(routingPolicy, situation);
  return values.map((data) => ({ name, type: set.type, ttlSeconds: ttl, data }));
}

interface Item {
  readonly rrdatas?: readonly string[] | undefined;
  readonly healthCheckedTargets?: ApiTargets | undefined;
}

/** "Only the healthy endpoints will be included in the response." Data that is not checked is always there. */
function healthyOf(item: Item, { isUp }: Situation): readonly string[] {
  return [...(item.rrdatas ?? []), ...addressesOf(item.healthCheckedTargets).filter(isUp)];
}

function allOf(item: Item): readonly string[] {
  return [...(item.rrdatas ?? []), ...addressesOf(item.healthCheckedTargets)];
}

function addressesOf(targets: ApiTargets | undefined): readonly string[] {
  return [
    ...(targets?.externalEndpoints ?? []),
    ...(targets?.internalLoadBalancers ?? []).flatMap(({ ipAddress }) => ipAddress ?? []),
  ];
}

export function route(policy: ApiRoutingPolicy, situation: Situation): readonly string[] {
  const { wrr, geo, primaryBackup } = policy;
  if (wrr !== undefined) {
    // "If all endpoints within a bucket are unhealthy, we choose a different bucket (sampled with respect to its weight)."
    const items = wrr.items ?? [];
    const able = items.filter((item) => (item.weight ?? 0) > 0 && healthyOf(item, situation).length > 0);
    const item = drawn(able, situation.random);
    if (item !== undefined) return healthyOf(item, situation);
    const anyway = drawn(items, situation.random) ?? items[0];
    return anyway === undefined ? [] : allOf(anyway);
  }
  if (geo !== undefined) return nearest(geo, situation);
  const primary = addressesOf(primaryBackup?.primaryTargets).filter(situation.isUp);
  const trickle = situation.random() < (primaryBackup?.trickleTraffic ?? 0);
  if (primary.length > 0 && !trickle) return primary;
  return nearest(primaryBackup?.backupGeoTargets ?? {}, situation);
}

function drawn<T extends { readonly weight?: number | undefined }>(
  items: readonly T[],
  random: () => number,
): T | undefined {
  const whole = items.reduce((sum, { weight = 0 }) => sum + weight, 0);
  let left = random() * whole;
  for (const item of items) {
    left -= item.weight ?? 0;
    if (left < 0) return item;
  }
  return undefined;
}

/** The nearest item; without fencing the next one, when nothing of it is up. */
function nearest(
  { items = [], enableFencing = false }: ApiGeoPolicy,
  situation: Situation,
): readonly string[] {
  const sorted = [...items].sort(
    (a, b) => distance(situation.at, a.location) - distance(situation.at, b.location),
  );
  const [first] = sorted;
  if (first === undefined) return [];
  const candidates = enableFencing ? [first] : sorted;
  for (const item of candidates) {
    const healthy = healthyOf(item, situation);
    if (healthy.length > 0) return healthy;
  }
  return allOf(first);
}

function distance(at: Situation['at'], region = ''): number {
  const there = REGIONS[region];
  if (there === undefined) return Number.POSITIVE_INFINITY;
  const [latitude, longitude] = at ?? [0, 0];
  const rad = Math.PI / 180;
  const [a, b] = [latitude * rad, there[0] * rad];
  return Math.acos(
    Math.min(
      1,
      Math.sin(a) * Math.sin(b) + Math.cos(a) * Math.cos(b) * Math.cos((longitude - there[1]) * rad),
    ),
  );
}
