import type { DomainName } from '../dns/name.ts';
import { PLACES } from './answers.ts';
import type { Delegation } from './delegation.ts';
import type { CompiledName } from './native-or-computed.ts';
import type { PlaceGroup, Placement, TypePlacement } from './placement.ts';
import type { RecordSet } from './record-set.ts';

/** What every authoritative server has to answer to one question. */
export interface ExpectedAnswer {
  readonly name: DomainName;
  /** `A`, `TXT`. */
  readonly type: string;
  /** Countries, subdivisions and `unknown` that are answered alike; empty: everybody is. */
  readonly places: readonly string[];
  /** The records of the type must be one of these lists, each sorted and in canonical presentation form; `[]`: none. */
  readonly oneOf: readonly (readonly string[])[];
  /** Or any of these alone or together, but at least one: what a draw can give. */
  readonly someOf?: readonly string[];
  /** A longer TTL is an answer from before; absent: not judged. */
  readonly ttlSeconds?: number;
}

/**
 * What can be asked of a hostname once it is published: exactly its values where the records are plain; where the provider draws, values of
 * the members of the place: of its first tier with decider `portolan`, of any tier where the provider's health checks decide too.
 * Nothing is said of the types that a CNAME stands for, nor of what cannot be said now.
 */
export function expectedOf({
  desired,
  placement,
}: Pick<CompiledName, 'desired' | 'placement'>): readonly ExpectedAnswer[] {
  if (desired.sets === undefined) return [];
  return placement === undefined ? ofPlainRecords(desired.name, desired.sets) : ofPlacement(placement);
}

/** What can be asked of a delegation: its NS set and its DS are answered by the zone above, with or without authority (RFC 4035 section 3.1.4.1). */
export function expectedOfDelegation({ desired }: Delegation): readonly ExpectedAnswer[] {
  if (!desired.types.includes('DS') || desired.sets === undefined) return [];
  const ds = desired.sets.find(({ type }) => type === 'DS');
  return [
    {
      name: desired.name,
      type: 'DS',
      places: [],
      oneOf: [ds?.values ?? []],
      ...(ds?.ttlSeconds === undefined ? {} : { ttlSeconds: ds.ttlSeconds }),
    },
  ];
}

function ofPlainRecords(name: DomainName, sets: readonly RecordSet[]): readonly ExpectedAnswer[] {
  const own = sets.filter((set) => set.name === name);
  const types = own.some(({ type }) => type === 'CNAME') ? ['CNAME'] : ['A', 'AAAA'];
  return types.map((type) => {
    const set = own.find((one) => one.type === type);
    return {
      name,
      type,
      places: [],
      oneOf: [set?.values ?? []],
      ...(set?.ttlSeconds === undefined ? {} : { ttlSeconds: set.ttlSeconds }),
    };
  });
}

function ofPlacement(placement: Placement): readonly ExpectedAnswer[] {
  const { hostname, ttlSeconds, types } = placement;
  const expected = types.flatMap(({ type, groups }) =>
    groups.flatMap((group): readonly ExpectedAnswer[] => {
      const members = group.tiers.flatMap((tier) => tier.members);
      const someOf = [...new Set(members.flatMap(({ values }) => values))].sort();
      return asked(group.places, types).map((places) => ({
        name: hostname,
        type,
        places,
        oneOf: [],
        someOf,
        ttlSeconds,
      }));
    }),
  );
  const parts = types
    .flatMap(({ groups }) => groups.flatMap(({ places }) => places))
    .filter((place) => place.includes('-'));
  const everywhere = [...PLACES, ...new Set(parts)];
  const aliased = types.find(({ type }) => type === 'CNAME');
  const nobody = (['A', 'AAAA'] as const).flatMap((type): readonly ExpectedAnswer[] => {
    const there = [aliased, types.find((one) => one.type === type)];
    const answered = new Set(there.flatMap((one) => one?.groups.flatMap(({ places }) => places) ?? []));
    const empty = everywhere.filter((place) => !answered.has(place));
    return asked(empty, types).map((places) => ({ name: hostname, type, places, oneOf: [[]] }));
  });
  return [...expected, ...nobody];
}

/**
 * Places whose clients are all answered alike: not countries of which a part is answered otherwise. Empty: everybody.
 * @returns no list at all when there is nobody to ask for
 */
function asked(
  places: PlaceGroup['places'],
  types: readonly TypePlacement[],
): readonly (readonly string[])[] {
  const here = new Set(places);
  const apart = types
    .flatMap(({ groups }) => groups.flatMap((group) => group.places))
    .filter((place) => place.includes('-') && !here.has(place));
  if (apart.length === 0 && PLACES.every((place) => here.has(place))) return [[]];
  const split = new Set(apart.map((place) => place.slice(0, 2)));
  const whole = places.filter((place) => !split.has(place));
  return whole.length === 0 ? [] : [whole];
}
