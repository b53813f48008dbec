import { type Budget, CLOCK_DRIFT } from './budget.ts';
import { END_OF_TIME_MS, longestMs } from './calendar.ts';
import { needFor, smoothDemand } from './demand.ts';
import { Holdings } from './holdings.ts';
import { HubTime } from './hub-time.ts';
import { FIGURE, KeyStates, SIDE, type Side } from './key-states.ts';
import type {
  EntryGrant,
  EntryReport,
  HoldingGrant,
  HoldingReport,
  KeyName,
  QuotaReply,
  QuotaRequest,
} from './messages.ts';
import { SpentMarks } from './spent-marks.ts';
import type { Spoke, SpokeBudget, SpokeMemory, SpokeState } from './spoke-contract.ts';
import { SpokeFloors } from './spoke-floors.ts';
import { BANKS, type QuotaTableWriter } from './table-contract.ts';
import { type Settled, Waiting } from './waiting.ts';

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

/** At most one exchange in so long. */
const LEAST_APART_MS = 20;
/** Before a reply has said something else. */
const FIRST_INTERVAL_MS = 1_000;
/** As often as hubs like it, for the shortest windows. */
const SHORT_INTERVAL_MS = 200;
const FIRST_LEASE_MS = 5_000;
const FIRST_ROUND_TRIP_MS = 200;
/** Longer ones are not a way there and back but a fault. */
const LONGEST_ROUND_TRIP_MS = 1_000;
/** How long tokens stay for somebody who was told to try. */
const KEEP_MS = 100;
/** Exchanges in a window, at most, for the sake of a key that has run out. */
const MOST_ASKS = 16;
/** A key of which less is expected within its horizon is not in use any more. */
const IDLE_HITS = 0.02;
/** A key keeps its place in a table that fills up for twice as long as it was in use, and no longer than this: else few requests would hold all of it. */
const LONGEST_REST_MS = 60_000;
/** Keys that were given back, until the hub has heard of it: more are left to the end of their session or window. */
const MOST_LEAVING = 100_000;
/** So many keys are looked after in one tick, others in the next. */
const KEYS_AT_A_TIME = 5_000;
const LAST_ID = 0xffff_ffff;
/** Characters of new names in one message, about: the hub takes no messages without bounds. The other names come in the next ones. */
const MOST_NAMED = 1_000_000;
const SIDES = [BANKS.even, BANKS.odd] as const;

/** A key that was given back: what the hub must still hear of it. */
interface Leaving {
  readonly budget: Budget;
  readonly holdings: { readonly startMs: number; returned: number; readonly spent: number }[];
  saidMs: number;
}

/** The agent's side of the quota; ADR 25 says why it is exact. */
export function createSpoke(options: SpokeOptions): Spoke {
  return new QuotaSpoke(options);
}

class QuotaSpoke implements Spoke {
  readonly #options: SpokeOptions;
  readonly #table: QuotaTableWriter;
  readonly #drift: number;
  readonly #time: HubTime;
  readonly #states = new KeyStates();
  readonly #holdings: Holdings;
  readonly #floors: SpokeFloors;
  readonly #waiting = new Waiting();
  readonly #marks = new SpentMarks();
  /** Texts of keys by slot: another session names them again. */
  readonly #texts: (string | undefined)[] = [];
  readonly #slots = new Map<number, number>();
  readonly #leaving = new Map<number, Leaving>();
  /** Slots that cannot wait for the next regular exchange. */
  readonly #urgent = new Set<number>();
  /** Slots that are expected to run out before it. */
  readonly #soon = new Set<number>();

  #budgets: readonly (SpokeBudget | undefined)[] = [];
  /** Whether there is a floor that could be waived, or used. */
  #hasFloors = false;
  #configured = false;
  #version = 0;
  /** What the hub may count floors by. */
  #saidVersion = 0;
  /** When it was said first. */
  #versionSentMs = Number.POSITIVE_INFINITY;
  #session: string;
  #ledger = '';
  #epoch = 0;
  #nextId = 0;

