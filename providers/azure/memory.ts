import type { RecordSet } from '../../src/plan/record-set.ts';

/** A set as it was read or written last. */
export interface KnownSet {
  readonly set: RecordSet;
  readonly etag: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** Written since the zone was read last. */
  readonly ours: boolean;
}

/**
 * What we know of one zone since it was read: each write gives a new ETag, which the tokens of an older read do not have. It is only ever used
 * as a condition, so being out of date costs a 412 and another read, never a wrong write.
 */
export interface ZoneMemory {
  get(key: string): KnownSet | undefined;
  /** True when we deleted it since the zone was read. */
  removed(key: string): boolean;
  /** Replaces everything by what was read. */
  read(sets: ReadonlyMap<string, KnownSet>): void;
  written(key: string, known: KnownSet): void;
  forget(key: string): void;
}

export function createZoneMemory(): ZoneMemory {
  let sets = new Map<string, KnownSet>();
  const removed = new Set<string>();
  return {
    get: (key) => sets.get(key),
    removed: (key) => removed.has(key),
    read(found) {
      sets = new Map(found);
      removed.clear();
    },
    written(key, known) {
      sets.set(key, known);
      removed.delete(key);
    },
    forget(key) {
      sets.delete(key);
      removed.add(key);
    },
  };
}
