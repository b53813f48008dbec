import type { RolloverState, ZoneKey } from './rollover-state.ts';

/** Which key does what, as name servers are to serve it now. */
export interface KeyPlan {
  /** The DNSKEY set. */
  readonly published: readonly ZoneKey[];
  /** Sign the DNSKEY, CDS and CDNSKEY sets. */
  readonly keySigners: readonly ZoneKey[];
  /** Sign everything else. */
  readonly zoneSigners: readonly ZoneKey[];
  /** What the parent is asked for (RFC 7344): DS of these keys, no DS at all (RFC 8078 section 4), or nothing yet. */
  readonly parent: readonly ZoneKey[] | 'delete' | undefined;
}

/** `undefined`: the zone is not signed. */
export function keyPlan(state: RolloverState): KeyPlan | undefined {
  if (state.phase === 'unsigned') return undefined;
  const ksks = state.keys.filter((key) => key.role === 'ksk');
  return {
    published: state.keys,
    keySigners: ksks,
    zoneSigners: state.keys.filter((key) => key.role === 'zsk' && key.state === 'active'),
    parent: state.phase === 'unsigning' ? 'delete' : askedFor(ksks),
  };
}

/** The newest key that every cache can know. */
function askedFor(ksks: readonly ZoneKey[]): readonly ZoneKey[] | undefined {
  const known = ksks.filter((key) => key.state !== 'published');
  const newest = known.toSorted((a, b) => b.createdAtMs - a.createdAtMs)[0];
  return newest === undefined ? undefined : [newest];
}

/** Presigned sets are made anew once less than this share of their validity is left. */
export const REFRESH_SHARE = 2 / 3;

/** Whether sets that were signed at `signedAtMs` are due to be signed again. */
export function isRefreshDue(signedAtMs: number, validityMs: number, nowMs: number): boolean {
  return signedAtMs + validityMs - nowMs < validityMs * REFRESH_SHARE || nowMs < signedAtMs;
}
