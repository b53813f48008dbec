import { BucketPool } from './bucket-pool.ts';
import type { Budget } from './budget.ts';
import { windowAt } from './calendar.ts';
import { FixedPool } from './fixed-pool.ts';
import type { PageChange } from './ledger-contract.ts';
import { type AgentRecord, LedgerFloors } from './ledger-floors.ts';
import * as pages from './ledger-pages.ts';
import { intervalOf, type LedgerSettings } from './ledger-settings.ts';
import type { BudgetRecord, Changed, Entry, KeyRecord, Pool, Session, Tenant } from './ledger-state.ts';
import { NO_HOLDINGS, setDemand } from './ledger-state.ts';
import { PageReader, PageWriter } from './page-bytes.ts';
import { SlidingPool } from './sliding-pool.ts';

/** Sessions that are over are told so by name, for as many as this for each agent. */
const LONGEST_MEMORY = 64;

/**
 * Everything that the ledger keeps, and its pages: entries by session and 64 of the agent's numbers, keys by 32, one page for each
 * session, agent and budget. A page is written again when something in it changed that a restart must know.
 */
export class LedgerBook {
  id: string;
  readonly floors = new LedgerFloors();
  readonly sessions = new Set<Session>();
  /** Those that the configuration has, and others of the same name that still count. */
  readonly budgets = new Set<BudgetRecord>();
  /** Keys without an entry: to be looked at by the next sweep. */
  readonly lonely = new Set<KeyRecord>();
  entries = 0;
  readonly #settings: LedgerSettings;
  readonly #budgetsById = new Map<string, BudgetRecord>();
  readonly #keys = new Numbered<KeyRecord>();
  readonly #tenants = new Map<string, Tenant>();
  readonly #budgetNumbers = new Numbered<BudgetRecord>();
  #sessionsMade = 0;
  #pausedUntilMs = 0;

  #metaChanged = true;
  readonly #changedBudgets = new Set<number>();
  readonly #changedKeys = new Set<number>();
  readonly #changedSessions = new Set<Session>();
  readonly #changedEntries = new Map<Session, Set<number>>();
  readonly #writer = new PageWriter();

  constructor(id: string, settings: LedgerSettings) {
    this.id = id;
    this.#settings = settings;
  }

  get keys(): number {
    return this.#keys.size;
  }

  budget(id: string): BudgetRecord | undefined {
    return this.#budgetsById.get(id);
  }

  addBudget(budget: Budget, nowMs: number): BudgetRecord {
    const record = this.#budgetRecord(this.#budgetNumbers.free(), budget, nowMs);
    this.#putBudget(record);
    this.#changedBudgets.add(record.number);
    return record;
  }

