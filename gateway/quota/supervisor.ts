import type { QuotaPart } from '../../src/policy/model.ts';
import type { QuotaReply, QuotaRequest } from '../../src/quota/messages.ts';
import { createSpoke } from '../../src/quota/spoke.ts';
import type { Spoke, SpokeBudget, SpokeMemory, SpokeState } from '../../src/quota/spoke-contract.ts';
import { createQuotaMemory, createTableWriter } from '../../src/quota/table.ts';
import type { QuotaTableWriter } from '../../src/quota/table-contract.ts';
import { HEADER } from '../../src/quota/table-layout.ts';
import type { Counters, Metric } from '../../src/telemetry/counters.ts';
import type { QuotaSettled, QuotaWant, SharedQuota } from './contract.ts';
import { SupervisorClock, type TableClockSources } from './table-clock.ts';

/** What a process brings for the quota; all of it may be left out. */
export interface QuotaSettings {
  /** Keys at once, of all limits together; default 65,536. Each takes about 150 octets, and none while nothing is limited. */
  readonly maxKeys?: number | undefined;
  /** On its way to the hub; what comes back goes to `quotaReply`. Absent: there is no hub, and only floors are there. */
  readonly exchange?: ((request: QuotaRequest) => void) | undefined;
  /** To be kept on the disk, and given again at the next start; resolves when it is durable, rejects when it is not. */
  readonly keep?: ((memory: SpokeMemory) => Promise<void>) | undefined;
  readonly memory?: SpokeMemory | undefined;
}

export interface QuotaSupervisorDeps extends TableClockSources, QuotaSettings {
  readonly after: (delayMs: number, task: () => void) => () => void;
  /** 128 random bits as text. */
  readonly newSession: () => string;
  /** 32 random bits. */
  readonly seed: () => number;
  readonly counters: Counters;
  readonly log: { warn(details: object, message: string): void };
}

/** What is there to be spent; by what limits is the threads' business. */
export type QuotaBudgets = Pick<QuotaPart, 'version' | 'budgets'>;

/** The quota's part of the process's own thread: the table's writer, and the way to the hub. */
export interface QuotaSupervisor {
  /** Budgets of this part hold from now on, beside those before until `applied`. @returns what threads need; undefined: no limits yet */
  configure(part: QuotaBudgets | undefined): SharedQuota | undefined;
  /** Every thread has the last configuration: what only older ones had is given back. */
  applied(): void;
  /** @param settle how that thread gets its answers */
  want(wants: readonly QuotaWant[], settle: (settled: readonly QuotaSettled[]) => void): void;
  /** A thread saw that the machine was paused. @param breaks how often it had been before, as the thread knew */
  paused(breaks: number): void;
  reply(reply: QuotaReply): void;
  /** The hub cannot be reached: until the next reply. */
  away(): void;
  /** Undefined: nothing was ever limited. */
  describe(): SpokeState | undefined;
  close(): void;
}

const KEYS: Metric = {
  name: 'portolan_gateway_quota_keys',
  help: 'Keys of limits in the table.',
  type: 'gauge',
};
const CAPACITY: Metric = {
  name: 'portolan_gateway_quota_capacity',
  help: 'Keys of limits that the table can have.',
  type: 'gauge',
};
const FULL: Metric = {
  name: 'portolan_gateway_quota_table_full_total',
  help: 'Keys that found no place in the table: their requests were refused.',
  type: 'counter',
};
const PAUSES: Metric = {
  name: 'portolan_gateway_quota_clock_pauses_total',
  help: 'Times that every grant was dropped because the machine had been paused or its wall clock was set forward.',
  type: 'counter',
};
const AWAY: Metric = {
  name: 'portolan_gateway_quota_hub_away',
  help: '1 while the hub has not answered for longer than a lease.',
  type: 'gauge',
};
const EXCHANGES: Metric = {
  name: 'portolan_gateway_quota_exchanges_total',
  help: 'Requests for tokens sent to the hub.',
  type: 'counter',
};

export const DEFAULT_MAX_KEYS = 65_536;
/** While keys are in use. */
const TICK_MS = 20;
/** While none is. */
const IDLE_TICK_MS = 1_000;
const MAINTAIN_MS = 6 * 3_600_000;
/** After a disk that did not take it. */
const KEEP_AGAIN_MS = 5_000;
/** A way to the hub that does not answer is told about at most so often. */
const WARN_MS = 60_000;

interface Running {
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly writer: QuotaTableWriter;
  readonly clock: SupervisorClock;
  readonly spoke: Spoke;
}

