import type { DomainName } from '../../src/dns/name.ts';
import { belongsTo } from '../../src/plan/ownership.ts';
import type { ZoneInventory } from '../../src/plan/zone-inventory.ts';
import { textOf } from './plan-lines.ts';

/** What stands at a hostname before it is taken over. */
export interface StandingRecords {
  /** Sets that go, then the markers that go with them: each with its name and type. */
  readonly lines: readonly string[];
  /** All of it is this hub's already, and nobody else claims it. */
  readonly ours: boolean;
  /** `external-dns:<id>`, by its marker. */
  readonly madeBy: string | undefined;
}

/** @param types those that a name of ours takes over; others at the hostname stay */
export function standingAt(
  inventory: ZoneInventory,
  hostname: DomainName,
  types: readonly string[],
  owner: string,
): StandingRecords {
  const { origin } = inventory;
  const sets = (inventory.byName.get(hostname) ?? []).filter((set) => types.includes(set.type));
  const markers = inventory.markers.get(hostname)?.markers ?? [];
  const heritage = inventory.heritage.get(hostname) ?? [];
  const isOurs = (set: (typeof sets)[number]): boolean =>
    markers.some(
      (marker) =>
        marker.owner === owner &&
        belongsTo(origin, set, { name: hostname, types: marker.types, below: marker.below }),
    );
  return {
    lines: [
      ...sets.map((set) => `${set.name} ${set.type} ${textOf(set)}`),
      ...heritage.map(({ set, value }) => `${set.name} ${set.type} ${value}`),
    ],
    ours: sets.length > 0 && heritage.length === 0 && sets.every(isOurs),
    madeBy: heritage[0] === undefined ? undefined : `external-dns:${heritage[0].owner}`,
  };
}
