import type { Budget } from '../../src/quota/budget.ts';
import { createLedger, type LedgerOptions, openLedger } from '../../src/quota/ledger.ts';
import type { KeyState, Ledger } from '../../src/quota/ledger-contract.ts';
import type { QuotaReply, QuotaRequest } from '../../src/quota/messages.ts';

/**
 * What can happen at the hub of the small model. An exchange is durable before its reply leaves, in one step: one that is not, is as if its
 * request had been lost.
 */
export type HubEvent =
  | {
      readonly type: 'exchange';
      readonly agent: string;
      readonly request: QuotaRequest;
      readonly nowMs: number;
    }
  /** Everything so far is durable: a step of its own for the hub that does not wait for it. */
  | { readonly type: 'commit' }
  /** It starts again from what is durable. */
  | { readonly type: 'crash'; readonly nowMs: number };

export interface HubStep {
  readonly state: number;
  /** Replies that left. */
  readonly sent: readonly QuotaReply[];
}

export interface HubFaults {
  /** Replies leave before their pages are durable. */
  readonly early?: boolean;
  /** What agents say is changed before the ledger hears it. */
  readonly hears?: (request: QuotaRequest, previous: QuotaRequest | undefined) => QuotaRequest;
}

interface HubState {
  /** From the start; a shortest known way to this state. */
  readonly history: readonly HubEvent[];
  readonly key: KeyState | undefined;
  readonly uncommitted: boolean;
}

type Pages = ReadonlyMap<string, string>;

/**
 * The real ledger as an automaton: its states are numbered as they are met, and each is reached again by playing its history to a new
 * ledger. Two histories are one state when all pages, what `describe` shows, and what was heard last are equal.
 */
export class ModelHub {
  readonly #budget: Budget;
  readonly #agents: readonly string[];
  readonly #startMs: number;
  readonly #options: Partial<LedgerOptions>;
  readonly #prologue: readonly HubEvent[];
  readonly #faults: HubFaults;
  readonly #states: HubState[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #steps = new Map<string, HubStep>();

  constructor(given: {
    readonly budget: Budget;
    readonly agents: readonly string[];
    readonly startMs: number;
    readonly options: Partial<LedgerOptions>;
    /** Before the model begins: agents get their shares. */
    readonly prologue: readonly HubEvent[];
    readonly faults: HubFaults;
  }) {
    this.#budget = given.budget;
    this.#agents = given.agents;
    this.#startMs = given.startMs;
    this.#options = given.options;
    this.#prologue = given.prologue;
    this.#faults = given.faults;
    this.#enter([]);
  }

  get size(): number {
    return this.#states.length;
  }

  /** What the ledger says of the key. */
  key(state: number): KeyState | undefined {
    return this.#states[state]?.key;
  }

  /** Something is not durable yet. */
  uncommitted(state: number): boolean {
    return this.#states[state]?.uncommitted ?? false;
  }

  step(from: number, event: HubEvent, name: string): HubStep {
    const step = `${from} ${name}`;
    let known = this.#steps.get(step);
    if (known === undefined) {
      known = this.#enter([...(this.#states[from]?.history ?? []), event]);
      this.#steps.set(step, known);
    }
    return known;
  }

  #enter(history: readonly HubEvent[]): HubStep {
    let ledger = this.#configured(
      createLedger({
        epoch: 1,
        nowMs: this.#startMs,
        newId: () => 'l',
        random: () => 0.99,
        ...this.#options,
      }),
      this.#startMs,
    );
    let durable: Pages = new Map();
    let sent: QuotaReply[] = [];
    let uncommitted = false;
    let volatile = new Map<string, QuotaRequest>();
    let waivers = new Set<string>();
    let nowMs = this.#startMs;
    for (const event of [...this.#prologue, ...history]) {
      sent = [];
      switch (event.type) {
        case 'exchange': {
          nowMs = event.nowMs;
          const { agent } = event;
          const of = `${agent} ${event.request.session}`;
          const request = this.#faults.hears?.(event.request, volatile.get(of)) ?? event.request;
          const reply = ledger.exchange(agent, request, nowMs);
          sent.push(reply);
          uncommitted = this.#faults.early ?? false;
          if (!uncommitted) durable = applied(durable, ledger);
          if (request.sentMs > (volatile.get(of)?.sentMs ?? -1)) volatile.set(of, request);
          if (request.waiver !== undefined)
            waivers.add(`${agent} ${request.waiver.sinceMs} ${request.waiver.untilMs}`);
          break;
        }
        case 'commit':
          durable = applied(durable, ledger);
          uncommitted = false;
          break;
        case 'crash':
          nowMs = event.nowMs;
          uncommitted = false;
          volatile = new Map();
          waivers = new Set();
          ledger = this.#reopened(durable, nowMs);
      }
    }
    const live = applied(durable, ledger);
    const key = ledger.describe(this.#budget.id, nowMs, { key: 'k', most: 1 })[0];
    const print = JSON.stringify([
      [...live].sort(),
      [...durable].sort(),
      [...volatile].sort(([a], [b]) => (a < b ? -1 : 1)),
      [...waivers].sort(),
      key,
    ]);
    const known = this.#numbers.get(print);
    const state = known ?? this.#states.length;
    if (known === undefined) {
      this.#states.push({ history, key, uncommitted });
      this.#numbers.set(print, state);
    }
    return { state, sent };
  }

  #reopened(pages: Pages, nowMs: number): Ledger {
    const bytes = new Map([...pages].map(([page, text]) => [page, Buffer.from(text, 'base64')]));
    return this.#configured(
      openLedger(bytes, { epoch: 1, nowMs, newId: () => 'l', random: () => 0.99, ...this.#options }),
      nowMs,
    );
  }

  #configured(ledger: Ledger, nowMs: number): Ledger {
    ledger.setBudgets(new Map([[this.#budget.id, this.#budget]]), 1, nowMs);
    ledger.setAgents(new Map(this.#agents.map((agent) => [agent, ['shop']])), nowMs);
    return ledger;
  }
}

function applied(pages: Pages, ledger: Ledger): Pages {
  const all = new Map(pages);
  for (const { page, content } of ledger.takeChanges()) {
    if (content === undefined) all.delete(page);
    else all.set(page, Buffer.from(content).toString('base64'));
  }
  return all;
}