export function createQuotaSupervisor(deps: QuotaSupervisorDeps): QuotaSupervisor {
  return new Supervisor(deps);
}

class Supervisor implements QuotaSupervisor {
  readonly #deps: QuotaSupervisorDeps;
  readonly #full;
  readonly #keys;
  readonly #capacity;
  readonly #pauses;
  readonly #awayGauge;
  readonly #exchanges;
  #running: Running | undefined;
  /** Of a budget, by its id, for ever. */
  readonly #numbers = new Map<string, number>();
  /** By number, of this configuration and those that some thread may still have. */
  #budgets: (SpokeBudget | undefined)[] = [];
  #current: QuotaBudgets | undefined;
  readonly #asked = new Map<
    number,
    { readonly ticket: number; readonly settle: (settled: readonly QuotaSettled[]) => void }
  >();
  #ticket = 0;
  #kept: SpokeMemory | undefined;
  #keeping = false;
  #keepAtMs = 0;
  #cancel: (() => void) | undefined;
  #wakeAtMs = Number.POSITIVE_INFINITY;
  #maintainedMs = 0;
  #linkDown = false;
  #closed = false;
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(deps: QuotaSupervisorDeps) {
    this.#deps = deps;
    const { counters } = deps;
    this.#full = counters.counter(FULL);
    this.#keys = counters.counter(KEYS);
    this.#capacity = counters.counter(CAPACITY);
    this.#pauses = counters.counter(PAUSES);
    this.#awayGauge = counters.counter(AWAY);
    this.#exchanges = counters.counter(EXCHANGES);
  }

