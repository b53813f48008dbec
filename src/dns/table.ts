import { PortolanError } from '../errors/error.ts';
import { type DomainName, parentOf } from './name.ts';
import type { Zone } from './zone.ts';

/** Every zone a name server answers for. Immutable: a change makes a new table, which is swapped in whole. */
export class AnswerTable {
  readonly zones: readonly Zone[];
  readonly #byOrigin: ReadonlyMap<DomainName, Zone>;

  /** @throws PortolanError ZONE_CLAIMED when two zones have one origin */
  constructor(zones: readonly Zone[]) {
    const byOrigin = new Map<DomainName, Zone>();
    for (const zone of zones) {
      if (byOrigin.has(zone.origin))
        throw new PortolanError('ZONE_CLAIMED', `two zones have the origin ${zone.origin}`);
      byOrigin.set(zone.origin, zone);
    }
    this.zones = zones;
    this.#byOrigin = byOrigin;
  }

  /** The zone with the longest origin at or above the name. */
  zoneFor(name: DomainName): Zone | undefined {
    for (let at: DomainName | undefined = name; at !== undefined; at = parentOf(at)) {
      const zone = this.#byOrigin.get(at);
      if (zone !== undefined) return zone;
    }
    return undefined;
  }

  /** The zone above the one whose apex this is: it holds the DS records (RFC 4035 section 3.1.4.1). */
  zoneAbove(origin: DomainName): Zone | undefined {
    const parent = parentOf(origin);
    return parent === undefined ? undefined : this.zoneFor(parent);
  }
}

/** What a server answers from before it has any zone: REFUSED for everything. */
export const EMPTY_TABLE = new AnswerTable([]);
