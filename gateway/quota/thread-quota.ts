import type { ErrorCode } from '../../src/errors/table.ts';
import { ERROR_TABLE } from '../../src/errors/table.ts';
import { CelFailure, type CelProgram } from '../../src/policy/cel.ts';
import type { CelContext } from '../../src/policy/cel-context.ts';
import type { QuotaPart } from '../../src/policy/model.ts';
import { budgetKey } from '../../src/quota/budget-key.ts';
import { createTaker, MAX_BANK_TOKENS } from '../../src/quota/table.ts';
import type { QuotaTaker, TakeVerdict } from '../../src/quota/table-contract.ts';
import { HEADER } from '../../src/quota/table-layout.ts';
import type { Counters } from '../../src/telemetry/counters.ts';
import { Asking, type Waiting } from './asking.ts';
import type {
  Claim,
  QuotaDecision,
  QuotaGate,
  QuotaSettled,
  QuotaWaiter,
  QuotaWant,
  SharedQuota,
} from './contract.ts';
import { limitFields, mostAtOnce, PendingDecision, UNLIMITED } from './decision.ts';
import { type PreparedLimit, type PreparedQuota, type PreparedRate, prepareQuotas } from './limits.ts';
import { QuotaMetrics } from './metrics.ts';
import { TableClock, type TableClockSources } from './table-clock.ts';

export interface ThreadQuotaDeps extends TableClockSources {
  readonly counters: Counters;
  readonly ask: (wants: readonly QuotaWant[]) => void;
  /** The machine was paused: the supervisor drops all grants. @param breaks how often it had before */
  readonly paused: (breaks: number) => void;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly soon: (task: () => void) => void;
}

/** A table that a thread takes from. */
interface Open {
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly taker: QuotaTaker;
  readonly clock: TableClock;
}

export function createThreadQuota(deps: ThreadQuotaDeps): QuotaGate {
  return new ThreadQuota(deps);
}

const NOBODY: QuotaWaiter = { gone: false, decided: () => undefined };
const NOTHING_LIMITED: ReadonlyMap<string, PreparedQuota> = new Map();
/** How long the hub is waited for by what was served already. */
const CHARGE_WAIT_MS = 2_000;
const ADMITTED = 0;
const REFUSED = 1;

class ThreadQuota implements QuotaGate {
  readonly #deps: ThreadQuotaDeps;
  readonly #metrics: QuotaMetrics;
  readonly #asking: Asking;
  #open: Open | undefined;
  /** The next configuration takes over what is the same in it. */
  #prepared: ReadonlyMap<string, PreparedQuota> = NOTHING_LIMITED;
  /** Of the pause that the supervisor was told of last. */
  #told = -1;