  budgetChanged(record: BudgetRecord): void {
    record.intervalMs = intervalOf(record.budget, this.#settings);
    this.#changedBudgets.add(record.number);
  }

  removeBudget(record: BudgetRecord): void {
    this.budgets.delete(record);
    this.#budgetNumbers.remove(record.number);
    if (this.#budgetsById.get(record.budget.id) === record) this.#budgetsById.delete(record.budget.id);
    this.#changedBudgets.add(record.number);
  }

  /** Makes it when there is none. */
  key(record: BudgetRecord, text: string, nowMs: number): KeyRecord {
    let key = record.keys.get(text);
    if (key === undefined) {
      key = keyRecord(this.#keys.free(), record, text, newPool(record, this.floors, nowMs));
      this.#putKey(key);
      this.#changedKeys.add(key.number >>> pages.KEY_BITS);
    }
    return key;
  }

  keyChanged(key: KeyRecord): void {
    this.#changedKeys.add(key.number >>> pages.KEY_BITS);
  }

  removeKey(key: KeyRecord): void {
    key.budget.keys.delete(key.text);
    key.budget.tenant.keys -= 1;
    this.#keys.remove(key.number);
    this.lonely.delete(key);
    this.keyChanged(key);
  }

  addSession(agent: AgentRecord, name: string, nowMs: number): Session {
    this.#sessionsMade += 1;
    this.#metaChanged = true;
    const session = newSession(this.#sessionsMade, agent, name, nowMs);
    this.#putSession(session);
    this.#changedSessions.add(session);
    return session;
  }

  /** Everything that it holds counts as spent; it is told that it is over whenever it asks again. */
  closeSession(session: Session, nowMs: number): void {
    // Closed early (a process too many, a clock that did not go on), it may use what it holds until its lease ends.
    const leaseEndMs = Math.max(nowMs, session.leaseEndMs);
    for (const entry of session.entries.values()) {
      entry.key.pool.close(entry, nowMs, leaseEndMs);
      this.keyChanged(entry.key);
      this.removeEntry(entry);
    }
    const { agent } = session;
    agent.sessions.delete(session.name);
    agent.closed.push(session.name);
    if (agent.closed.length > LONGEST_MEMORY) agent.closed.shift();
    this.floors.changed(agent);
    this.sessions.delete(session);
    this.#changedSessions.add(session);
  }

  addEntry(session: Session, id: number, key: KeyRecord, nowMs: number): Entry {
    const entry: Entry = {
      session,
      key,
      id,
      holdings: NO_HOLDINGS,
      demand: 0,
      waiting: 0,
      heardSeconds: Math.floor(nowMs / 1000),
    };
    this.#putEntry(entry);
    this.entryChanged(entry, 'entry');
    return entry;
  }

  entryChanged(entry: Entry, changed: Changed): void {
    if (changed === 'nothing') return;
    let blocks = this.#changedEntries.get(entry.session);
    if (blocks === undefined) {
      blocks = new Set();
      this.#changedEntries.set(entry.session, blocks);
    }
    blocks.add(Math.floor(entry.id / pages.ENTRIES));
    if (changed === 'both') this.keyChanged(entry.key);
  }

  removeEntry(entry: Entry): void {
    setDemand(entry, 0, 0);
    this.entryChanged(entry, 'entry');
    entry.session.entries.delete(entry.id);
    entry.key.entries.delete(entry);
    if (entry.key.entries.size === 0) this.lonely.add(entry.key);
    this.entries -= 1;
    entry.key.budget.tenant.entries -= 1;
  }

  /** Nothing is granted before. */
  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }

  /** Another name, for what agents were granted under the one before is void there; and a pause, which outlives a restart. */
  pause(id: string, untilMs: number): void {
    this.id = id;
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, untilMs);
    this.#metaChanged = true;
  }

  takeChanges(): readonly PageChange[] {
    const changes: PageChange[] = [];
    const put = (page: string, content: Uint8Array | undefined) => changes.push({ page, content });
    if (this.#metaChanged)
      put(
        'meta',
        pages.metaPage({ id: this.id, sessions: this.#sessionsMade, pausedUntilMs: this.#pausedUntilMs }),
      );
    this.#metaChanged = false;
    for (const number of this.#changedBudgets)
      put(`b/${number}`, pages.budgetPage(this.#budgetNumbers.at(number)));
    this.#changedBudgets.clear();
    const agents = this.floors.takeChanged();
    for (const name of agents) put(`a/${name}`, pages.agentPage(this.floors.agents.get(name)));
    if (agents.length > 0) put('gone', pages.json([...this.floors.gone()]));
    for (const session of this.#changedSessions)
      put(`s/${session.number}`, this.sessions.has(session) ? pages.sessionPage(session) : undefined);
    this.#changedSessions.clear();
    for (const [session, blocks] of this.#changedEntries)
      for (const block of blocks)
        put(`e/${session.number}/${block}`, pages.entriesPage(session, block, this.#writer));
    this.#changedEntries.clear();
    for (const block of this.#changedKeys)
      put(
        `k/${block}`,
        pages.keysPage((number) => this.#keys.at(number), block, this.#writer),
      );
    this.#changedKeys.clear();
    if (changes.length > 0)
      for (const name of this.floors.takePromised())
        put(`a/${name}`, pages.agentPage(this.floors.agents.get(name)));
    return changes;
  }

  /** @throws PortolanError STORE_CORRUPT */
  static read(
    stored: ReadonlyMap<string, Uint8Array>,
    settings: LedgerSettings,
    nowMs: number,
    leaseMs: number,
  ): LedgerBook {
    const of = (kind: string) => [...stored].filter(([page]) => page.startsWith(kind));
    const meta = pages.readMeta(stored.get('meta'));
    const book = new LedgerBook(meta.id, settings);
    book.#metaChanged = false;
    book.#sessionsMade = meta.sessions;
    book.#pausedUntilMs = meta.pausedUntilMs;
    for (const [page, bytes] of of('b/')) {
      const { budget, former } = pages.readBudget(bytes);
      const record = book.#budgetRecord(Number(page.slice(2)), budget, nowMs);
      record.former = former;
      // Whether it still is in the configuration is said by `setBudgets`.
      record.live = false;
      book.#putBudget(record);
    }
    for (const [, bytes] of of('a/')) book.floors.restore(pages.readAgent(bytes));
    for (const [scope, gone] of pages.readGone(stored.get('gone'))) book.floors.restoreGone(scope, gone);
    for (const [page, bytes] of of('k/')) {
      const reader = new PageReader(bytes);
      while (!reader.ended) {
        const head = pages.readKey(reader, Number(page.slice(2)));
        const record = book.#budgetNumbers.at(head.budget);
        if (record === undefined) throw pages.damaged(page);
        const key = keyRecord(head.number, record, head.text, newPool(record, book.floors, nowMs));
        key.override = head.override;
        key.pool.read(reader);
        book.#putKey(key);
      }
    }
    for (const [page, bytes] of of('s/')) {
      const { agent: name, session: text } = pages.readSession(bytes);
      const agent = book.floors.agents.get(name);
      if (agent === undefined) throw pages.damaged(page);
      const session = newSession(Number(page.slice(2)), agent, text, nowMs);
      // Its last reply left before this moment.
      session.leaseEndMs = nowMs + leaseMs;
      book.#putSession(session);
    }
    const byNumber = new Map([...book.sessions].map((session) => [session.number, session]));
    for (const [page, bytes] of of('e/')) {
      const [, number, block] = page.split('/').map(Number);
      const session = byNumber.get(number ?? 0);
      if (session === undefined) throw pages.damaged(page);
      const reader = new PageReader(bytes);
      while (!reader.ended) {
        const { id, key: at, holdings } = pages.readEntry(reader, block ?? 0);
        const key = book.#keys.at(at);
        if (key === undefined) throw pages.damaged(page);
        const entry: Entry = {
          session,
          key,
          id,
          holdings,
          demand: 0,
          waiting: 0,
          heardSeconds: Math.floor(nowMs / 1000),
        };
        book.#putEntry(entry);
        key.pool.adopt(entry);
      }
    }
    return book;
  }

  #budgetRecord(number: number, budget: Budget, nowMs: number): BudgetRecord {
    return {
      number,
      budget,
      tenant: this.#tenant(budget.id.slice(0, budget.id.indexOf('/'))),
      live: true,
      intervalMs: intervalOf(budget, this.#settings),
      current: windowAt(budget.window, nowMs),
      next: { startMs: 0, endMs: 0 },
      former: undefined,
      keys: new Map(),
    };
  }

  #tenant(namespace: string): Tenant {
    let tenant = this.#tenants.get(namespace);
    if (tenant === undefined) {
      tenant = { entries: 0, keys: 0 };
      this.#tenants.set(namespace, tenant);
    }
    return tenant;
  }

  #putBudget(record: BudgetRecord): void {
    this.#budgetNumbers.put(record.number, record);
    this.budgets.add(record);
    this.#budgetsById.set(record.budget.id, record);
  }

  #putKey(key: KeyRecord): void {
    this.#keys.put(key.number, key);
    key.budget.keys.set(key.text, key);
    key.budget.tenant.keys += 1;
    this.lonely.add(key);
  }

  #putSession(session: Session): void {
    this.sessions.add(session);
    session.agent.sessions.set(session.name, session);
    session.agent.newest = session.name;
  }

  #putEntry(entry: Entry): void {
    entry.session.entries.set(entry.id, entry);
    entry.key.entries.add(entry);
    this.lonely.delete(entry.key);
    this.entries += 1;
    entry.key.budget.tenant.entries += 1;
  }
}

/** Things by small numbers that are used again. */
class Numbered<T> {
  readonly #things: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#things.length - this.#free.length;
  }

  /** To be put at once. */
  free(): number {
    return this.#free.pop() ?? this.#things.length;
  }

  at(number: number): T | undefined {
    return this.#things[number];
  }

  put(number: number, thing: T): void {
    // Only a restart leaves gaps.
    while (this.#things.length < number) {
      this.#free.push(this.#things.length);
      this.#things.push(undefined);
    }
    const gap = this.#things.length > number ? this.#free.lastIndexOf(number) : -1;
    if (gap >= 0) this.#free.splice(gap, 1);
    this.#things[number] = thing;
  }

  remove(number: number): void {
    this.#things[number] = undefined;
    this.#free.push(number);
  }
}

function keyRecord(number: number, budget: BudgetRecord, text: string, pool: Pool): KeyRecord {
  return {
    number,
    budget,
    text,
    override: undefined,
    entries: new Set(),
    demand: 0,
    wanting: 0,
    fair: { level: 0, untilMs: 0 },
    pool,
  };
}

function newSession(number: number, agent: AgentRecord, name: string, nowMs: number): Session {
  return {
    number,
    agent,
    name,
    entries: new Map(),
    sentMs: Number.NEGATIVE_INFINITY,
    heardMs: nowMs,
    leaseEndMs: nowMs,
    lapsed: false,
  };
}

function newPool(record: BudgetRecord, floors: LedgerFloors, nowMs: number): Pool {
  switch (record.budget.algorithm) {
    case 'fixed-window':
      return new FixedPool(record, floors);
    case 'sliding-window':
      return new SlidingPool(record, floors);
    case 'token-bucket':
      return new BucketPool(record, floors, nowMs);
  }
}