  configure(part: QuotaBudgets | undefined): SharedQuota | undefined {
    this.#current = part;
    if (part === undefined) {
      if (this.#running === undefined) return undefined;
      return { memory: this.#running.memory, numbers: [] };
    }
    this.#running ??= this.#start();
    const { memory, clock, spoke } = this.#running;
    const numbers = part.budgets.map((budget) => {
      let number = this.#numbers.get(budget.id);
      if (number === undefined) {
        number = this.#numbers.size;
        this.#numbers.set(budget.id, number);
      }
      this.#budgets[number] = budget;
      return number;
    });
    spoke.configure([...this.#budgets], part.version, clock.read());
    this.#run();
    return { memory, numbers };
  }

  applied(): void {
    if (this.#running === undefined) return;
    const { clock, spoke } = this.#running;
    const budgets: (SpokeBudget | undefined)[] = [];
    for (const budget of this.#current?.budgets ?? []) budgets[this.#numbers.get(budget.id) ?? 0] = budget;
    // Holes would be skipped by whoever walks over them.
    this.#budgets = Array.from({ length: this.#numbers.size }, (_, number) => budgets[number]);
    spoke.configure(this.#budgets, this.#current?.version ?? 0, clock.read());
    this.#run();
  }

  want(wants: readonly QuotaWant[], settle: (settled: readonly QuotaSettled[]) => void): void {
    if (this.#running === undefined || this.#closed) {
      settle(wants.map(({ ticket }) => ({ ticket, outcome: 'away' as const })));
      return;
    }
    const { clock, spoke } = this.#running;
    this.#check();
    const now = clock.read();
    for (const { ticket, budget, key, hits, waitMs } of wants) {
      this.#ticket += 1;
      this.#asked.set(this.#ticket, { ticket, settle });
      spoke.want(this.#ticket, budget, key, hits, waitMs, now);
    }
    this.#run();
  }

  paused(breaks: number): void {
    if (this.#running !== undefined && this.#running.clock.breaks === breaks) this.#break();
  }

  reply(reply: QuotaReply): void {
    if (this.#running === undefined || this.#closed) return;
    this.#check();
    this.#linkDown = false;
    this.#running.spoke.accept(reply, this.#running.clock.read());
    this.#run();
  }

  away(): void {
    this.#linkDown = true;
    if (this.#running !== undefined) this.#sayAway();
  }

  describe(): SpokeState | undefined {
    return this.#running?.spoke.describe(this.#running.clock.read());
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
    for (const [, { ticket, settle }] of this.#asked) settle([{ ticket, outcome: 'away' }]);
    this.#asked.clear();
  }

  #start(): Running {
    const { maxKeys = DEFAULT_MAX_KEYS, seed, newSession, wallMs, memory: kept, machineMs } = this.#deps;
    const memory = createQuotaMemory({
      capacity: maxKeys,
      seeds: [seed(), seed()],
      originMs: machineMs(),
    });
    const writer = createTableWriter(memory);
    const clock = new SupervisorClock(memory, this.#deps);
    const spoke = createSpoke({
      table: writer,
      newSession,
      wallMs,
      nowMs: clock.read(),
      ...(kept === undefined ? {} : { memory: kept }),
    });
    this.#kept = spoke.memory;
    this.#capacity.set(maxKeys);
    return { memory, words: new Int32Array(memory), writer, clock, spoke };
  }

  #check(): void {
    if (this.#running?.clock.check() === true) this.#break();
  }

  /** First the grants go, then threads hear that they may take again. */
  #break(): void {
    if (this.#running === undefined) return;
    const { clock, spoke } = this.#running;
    spoke.clockBroke(clock.read());
    clock.mend();
    this.#pauses.add();
    this.#deps.log.warn(
      {},
      'the machine was paused, or its wall clock set forward: the tokens of all limits are asked for anew',
    );
    this.#run();
  }

  /** Does what is due, and comes again. */
  #run(): void {
    if (this.#running === undefined || this.#closed) return;
    const { clock, spoke, writer } = this.#running;
    const now = clock.read();
    if (now - this.#maintainedMs >= MAINTAIN_MS) {
      this.#maintainedMs = now;
      writer.maintain(now);
    }
    spoke.tick(now);
    this.#settle();
    if (spoke.dueMs() <= now) this.#exchange(now);
    this.#sayAway();
    this.#keys.set(writer.size);
    const { memory } = spoke;
    if (memory !== this.#kept && !this.#keeping && now >= this.#keepAtMs) this.#keep(memory, spoke);
    const tick = writer.size > 0 || this.#asked.size > 0 ? TICK_MS : IDLE_TICK_MS;
    // Whole milliseconds are what timers know: not before it is due.
    this.#wake(now, Math.max(1, Math.ceil(Math.min(tick, spoke.dueMs() - now))));
  }

  #keep(memory: SpokeMemory, spoke: Spoke): void {
    const { keep, log } = this.#deps;
    if (keep === undefined) {
      // Nothing of this process is found by the next.
      this.#kept = memory;
      spoke.remembered(memory);
      return;
    }
    this.#keeping = true;
    keep(memory).then(
      () => {
        this.#keeping = false;
        this.#kept = memory;
        spoke.remembered(memory);
        this.#run();
      },
      (error: unknown) => {
        this.#keeping = false;
        this.#keepAtMs = (this.#running?.clock.read() ?? 0) + KEEP_AGAIN_MS;
        log.warn(
          { err: error },
          'what the quota keeps over a restart could not be written; it is tried again',
        );
      },
    );
  }

  #exchange(now: number): void {
    const request = this.#running?.spoke.request(now);
    if (request === undefined) return;
    this.#exchanges.add();
    try {
      this.#deps.exchange?.(request);
    } catch (error) {
      if (now - this.#warnedMs < WARN_MS) return;
      this.#warnedMs = now;
      this.#deps.log.warn({ err: error }, 'a request for tokens could not be sent to the hub');
    }
  }

  #wake(now: number, delayMs: number): void {
    if (this.#cancel !== undefined && this.#wakeAtMs <= now + delayMs) return;
    this.#cancel?.();
    this.#wakeAtMs = now + delayMs;
    this.#cancel = this.#deps.after(delayMs, () => {
      this.#cancel = undefined;
      this.#check();
      this.#run();
    });
  }

  #settle(): void {
    const settled = this.#running?.spoke.settled() ?? [];
    if (settled.length === 0) return;
    const byThread = new Map<(settled: readonly QuotaSettled[]) => void, QuotaSettled[]>();
    for (const { ticket, outcome } of settled) {
      const asked = this.#asked.get(ticket);
      if (asked === undefined) continue;
      this.#asked.delete(ticket);
      if (outcome === 'full') this.#full.add();
      const list = byThread.get(asked.settle);
      if (list === undefined) byThread.set(asked.settle, [{ ticket: asked.ticket, outcome }]);
      else list.push({ ticket: asked.ticket, outcome });
    }
    for (const [settle, list] of byThread) settle(list);
  }

  #sayAway(): void {
    if (this.#running === undefined) return;
    const { words, spoke, clock } = this.#running;
    const away = this.#linkDown || spoke.away(clock.read()) ? 1 : 0;
    Atomics.store(words, HEADER.away, away);
    this.#awayGauge.set(away);
  }
}