  #intervalMs = FIRST_INTERVAL_MS;
  #leaseMs = FIRST_LEASE_MS;
  #roundTripMs = FIRST_ROUND_TRIP_MS;
  #heardMs: number | undefined;
  /** `sentMs` of the newest reply that was taken. */
  #answeredMs = Number.NEGATIVE_INFINITY;
  /** `hubMs` of the newest reply whose shares were taken. */
  #takenHubMs: number | undefined;
  #startedMs: number;
  #sentMs = Number.NEGATIVE_INFINITY;
  #regularMs = Number.NEGATIVE_INFINITY;
  /** How often keys should be spoken of that the last regular exchange had nothing to say of. */
  #unsaidMs = Number.POSITIVE_INFINITY;
  #inFlight = false;
  /** Since when the hub owes an answer. */
  #unansweredMs: number | undefined;
  /** Characters of names that the message being made may still have, and slots that found no room. */
  #nameRoom = MOST_NAMED;
  readonly #nextTime: number[] = [];
  /** When the first key is expected to run out that could get more. */
  #runsOutMs = Number.POSITIVE_INFINITY;
  #floorPlace = 0;

  constructor(options: SpokeOptions) {
    const { table, nowMs, memory } = options;
    this.#options = options;
    this.#table = table;
    this.#drift = options.drift ?? CLOCK_DRIFT;
    this.#time = new HubTime(this.#drift);
    this.#holdings = new Holdings(this.#states, table);
    this.#floors = new SpokeFloors(
      this.#time,
      table,
      nowMs,
      memory === undefined ? undefined : { ...memory, ageMs: options.wallMs() - memory.givenWallMs },
    );
    this.#session = options.newSession();
    this.#startedMs = nowMs;
  }

  get memory(): SpokeMemory {
    return this.#floors.memory;
  }

  remembered(memory: SpokeMemory): void {
    this.#floors.remembered(memory);
  }

  configure(budgets: readonly (SpokeBudget | undefined)[], version: number, nowMs: number): void {
    const before = this.#budgets;
    this.#budgets = budgets;
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
    for (let place = this.#states.size - 1; place >= 0; place -= 1) {
      const slot = this.#states.slotAt(place);
      const index = this.#states.get(slot, FIGURE.budget) - 1;
      if (before[index]?.id !== budgets[index]?.id) this.#leave(slot, before[index], nowMs);
    }
  }

  want(ticket: number, budget: number, key: string, hits: number, waitMs: number, nowMs: number): void {
    const rule = this.#budgets[budget];
    if (rule === undefined) {
      this.#waiting.settle(ticket, 'refused');
      return;
    }
    const slot = this.#table.insert(budget, key);
    if (slot < 0) {
      this.#waiting.settle(ticket, 'full');
      return;
    }
    if (!this.#states.has(slot)) {
      if (!this.#enter(slot, budget, key, hits, nowMs)) {
        this.#table.remove(slot);
        this.#waiting.settle(ticket, 'full');
        return;
      }
    }
    this.#states.set(slot, FIGURE.lastHitMs, nowMs);
    if (this.#ready(slot, nowMs) >= hits || this.#openFloor(slot, rule, nowMs) >= hits) {
      this.#waiting.settle(ticket, 'try');
      return;
    }
    if (this.away(nowMs)) this.#waiting.settle(ticket, 'away');
    else if (waitMs <= 0) this.#waiting.settle(ticket, 'refused');
    else if (!this.#waiting.add(slot, { ticket, hits, sinceMs: nowMs, untilMs: nowMs + waitMs })) return;
    this.#urgent.add(slot);
  }

  tick(nowMs: number): void {
    this.#holdings.tick();
    for (const slot of this.#marks.some(KEYS_AT_A_TIME)) this.#mark(slot, nowMs);
    const away = this.away(nowMs);
    for (const slot of this.#waiting.slots()) {
      this.#serve(slot, this.#ready(slot, nowMs), nowMs);
      if (away) this.#waiting.endAll(slot, 'away');
      else this.#waiting.end(slot, 'refused', (waiting) => nowMs >= waiting.untilMs);
    }
    if (this.#inFlight && nowMs >= this.#sentMs + this.#patienceMs()) this.#inFlight = false;
    if (this.#silentFor(nowMs) > this.#intervalMs) this.#tendFloors(nowMs);
  }

  dueMs(): number {
    const patient = this.#inFlight ? this.#sentMs + this.#patienceMs() : Number.NEGATIVE_INFINITY;
    const soonest = Math.max(this.#sentMs + LEAST_APART_MS, patient);
    if (this.#urgent.size > 0) return soonest;
    const idle = this.#states.size === 0 && this.#leaving.size === 0;
    if (idle && !this.#hasFloors && !this.#owesVersion()) return Number.POSITIVE_INFINITY;
    return Math.max(soonest, Math.min(this.#regularMs + this.#intervalMs, this.#runsOutMs));
  }

  request(nowMs: number): QuotaRequest | undefined {
    if (this.#inFlight && nowMs < this.#sentMs + this.#patienceMs()) return undefined;
    if (this.dueMs() === Number.POSITIVE_INFINITY) return undefined;
    const names: KeyName[] = [];
    const entries: EntryReport[] = [];
    // Exchanges that come early for some keys say nothing of the others.
    if (nowMs < this.#regularMs + this.#intervalMs * 0.9) {
      for (const slot of this.#soon) this.#urgent.add(slot);
      for (const slot of this.#urgent) this.#report(slot, nowMs, names, entries);
    } else {
      this.#regularMs = nowMs;
      this.#unsaidMs = Number.POSITIVE_INFINITY;
      for (let place = this.#states.size - 1; place >= 0; place -= 1)
        this.#report(this.#states.slotAt(place), nowMs, names, entries);
    }
    this.#urgent.clear();
    this.#soon.clear();
    for (const slot of this.#nextTime.splice(0)) this.#urgent.add(slot);
    this.#nameRoom = MOST_NAMED;
    this.#runsOutMs = Number.POSITIVE_INFINITY;
    for (const [id, leaving] of this.#leaving) {
      entries.push({
        id,
        demand: 0,
        waiting: 0,
        holdings: leaving.holdings.map((holding) => ({ ...holding })),
      });
      leaving.saidMs = nowMs;
    }
    const waiver = this.#waiver(nowMs);
    if (this.#saidVersion !== this.#version && this.#floors.fit(nowMs)) {
      this.#saidVersion = this.#version;
      this.#versionSentMs = nowMs;
    }
    this.#sentMs = nowMs;
    this.#inFlight = true;
    this.#unansweredMs ??= nowMs;
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
    if (reply.session !== this.#session || reply.epoch < this.#epoch || reply.sentMs > nowMs) return;
    this.#epoch = reply.epoch;
    this.#unansweredMs = undefined;
    if (reply.sentMs === this.#sentMs) this.#inFlight = false;
    const another = this.#ledger !== '' && reply.ledger !== this.#ledger;
    if (another) this.#time.forget();
    const agrees = this.#time.observe(reply.hubMs, reply.sentMs, nowMs);
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
    this.#heardMs = Math.max(this.#heardMs ?? reply.sentMs, reply.sentMs);
    this.#answeredMs = Math.max(this.#answeredMs, reply.sentMs);
    const tripMs = nowMs - reply.sentMs;
    this.#roundTripMs += (Math.min(tripMs, LONGEST_ROUND_TRIP_MS) - this.#roundTripMs) / 4;
    // The hub says it for the keys of this exchange: the others want theirs all the same.
    const intervalMs = Math.max(LEAST_APART_MS, Math.min(reply.intervalMs, this.#unsaidMs));
    this.#intervalMs = reply.sentMs === this.#regularMs ? intervalMs : Math.min(this.#intervalMs, intervalMs);
    this.#leaseMs = reply.leaseMs;
    // What was said in a later request overrules every reply to an earlier one.
    if (reply.sentMs === this.#sentMs) {
      this.#takenHubMs = reply.hubMs;
      this.#floors.give(reply.shares, reply.leaseMs, reply.sentMs, this.#options.wallMs());
    }
    for (const entry of reply.entries) this.#take(entry, reply.sentMs, nowMs);
    for (const id of reply.unknown) this.#unknown(id, reply.sentMs, nowMs);
  }

  settled(): readonly Settled[] {
    return this.#waiting.settled();
  }

  clockBroke(nowMs: number): void {
    this.#time.forget();
    this.#floors.rest(nowMs);
    this.#begin();
  }

  away(nowMs: number): boolean {
    // Whom nobody asked is not away: without keys nothing is said for long.
    const unanswered = this.#unansweredMs !== undefined && nowMs - this.#unansweredMs > this.#patienceMs();
    return unanswered && this.#silentFor(nowMs) > this.#leaseMs;
  }

  describe(nowMs: number): SpokeState {
    return {
      session: this.#session,
      hub: this.#time.known ? { lowMs: this.#time.low(nowMs), highMs: this.#time.high(nowMs) } : undefined,
      lastReplyAgoMs: this.#heardMs === undefined ? undefined : nowMs - this.#heardMs,
      keys: this.#states.size,
      waiting: this.#waiting.size,
      shares: this.#floors.shares,
    };
  }

  /** @returns false: there is no name left for it in this session. */
  #enter(slot: number, budget: number, key: string, hits: number, nowMs: number): boolean {
    if (this.#nextId > LAST_ID) return false;
    const id = this.#nextId;
    this.#nextId += 1;
    this.#states.add(slot, budget, id, nowMs);
    this.#states.set(slot, FIGURE.early, hits);
    this.#states.set(slot, FIGURE.sinceMs, nowMs);
    this.#states.set(slot, FIGURE.horizonMs, this.#intervalMs);
    this.#slots.set(id, slot);
    this.#texts[slot] = key;
    this.#floors.adopt(slot, nameOf(this.#budgets[budget]?.id, key));
    return true;
  }

  /** Gives everything of a key back and forgets it; the hub is told until it has heard. */
  #leave(slot: number, budget: Budget | undefined, nowMs: number): void {
    const id = this.#states.get(slot, FIGURE.id);
    const holdings: Leaving['holdings'] = [];
    if (budget !== undefined) {
      for (const side of SIDES) {
        if (!this.#holdings.exists(slot, side)) continue;
        this.#holdings.giveBack(slot, side, Number.MAX_SAFE_INTEGER);
        const { startMs, returned, spent } = this.#holding(slot, side, budget, nowMs);
        holdings.push({ startMs, returned, spent });
      }
      this.#floors.orphan(slot, nameOf(budget.id, this.#texts[slot]), nowMs);
      if (this.#states.get(slot, FIGURE.saidMs) > Number.NEGATIVE_INFINITY)
        this.#leaving.set(id, { budget, holdings, saidMs: Number.POSITIVE_INFINITY });
    }
    this.#drop(slot);
    if (this.#leaving.size <= MOST_LEAVING) return;
    const [oldest] = this.#leaving.keys();
    if (oldest !== undefined) this.#leaving.delete(oldest);
  }

  #drop(slot: number): void {
    this.#waiting.endAll(slot, 'refused');
    this.#slots.delete(this.#states.get(slot, FIGURE.id));
    this.#texts[slot] = undefined;
    this.#soon.delete(slot);
    this.#urgent.delete(slot);
    this.#marks.forget(slot);
    this.#holdings.forget(slot);
    this.#states.remove(slot);
    this.#table.remove(slot);
  }

  /** Another session: nothing that this one was granted may be used any more. */
  #begin(): void {
    this.#session = this.#options.newSession();
    this.#takenHubMs = undefined;
    this.#nextId = 0;
    this.#slots.clear();
    this.#leaving.clear();
    for (let place = this.#states.size - 1; place >= 0; place -= 1) this.#rename(this.#states.slotAt(place));
    this.#inFlight = false;
    this.#regularMs = Number.NEGATIVE_INFINITY;
  }

  #rename(slot: number): void {
    for (const side of SIDES) if (this.#holdings.exists(slot, side)) this.#holdings.close(slot, side);
    this.#holdings.forget(slot);
    this.#marks.forget(slot);
    this.#states.set(slot, FIGURE.id, this.#nextId);
    this.#slots.set(this.#nextId, slot);
    this.#nextId += 1;
    this.#states.set(slot, FIGURE.named, 0);
    this.#states.set(slot, FIGURE.newestMs, Number.NEGATIVE_INFINITY);
    this.#states.set(slot, FIGURE.saidMs, Number.NEGATIVE_INFINITY);
    this.#states.set(slot, FIGURE.answeredMs, Number.NEGATIVE_INFINITY);
  }

  /** What the hub hears of one key in this message, if there is anything to say. */
  #report(slot: number, nowMs: number, names: KeyName[], entries: EntryReport[]): void {
    const states = this.#states;
    const rule = this.#budgets[states.get(slot, FIGURE.budget) - 1];
    if (rule === undefined) {
      this.#leave(slot, undefined, nowMs);
      return;
    }
    if (states.get(slot, FIGURE.named) === 0 && this.#nameRoom <= 0) {
      this.#nextTime.push(slot);
      return;
    }
    const hits = this.#measure(slot, rule, nowMs);
    const demand = states.get(slot, FIGURE.demand);
    const waiting = this.#waiting.hits(slot);
    if (waiting === 0 && this.#isIdle(slot, demand, nowMs) && this.#floors.release(slot, nowMs)) {
      this.#leave(slot, rule, nowMs);
      return;
    }
    const holdings: HoldingReport[] = [];
    let changed = false;
    for (const side of SIDES) {
      if (!this.#holdings.exists(slot, side)) continue;
      if (this.#isOver(slot, side, rule, nowMs)) {
        this.#holdings.close(slot, side);
        continue;
      }
      this.#reach(slot, side, rule, nowMs);
      const spentBefore = states.side(slot, side, SIDE.spent);
      if (this.#giveBackExcess(slot, side, demand, waiting, nowMs) > 0) changed = true;
      const holding = this.#holding(slot, side, rule, nowMs);
      if (holding.spent > spentBefore || holding.marks !== undefined) changed = true;
      holdings.push(holding);
    }
    const saidDemand = states.get(slot, FIGURE.saidDemand);
    if (
      !changed &&
      hits === 0 &&
      waiting === 0 &&
      states.get(slot, FIGURE.named) === 1 &&
      states.get(slot, FIGURE.saidMs) === states.get(slot, FIGURE.answeredMs) &&
      Math.abs(demand - saidDemand) < saidDemand / 4 &&
      !this.#wantsNextWindow(slot, rule, demand, nowMs) &&
      !this.#wantsLease(slot, rule, nowMs)
    ) {
      if ((demand * longestMs(rule.window)) / 1_000 >= IDLE_HITS)
        this.#unsaidMs = Math.max(SHORT_INTERVAL_MS, Math.min(this.#unsaidMs, longestMs(rule.window) / 8));
      return;
    }
    const id = states.get(slot, FIGURE.id);
    if (states.get(slot, FIGURE.named) === 0) {
      const key = this.#texts[slot] ?? '';
      this.#nameRoom -= rule.id.length + key.length;
      names.push({ id, budget: rule.id, key });
    }
    entries.push({ id, demand, waiting, holdings });
    states.set(slot, FIGURE.saidMs, nowMs);
    states.set(slot, FIGURE.saidDemand, demand);
  }

  /** @returns hits since the last time */
  #measure(slot: number, rule: Budget, nowMs: number): number {
    const states = this.#states;
    const hits = this.#table.takeDemand(slot) + states.get(slot, FIGURE.early);
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
        this.#intervalMs,
        longestMs(rule.window),
      ),
    );
    states.set(slot, FIGURE.demandAtMs, nowMs);
    return hits;
  }

  #isIdle(slot: number, demand: number, nowMs: number): boolean {
    const lastHitMs = this.#states.get(slot, FIGURE.lastHitMs);
    const restedMs = nowMs - lastHitMs;
    if (restedMs <= 2 * this.#intervalMs) return false;
    if (this.#table.size > this.#table.capacity / 2) {
      // Who comes with new keys all the time takes no place of those that come back.
      const usedMs = lastHitMs - this.#states.get(slot, FIGURE.sinceMs);
      return restedMs > Math.min(2 * usedMs, LONGEST_REST_MS);
    }
    const horizonMs = Math.max(this.#intervalMs, this.#states.get(slot, FIGURE.horizonMs));
    return (demand * horizonMs) / 1_000 < IDLE_HITS;
  }

  #isOver(slot: number, side: Side, rule: Budget, nowMs: number): boolean {
    return (
      rule.algorithm === 'fixed-window' && this.#time.low(nowMs) >= this.#states.side(slot, side, SIDE.endMs)
    );
  }

  /** Makes the bank usable as far as is known now. */
  #reach(slot: number, side: Side, rule: Budget, nowMs: number): void {
    const states = this.#states;
    // A lease is renewed only by a reply that tells what is left of this very key.
    if (rule.algorithm !== 'fixed-window') return;
    this.#holdings.reach(
      slot,
      side,
      this.#time.surelySince(states.side(slot, side, SIDE.startMs)),
      this.#time.surelyUntil(states.side(slot, side, SIDE.endMs)),
      nowMs,
    );
  }

  #giveBackExcess(slot: number, side: Side, demand: number, waiting: number, nowMs: number): number {
    const states = this.#states;
    const held = this.#holdings.unspent(slot, side);
    if (held <= 0 || nowMs < states.get(slot, FIGURE.keepUntilMs)) return 0;
    const restMs =
      states.side(slot, side, SIDE.untilMs) - Math.max(nowMs, states.side(slot, side, SIDE.fromMs));
    const horizonMs = Math.min(states.get(slot, FIGURE.horizonMs), Math.max(0, restMs));
    const need = horizonMs === 0 ? 0 : needFor(demand, horizonMs);
    // A little more than needed is not worth a message.
    const most = horizonMs === 0 ? waiting : Math.max(waiting, Math.ceil(need * 1.1));
    return this.#holdings.giveBack(slot, side, held - most);
  }

  #holding(slot: number, side: Side, rule: Budget, nowMs: number): HoldingReport {
    const spent = this.#holdings.tell(slot, side, rule.algorithm !== 'fixed-window');
    const report = {
      startMs: this.#states.side(slot, side, SIDE.startMs),
      returned: this.#states.side(slot, side, SIDE.returned),
      spent,
    };
    if (rule.algorithm !== 'sliding-window') return report;
    this.#marks.note(slot, spent, nowMs);
    const marks = this.#marks.report(slot, nowMs);
    return marks.length === 0 ? report : { ...report, marks };
  }

  #wantsNextWindow(slot: number, rule: Budget, demand: number, nowMs: number): boolean {
    if (rule.algorithm !== 'fixed-window' || needFor(demand, this.#intervalMs) < 1) return false;
    const soonMs = nowMs + this.#intervalMs + 2 * this.#roundTripMs;
    return !SIDES.some(
      (side) => this.#holdings.exists(slot, side) && this.#states.side(slot, side, SIDE.untilMs) > soonMs,
    );
  }

  #wantsLease(slot: number, rule: Budget, nowMs: number): boolean {
    return (
      rule.algorithm !== 'fixed-window' &&
      this.#holdings.unspent(slot, BANKS.even) > 0 &&
      this.#states.side(slot, BANKS.even, SIDE.untilMs) < nowMs + this.#leaseMs / 2
    );
  }

  #take(entry: EntryGrant, sentMs: number, nowMs: number): void {
    const slot = this.#slots.get(entry.id);
    if (slot === undefined) {
      this.#takeBack(entry, sentMs);
      return;
    }
    const states = this.#states;
    const rule = this.#budgets[states.get(slot, FIGURE.budget) - 1];
    if (rule === undefined) return;
    states.set(slot, FIGURE.named, 1);
    const answered = states.get(slot, FIGURE.saidMs) === sentMs;
    if (answered) {
      states.set(slot, FIGURE.answeredMs, sentMs);
      this.#marks.heard(slot, sentMs);
    }
    if (sentMs >= this.#answeredMs) {
      states.set(slot, FIGURE.limit, entry.limit);
      // Where hits do not wait, tokens must be here before them.
      const leastMs = rule.waits ? 0 : this.#intervalMs;
      states.set(slot, FIGURE.horizonMs, Math.max(leastMs, entry.horizonMs));
    }
    for (const holding of entry.holdings) this.#grant(slot, rule, holding, sentMs, nowMs);
    const ready = this.#ready(slot, nowMs);
    const served = this.#serve(slot, ready, nowMs);
    const left = this.#tell(slot, rule, ready, entry.holdings[0], nowMs);
    if (answered && left <= 0)
      this.#waiting.end(
        slot,
        'refused',
        (ticket) => ticket.sinceMs <= sentMs && this.#nextFromMs(slot, nowMs) > ticket.untilMs,
      );
    else if (this.#waiting.hits(slot) > 0) this.#urgent.add(slot);
    this.#expect(slot, ready - served, left, nowMs);
    if (rule.algorithm !== 'fixed-window' && ready - served <= 0) this.#awaitFree(slot, rule, entry, nowMs);
  }

  /** A grant for a key that was given back meanwhile. */
  #takeBack(entry: EntryGrant, sentMs: number): void {
    const leaving = this.#leaving.get(entry.id);
    if (leaving === undefined) return;
    let more = false;
    for (const { startMs, granted } of entry.holdings) {
      let holding = leaving.holdings.find((known) => known.startMs === startMs);
      if (holding === undefined) {
        holding = { startMs, returned: 0, spent: 0 };
        leaving.holdings.push(holding);
      }
      if (granted - holding.spent <= holding.returned) continue;
      holding.returned = granted - holding.spent;
      more = true;
      // What was said before did not say this.
      leaving.saidMs = Number.POSITIVE_INFINITY;
    }
    if (!more && sentMs >= leaving.saidMs) this.#leaving.delete(entry.id);
  }

  #grant(slot: number, rule: Budget, grant: HoldingGrant, sentMs: number, nowMs: number): void {
    const fixed = rule.algorithm === 'fixed-window';
    // The table rounds up to a millisecond, and who waits tries in this one.
    const fromMs = fixed ? this.#time.surelySince(grant.startMs) : nowMs - 1;
    const untilMs = fixed ? this.#time.surelyUntil(grant.endMs) : sentMs + this.#leaseMs * (1 - this.#drift);
    if (fixed && nowMs >= untilMs) return;
    const side = fixed ? this.#holdings.sideOf(slot, grant.startMs, nowMs) : BANKS.even;
    if (side === undefined) return;
    const there =
      this.#holdings.exists(slot, side) && this.#states.side(slot, side, SIDE.startMs) === grant.startMs;
    if (there)
      this.#holdings.reach(
        slot,
        side,
        fixed ? fromMs : this.#states.side(slot, side, SIDE.fromMs),
        untilMs,
        nowMs,
      );
    else {
      const window = fixed ? grant : { startMs: grant.startMs, endMs: END_OF_TIME_MS };
      this.#holdings.open(slot, side, window, fromMs, untilMs);
      if (rule.algorithm === 'sliding-window') this.#marks.watch(slot);
    }
    this.#holdings.grant(slot, side, grant.granted);
    // Floors that are not waived any more will be in use when leases of before are over: what they need goes back now.
    if (!fixed && grant.left < 0) this.#holdings.giveBack(slot, side, -grant.left);
    if (sentMs < this.#answeredMs) return;
    this.#states.setSide(slot, side, SIDE.left, grant.left);
    this.#states.setSide(slot, side, SIDE.elsewhere, grant.elsewhere ?? -1);
  }

  #unknown(id: number, sentMs: number, nowMs: number): void {
    this.#leaving.delete(id);
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    const rule = this.#budgets[this.#states.get(slot, FIGURE.budget) - 1];
    if (rule === undefined) return;
    if (this.#states.get(slot, FIGURE.saidMs) === sentMs) this.#states.set(slot, FIGURE.answeredMs, sentMs);
    this.#states.set(slot, FIGURE.named, 0);
    this.#waiting.end(slot, 'refused', (ticket) => ticket.sinceMs <= sentMs);
    const refuseUntilMs = nowMs + this.#intervalMs;
    this.#table.report(slot, { refuseUntilMs, left: 0, limit: rule.limit, resetMs: refuseUntilMs });
  }

  /** Tokens that one take could have. */
  #ready(slot: number, nowMs: number): number {
    let most = 0;
    for (const side of SIDES)
      if (this.#holdings.usable(slot, side, nowMs)) most = Math.max(most, this.#table.tokens(slot, side));
    return most;
  }

  #serve(slot: number, ready: number, nowMs: number): number {
    const served = this.#waiting.serve(slot, ready);
    if (served > 0) this.#states.set(slot, FIGURE.keepUntilMs, nowMs + KEEP_MS);
    return served;
  }

  /** What threads say of the key, and until when they need not ask. @returns what the hub has left */
  #tell(slot: number, rule: Budget, ready: number, grant: HoldingGrant | undefined, nowMs: number): number {
    const states = this.#states;
    const limit = states.get(slot, FIGURE.limit);
    const now =
      SIDES.find(
        (side) =>
          this.#holdings.usable(slot, side, nowMs) ||
          (side === BANKS.odd && !this.#holdings.exists(slot, BANKS.even)),
      ) ?? BANKS.even;
    const left = states.side(slot, now, SIDE.left);
    const nextMs = this.#nextFromMs(slot, nowMs);
    const windowMs = longestMs(rule.window);
    const resetMs =
      rule.algorithm === 'fixed-window'
        ? this.#time.surelySince(states.side(slot, now, SIDE.endMs))
        : nowMs + (rule.algorithm === 'sliding-window' ? windowMs : windowMs / Math.max(1, limit));
    const refuseUntilMs = ready > 0 || left > 0 ? 0 : Math.min(nowMs + this.#intervalMs, nextMs, resetMs);
    // Only what is used up everywhere is gone for as long as that: what others hold they may give back, or spend, until the next exchange.
    const usedUp = ready <= 0 && left <= 0 && states.side(slot, now, SIDE.elsewhere) === 0;
    const freeMs =
      rule.algorithm === 'fixed-window' || grant === undefined
        ? resetMs
        : this.#time.surelySince(grant.endMs);
    const retryMs = Math.min(resetMs, usedUp ? freeMs : nowMs + this.#intervalMs);
    this.#table.report(slot, { refuseUntilMs, left: Math.max(0, left), limit, resetMs, retryMs });
    return left;
  }

  /** Local time from which tokens of a window that has not begun may be used. */
  #nextFromMs(slot: number, nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const side of SIDES) {
      const fromMs = this.#states.side(slot, side, SIDE.fromMs);
      if (this.#holdings.exists(slot, side) && fromMs > nowMs && this.#holdings.unspent(slot, side) > 0)
        nextMs = Math.min(nextMs, fromMs);
    }
    return nextMs;
  }

  /** Whether the key can wait for the next regular exchange. */
  #expect(slot: number, ready: number, left: number, nowMs: number): void {
    const demand = this.#states.get(slot, FIGURE.demand);
    if (ready <= 0 || left <= 0 || demand <= 0) return;
    const askMs = nowMs + (ready / demand) * 1_000 - 1.5 * this.#roundTripMs;
    if (askMs >= this.#regularMs + this.#intervalMs) return;
    this.#runsOutMs = Math.min(this.#runsOutMs, askMs);
    this.#soon.add(slot);
  }

  /** Tokens of these algorithms become free all the time: the next one is asked for when it is there. */
  #awaitFree(slot: number, rule: Budget, entry: EntryGrant, nowMs: number): void {
    const [grant] = entry.holdings;
    if (grant === undefined || this.#states.get(slot, FIGURE.demand) <= 0) return;
    const leastMs = Math.max(LEAST_APART_MS, longestMs(rule.window) / MOST_ASKS);
    const askMs = Math.max(nowMs + leastMs, this.#time.surelySince(grant.endMs) - this.#roundTripMs / 2);
    if (askMs >= this.#regularMs + this.#intervalMs) return;
    this.#runsOutMs = Math.min(this.#runsOutMs, askMs);
    this.#soon.add(slot);
  }

  #mark(slot: number, nowMs: number): void {
    const rule = this.#budgets[this.#states.get(slot, FIGURE.budget) - 1];
    if (rule === undefined || !this.#holdings.exists(slot, BANKS.even)) return;
    if (!this.#marks.isDue(slot, this.#holdings.spent(slot, BANKS.even), nowMs, longestMs(rule.window) / 64))
      return;
    this.#marks.note(slot, this.#holdings.tell(slot, BANKS.even, true), nowMs);
  }

  /**
   * Floors are waived only while the hub answers: if it does not, this agent is the one who will need them. What was promised before lasts
   * over one exchange that is lost.
   */
  #waiver(nowMs: number): QuotaRequest['waiver'] {
    if (this.#heardMs === undefined || this.#unansweredMs !== undefined) return undefined;
    return this.#floors.waive(nowMs, 2 * this.#intervalMs + 2 * this.#roundTripMs, this.#ledger);
  }

  #openFloor(slot: number, rule: Budget, nowMs: number): number {
    if (rule.floorShare <= 0 || nowMs < this.#floors.usableFromMs(rule)) return 0;
    return this.#floors.open(slot, rule, nowMs);
  }

  /** Banks of floors get what is free again, some keys at a time. */
  #tendFloors(nowMs: number): void {
    if (!this.#hasFloors) return;
    for (let count = Math.min(KEYS_AT_A_TIME, this.#states.size); count > 0; count -= 1) {
      this.#floorPlace = (this.#floorPlace + 1) % this.#states.size;
      const slot = this.#states.slotAt(this.#floorPlace);
      const rule = this.#budgets[this.#states.get(slot, FIGURE.budget) - 1];
      if (rule !== undefined) this.#openFloor(slot, rule, nowMs);
    }
  }

  /** The hub counts floors that this agent had by budgets of before until it hears that they are gone, also when none is left to waive. */
  #owesVersion(): boolean {
    const heard = this.#saidVersion === this.#version && this.#answeredMs >= this.#versionSentMs;
    return !heard && this.#floors.shares.length > 0;
  }

  /** How long a reply is waited for before the next request. */
  #patienceMs(): number {
    return Math.max(100, Math.min(3 * this.#roundTripMs + 50, Math.max(2 * this.#intervalMs, 1_000)));
  }

  #silentFor(nowMs: number): number {
    return nowMs - (this.#heardMs ?? this.#startedMs);
  }
}

function nameOf(budget: string | undefined, key: string | undefined): string {
  return `${budget ?? ''}\0${key ?? ''}`;
}
