import { createLedger, openLedger } from '../../src/quota/ledger.ts';
import type { Ledger } from '../../src/quota/ledger-contract.ts';
import type { QuotaReply, QuotaRequest } from '../../src/quota/messages.ts';
import { createSpoke } from '../../src/quota/spoke.ts';
import type { Spoke, SpokeBudget, SpokeMemory } from '../../src/quota/spoke-contract.ts';
import { createQuotaMemory, createTableWriter, createTaker } from '../../src/quota/table.ts';
import type { QuotaTableWriter, QuotaTaker } from '../../src/quota/table-contract.ts';

/*
 * The real ledger and three real agents, two windows of a limit of four: every way of a bounded length that events can take. Nothing is
 * copied: each way is played from its beginning. Of events of different agents that do not touch each other, one order is enough.
 */

const WINDOW_MS = 10_000;
const START_MS = 1_800_000_000_000;
const LIMIT = 4;
const NAMES = ['a', 'b', 'c'] as const;
/** From one event to the next. */
const STEP_MS = 25;
/** Within a window, when the next one is granted from, in it, and later in it. */
const TIMES_MS = [1_000, 9_000, 11_000, 15_000];
const OPTIONS = { longestIntervalMs: 1_000, epoch: 1, newId: () => 'l', random: () => 0.5 };

const budget: SpokeBudget = {
  id: 'shop/p/l/10s',
  scope: 'shop',
  algorithm: 'fixed-window',
  limit: LIMIT,
  window: { type: 'length', ms: WINDOW_MS },
  floorShare: 1,
  allocation: 'proportional',
  waits: true,
  onHubLoss: 'floor',
};

export interface WaysBounds {
  /** Who sends and takes, one to three; the others only have their floors. */
  readonly agents: number;
  /** Whether what is taken before the end, and by whom, is an event of its own. */
  readonly takes: boolean;
  /** Requests of each agent. */
  readonly asks: number;
  /** Events on one way. */
  readonly depth: number;
  readonly hubCrashes: number;
  readonly agentCrashes: number;
  /** Messages that come twice. */
  readonly twice: number;
}

/** What is done wrongly. */
export interface WaysFaults {
  /** Replies leave before their pages are durable. */
  readonly early?: boolean;
  readonly table?: (table: QuotaTableWriter) => QuotaTableWriter;
  readonly hears?: (request: QuotaRequest) => QuotaRequest;
}

export interface WaysResult {
  readonly ways: number;
  /** The most that was admitted in one window, or could have been. */
  readonly most: number;
  readonly violation: { readonly what: string; readonly way: readonly string[] } | undefined;
}

/** Plays every way, the shorter before the longer. */
export function playAllWays(bounds: WaysBounds, faults: WaysFaults = {}): WaysResult {
  let ways = 0;
  let most = 0;
  let level: (readonly string[])[] = [[]];
  for (let depth = 0; depth <= bounds.depth; depth += 1) {
    const next: (readonly string[])[] = [];
    for (const way of level) {
      const play = new Play(bounds, faults);
      for (const event of way) play.happen(event);
      ways += 1;
      if (depth < bounds.depth)
        for (const event of play.events()) if (inOrder(way.at(-1), event)) next.push([...way, event]);
      const could = play.drain();
      most = Math.max(most, could);
      if (could > LIMIT)
        return { ways, most, violation: { what: `${could} can be admitted in a window of ${LIMIT}`, way } };
    }
    level = next;
  }
  return { ways, most, violation: undefined };
}

/** Events are named by what they are and whose: `ask a`, `hub a 0`, `hear a 1`, `take a`, `crash a`; `time` and `crash hub` are everybody's. */
function inOrder(before: string | undefined, event: string): boolean {
  if (before === undefined) return true;
  const [kind, whose = ''] = event.split(' ');
  const [kindBefore, whoseBefore = ''] = before.split(' ');
  if (kind === 'time' || kindBefore === 'time' || event === 'crash hub' || before === 'crash hub')
    return true;
  if (kind === 'hub') return true;
  return kindBefore === 'hub' ? whose === whoseBefore : whose >= whoseBefore;
}

interface Message {
  readonly agent: string;
  readonly request?: QuotaRequest;
  readonly reply?: QuotaReply;
  readonly atMs: number;
  times: number;
}

class Play {
  readonly #bounds: WaysBounds;
  readonly #faults: WaysFaults;
  readonly #wire: Message[] = [];
  readonly #agents = new Map<string, Process>();
  readonly #admitted = new Map<number, number>();
  #ledger: Ledger;
  #durable = new Map<string, Uint8Array>();
  /** The hub's clock. */
  #nowMs = START_MS - 60_000;
  #time = 0;
  #hubCrashes = 0;
  #agentCrashes = 0;
  #twice = 0;

  constructor(bounds: WaysBounds, faults: WaysFaults) {
    this.#bounds = bounds;
    this.#faults = faults;
    this.#ledger = this.#configured(createLedger({ ...OPTIONS, nowMs: this.#nowMs }));
    for (const name of NAMES) this.#start(name, undefined);
    // Everybody has its share of the floors, and has promised not to use it, when the ways begin.
    for (let turn = 0; turn < 4; turn += 1) {
      this.#nowMs += turn === 3 ? START_MS - this.#nowMs - 300 : 1_000;
      for (const name of NAMES) this.#exchange(name);
    }
    this.#nowMs = START_MS + (TIMES_MS[0] ?? 0);
    this.#wants();
  }

