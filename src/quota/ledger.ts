import { PortolanError } from '../errors/error.ts';
import { aheadMs, tiny } from './allocation.ts';
import type { Budget } from './budget.ts';
import { MAX_KEY } from './budget-key.ts';
import { longestMs } from './calendar.ts';
import { allFloors } from './floors.ts';
import { LedgerBook } from './ledger-book.ts';
import type { KeyState, Ledger, PageChange } from './ledger-contract.ts';
import {
  IDLE_ENTRY_MS,
  IDLE_SESSION_MS,
  type LedgerSettings,
  LONGEST_SESSION,
  ledgerSettings,
  longestLeaseMs,
  MOST_OF_LEFT,
  MOST_SESSIONS,
} from './ledger-settings.ts';
import {
  type BudgetRecord,
  type Entry,
  limitOf,
  type Session,
  setDemand,
  type Turn,
  unspent,
} from './ledger-state.ts';
import { describeKeys, type KeyQuestion } from './ledger-states.ts';
import type { EntryGrant, HoldingGrant, KeyName, QuotaReply, QuotaRequest } from './messages.ts';

export { longestLeaseMs } from './ledger-settings.ts';

export interface LedgerOptions extends Partial<LedgerSettings> {
  /** The store's fencing epoch of this hub. */
  readonly epoch: number;
  /** The hub's clock now, milliseconds since 1970. */
  readonly nowMs: number;
  /** 128 random bits as text. */
  readonly newId: () => string;
}

/** An empty ledger. */
export function createLedger(options: LedgerOptions): Ledger {
  const settings = ledgerSettings(options);
  return new QuotaLedger(new LedgerBook(options.newId(), settings), settings, options);
}

/**
 * Goes on where a ledger was that gave these pages out; an empty one where there are none.
 * @throws PortolanError STORE_CORRUPT
 */
export function openLedger(pages: ReadonlyMap<string, Uint8Array>, options: LedgerOptions): Ledger {
  if (pages.size === 0) return createLedger(options);
  const settings = ledgerSettings(options);
  const book = LedgerBook.read(pages, settings, options.nowMs, longestLeaseMs(settings));
  return new QuotaLedger(book, settings, options);
}

/** Each sweep looks through the keys of every so many'th session. */
const SWEEPS = 16;

class QuotaLedger implements Ledger {
  readonly #book: LedgerBook;
  readonly #settings: LedgerSettings;
  readonly #epoch: number;
  readonly #newId: () => string;
  readonly #leaseMs: number;
  /** The hub's clock never goes back, whatever is passed. */
  #nowMs: number;
  #sweeps = 0;

  constructor(book: LedgerBook, settings: LedgerSettings, options: LedgerOptions) {
    this.#book = book;
    this.#settings = settings;
    this.#epoch = options.epoch;
    this.#newId = options.newId;
    this.#nowMs = options.nowMs;
    this.#leaseMs = longestLeaseMs(settings);
  }

  get id(): string {
    return this.#book.id;
  }

  get sizes(): Ledger['sizes'] {
    const { sessions, entries, keys } = this.#book;
    return { sessions: sessions.size, entries, keys };
  }

  setBudgets(budgets: ReadonlyMap<string, Budget>, version: number, nowMs: number): void {
    const now = this.#at(nowMs);
    for (const record of this.#book.budgets) {
      const budget = budgets.get(record.budget.id);
      record.live =
        budget !== undefined &&
        this.#book.budget(budget.id) === record &&
        sameCounting(budget, record.budget);
    }
    for (const budget of budgets.values()) {
      const record = this.#book.budget(budget.id);
      if (record === undefined || !record.live) this.#book.addBudget(budget, now);
      else if (!sameBudget(budget, record.budget)) {
        record.former = formerFloor(record, budget, version);
        record.budget = budget;
        this.#book.budgetChanged(record);
      }
    }
  }

  setAgents(agents: ReadonlyMap<string, readonly string[]>, nowMs: number): void {
    this.#book.floors.setAgents(agents, this.#at(nowMs));
  }

