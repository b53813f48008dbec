import type { Budget } from './budget.ts';
import { longestMs } from './calendar.ts';

/** How often agents ask, and how much the ledger bears. Milliseconds. */
export interface LedgerSettings {
  /** Agents ask at most so often, however short a window. */
  readonly shortestIntervalMs: number;
  readonly longestIntervalMs: number;
  /** The same for sliding windows and token buckets: leases end with it, and what a lost agent held is idle so long. */
  readonly longestLeasedIntervalMs: number;
  /** From an agent to the hub, through its commit and back; more only costs tokens that lie idle, never exactness. */
  readonly roundTripMs: number;
  /** Keys that one session may have at a time; further names are `unknown`. */
  readonly mostEntriesPerSession: number;
  /** Keys of all sessions together; and keys that count something, asked for or not. */
  readonly mostEntries: number;
  /** Below 1; tells which of several agents gets a part of a token. */
  readonly random: () => number;
}

/** A key not heard of for so long, with nothing left to account for, is forgotten. */
export const IDLE_ENTRY_MS = 60_000;
/** A session without a key, or one that only holds what is over, is forgotten after so long. */
export const IDLE_SESSION_MS = 3_600_000;
/** Data processes of one agent at a time: rolling restarts overlap. The one heard longest ago is closed. */
export const MOST_SESSIONS = 4;
/** A namespace may have so many times the keys that are still left: four fifths of all when it is alone. */
export const MOST_OF_LEFT = 4;
/** Characters of a session's text. */
export const LONGEST_SESSION = 200;

export function ledgerSettings(given: Partial<LedgerSettings>): LedgerSettings {
  return {
    shortestIntervalMs: 200,
    longestIntervalMs: 5_000,
    longestLeasedIntervalMs: 2_000,
    roundTripMs: 250,
    mostEntriesPerSession: 100_000,
    mostEntries: 2_000_000,
    random: spread(),
    ...given,
  };
}

/** How long grants of sliding windows and token buckets may be used after the request they answer was sent: one length for all. */
export function longestLeaseMs(
  settings: Pick<LedgerSettings, 'longestLeasedIntervalMs' | 'roundTripMs'> = ledgerSettings({}),
): number {
  return 4 * settings.longestLeasedIntervalMs + 2 * settings.roundTripMs + 500;
}

/** How often an agent asks that uses a key of such a budget. */
export function intervalOf(budget: Budget, settings: LedgerSettings): number {
  const longest =
    budget.algorithm === 'fixed-window' ? settings.longestIntervalMs : settings.longestLeasedIntervalMs;
  return Math.max(settings.shortestIntervalMs, Math.min(longestMs(budget.window) / 8, longest));
}

/** Multiples of the golden ratio: as even as chance at worst, and the same in every run. */
function spread(): () => number {
  let at = 0;
  return () => {
    at = (at + 0.618_033_988_749_895) % 1;
    return at;
  };
}