  /** The agents' clocks, which are right. */
  get #localMs(): number {
    return this.#nowMs - START_MS + 100_000;
  }

  events(): readonly string[] {
    const bounds = this.#bounds;
    const events: string[] = [];
    if (this.#time < TIMES_MS.length - 1) events.push('time');
    if (this.#hubCrashes < bounds.hubCrashes) events.push('crash hub');
    for (const name of NAMES.slice(0, bounds.agents)) {
      const process = this.#agents.get(name);
      if (process === undefined) continue;
      const { spoke, asked, taken } = process;
      if (asked < bounds.asks && spoke.dueMs() <= this.#localMs) events.push(`ask ${name}`);
      if (bounds.takes && taken < 2 && asked > 0) events.push(`take ${name}`);
      if (this.#agentCrashes < bounds.agentCrashes && asked > 0) events.push(`crash ${name}`);
    }
    for (const [number, { agent, request, times }] of this.#wire.entries())
      if (times === 0 || (times === 1 && this.#twice < bounds.twice))
        events.push(`${request === undefined ? 'hear' : 'hub'} ${agent} ${number}`);
    return events;
  }

  happen(event: string): void {
    const [kind, name = '', number = ''] = event.split(' ');
    this.#nowMs += STEP_MS;
    const message = this.#wire[Number(number)];
    if (event === 'time') {
      this.#time += 1;
      this.#nowMs = START_MS + (TIMES_MS[this.#time] ?? 0);
      this.#ledger.sweep(this.#nowMs);
      for (const { spoke } of this.#agents.values()) spoke.tick(this.#localMs);
      this.#wants();
    } else if (event === 'crash hub') {
      this.#hubCrashes += 1;
      this.#ledger = this.#configured(openLedger(this.#durable, { ...OPTIONS, nowMs: this.#nowMs }));
    } else if (kind === 'crash') {
      this.#agentCrashes += 1;
      this.#start(name, this.#agents.get(name)?.spoke.memory);
      this.#wants();
    } else if (kind === 'ask') this.#ask(name);
    else if (kind === 'take') this.#take(name, 1);
    else if (message !== undefined) this.#arrive(message);
  }

  /** Everybody takes all that it can now. @returns the most that was admitted in a window */
  drain(): number {
    for (const name of NAMES) {
      const process = this.#agents.get(name);
      process?.spoke.want(1_000, 0, 'k', LIMIT, 0, this.#localMs);
      this.#take(name, 2 * LIMIT);
    }
    return Math.max(0, ...this.#admitted.values());
  }

  #start(name: string, memory: SpokeMemory | undefined): void {
    const shared = createQuotaMemory({ capacity: 4, seeds: [1, 2] });
    const table = createTableWriter(shared);
    const serial = (this.#agents.get(name)?.serial ?? 0) + 1;
    const spoke = createSpoke({
      table: this.#faults.table?.(table) ?? table,
      newSession: () => `${name}-${serial}`,
      wallMs: () => START_MS,
      nowMs: this.#localMs,
      ...(memory === undefined ? {} : { memory }),
    });
    spoke.configure([budget], 1, this.#localMs);
    this.#agents.set(name, { spoke, taker: createTaker(shared), serial, asked: 0, taken: 0 });
  }

  #wants(): void {
    for (const { spoke } of this.#agents.values()) {
      spoke.remembered(spoke.memory);
      spoke.want(0, 0, 'k', 2, 300, this.#localMs);
      spoke.settled();
    }
  }

  #exchange(name: string): void {
    const request = this.#agents.get(name)?.spoke.request(this.#localMs);
    if (request === undefined) return;
    const reply = this.#ledger.exchange(name, request, this.#nowMs);
    this.#commit();
    this.#nowMs += 10;
    this.#agents.get(name)?.spoke.accept(reply, this.#localMs);
  }

  #ask(name: string): void {
    const process = this.#agents.get(name);
    const request = process?.spoke.request(this.#localMs);
    if (process === undefined || request === undefined) return;
    process.asked += 1;
    this.#wire.push({ agent: name, request, atMs: this.#nowMs, times: 0 });
  }

  #arrive(message: Message): void {
    const { agent, request, reply } = message;
    if (message.times > 0) this.#twice += 1;
    message.times += 1;
    if (reply !== undefined) {
      const spoke = this.#agents.get(agent)?.spoke;
      spoke?.accept(reply, this.#localMs);
      spoke?.settled();
    } else if (request !== undefined) {
      const heard = this.#faults.hears?.(request) ?? request;
      const answer = this.#ledger.exchange(agent, heard, this.#nowMs);
      if (this.#faults.early !== true) this.#commit();
      this.#wire.push({ agent, reply: answer, atMs: this.#nowMs, times: 0 });
    }
  }

  #take(name: string, times: number): void {
    const process = this.#agents.get(name);
    if (process === undefined) return;
    process.taken += 1;
    const { taker } = process;
    for (let time = 0; time < times; time += 1) {
      const slot = taker.find(0, 'k');
      if (slot < 0 || taker.take(slot, 1, this.#localMs) !== 0) continue;
      const window = Math.floor(this.#nowMs / WINDOW_MS);
      this.#admitted.set(window, (this.#admitted.get(window) ?? 0) + 1);
    }
  }

  #commit(): void {
    // Nobody would read them.
    if (this.#bounds.hubCrashes === 0) return;
    for (const { page, content } of this.#ledger.takeChanges()) {
      if (content === undefined) this.#durable.delete(page);
      else this.#durable.set(page, content);
    }
  }

  #configured(ledger: Ledger): Ledger {
    ledger.setBudgets(new Map([[budget.id, budget]]), 1, this.#nowMs);
    ledger.setAgents(new Map(NAMES.map((name) => [name, ['shop']])), this.#nowMs);
    return ledger;
  }
}

interface Process {
  readonly spoke: Spoke;
  readonly taker: QuotaTaker;
  readonly serial: number;
  asked: number;
  taken: number;
}
