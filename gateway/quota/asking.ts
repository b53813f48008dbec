import type { Claim, QuotaSettled, QuotaWaiter, QuotaWant } from './contract.ts';
import type { PendingDecision } from './decision.ts';

export interface AskingDeps {
  readonly ask: (wants: readonly QuotaWant[]) => void;
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
  /** When what runs now is done. */
  readonly soon: (task: () => void) => void;
  /** Tries again, or ends the wait. */
  readonly again: (waiting: Waiting, outcome: QuotaSettled['outcome']) => void;
}

export interface Waiting {
  readonly decision: PendingDecision;
  readonly waiter: QuotaWaiter;
}

interface Ask {
  readonly ticket: number;
  readonly claim: Claim;
  hits: number;
  readonly waiting: Waiting[];
}

/** Requests of a thread that wait at once; more are refused. */
export const MAX_WAITING = 10_000;
/** The supervisor answers in time; should it not, nobody waits much longer. */
const GRACE_MS = 250;
const SWEEP_MS = 100;

/** What a thread asks the supervisor: all of one turn in one message, and each key in it once. */
export class Asking {
  readonly #deps: AskingDeps;
  /** Of this turn, by key. */
  #turn = new Map<string, Ask>();
  readonly #asked = new Map<number, Ask>();
  /** Keys that are wanted although nobody waits for them. */
  readonly #quiet = new Map<string, number>();
  readonly #quietKeys = new Map<number, string>();
  #ticket = 0;
  #waiting = 0;
  #stopSweep: (() => void) | undefined;

  constructor(deps: AskingDeps) {
    this.#deps = deps;
  }

  /** @returns false: too many wait */
  wait(claim: Claim, waiting: Waiting): boolean {
    if (this.#waiting >= MAX_WAITING) return false;
    this.#waiting += 1;
    const ask = this.#askOf(claim);
    ask.hits += claim.hits;
    ask.waiting.push(waiting);
    this.#stopSweep ??= this.#deps.after(SWEEP_MS, () => this.#sweep());
    return true;
  }

  /** So that there are tokens later; nobody waits. */
  want(claim: Claim): void {
    const name = nameOf(claim);
    if (this.#quiet.has(name) || this.#quiet.size >= MAX_WAITING) return;
    const ask = this.#askOf(claim);
    ask.hits += claim.hits;
    this.#quiet.set(name, ask.ticket);
    this.#quietKeys.set(ask.ticket, name);
  }

  settled(settled: readonly QuotaSettled[]): void {
    for (const { ticket, outcome } of settled) {
      const quiet = this.#quietKeys.get(ticket);
      if (quiet !== undefined) {
        this.#quietKeys.delete(ticket);
        this.#quiet.delete(quiet);
      }
      const ask = this.#asked.get(ticket);
      if (ask === undefined) continue;
      this.#asked.delete(ticket);
      this.#end(ask.waiting, outcome);
    }
  }

  #end(all: readonly Waiting[], outcome: QuotaSettled['outcome']): void {
    this.#waiting -= all.length;
    for (const waiting of all) if (!waiting.waiter.gone) this.#deps.again(waiting, outcome);
  }

  #askOf(claim: Claim): Ask {
    const name = nameOf(claim);
    let ask = this.#turn.get(name);
    if (ask === undefined) {
      this.#ticket += 1;
      ask = { ticket: this.#ticket, claim, hits: 0, waiting: [] };
      if (this.#turn.size === 0) this.#deps.soon(() => this.#send());
      this.#turn.set(name, ask);
    }
    return ask;
  }

  #send(): void {
    const wants: QuotaWant[] = [];
    const now = this.#deps.monotonicMs();
    for (const ask of this.#turn.values()) {
      const { ticket, claim, hits, waiting } = ask;
      let untilMs = now;
      for (const { decision } of waiting) untilMs = Math.max(untilMs, decision.untilMs);
      wants.push({ ticket, budget: claim.rate.number, key: claim.key, hits, waitMs: untilMs - now });
      if (waiting.length > 0) this.#asked.set(ticket, ask);
    }
    this.#turn = new Map();
    this.#deps.ask(wants);
  }

  /** Ends the wait of those whom nobody answered. */
  #sweep(): void {
    this.#stopSweep = undefined;
    const now = this.#deps.monotonicMs();
    for (const [ticket, { waiting }] of this.#asked) {
      const late = waiting.filter(({ decision }) => now > decision.untilMs + GRACE_MS);
      if (late.length === 0) continue;
      const rest = waiting.filter(({ decision }) => now <= decision.untilMs + GRACE_MS);
      waiting.splice(0, waiting.length, ...rest);
      if (rest.length === 0) this.#asked.delete(ticket);
      this.#end(late, 'refused');
    }
    if (this.#waiting > 0) this.#stopSweep ??= this.#deps.after(SWEEP_MS, () => this.#sweep());
  }
}

function nameOf({ rate, key }: Claim): string {
  return `${rate.number} ${key}`;
}
