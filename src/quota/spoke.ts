import { CLOCK_DRIFT } from './budget.ts';
import { longestMs } from './calendar.ts';
import { HubTime } from './hub-time.ts';
import { FIGURE } from './key-states.ts';
import type { QuotaReply, QuotaRequest } from './messages.ts';
import type { Spoke, SpokeBudget, SpokeMemory, SpokeState } from './spoke-contract.ts';
import { SpokeFloors } from './spoke-floors.ts';
import { nameOf, SpokeKeys } from './spoke-keys.ts';
import { LeavingKeys } from './spoke-leaving.ts';
import { Pace } from './spoke-pace.ts';
import { SpokeReplies } from './spoke-replies.ts';
import { SpokeReports } from './spoke-reports.ts';
import { BANKS, type QuotaTableWriter } from './table-contract.ts';
import type { Settled } from './waiting.ts';

export interface SpokeOptions {
  readonly table: QuotaTableWriter;
  /** 128 random bits as text. */
  readonly newSession: () => string;
  /** Only for `memory`: milliseconds since 1970, however wrong. */
  readonly wallMs: () => number;
  /** The machine's monotonic clock. */
  readonly nowMs: number;
  /** What the process before kept. */
  readonly memory?: SpokeMemory;
  /** How far this machine's clock and the hub's may go apart, as a share. */
  readonly drift?: number;
}

/** So many keys are looked after in one tick, others in the next. */
const KEYS_AT_A_TIME = 5_000;

/** The agent's side of the quota; ADR 25 says why it is exact. */
export function createSpoke(options: SpokeOptions): Spoke {
  return new QuotaSpoke(options);
}

class QuotaSpoke implements Spoke {
  readonly #options: SpokeOptions;
  readonly #table: QuotaTableWriter;
  readonly #time: HubTime;
  readonly #keys: SpokeKeys;
  readonly #floors: SpokeFloors;
  readonly #pace: Pace;
  readonly #leaving: LeavingKeys;
  readonly #reports: SpokeReports;
  readonly #replies: SpokeReplies;

  /** Whether there is a floor that could be waived, or used. */
  #hasFloors = false;
  /** Some request named budgets with floors. */
  #saidFloors = false;
  #configured = false;
  #version = 0;
  /** What the hub may count floors by. */
  #saidVersion = 0;
  /** When it was said first. */
  #versionSentMs = Number.POSITIVE_INFINITY;
  #session: string;
  #ledger = '';
  #epoch = 0;
  /** `hubMs` of the newest reply whose shares were taken. */
  #takenHubMs: number | undefined;
  #floorPlace = 0;

