import { END_OF_TIME_MS, longestMs } from './calendar.ts';
import { FIGURE, SIDE } from './key-states.ts';
import type { EntryGrant, HoldingGrant } from './messages.ts';
import type { SpokeBudget } from './spoke-contract.ts';
import { SIDES, type SpokeKeys } from './spoke-keys.ts';
import type { LeavingKeys } from './spoke-leaving.ts';
import { LEAST_APART_MS, type Pace } from './spoke-pace.ts';
import { BANKS } from './table-contract.ts';

/** Exchanges in a window, at most, for the sake of a key that has run out. */
const MOST_ASKS = 16;

/** What the hub says of keys becomes tokens in the table, answers to those who wait, and the time to ask again. */
export class SpokeReplies {
  readonly #keys: SpokeKeys;
  readonly #pace: Pace;
  readonly #leaving: LeavingKeys;
  readonly #drift: number;

  constructor(keys: SpokeKeys, pace: Pace, leaving: LeavingKeys, drift: number) {
    this.#keys = keys;
    this.#pace = pace;
    this.#leaving = leaving;
    this.#drift = drift;
  }

  /** @param sentMs of the request that it answers */
  take(entry: EntryGrant, sentMs: number, nowMs: number): void {
    const { states, marks, waiting } = this.#keys;
    const slot = this.#keys.slotOf(entry.id);
    if (slot === undefined) {
      this.#leaving.takeBack(entry, sentMs);
      return;
    }
    const rule = this.#keys.rule(slot);
    if (rule === undefined) return;
    states.set(slot, FIGURE.named, 1);
    const answered = states.get(slot, FIGURE.saidMs) === sentMs;
    if (answered) {
      states.set(slot, FIGURE.answeredMs, sentMs);
      marks.heard(slot, sentMs);
    }
    if (sentMs >= this.#pace.answeredMs) {
      states.set(slot, FIGURE.limit, entry.limit);
      // Where hits do not wait, tokens must be here before them.
      const leastMs = rule.waits ? 0 : this.#pace.intervalMs;
      states.set(slot, FIGURE.horizonMs, Math.max(leastMs, entry.horizonMs));
    }
    for (const holding of entry.holdings) this.#grant(slot, rule, holding, sentMs, nowMs);
    const ready = this.#keys.ready(slot, nowMs);
    const served = this.#keys.serve(slot, ready, nowMs);
    const left = this.#tell(slot, rule, ready, entry.holdings[0], nowMs);
    if (answered && left <= 0)
      waiting.end(
        slot,
        'refused',
        (ticket) => ticket.sinceMs <= sentMs && this.#keys.nextFromMs(slot, nowMs) > ticket.untilMs,
      );
    else if (waiting.hits(slot) > 0) this.#pace.urgent.add(slot);
    this.#expect(slot, ready - served, left, nowMs);
    if (rule.algorithm !== 'fixed-window' && ready - served <= 0) this.#awaitFree(slot, rule, entry, nowMs);
  }

  /** The hub does not know, or not take, the name. */
  unknown(id: number, sentMs: number, nowMs: number): void {
    const { states, waiting, table } = this.#keys;
    this.#leaving.forget(id);
    const slot = this.#keys.slotOf(id);
    const rule = slot === undefined ? undefined : this.#keys.rule(slot);
    if (slot === undefined || rule === undefined) return;
    if (states.get(slot, FIGURE.saidMs) === sentMs) states.set(slot, FIGURE.answeredMs, sentMs);
    states.set(slot, FIGURE.named, 0);
    waiting.end(slot, 'refused', (ticket) => ticket.sinceMs <= sentMs);
    const refuseUntilMs = nowMs + this.#pace.intervalMs;
    table.report(slot, { refuseUntilMs, left: 0, limit: rule.limit, resetMs: refuseUntilMs });
  }

