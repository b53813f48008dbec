import { PortolanError } from '../errors/error.ts';
import { type DomainName, isAtOrBelow, labelsOf, parentOf } from './name.ts';
import type { Zone } from './zone.ts';

const ROOT = '.' as DomainName;

/** Every zone a name server answers for. Immutable: a change makes a new table, which is swapped in whole. */
export class AnswerTable {
  readonly zones: readonly Zone[];
  readonly #byOrigin: ReadonlyMap<DomainName, Zone>;
  /** Zones with no other zone of this table below them. */
  readonly #lowest: ReadonlySet<Zone>;
  /** Labels of the longest origin. */
  readonly #mostLabels: number;
  /** The zone of the last name, when it is one of those: mostly the next name's too. */
  #last: Zone | undefined;

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
    const lowest = new Set(zones);
    for (const zone of zones) {
      for (let at = parentOf(zone.origin); at !== undefined; at = parentOf(at)) {
        const above = byOrigin.get(at);
        if (above !== undefined) lowest.delete(above);
      }
    }
    this.#lowest = lowest;
    this.#mostLabels = zones.reduce((most, { origin }) => Math.max(most, labelsOf(origin).length), 0);
  }

  /** The zone with the longest origin at or above the name. */
  zoneFor(name: DomainName): Zone | undefined {
    const last = this.#last;
    if (last !== undefined && isAtOrBelow(name, last.origin)) return last;
    const zone = this.#find(name);
    if (zone !== undefined && this.#lowest.has(zone)) this.#last = zone;
    return zone;
  }

  #find(name: DomainName): Zone | undefined {
    let found = this.#byOrigin.get(ROOT);
    // From the right, and no further than there are origins: names that are asked for may have 127 labels.
    let dot = name.length - 1;
    for (let labels = 0; labels < this.#mostLabels && dot > 0; labels += 1) {
      dot = name.lastIndexOf('.', dot - 1);
      found = this.#byOrigin.get(name.slice(dot + 1) as DomainName) ?? found;
    }
    return found;
  }

  /** The zone above the one whose apex this is: it holds the DS records (RFC 4035 section 3.1.4.1). */
  zoneAbove(origin: DomainName): Zone | undefined {
    const parent = parentOf(origin);
    return parent === undefined ? undefined : this.zoneFor(parent);
  }
}

/** What a server answers from before it has any zone: REFUSED for everything. */
export const EMPTY_TABLE = new AnswerTable([]);
