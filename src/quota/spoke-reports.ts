import type { Budget } from './budget.ts';
import { longestMs } from './calendar.ts';
import { needFor, smoothDemand } from './demand.ts';
import { FIGURE, SIDE, type Side } from './key-states.ts';
import type { EntryReport, HoldingReport, KeyName } from './messages.ts';
import type { SpokeFloors } from './spoke-floors.ts';
import { SIDES, type SpokeKeys } from './spoke-keys.ts';
import type { LeavingKeys } from './spoke-leaving.ts';
import type { Pace } from './spoke-pace.ts';
import { BANKS } from './table-contract.ts';

/** A key of which less is expected within its horizon is not in use any more. */
const IDLE_HITS = 0.02;
/** A key keeps its place in a table that fills up for twice as long as it was in use, and no longer than this: else few requests would hold all of it. */
const LONGEST_REST_MS = 60_000;
/** Characters of new names in one message, about: the hub takes no messages without bounds. The other names come in the next ones. */
const MOST_NAMED = 1_000_000;

/** What one request says of keys. */
export interface Said {
  readonly names: KeyName[];
  readonly entries: EntryReport[];
}

/** What the hub hears of keys; those that are not in use any more are given back. */
export class SpokeReports {
  readonly #keys: SpokeKeys;
  readonly #pace: Pace;
  readonly #floors: SpokeFloors;
  readonly #leaving: LeavingKeys;

  constructor(keys: SpokeKeys, pace: Pace, floors: SpokeFloors, leaving: LeavingKeys) {
    this.#keys = keys;
    this.#pace = pace;
    this.#floors = floors;
    this.#leaving = leaving;
  }

  /** The keys of a request that is made now. */
  all(nowMs: number): Said {
    const said: Said = { names: [], entries: [] };
    const room = { left: MOST_NAMED, next: [] as number[] };
    const { states } = this.#keys;
    const some = this.#pace.begin(nowMs);
    if (some !== undefined) for (const slot of some) this.#one(slot, nowMs, said, room);
    else
      for (let place = states.size - 1; place >= 0; place -= 1)
        this.#one(states.slotAt(place), nowMs, said, room);
    this.#pace.said(room.next);
    this.#leaving.report(nowMs, said.entries);
    return said;
  }