  constructor(deps: ThreadQuotaDeps) {
    this.#deps = deps;
    this.#metrics = new QuotaMetrics(deps.counters);
    const { ask, monotonicMs, after, soon } = deps;
    this.#asking = new Asking({
      ask,
      monotonicMs,
      after,
      soon,
      again: (waiting, outcome) => this.#again(waiting, outcome),
    });
  }

  open(part: QuotaPart | undefined, shared: SharedQuota | undefined): ReadonlyMap<string, PreparedQuota> {
    if (part === undefined || shared === undefined) return NOTHING_LIMITED;
    if (this.#open?.memory !== shared.memory) {
      const { memory } = shared;
      this.#open = {
        memory,
        words: new Int32Array(memory),
        taker: createTaker(memory),
        clock: new TableClock(memory, this.#deps),
      };
    }
    this.#prepared = prepareQuotas(part, shared.numbers, this.#metrics, this.#prepared);
    return this.#prepared;
  }

  decide(quota: PreparedQuota, context: CelContext, plan: string | undefined, times = 1): QuotaDecision {
    const claims = claimsOf(quota, context, plan, times);
    if (claims.length === 0) return UNLIMITED;
    const decision = new PendingDecision(claims);
    this.#attempt(decision);
    const { asking } = decision;
    if (decision.state !== 'waiting' || asking === undefined) return decision;
    const { waitMs } = asking.limit;
    if (waitMs <= 0) {
      this.#asking.want(asking);
      this.#refuse(decision, asking, 'QUOTA_EXCEEDED');
    } else {
      decision.sinceMs = this.#deps.monotonicMs();
      decision.untilMs = decision.sinceMs + waitMs;
    }
    return decision;
  }

  charge(quota: PreparedQuota, context: CelContext, times: number): readonly Claim[] {
    const claims = claimsOf(quota, context, undefined, times);
    let counted: PreparedLimit | undefined;
    for (const claim of claims) {
      const { limit } = claim;
      if (limit !== counted) limit.meters.admitted.add();
      counted = limit;
      if (!this.#charge(claim)) this.#chargeLater(claim);
    }
    return claims;
  }

  wait(decision: QuotaDecision, waiter: QuotaWaiter): void {
    if (!(decision instanceof PendingDecision) || decision.asking === undefined) return;
    decision.asking.limit.meters.waits.add();
    if (this.#asking.wait(decision.asking, { decision, waiter })) return;
    this.#refuse(decision, decision.asking, 'QUOTA_UNAVAILABLE');
    this.#deps.soon(() => waiter.decided(decision));
  }

  settled(settled: readonly QuotaSettled[]): void {
    this.#asking.settled(settled);
  }

  settle(claim: Claim, cost: number): void {
    const open = this.#open;
    const more = Math.min(cost, claim.limit.most) - claim.hits;
    if (!claim.taken || more === 0 || open === undefined) return;
    if (open.taker.settle(claim.slot, claim.receipt, more)) return;
    // What was taken was of a window that is over, and so is this; a rate has no windows, and its key owes now.
    if (more < 0 || claim.rate.budget.algorithm === 'fixed-window') return;
    this.#charge(claim, more);
  }

  /** @returns false: nothing of the key is here now */
  #charge(claim: Claim, hits = claim.hits): boolean {
    const now = this.#open?.clock.now() ?? -1;
    if (this.#open === undefined || now < 0) return false;
    const { taker } = this.#open;
    const slot = taker.find(claim.rate.number, claim.key);
    return slot >= 0 && taker.charge(slot, hits, now);
  }

  /** The hub is asked for as many: what it grants is taken, and what that lacks is owed. */
  #chargeLater(claim: Claim): void {
    const decision = new PendingDecision([claim]);
    decision.inBackground = true;
    decision.asking = claim;
    decision.sinceMs = this.#deps.monotonicMs();
    decision.untilMs = decision.sinceMs + CHARGE_WAIT_MS;
    const decided = (late: QuotaDecision): void => {
      if (late.state !== 'admitted') this.#charge(claim);
    };
    this.#asking.wait(claim, { decision, waiter: { gone: false, decided } });
  }

  #again({ decision, waiter }: Waiting, outcome: QuotaSettled['outcome']): void {
    const { asking } = decision;
    if (asking === undefined) return;
    if (outcome === 'full') this.#refuse(decision, asking, 'QUOTA_UNAVAILABLE');
    else if (outcome === 'away' && asking.limit.onHubLoss !== 'allow')
      this.#refuse(decision, asking, 'QUOTA_UNAVAILABLE');
    else {
      if (outcome === 'away') decision.passes = true;
      this.#attempt(decision);
      if (decision.state === 'waiting' && decision.asking !== undefined) {
        // Tokens that are too few for all who waited may do for some; what these still lack is of another budget.
        const none = outcome === 'refused' && asking.lacks;
        const late = this.#deps.monotonicMs() >= decision.untilMs;
        if (!none && !late && this.#asking.wait(decision.asking, { decision, waiter })) return;
        const lacking = none ? asking : decision.asking;
        this.#refuse(decision, lacking, none || late ? 'QUOTA_EXCEEDED' : 'QUOTA_UNAVAILABLE');
      }
    }
    asking.limit.meters.waitSeconds.add((this.#deps.monotonicMs() - decision.sinceMs) / 1000);
    waiter.decided(decision);
  }

  /** Looks at all budgets, then takes from all; the state says what came of it. */
  #attempt(decision: PendingDecision): void {
    const open = this.#open;
    decision.asking = undefined;
    const now = open === undefined ? -1 : open.clock.now();
    if (open === undefined || now < 0) {
      decision.asking = decision.claims[0];
      this.#tellOfPause();
      return;
    }
    const { taker } = open;
    const { claims } = decision;
    for (const claim of claims) {
      const verdict = this.#look(claim, claims, taker, now);
      claim.lacks = verdict !== ADMITTED;
      if (verdict === ADMITTED || inShadow(claim, decision)) continue;
      if (verdict === REFUSED || claim.hits > mostAtOnce(claim, taker)) {
        this.#refuse(decision, claim, 'QUOTA_EXCEEDED');
        return;
      }
      if (!this.#passes(decision, claim, open)) decision.asking ??= claim;
    }
    if (decision.asking !== undefined) return;
    for (const claim of claims) {
      const verdict = claim.slot < 0 ? 2 : taker.take(claim.slot, claim.hits, now);
      if (verdict === ADMITTED) {
        claim.taken = true;
        claim.receipt = taker.receipt;
      } else if (inShadow(claim, decision)) {
        if (verdict === REFUSED) claim.limit.meters.shadow.add();
        else this.#countLater(claim);
      } else if (!this.#passes(decision, claim, open)) {
        // Somebody else was faster.
        giveBack(claims, taker);
        claim.lacks = true;
        if (verdict === REFUSED) this.#refuse(decision, claim, 'QUOTA_EXCEEDED');
        else decision.asking = claim;
        return;
      }
    }
    this.#admit(decision, taker, now);
  }

  /** A limit that refuses nobody: the request goes on, and the limit hears of it as if it had waited. */
  #countLater(claim: Claim): void {
    if (claim.limit.waitMs <= 0) {
      this.#asking.want(claim);
      claim.limit.meters.shadow.add();
      return;
    }
    const decision = new PendingDecision([claim]);
    decision.inBackground = true;
    decision.asking = claim;
    decision.sinceMs = this.#deps.monotonicMs();
    decision.untilMs = decision.sinceMs + claim.limit.waitMs;
    if (!this.#asking.wait(claim, { decision, waiter: NOBODY })) claim.limit.meters.shadow.add();
  }

  /** Two keys that seem to have one slot: the first of them has lost it since it was found. */
  #look(claim: Claim, claims: readonly Claim[], taker: QuotaTaker, now: number): TakeVerdict {
    claim.taken = false;
    claim.slot = taker.find(claim.rate.number, claim.key);
    if (claim.slot < 0) return 2;
    for (const other of claims) {
      if (other === claim) break;
      if (other.slot !== claim.slot) continue;
      other.slot = -1;
      claim.slot = -1;
      return 2;
    }
    return taker.look(claim.slot, claim.hits, now);
  }

  #passes(decision: PendingDecision, { limit }: Claim, { words }: Open): boolean {
    return limit.onHubLoss === 'allow' && (decision.passes || Atomics.load(words, HEADER.away) === 1);
  }

  #admit(decision: PendingDecision, taker: QuotaTaker, now: number): void {
    const { claims } = decision;
    decision.state = 'admitted';
    let counted: PreparedLimit | undefined;
    for (const { limit, taken } of claims) {
      const { meters } = limit;
      if (taken) {
        // Once for each limit, whatever the number of its rates.
        if (limit !== counted) meters.admitted.add();
        counted = limit;
      } else if (!limit.shadow) meters.unlimited.add();
    }
    decision.fields = limitFields(claims, undefined, taker, now);
  }

  #refuse(decision: PendingDecision, claim: Claim, code: ErrorCode): void {
    const { limit } = claim;
    decision.state = 'refused';
    decision.code = code;
    decision.status = ERROR_TABLE[code].status;
    decision.limit = limit.name;
    const { shadow, exceeded, unavailable } = limit.meters;
    (limit.shadow ? shadow : code === 'QUOTA_EXCEEDED' ? exceeded : unavailable).add();
    const open = this.#open;
    if (open === undefined) return;
    // Those after it were not looked at.
    for (const other of decision.claims)
      if (other.slot < 0) other.slot = open.taker.find(other.rate.number, other.key);
    decision.fields = limitFields(decision.claims, claim, open.taker, Math.max(0, open.clock.now()));
  }

  #tellOfPause(): void {
    const breaks = this.#open?.clock.breaks ?? -1;
    if (breaks === this.#told) return;
    this.#told = breaks;
    this.#deps.paused(breaks);
  }
}