  pauseUntil(hubMs: number): void {
    for (const session of this.#book.sessions) this.#book.closeSession(session, this.#nowMs);
    this.#book.floors.forgetWaivers();
    this.#book.pause(this.#newId(), hubMs);
  }

  exchange(agentName: string, request: QuotaRequest, nowMs: number): QuotaReply {
    const now = this.#at(nowMs);
    const { floors } = this.#book;
    const session = this.#session(agentName, request, now);
    if (session === undefined) return this.#reply(request, now, { closed: true });
    const { agent } = session;

    // A request that was overtaken tells what became of grants; what it wants is over.
    const overtaken = request.sentMs <= session.sentMs;
    const newest = !overtaken && agent.newest === session.name;
    floors.hear(agent, request, newest, now);
    const unknown = new Set<number>();
    for (const name of request.names) if (!this.#name(session, name, now)) unknown.add(name.id);

    const turn: Turn = {
      nowMs: now,
      settings: this.#settings,
      elapsedMs: now - session.heardMs,
      granting: false,
      intervalMs: this.#settings.longestIntervalMs,
      horizonMs: 0,
    };
    const known: Entry[] = [];
    const heardSeconds = Math.floor(now / 1000);
    for (const report of request.entries) {
      const entry = session.entries.get(report.id);
      if (entry === undefined) {
        unknown.add(report.id);
        continue;
      }
      // More than there are: something is said twice.
      if (known.length >= session.entries.size) continue;
      entry.heardSeconds = heardSeconds;
      this.#book.entryChanged(entry, entry.key.pool.merge(entry, report.holdings, now));
      if (!overtaken) setDemand(entry, report.demand, report.waiting);
      known.push(entry);
    }
    const shares = floors.sharesFor(agent, request, newest, now);
    const entries: EntryGrant[] = [];
    for (const entry of known) {
      turn.granting = !overtaken && now >= this.#book.pausedUntilMs && entry.key.budget.live;
      entries.push(this.#grant(entry, turn));
    }

    session.sentMs = Math.max(session.sentMs, request.sentMs);
    session.heardMs = now;
    session.leaseEndMs = now + this.#leaseMs;
    session.lapsed = false;
    return this.#reply(request, now, {
      closed: false,
      intervalMs: turn.intervalMs,
      shares,
      entries,
      unknown: [...unknown],
    });
  }

  override(
    budget: string,
    text: string,
    limit: { readonly limit: number; readonly untilMs: number } | undefined,
  ): void {
    const record = this.#book.budget(budget);
    if (record === undefined || !record.live)
      throw new PortolanError('NOT_FOUND', `there is no budget ${budget}`);
    if (limit === undefined && record.keys.get(text) === undefined) return;
    const key = this.#book.key(record, text, this.#nowMs);
    key.override = limit;
    this.#book.keyChanged(key);
  }

  reset(budget: string, text: string, nowMs: number): number {
    const now = this.#at(nowMs);
    const key = this.#book.budget(budget)?.keys.get(text);
    if (key === undefined) return 0;
    const hits = key.pool.forget(key, now);
    // Entries and the key must agree on what was spent by then.
    for (const entry of key.entries) this.#book.entryChanged(entry, 'both');
    this.#book.keyChanged(key);
    return hits;
  }

  describe(budget: string, nowMs: number, question: KeyQuestion): readonly KeyState[] {
    const record = this.#book.budget(budget);
    return record === undefined ? [] : describeKeys(record, this.#at(nowMs), this.#leaseMs, question);
  }

  takeChanges(): readonly PageChange[] {
    return this.#book.takeChanges();
  }

  sweep(nowMs: number): void {
    const now = this.#at(nowMs);
    const book = this.#book;
    this.#sweeps = (this.#sweeps + 1) % SWEEPS;
    for (const session of book.sessions) {
      if (this.#lapse(session, now)) continue;
      const silentMs = now - session.heardMs;
      const away = silentMs > 3 * this.#settings.longestIntervalMs + 2_000;
      if (session.entries.size === 0 && silentMs > IDLE_SESSION_MS) book.closeSession(session, now);
      else if (session.number % SWEEPS === this.#sweeps) this.#sweepEntries(session, away, now);
    }
    for (const key of book.lonely) {
      if (key.override !== undefined && now >= key.override.untilMs) key.override = undefined;
      if (key.override === undefined && key.pool.fresh(key, now)) book.removeKey(key);
    }
    for (const record of book.budgets) {
      this.#settleFloors(record, now);
      if (!record.live && record.keys.size === 0) book.removeBudget(record);
    }
    book.floors.sweep(now);
  }

  #sweepEntries(session: Session, away: boolean, now: number): void {
    for (const entry of session.entries.values()) {
      const silentMs = now - entry.heardSeconds * 1000;
      // Nobody asks for it now: others need not be kept short for its sake.
      if (away || silentMs > 3 * this.#settings.longestIntervalMs + 2_000) setDemand(entry, 0, 0);
      if (silentMs > IDLE_ENTRY_MS && entry.key.pool.settled(entry, now)) {
        entry.key.pool.close(entry, now, now);
        this.#book.removeEntry(entry);
      }
    }
  }

  /** Floors of a budget that was lowered count in full until the last agent knows, and in windows that began before. */
  #settleFloors(record: BudgetRecord, now: number): void {
    const { former } = record;
    if (former === undefined) return;
    if (former.untilMs === undefined) {
      if (!this.#book.floors.allHave(record.budget.scope, former.version)) return;
      record.former = { ...former, untilMs: now };
    } else if (now - longestMs(record.budget.window) > former.untilMs) record.former = undefined;
    else return;
    this.#book.budgetChanged(record);
  }

  /** The session that a request belongs to; undefined: it is over, or nobody's. */
  #session(agentName: string, request: QuotaRequest, now: number): Session | undefined {
    const agent = this.#book.floors.agents.get(agentName);
    if (agent === undefined || !agent.present) return undefined;
    if (request.ledger !== '' && request.ledger !== this.#book.id) return undefined;
    const { session: name } = request;
    if (name.length > LONGEST_SESSION || agent.closed.includes(name)) return undefined;
    const known = agent.sessions.get(name);
    if (known !== undefined) return this.#lapse(known, now) ? undefined : known;
    if (agent.sessions.size >= MOST_SESSIONS) {
      const [first, ...others] = agent.sessions.values();
      if (first !== undefined)
        this.#book.closeSession(
          others.reduce((oldest, other) => (other.heardMs < oldest.heardMs ? other : oldest), first),
          now,
        );
    }
    return this.#book.addSession(agent, name, now);
  }

  /** Closes a session whose leases are over while it holds some: they count as spent from now on, so it must never use them. */
  #lapse(session: Session, now: number): boolean {
    if (session.lapsed || now <= session.leaseEndMs) return false;
    for (const { key, holdings } of session.entries.values()) {
      if (key.budget.budget.algorithm === 'fixed-window') continue;
      if (!holdings.some((holding) => unspent(holding) > 0)) continue;
      this.#book.closeSession(session, now);
      return true;
    }
    session.lapsed = true;
    return false;
  }

  #name(session: Session, name: KeyName, now: number): boolean {
    if (session.entries.has(name.id)) return true;
    const record = this.#book.budget(name.budget);
    if (record === undefined || !record.live || !session.agent.scopes.includes(record.budget.scope))
      return false;
    if (name.key.length > MAX_KEY || session.entries.size >= this.#settings.mostEntriesPerSession)
      return false;
    if (!this.#hasRoom(record, name.key)) return false;
    this.#book.addEntry(session, name.id, this.#book.key(record, name.key, now), now);
    return true;
  }

  /** However many keys come to the limits of one namespace, something is left for those of others. */
  #hasRoom({ tenant, keys }: BudgetRecord, key: string): boolean {
    const book = this.#book;
    const most = this.#settings.mostEntries;
    if (tenant.entries >= MOST_OF_LEFT * (most - book.entries)) return false;
    return keys.has(key) || tenant.keys < MOST_OF_LEFT * (most - book.keys);
  }

  #grant(entry: Entry, turn: Turn): EntryGrant {
    const holdings: HoldingGrant[] = [];
    const { id, key } = entry;
    const limit = limitOf(key, turn.nowMs);
    turn.horizonMs = tiny(key, limit) ? 0 : aheadMs(key, turn);
    if (entry.demand > 0) turn.intervalMs = Math.min(turn.intervalMs, key.budget.intervalMs);
    this.#book.entryChanged(entry, key.pool.grant(entry, turn, holdings));
    return { id, limit, horizonMs: turn.horizonMs, holdings };
  }

  #reply(
    request: QuotaRequest,
    now: number,
    said: Partial<QuotaReply> & Pick<QuotaReply, 'closed'>,
  ): QuotaReply {
    return {
      session: request.session,
      ledger: this.#book.id,
      epoch: this.#epoch,
      hubMs: now,
      sentMs: request.sentMs,
      leaseMs: this.#leaseMs,
      intervalMs: this.#settings.longestIntervalMs,
      shares: [],
      entries: [],
      unknown: [],
      ...said,
    };
  }

  #at(nowMs: number): number {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    return this.#nowMs;
  }
}

/** What was admitted by the one counts for the other. */
function sameCounting(a: Budget, b: Budget): boolean {
  return (
    a.algorithm === b.algorithm &&
    a.scope === b.scope &&
    JSON.stringify(a.window) === JSON.stringify(b.window)
  );
}

function sameBudget(a: Budget, b: Budget): boolean {
  return (
    a.limit === b.limit &&
    a.burst === b.burst &&
    a.floorShare === b.floorShare &&
    a.allocation === b.allocation &&
    a.waits === b.waits
  );
}

/** What floors are counted by until agents have heard of the new budget; undefined: they do not become smaller. */
function formerFloor(record: BudgetRecord, to: Budget, version: number): BudgetRecord['former'] {
  const { budget: from, former } = record;
  const all = Math.max(allFloors(from.limit, from.floorShare), former?.all ?? 0);
  const allBurst = Math.max(allFloors(from.burst ?? from.limit, from.floorShare), former?.allBurst ?? 0);
  const smaller =
    allFloors(to.limit, to.floorShare) < all || allFloors(to.burst ?? to.limit, to.floorShare) < allBurst;
  return smaller ? { all, allBurst, version, untilMs: undefined } : former;
}
