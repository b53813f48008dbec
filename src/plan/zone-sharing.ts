import type { DomainName } from '../dns/name.ts';
import { PortolanError } from '../errors/error.ts';
import type { Marker, SharedValue } from './marker.ts';
import type { RecordSet } from './record-set.ts';
import type { Claim } from './zone-claim.ts';

/**
 * The sets of a name that several owners share, as they have to be: what stands there, without what we recorded as ours before, with what is ours now. What
 * other owners contribute, and what nobody claims, stays.
 * @throws PortolanError PROVIDER_UNSUPPORTED for sets that cannot be shared
 */
export function sharedSets(
  wanted: readonly RecordSet[],
  present: readonly RecordSet[],
  claim: Claim,
): readonly RecordSet[] {
  const routed = [...wanted, ...present].find((set) => set.native !== undefined || set.setId !== '');
  if (routed !== undefined) {
    throw new PortolanError(
      'PROVIDER_UNSUPPORTED',
      `${routed.name} is shared with other hubs, and its ${routed.type} records are routed by the provider: only plain records can be shared`,
      { fix: 'Set `spec.dns.form: computed` in the policy, or `spec.dns.shared: false`.' },
    );
  }
  const wantedByType = new Map(wanted.map((set) => [set.type, set]));
  const presentByType = new Map(present.map((set) => [set.type, set]));
  const alone = claim.markers.length === 0;
  const result: RecordSet[] = [];
  for (const type of new Set([...wantedByType.keys(), ...presentByType.keys()])) {
    const mine = wantedByType.get(type);
    const there = presentByType.get(type);
    const kept = there === undefined || claim.takesOver ? [] : notOurs(there, claim.own, claim.markers);
    const values = [...new Set([...kept, ...(mine?.values ?? [])])].sort();
    const set = mine ?? there;
    if (set === undefined || values.length === 0) continue;
    if (type === 'CNAME' && values.length > 1) throw severalTargets(set.name, values);
    result.push({ ...set, values, ...ttlOf(mine, there, alone) });
  }
  return result;
}

/** Values of a set that we did not record as ours, or that another owner records, too. */
function notOurs(set: RecordSet, own: Marker | undefined, others: readonly Marker[]): readonly string[] {
  const recorded = (marker: Marker): readonly string[] =>
    (marker.values ?? []).filter(({ type }) => type === set.type).map(({ value }) => value);
  const ours = new Set(own === undefined ? [] : recorded(own));
  const theirs = new Set(others.flatMap(recorded));
  return set.values.filter((value) => !ours.has(value) || theirs.has(value));
}

/** The lowest that anybody wants: with "the last writer's" two hubs would undo each other for ever. */
function ttlOf(
  mine: RecordSet | undefined,
  there: RecordSet | undefined,
  alone: boolean,
): { readonly ttlSeconds?: number } {
  const own = mine?.ttlSeconds;
  const present = there?.ttlSeconds;
  const ttlSeconds =
    own === undefined ? present : present === undefined || alone ? own : Math.min(own, present);
  return ttlSeconds === undefined ? {} : { ttlSeconds };
}

function severalTargets(name: DomainName, values: readonly string[]): PortolanError {
  return new PortolanError(
    'RECORDS_FOREIGN',
    `${name} is shared, and a CNAME has one target; there would be ${values.length}: ${values.join(', ')}`,
    { fix: 'Let the hubs that share it name the same target, or publish addresses.' },
  );
}

/** What is left of a shared name's sets when we leave it: without the values that are ours alone. */
export function withoutShare(
  present: readonly RecordSet[],
  own: Marker,
  others: readonly Marker[],
): readonly RecordSet[] {
  return present.flatMap((set) => {
    const values = notOurs(set, own, others);
    if (values.length === 0) return [];
    return [values.length === set.values.length ? set : { ...set, values }];
  });
}

/**
 * What our marker has to record: what we contribute, and what we contributed before as long as it stands there. A writer that stops between marker and records
 * leaves no value that nobody would remove.
 */
export function recordedValues(
  wanted: readonly RecordSet[],
  present: readonly RecordSet[],
  claim: Claim,
): readonly SharedValue[] {
  const mine = wanted.flatMap((set) => set.values.map((value) => ({ type: set.type, value })));
  const theirs = new Set(claim.markers.flatMap((marker) => marker.values ?? []).map(textOf));
  const still = (claim.own?.values ?? []).filter(
    (recorded) =>
      !theirs.has(textOf(recorded)) &&
      present.some((set) => set.type === recorded.type && set.values.includes(recorded.value)),
  );
  return [...mine, ...still];
}

const textOf = ({ type, value }: SharedValue): string => `${type} ${value}`;
