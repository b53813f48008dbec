import type { Entry, KeyRecord, Turn } from './ledger-state.ts';

/** Tokens that are left many times over are held for so long ahead, milliseconds, and for an eighth of a window at most. */
const LONGEST_HORIZON_MS = 60_000;

/** What one session may get of one pool. */
export interface Offer {
  readonly entry: Entry;
  readonly turn: Turn;
  /** What it has there and has not used, as far as known. */
  readonly held: number;
  /** What it had there altogether, without what it gave back. */
  readonly had: number;
  readonly left: number;
  readonly limit: number;
  readonly windowMs: number;
  /** Until the pool ends (a fixed window), from when it can be used; Infinity: never. */
  readonly usableMs: number;
  /** It can be used now: hits that wait count. */
  readonly now: boolean;
  /** Whether what is not granted now is there the next time as well, or (sliding windows, buckets) flows in all the time. */
  readonly flows: boolean;
}

/** Hits that come in a stretch in all but one of some thirty stretches, if they come by chance. @param stretchMs milliseconds */
export function need(demand: number, stretchMs: number): number {
  const mean = (demand * stretchMs) / 1000;
  return mean + 2 * Math.sqrt(mean);
}

/** Hits wait at the agents, and too few tokens are there for each to hold some: tokens go only to hits that wait. */
export function tiny(key: KeyRecord, limit: number): boolean {
  return key.budget.budget.waits && limit < 3 * key.wanting;
}

/** Until when an agent should have what it needs: its next exchange, with the way there and back. */
export function aheadMs(key: KeyRecord, turn: Turn): number {
  return key.budget.intervalMs + 1.5 * turn.settings.roundTripMs + 20;
}

/**
 * How many tokens a session gets: what it is likely to need until the next exchange (longer while there is plenty), no more than its
 * part when all together want more than there is. Plenty also lengthens the turn's horizon, and a pool that runs out
 * shortens its interval.
 */
export function tokensFor(offer: Offer): number {
  const { entry, turn, held, left, limit, windowMs, usableMs, now } = offer;
  const { key, demand } = entry;
  const { intervalMs } = key.budget;
  const ahead = aheadMs(key, turn);
  const waiting = now ? entry.waiting : 0;
  if (demand === 0 && waiting === 0) return 0;
  if (tiny(key, limit)) return Math.max(0, Math.min(waiting - held, left));
  const total = Math.max(key.demand, demand);
  if (demand > 0 && (total * intervalMs * 2) / 1000 > left)
    turn.intervalMs = Math.min(turn.intervalMs, Math.max(turn.settings.shortestIntervalMs, intervalMs / 2));

  const far = Math.max(ahead, Math.min(windowMs / 8, LONGEST_HORIZON_MS));
  const plenty = left > (4 * total * far) / 1000;
  const horizon = plenty ? far : ahead;
  if (now && plenty) turn.horizonMs = far;
  const wanted = need(demand, Math.min(horizon, usableMs));
  // What is there lasts beyond the next exchange: no grant, nothing to store.
  if (plenty && far > ahead && held >= wanted / 2 && held >= need(demand, ahead) && waiting <= held) return 0;

  const short = Math.max(wanted, waiting) - held;
  const most = short > 0 ? mostFor(offer, total) : 0;
  return Math.min(rounded(Math.min(short, most), turn.settings.random), left);
}

/** A session's part when more is wanted than there is; Infinity: there is enough. */
function mostFor(offer: Offer, total: number): number {
  const { entry, turn, had, left, limit, windowMs, usableMs, now } = offer;
  const { key, demand } = entry;
  const fair = key.budget.budget.allocation === 'fair';
  const wantedInWindow = (total * windowMs) / 1000;
  const over = wantedInWindow > limit;
  const level = fair && over ? fairLevel(key, limit, windowMs, turn.nowMs) : 0;
  const part = fair
    ? over
      ? Math.min((demand * windowMs) / 1000, level) / limit
      : 1 / Math.max(1, key.wanting)
    : total > 0
      ? demand / total
      : 1 / Math.max(1, key.wanting);
  if (offer.flows) {
    if (!over) return Number.POSITIVE_INFINITY;
    // What flows in between two exchanges is divided as it comes; dividing what lies there would leave the most of it there.
    const flowing = (limit * Math.min(turn.elapsedMs, 2 * key.budget.intervalMs)) / windowMs;
    return Math.max(left * part, 1.15 * flowing * part + 1, fair ? 0 : Math.min(entry.waiting, left));
  }
  const ahead = aheadMs(key, turn);
  // The last exchange before the end: nothing that goes to the wrong agent comes back in time.
  const last = usableMs < ahead;
  if (fair && over) return Math.max(level - had, last && now ? left / Math.max(1, key.wanting) : 0);
  // A window that has not begun: whoever asks first would have all of it, and take it along when it crashes.
  if (!now && need(total, ahead) > limit) return Math.max(0, limit * part - had);
  if (now && entry.waiting > 0) return Number.POSITIVE_INFINITY;
  if (last && over) return Math.max(limit * part - had, now ? left * part : 0);
  if (now && (total * Math.min(ahead, usableMs)) / 1000 > left) return Math.max(left * part, 0);
  return Number.POSITIVE_INFINITY;
}

/** The most that each may have in a window so that all together have the limit: those who want less get what they want (max-min fair). */
function fairLevel(key: KeyRecord, limit: number, windowMs: number, nowMs: number): number {
  const { fair } = key;
  if (nowMs < fair.untilMs) return fair.level;
  const wants: number[] = [];
  for (const { demand } of key.entries) if (demand > 0) wants.push((demand * windowMs) / 1000);
  wants.sort((a, b) => a - b);
  let left = limit;
  let level = limit;
  for (const [at, want] of wants.entries()) {
    level = left / (wants.length - at);
    if (want >= level) break;
    left -= want;
  }
  fair.level = level;
  fair.untilMs = nowMs + key.budget.intervalMs / 2;
  return level;
}

function rounded(tokens: number, random: () => number): number {
  if (tokens <= 0) return 0;
  const whole = Math.floor(tokens);
  return tokens > whole && random() < tokens - whole ? whole + 1 : whole;
}
