import { tokensFor } from './allocation.ts';
import { type Entry, type Turn, unspent } from './ledger-state.ts';

/** What a session holds where tokens are leased, not of a window. */
export function heldOf({ holdings: [holding] }: Entry): number {
  return holding === undefined ? 0 : unspent(holding);
}

/**
 * Grants a session some of what is left, where tokens are leased.
 * @param limit hits in a window of `windowMs`
 * @returns tokens granted, which its holding counts from now on
 */
export function grantLeased(entry: Entry, turn: Turn, left: number, limit: number, windowMs: number): number {
  if (!turn.granting || left <= 0) return 0;
  const more = tokensFor({
    entry,
    turn,
    held: heldOf(entry),
    had: 0,
    left,
    limit,
    windowMs,
    usableMs: Number.POSITIVE_INFINITY,
    now: true,
    flows: true,
  });
  if (more <= 0) return 0;
  const [holding] = entry.holdings;
  if (holding === undefined) entry.holdings = [{ startMs: 0, granted: more, returned: 0, spent: 0 }];
  else holding.granted += more;
  return more;
}