function inShadow({ limit }: Claim, decision: PendingDecision): boolean {
  return limit.shadow && !decision.inBackground;
}

function giveBack(claims: readonly Claim[], taker: QuotaTaker): void {
  for (const claim of claims) {
    if (!claim.taken) continue;
    claim.taken = false;
    taker.settle(claim.slot, claim.receipt, -claim.hits);
  }
}

function claimsOf(
  { limits }: PreparedQuota,
  context: CelContext,
  plan: string | undefined,
  times: number,
): Claim[] {
  const claims: Claim[] = [];
  for (const limit of limits) {
    if (!limit.when(context)) continue;
    const hits = Math.min(MAX_BANK_TOKENS, hitsOf(limit, context) * times);
    if (hits === 0) continue;
    const rates: readonly PreparedRate[] =
      (plan === undefined ? undefined : limit.plans.get(plan)) ?? limit.rates;
    if (rates.length === 0) continue;
    const key = budgetKey(limit.counters.map((counter) => textOf(counter, context)));
    for (const rate of rates)
      claims.push({ limit, rate, key, hits, slot: -1, lacks: true, taken: false, receipt: 0 });
  }
  return claims;
}

/** An expression that has no value costs one hit, like no expression at all. */
function hitsOf({ cost, most, answer }: PreparedLimit, context: CelContext): number {
  const said = cost === undefined ? 1 : resultOf(cost, context);
  const hits = typeof said === 'bigint' || typeof said === 'number' ? Math.ceil(Number(said)) : 1;
  // Where the answer says the cost, at least one is taken beforehand: nobody begins when nothing is left.
  const least = answer === undefined ? 0 : 1;
  return Number.isFinite(hits) ? Math.max(least, Math.min(most, hits)) : Math.max(least, Math.min(most, 1));
}

function textOf(counter: CelProgram, context: CelContext): string {
  const value = resultOf(counter, context);
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    ? String(value)
    : value instanceof Date && !Number.isNaN(value.getTime())
      ? value.toISOString()
      : '';
}

function resultOf(program: CelProgram, context: CelContext): unknown {
  try {
    return program(context);
  } catch (error) {
    if (error instanceof CelFailure) return undefined;
    throw error;
  }
}
