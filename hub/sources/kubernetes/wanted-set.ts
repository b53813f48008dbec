import type { Wanted, WantedSet } from '../contract.ts';
import type { HubEntry } from './hub-view.ts';
import { type Mirrored, originOf } from './mirrored.ts';

/** Which part of Kubernetes is seen, so that what is missing there is known to be missing. */
export interface Coverage {
  /** The definitions of all our custom resources are there and were listed. */
  readonly complete: boolean;
  /** By `Kind namespace/name`. */
  covers(id: string): boolean;
  /** The finalizer can be written there. */
  canHold(mirrored: Mirrored): boolean;
}

/** What all of Kubernetes wants. Pure. */
export function wantedSet(
  all: Iterable<Mirrored>,
  hub: ReadonlyMap<string, HubEntry>,
  coverage: Coverage,
): WantedSet {
  const objects = new Map<string, Wanted>();
  const removed = new Set<string>();
  const still = new Set<string>();
  let seen = 0;
  for (const mirrored of all) {
    const { id, content, deleting } = mirrored;
    seen += 1;
    if (deleting) removed.add(id);
    else if (!content.ok) still.add(id);
    else if (wantsHold(mirrored, hub.get(id)) && !mirrored.held && coverage.canHold(mirrored)) still.add(id);
    else objects.set(id, { input: content.input, origin: originOf(mirrored), adopt: content.adopt });
  }
  return {
    objects,
    // All of it gone at once is another cluster, or one that lost its data, and nobody's wish.
    complete: coverage.complete && seen > 0,
    keep: (id) => still.has(id) || (!removed.has(id) && !coverage.covers(id)),
    removed,
  };
}

/**
 * Whether the object should have our finalizer: while the hub has, or is about to have, what it says. What is another's in the hub may go from
 * Kubernetes without the hub.
 */
export function wantsHold({ of, content, deleting }: Mirrored, entry: HubEntry | undefined): boolean {
  if (!of.holds) return false;
  if (entry === undefined) return !deleting && content.ok;
  if (entry.manager === 'kubernetes') return true;
  return !deleting && content.ok && entry.manager === undefined && !entry.takenOver && content.adopt;
}
