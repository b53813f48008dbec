import type { DomainName } from './name.ts';
import type { RoutedName } from './routed.ts';
import type { Response } from './wire/response.ts';
import type { Zone } from './zone.ts';

/** An answer and what led to it. */
export interface Decision extends Response {
  /** The zone that answered; `undefined` when none did. */
  readonly zone: Zone | undefined;
  /**
   * The node the answer comes from: the name asked for, the wildcard that stood in for it, the cut of a referral, or the origin
   * for a name that does not exist. So many as the zone has, however many names are asked for; `undefined` without a zone.
   */
  readonly source: DomainName | undefined;
  /** The routed name that gave all there is in the answer, compiled; `undefined` when more than it had a part. */
  readonly routed?: RoutedName | undefined;
  /** What a routed name threw, when that is why the answer is SERVFAIL. */
  readonly failure?: unknown;
}

/** A response without records. */
export function withoutRecords(rcode: number): Decision {
  return {
    rcode,
    authoritative: false,
    answer: [],
    authority: [],
    additional: [],
    requiredAdditional: 0,
    ecsScope: 0,
    zone: undefined,
    source: undefined,
  };
}