  /** One key, if there is anything to say of it. */
  #one(slot: number, nowMs: number, { names, entries }: Said, room: { left: number; next: number[] }): void {
    const { states, waiting: waits } = this.#keys;
    const rule = this.#keys.rule(slot);
    if (rule === undefined) {
      this.#leaving.leave(slot, undefined, nowMs);
      return;
    }
    const named = states.get(slot, FIGURE.named) === 1;
    if (!named && room.left <= 0) {
      room.next.push(slot);
      return;
    }
    const hits = this.#measure(slot, rule, nowMs);
    const demand = states.get(slot, FIGURE.demand);
    const waiting = waits.hits(slot);
    if (waiting === 0 && this.#isIdle(slot, demand, nowMs) && this.#floors.release(slot, nowMs)) {
      this.#leaving.leave(slot, rule, nowMs);
      return;
    }
    const holdings: HoldingReport[] = [];
    const changed = this.#tellHoldings(slot, rule, waiting, nowMs, holdings);
    if (!changed && hits === 0 && waiting === 0 && named && this.#isKnown(slot, rule, demand, nowMs)) {
      if ((demand * longestMs(rule.window)) / 1_000 >= IDLE_HITS) this.#pace.unsaid(longestMs(rule.window));
      return;
    }
    const id = states.get(slot, FIGURE.id);
    if (!named) {
      const key = this.#keys.text(slot);
      room.left -= rule.id.length + key.length;
      names.push({ id, budget: rule.id, key });
    }
    entries.push({ id, demand, waiting, holdings });
    states.set(slot, FIGURE.saidMs, nowMs);
    states.set(slot, FIGURE.saidDemand, demand);
  }

  /** The hub has heard of the key, as it is, and the key needs nothing. */
  #isKnown(slot: number, rule: Budget, demand: number, nowMs: number): boolean {
    const { states } = this.#keys;
    const saidDemand = states.get(slot, FIGURE.saidDemand);
    return (
      states.get(slot, FIGURE.saidMs) === states.get(slot, FIGURE.answeredMs) &&
      Math.abs(demand - saidDemand) < saidDemand / 4 &&
      !this.#wantsNextWindow(slot, rule, demand, nowMs) &&
      !this.#wantsLease(slot, rule, nowMs)
    );
  }

  /** @returns hits since the last time */
  #measure(slot: number, rule: Budget, nowMs: number): number {
    const { states, table } = this.#keys;
    const hits = table.takeDemand(slot) + states.get(slot, FIGURE.early);
    const before = states.get(slot, FIGURE.demand);
    states.set(slot, FIGURE.early, 0);
    if (hits > 0) states.set(slot, FIGURE.lastHitMs, nowMs);
    const elapsedMs = nowMs - states.get(slot, FIGURE.demandAtMs);
    states.set(
      slot,
      FIGURE.demand,
      smoothDemand(
        before < 0 ? undefined : before,
        hits,
        elapsedMs,
        this.#pace.intervalMs,
        longestMs(rule.window),
      ),
    );
    states.set(slot, FIGURE.demandAtMs, nowMs);
    return hits;
  }

  #isIdle(slot: number, demand: number, nowMs: number): boolean {
    const { states, table } = this.#keys;
    const { intervalMs } = this.#pace;
    const lastHitMs = states.get(slot, FIGURE.lastHitMs);
    const restedMs = nowMs - lastHitMs;
    if (restedMs <= 2 * intervalMs) return false;
    if (table.size > table.capacity / 2) {
      // Who comes with new keys all the time takes no place of those that come back.
      const usedMs = lastHitMs - states.get(slot, FIGURE.sinceMs);
      return restedMs > Math.min(2 * usedMs, LONGEST_REST_MS);
    }
    const horizonMs = Math.max(intervalMs, states.get(slot, FIGURE.horizonMs));
    return (demand * horizonMs) / 1_000 < IDLE_HITS;
  }

  /** What the key holds, less what it does not need. @returns whether there is any news in it */
  #tellHoldings(slot: number, rule: Budget, waiting: number, nowMs: number, told: HoldingReport[]): boolean {
    const { states, holdings } = this.#keys;
    let changed = false;
    for (const side of SIDES) {
      if (!holdings.exists(slot, side)) continue;
      if (this.#isOver(slot, side, rule, nowMs)) {
        holdings.close(slot, side);
        continue;
      }
      this.#reach(slot, side, rule, nowMs);
      const spentBefore = states.side(slot, side, SIDE.spent);
      if (this.#giveBackExcess(slot, side, waiting, nowMs) > 0) changed = true;
      const holding = this.#holding(slot, side, rule, nowMs);
      if (holding.spent > spentBefore || holding.marks !== undefined) changed = true;
      told.push(holding);
    }
    return changed;
  }

  #isOver(slot: number, side: Side, rule: Budget, nowMs: number): boolean {
    const { states, time } = this.#keys;
    return rule.algorithm === 'fixed-window' && time.low(nowMs) >= states.side(slot, side, SIDE.endMs);
  }

  /** Makes the bank usable as far as is known now. */
  #reach(slot: number, side: Side, rule: Budget, nowMs: number): void {
    // A lease is renewed only by a reply that tells what is left of this very key.
    if (rule.algorithm !== 'fixed-window') return;
    const { states, time, holdings } = this.#keys;
    holdings.reach(
      slot,
      side,
      time.surelySince(states.side(slot, side, SIDE.startMs)),
      time.surelyUntil(states.side(slot, side, SIDE.endMs)),
      nowMs,
    );
  }

  #giveBackExcess(slot: number, side: Side, waiting: number, nowMs: number): number {
    const { states, holdings } = this.#keys;
    const held = holdings.unspent(slot, side);
    if (held <= 0 || nowMs < states.get(slot, FIGURE.keepUntilMs)) return 0;
    const restMs =
      states.side(slot, side, SIDE.untilMs) - Math.max(nowMs, states.side(slot, side, SIDE.fromMs));
    const horizonMs = Math.min(states.get(slot, FIGURE.horizonMs), Math.max(0, restMs));
    const need = horizonMs === 0 ? 0 : needFor(states.get(slot, FIGURE.demand), horizonMs);
    // A little more than needed is not worth a message.
    const most = horizonMs === 0 ? waiting : Math.max(waiting, Math.ceil(need * 1.1));
    return holdings.giveBack(slot, side, held - most);
  }

  #holding(slot: number, side: Side, rule: Budget, nowMs: number): HoldingReport {
    const { states, holdings, marks } = this.#keys;
    const spent = holdings.tell(slot, side, rule.algorithm !== 'fixed-window');
    const report = {
      startMs: states.side(slot, side, SIDE.startMs),
      returned: states.side(slot, side, SIDE.returned),
      spent,
    };
    if (rule.algorithm !== 'sliding-window') return report;
    marks.note(slot, spent, nowMs);
    const told = marks.report(slot, nowMs);
    return told.length === 0 ? report : { ...report, marks: told };
  }

  #wantsNextWindow(slot: number, rule: Budget, demand: number, nowMs: number): boolean {
    const { intervalMs, roundTripMs } = this.#pace;
    if (rule.algorithm !== 'fixed-window' || needFor(demand, intervalMs) < 1) return false;
    const { states, holdings } = this.#keys;
    const soonMs = nowMs + intervalMs + 2 * roundTripMs;
    return !SIDES.some(
      (side) => holdings.exists(slot, side) && states.side(slot, side, SIDE.untilMs) > soonMs,
    );
  }

  #wantsLease(slot: number, rule: Budget, nowMs: number): boolean {
    const { states, holdings } = this.#keys;
    return (
      rule.algorithm !== 'fixed-window' &&
      holdings.unspent(slot, BANKS.even) > 0 &&
      states.side(slot, BANKS.even, SIDE.untilMs) < nowMs + this.#pace.leaseMs / 2
    );
  }
}