  #grant(slot: number, rule: SpokeBudget, grant: HoldingGrant, sentMs: number, nowMs: number): void {
    const { states, holdings, marks, time } = this.#keys;
    const fixed = rule.algorithm === 'fixed-window';
    // The table rounds up to a millisecond, and who waits tries in this one.
    const fromMs = fixed ? time.surelySince(grant.startMs) : nowMs - 1;
    const untilMs = fixed ? time.surelyUntil(grant.endMs) : sentMs + this.#pace.leaseMs * (1 - this.#drift);
    if (fixed && nowMs >= untilMs) return;
    const side = fixed ? holdings.sideOf(slot, grant.startMs, nowMs) : BANKS.even;
    if (side === undefined) return;
    const there = holdings.exists(slot, side) && states.side(slot, side, SIDE.startMs) === grant.startMs;
    if (there)
      holdings.reach(slot, side, fixed ? fromMs : states.side(slot, side, SIDE.fromMs), untilMs, nowMs);
    else {
      const window = fixed ? grant : { startMs: grant.startMs, endMs: END_OF_TIME_MS };
      holdings.open(slot, side, window, fromMs, untilMs);
      if (rule.algorithm === 'sliding-window') marks.watch(slot);
    }
    holdings.grant(slot, side, grant.granted);
    // Floors that are not waived any more will be in use when leases of before are over: what they need goes back now.
    if (!fixed && grant.left < 0) holdings.giveBack(slot, side, -grant.left);
    if (sentMs < this.#pace.answeredMs) return;
    states.setSide(slot, side, SIDE.left, grant.left);
    states.setSide(slot, side, SIDE.elsewhere, grant.elsewhere ?? -1);
  }

  /** What threads say of the key, and until when they need not ask. @returns what the hub has left */
  #tell(
    slot: number,
    rule: SpokeBudget,
    ready: number,
    grant: HoldingGrant | undefined,
    nowMs: number,
  ): number {
    const { states, holdings, time, table } = this.#keys;
    const limit = states.get(slot, FIGURE.limit);
    const now =
      SIDES.find(
        (side) =>
          holdings.usable(slot, side, nowMs) || (side === BANKS.odd && !holdings.exists(slot, BANKS.even)),
      ) ?? BANKS.even;
    const left = states.side(slot, now, SIDE.left);
    const nextMs = this.#keys.nextFromMs(slot, nowMs);
    const windowMs = longestMs(rule.window);
    const againMs = nowMs + this.#pace.intervalMs;
    const resetMs =
      rule.algorithm === 'fixed-window'
        ? time.surelySince(states.side(slot, now, SIDE.endMs))
        : nowMs + (rule.algorithm === 'sliding-window' ? windowMs : windowMs / Math.max(1, limit));
    const refuseUntilMs = ready > 0 || left > 0 ? 0 : Math.min(againMs, nextMs, resetMs);
    // Only what is used up everywhere is gone for as long as that: what others hold they may give back, or spend, until the next exchange.
    const usedUp = ready <= 0 && left <= 0 && states.side(slot, now, SIDE.elsewhere) === 0;
    const freeMs =
      rule.algorithm === 'fixed-window' || grant === undefined ? resetMs : time.surelySince(grant.endMs);
    const retryMs = Math.min(resetMs, usedUp ? freeMs : againMs);
    table.report(slot, { refuseUntilMs, left: Math.max(0, left), limit, resetMs, retryMs });
    return left;
  }

  /** Whether the key can wait for the next regular exchange. */
  #expect(slot: number, ready: number, left: number, nowMs: number): void {
    const demand = this.#keys.states.get(slot, FIGURE.demand);
    if (ready <= 0 || left <= 0 || demand <= 0) return;
    this.#pace.expect(slot, nowMs + (ready / demand) * 1_000 - 1.5 * this.#pace.roundTripMs);
  }

  /** Tokens of these algorithms become free all the time: the next one is asked for when it is there. */
  #awaitFree(slot: number, rule: SpokeBudget, entry: EntryGrant, nowMs: number): void {
    const [grant] = entry.holdings;
    if (grant === undefined || this.#keys.states.get(slot, FIGURE.demand) <= 0) return;
    const leastMs = Math.max(LEAST_APART_MS, longestMs(rule.window) / MOST_ASKS);
    const freeMs = this.#keys.time.surelySince(grant.endMs) - this.#pace.roundTripMs / 2;
    this.#pace.expect(slot, Math.max(nowMs + leastMs, freeMs));
  }
}
