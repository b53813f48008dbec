import { ProviderError } from '../../providers/contract.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { fenceName } from '../../src/plan/ownership.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { takeInventory } from '../../src/plan/zone-inventory.ts';

/** A reading that seems empty is believed once another one this much later says the same. */
export const AGREES_AFTER_MS = 60_000;

/** Keeps one reading that lies from being written after: a zone that seems to be empty would be filled, over whatever really stands there. */
export interface EmptyReadings {
  /**
   * Why a reading is not believed yet; `undefined`: it is. Readings of which something is ours are always believed.
   * @param written names that this hub wrote last
   */
  doubt(sets: readonly RecordSet[], written: ReadonlySet<DomainName>): ProviderError | undefined;
  /** A person looked: the next reading is believed, if one is in doubt. */
  vouch(): void;
}

export function createEmptyReadings(options: {
  readonly key: string;
  readonly origin: DomainName;
  readonly owner: string;
  readonly monotonicMs: () => number;
}): EmptyReadings {
  const { key, origin, owner, monotonicMs } = options;
  let hadApex = false;
  /** Since when readings seem to be empty. */
  let sinceMs: number | undefined;
  /** The zone really is empty: somebody emptied it. Until something of ours is there again, nothing is doubted. */
  let isBelieved = false;

  function whatIsMissing(sets: readonly RecordSet[], written: ReadonlySet<DomainName>): string | undefined {
    const zone = takeInventory(origin, sets);
    const hasApex = (zone.byName.get(origin) ?? []).some(({ type }) => type === 'SOA' || type === 'NS');
    if (hadApex && !hasApex) return 'neither SOA nor NS';
    hadApex = hasApex;
    if (written.size === 0 || zone.byName.has(fenceName(origin, owner))) return undefined;
    for (const { markers } of zone.markers.values())
      if (markers.some((marker) => marker.owner === owner)) return undefined;
    for (const name of written) if (zone.byName.has(name)) return undefined;
    return written.size === 1
      ? 'nothing of the one name that this hub wrote'
      : `nothing of the ${written.size} names that this hub wrote`;
  }

  return {
    doubt(sets, written) {
      const missing = whatIsMissing(sets, written);
      if (missing === undefined) {
        sinceMs = undefined;
        isBelieved = false;
        return undefined;
      }
      if (isBelieved) return undefined;
      const now = monotonicMs();
      sinceMs ??= now;
      const retryAfterMs = sinceMs + AGREES_AFTER_MS - now;
      if (retryAfterMs <= 0) {
        isBelieved = true;
        return undefined;
      }
      const [, provider = '', zone = ''] = key.split('/');
      return new ProviderError(
        'transient',
        `${key} seems to be empty: ${missing} was read, ${sets.length === 1 ? '1 record set' : `${sets.length} record sets`} in all; nothing is written before another reading a minute later says the same`,
        {
          retryAfterMs,
          fix: `Look at ${zone} at the provider. If it was really emptied, \`portolan provider check ${provider}\` has it filled at once.`,
        },
      );
    },
    vouch() {
      if (sinceMs !== undefined) isBelieved = true;
    },
  };
}
