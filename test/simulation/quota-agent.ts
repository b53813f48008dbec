import { createSpoke } from '../../src/quota/spoke.ts';
import type { Spoke, SpokeBudget, SpokeMemory } from '../../src/quota/spoke-contract.ts';
import { createQuotaMemory, createTableWriter, createTaker } from '../../src/quota/table.ts';
import type { QuotaTaker } from '../../src/quota/table-contract.ts';
import type { Mutation } from './quota-mutants.ts';

export interface Hit {
  readonly budget: number;
  readonly key: string;
  readonly hits: number;
  readonly waitMs: number;
}

/** A hit that was admitted, and what its answer would be charged to. */
export interface Admission extends Hit {
  readonly agent: Agent;
  readonly taker: QuotaTaker;
  readonly slot: number;
  readonly receipt: number;
}

/** A machine with a clock of its own, and the data process on it: the real spoke, the real table, one thread that admits. */
export class Agent {
  readonly name: string;
  /** How much faster its clock goes than the hub's. */
  readonly drift: number;
  readonly #offsetMs: number;
  /** True time at which the machine was suspended for so long altogether: its clock stood still. */
  #stoodStillMs = 0;
  readonly #wallErrorMs: number;
  readonly #newSession: () => string;
  readonly #mutation: Mutation;
  readonly #written: (write: () => void) => void;
  /** What is on the disk. */
  #memory: SpokeMemory | undefined;
  #writing: SpokeMemory | undefined;
  /** What this process has written. */
  #kept: SpokeMemory | undefined;
  #tickets = new Map<number, Hit>();
  #nextTicket = 0;
  spoke: Spoke | undefined;
  taker: QuotaTaker | undefined;
  /** Until this true time nothing runs here. */
  frozenUntilMs = 0;
  #wakes = false;
  budgets: readonly (SpokeBudget | undefined)[] = [];
  version = 0;

  constructor(options: {
    readonly name: string;
    readonly drift: number;
    readonly offsetMs: number;
    readonly wallErrorMs: number;
    readonly newSession: () => string;
    readonly mutation: Mutation;
    /** Some time later something is on the disk; one thing after the other. */
    readonly written: (write: () => void) => void;
  }) {
    this.name = options.name;
    this.drift = options.drift;
    this.#offsetMs = options.offsetMs;
    this.#wallErrorMs = options.wallErrorMs;
    this.#newSession = options.newSession;
    this.#mutation = options.mutation;
    this.#written = options.written;
  }

  /** The machine's monotonic clock. */
  monotonic(atMs: number): number {
    return this.#offsetMs + (atMs - this.#stoodStillMs) * (1 + this.drift);
  }

  start(atMs: number): void {
    const nowMs = this.monotonic(atMs);
    const memory = createQuotaMemory({ capacity: 64, seeds: [1, 2] });
    const writer = createTableWriter(memory);
    const spoke = createSpoke({
      table: this.#mutation.table(writer),
      newSession: this.#newSession,
      wallMs: () => atMs + this.#wallErrorMs,
      nowMs: this.#mutation.startMs(nowMs),
      ...(this.#memory === undefined ? {} : { memory: this.#memory }),
      ...(this.#mutation.drift === undefined ? {} : { drift: this.#mutation.drift }),
    });
    this.spoke = this.#mutation.spoke(spoke);
    this.#kept = spoke.memory;
    this.#writing = undefined;
    this.taker = this.#mutation.taker(createTaker(memory), writer);
    this.#tickets.clear();
    this.configure(this.budgets, this.version, atMs);
  }

  /** `kill -9`: only what was on the disk is there the next time. */
  kill(): void {
    this.spoke = undefined;
    this.taker = undefined;
  }

  /** The disk is another one. */
  forgetMemory(): void {
    this.#memory = undefined;
  }

  configure(budgets: readonly (SpokeBudget | undefined)[], version: number, atMs: number): void {
    this.budgets = budgets;
    this.version = version;
    this.spoke?.configure(budgets, version, this.monotonic(atMs));
  }

  /** Nothing runs for a while. @param suspended also the clock stands still */
  freeze(atMs: number, ms: number, suspended: boolean): void {
    this.frozenUntilMs = Math.max(this.frozenUntilMs, atMs + ms);
    if (!suspended) return;
    this.#stoodStillMs += ms;
    this.#wakes = true;
  }

  /** Its threads run now. */
  awake(atMs: number): boolean {
    if (this.spoke === undefined || atMs < this.frozenUntilMs) return false;
    if (this.#wakes) {
      this.#wakes = false;
      this.spoke.clockBroke(this.monotonic(atMs));
    }
    return true;
  }

  /** @returns undefined: not admitted now; it waits, or is refused */
  arrive(hit: Hit, atMs: number): Admission | undefined {
    if (!this.awake(atMs)) return undefined;
    const { spoke, taker } = this;
    if (spoke === undefined || taker === undefined) return undefined;
    const slot = taker.find(hit.budget, hit.key);
    const verdict = slot < 0 ? 2 : taker.take(slot, hit.hits, this.monotonic(atMs));
    if (verdict === 0) return { ...hit, agent: this, taker, slot, receipt: taker.receipt };
    if (verdict === 1) return undefined;
    const ticket = this.#nextTicket;
    this.#nextTicket += 1;
    this.#tickets.set(ticket, hit);
    spoke.want(ticket, hit.budget, hit.key, hit.hits, hit.waitMs, this.monotonic(atMs));
    return undefined;
  }

  /** @param admitted hits that had waited */
  tick(atMs: number, admitted: (admission: Admission) => void): void {
    if (this.spoke === undefined || !this.awake(atMs)) return;
    this.spoke.tick(this.monotonic(atMs));
    this.settle(atMs, admitted);
    this.#keep(this.spoke);
  }

  /** As the supervisor does: one write at a time, and the spoke hears when it is durable. */
  #keep(spoke: Spoke): void {
    const { memory } = spoke;
    if (this.#writing !== undefined || memory === this.#kept) return;
    this.#writing = memory;
    this.#written(() => {
      this.#writing = undefined;
      // A process that is no more wrote nothing.
      if (this.spoke !== spoke) return;
      this.#kept = memory;
      this.#memory = memory;
      spoke.remembered?.(memory);
    });
  }

  settle(atMs: number, admitted: (admission: Admission) => void): void {
    const { spoke, taker } = this;
    if (spoke === undefined || taker === undefined) return;
    for (const { ticket, outcome } of spoke.settled()) {
      const hit = this.#tickets.get(ticket);
      this.#tickets.delete(ticket);
      if (hit === undefined || outcome !== 'try') continue;
      const slot = taker.find(hit.budget, hit.key);
      if (slot >= 0 && taker.take(slot, hit.hits, this.monotonic(atMs)) === 0)
        admitted({ ...hit, agent: this, taker, slot, receipt: taker.receipt });
    }
  }
}
