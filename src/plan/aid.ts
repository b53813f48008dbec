import type { Json } from './record-set.ts';

/**
 * Something outside the zone that record sets lean on: a Route 53 health check, a Traffic Manager profile. It is made before the sets that
 * name it, found again by its key, and collected when no set names it any more.
 */
export interface AidSpec {
  /** Content hash: the same specification has the same key, so it is made once and never changed in place. */
  readonly key: string;
  /** Such as `healthcheck`, `profile`. */
  readonly kind: string;
  readonly spec: { readonly [key: string]: Json };
}

/** Where a set names an aid that has no id yet, in `RecordSet.native`: replaced by the id, a string, before sets are compared or sent. */
export interface AidReference {
  readonly $aid: string;
}