  constructor(options: SpokeOptions) {
    const { table, nowMs, memory, drift = CLOCK_DRIFT } = options;
    this.#options = options;
    this.#table = table;
    this.#time = new HubTime(drift);
    this.#keys = new SpokeKeys(table, this.#time);
    this.#floors = new SpokeFloors(
      this.#time,
      table,
      nowMs,
      memory === undefined ? undefined : { ...memory, ageMs: options.wallMs() - memory.givenWallMs },
    );
    this.#pace = new Pace(nowMs);
    this.#leaving = new LeavingKeys(this.#keys, this.#floors, this.#pace);
    this.#reports = new SpokeReports(this.#keys, this.#pace, this.#floors, this.#leaving);
    this.#replies = new SpokeReplies(this.#keys, this.#pace, this.#leaving, drift);
    this.#session = options.newSession();
  }

  get memory(): SpokeMemory {
    return this.#floors.memory;
  }

  remembered(memory: SpokeMemory): void {
    this.#floors.remembered(memory);
  }

  configure(budgets: readonly (SpokeBudget | undefined)[], version: number, nowMs: number): void {
    const before = this.#keys.budgets;
    this.#keys.budgets = budgets;
    this.#version = version;
    this.#hasFloors = budgets.some((budget) => budget !== undefined && budget.floorShare > 0);
    for (const [index, budget] of budgets.entries()) {
      const former = before[index];
      if (budget === undefined || budget === former) continue;
      const had = former?.id === budget.id ? former.floorShare : 0;
      // All floors rest after a start anyway.
      if (this.#configured && budget.floorShare > had) this.#floors.enlarged(budget, nowMs);
    }
    this.#configured = true;
    const { states } = this.#keys;
    for (let place = states.size - 1; place >= 0; place -= 1) {
      const slot = states.slotAt(place);
      const index = states.get(slot, FIGURE.budget) - 1;
      if (before[index]?.id !== budgets[index]?.id) this.#leaving.leave(slot, before[index], nowMs);
    }
  }

  want(ticket: number, budget: number, key: string, hits: number, waitMs: number, nowMs: number): void {
    const { states, waiting } = this.#keys;
    const rule = this.#keys.budgets[budget];
    if (rule === undefined) {
      waiting.settle(ticket, 'refused');
      return;
    }
    const slot = this.#table.insert(budget, key);
    if (slot < 0) {
      waiting.settle(ticket, 'full');
      return;
    }
    if (!states.has(slot)) {
      if (!this.#keys.enter(slot, budget, key, nowMs)) {
        this.#table.remove(slot);
        waiting.settle(ticket, 'full');
        return;
      }
      states.set(slot, FIGURE.early, hits);
      states.set(slot, FIGURE.horizonMs, this.#pace.intervalMs);
      this.#floors.adopt(slot, nameOf(rule.id, key));
    }
    states.set(slot, FIGURE.lastHitMs, nowMs);
    if (this.#keys.ready(slot, nowMs) >= hits || this.#openFloor(slot, rule, nowMs) >= hits) {
      waiting.settle(ticket, 'try');
      return;
    }
    if (this.away(nowMs)) waiting.settle(ticket, 'away');
    else if (waitMs <= 0) waiting.settle(ticket, 'refused');
    else if (!waiting.add(slot, { ticket, hits, sinceMs: nowMs, untilMs: nowMs + waitMs })) return;
    this.#pace.urgent.add(slot);
  }

  tick(nowMs: number): void {
    const { holdings, marks, waiting } = this.#keys;
    holdings.tick();
    for (const slot of marks.some(KEYS_AT_A_TIME)) this.#mark(slot, nowMs);
    const away = this.away(nowMs);
    for (const slot of waiting.slots()) {
      this.#keys.serve(slot, this.#keys.ready(slot, nowMs), nowMs);
      if (away) waiting.endAll(slot, 'away');
      else waiting.end(slot, 'refused', (ticket) => nowMs >= ticket.untilMs);
    }
    this.#pace.tick(nowMs);
    if (this.#pace.silentFor(nowMs) > this.#pace.intervalMs) this.#tendFloors(nowMs);
  }

  dueMs(): number {
    const idle = this.#keys.states.size === 0 && this.#leaving.size === 0;
    return this.#pace.dueMs(idle && !this.#hasFloors && !this.#owesVersion());
  }

  request(nowMs: number): QuotaRequest | undefined {
    if (this.#pace.waits(nowMs) || this.dueMs() === Number.POSITIVE_INFINITY) return undefined;
    const { names, entries } = this.#reports.all(nowMs);
    const waiver = this.#waiver(nowMs);
    if (this.#saidVersion !== this.#version && this.#floors.fit(nowMs)) {
      this.#saidVersion = this.#version;
      this.#versionSentMs = nowMs;
    }
    this.#saidFloors ||= this.#hasFloors;
    this.#pace.sent(nowMs);
    return {
      session: this.#session,
      sentMs: nowMs,
      ledger: this.#ledger,
      ...(this.#takenHubMs === undefined ? {} : { takenHubMs: this.#takenHubMs }),
      budgets: this.#saidVersion,
      ...(waiver === undefined ? {} : { waiver }),
      shares: this.#floors.said(nowMs),
      names,
      entries,
    };
  }

  accept(reply: QuotaReply, nowMs: number): void {
    const { sentMs } = reply;
    if (reply.session !== this.#session || reply.epoch < this.#epoch || sentMs > nowMs) return;
    this.#epoch = reply.epoch;
    this.#pace.answered(sentMs);
    const another = this.#ledger !== '' && reply.ledger !== this.#ledger;
    if (another) this.#time.forget();
    const agrees = this.#time.observe(reply.hubMs, sentMs, nowMs);
    this.#ledger = reply.ledger;
    if (another || !agrees) {
      // What is known of the hub's clock, and what was promised on it, is of another one.
      this.#floors.rest(nowMs);
      this.#begin();
      return;
    }
    if (reply.closed) {
      this.#begin();
      return;
    }
    this.#pace.taken(reply, nowMs);
    // What was said in a later request overrules every reply to an earlier one.
    if (sentMs === this.#pace.sentMs) {
      this.#takenHubMs = reply.hubMs;
      this.#floors.give(reply.shares, reply.leaseMs, sentMs, this.#options.wallMs());
    }
    for (const entry of reply.entries) this.#replies.take(entry, sentMs, nowMs);
    for (const id of reply.unknown) this.#replies.unknown(id, sentMs, nowMs);
  }

  settled(): readonly Settled[] {
    return this.#keys.waiting.settled();
  }

  clockBroke(nowMs: number): void {
    this.#time.forget();
    this.#floors.rest(nowMs);
    this.#begin();
  }

  away(nowMs: number): boolean {
    return this.#pace.away(nowMs);
  }

  describe(nowMs: number): SpokeState {
    return {
      session: this.#session,
      hub: this.#time.known ? { lowMs: this.#time.low(nowMs), highMs: this.#time.high(nowMs) } : undefined,
      lastReplyAgoMs: this.#pace.lastReplyAgoMs(nowMs),
      keys: this.#keys.states.size,
      waiting: this.#keys.waiting.size,
      shares: this.#floors.shares,
    };
  }

  /** Another session: nothing that this one was granted may be used any more. */
  #begin(): void {
    this.#session = this.#options.newSession();
    this.#takenHubMs = undefined;
    this.#leaving.clear();
    this.#keys.rename();
    this.#pace.restart();
  }

  /** Of sliding windows: what was spent until now is free again a window from now. */
  #mark(slot: number, nowMs: number): void {
    const { holdings, marks } = this.#keys;
    const rule = this.#keys.rule(slot);
    if (rule === undefined || !holdings.exists(slot, BANKS.even)) return;
    if (!marks.isDue(slot, holdings.spent(slot, BANKS.even), nowMs, longestMs(rule.window) / 64)) return;
    marks.note(slot, holdings.tell(slot, BANKS.even, true), nowMs);
  }

  /**
   * Floors are waived only while the hub answers: if it does not, this agent is the one who will need them. What was promised before lasts
   * over one exchange that is lost.
   */
  #waiver(nowMs: number): QuotaRequest['waiver'] {
    if (!this.#pace.isHeard) return undefined;
    const { intervalMs, roundTripMs } = this.#pace;
    return this.#floors.waive(nowMs, 2 * intervalMs + 2 * roundTripMs, this.#ledger);
  }

  #openFloor(slot: number, rule: SpokeBudget, nowMs: number): number {
    if (rule.floorShare <= 0 || nowMs < this.#floors.usableFromMs(rule)) return 0;
    return this.#floors.open(slot, rule, nowMs);
  }

  /** Banks of floors get what is free again, some keys at a time. */
  #tendFloors(nowMs: number): void {
    if (!this.#hasFloors) return;
    const { states } = this.#keys;
    for (let count = Math.min(KEYS_AT_A_TIME, states.size); count > 0; count -= 1) {
      this.#floorPlace = (this.#floorPlace + 1) % states.size;
      const slot = states.slotAt(this.#floorPlace);
      const rule = this.#keys.rule(slot);
      if (rule !== undefined) this.#openFloor(slot, rule, nowMs);
    }
  }

  /**
   * The hub counts floors that this agent had by budgets of before until it hears that they are gone, also when none is left to waive. It may have heard of them by a
   * request that nothing came back for.
   */
  #owesVersion(): boolean {
    const heard = this.#saidVersion === this.#version && this.#pace.answeredMs >= this.#versionSentMs;
    return !heard && (this.#saidFloors || this.#floors.shares.length > 0);
  }
}
