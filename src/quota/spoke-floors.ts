import { type Budget, CLOCK_DRIFT } from './budget.ts';
import { longestMs, windowAt } from './calendar.ts';
import { FloorBucket, FloorLog } from './floor-log.ts';
import { floorSize } from './floors.ts';
import type { HubTime } from './hub-time.ts';
import type { FloorShare, FloorWaiver } from './messages.ts';
import { SHARE_LIFETIME_MS, type SpokeMemory } from './spoke-contract.ts';
import { BANKS, type QuotaTableWriter } from './table-contract.ts';

/** The longest that a hub may lease for: what a process that starts must take for granted of the one before. */
const LONGEST_LEASE_MS = 30_000;
/** What clocks of machines may be wrong by, generously: shares that come from the disk end so much earlier. */
const WALL_CLOCK_ERROR_MS = 3_600_000;
/** Until then a bank of the table may be used, if nothing else ends it. */
const ALWAYS_MS = 8.64e15;

interface OpenFloor {
  readonly budget: Budget;
  readonly account: FloorLog | FloorBucket;
  /** What the bank was given and is not accounted as spent; 0: it is shut. */
  given: number;
  shut: boolean;
}

/**
 * What this agent may admit when it cannot reach the hub: its share of the floor of every budget. While it reaches the hub it waives them,
 * ahead of time, so that the hub lends them to whoever needs them. All of it is by this agent's own clock but for the end of a waiver.
 */
export class SpokeFloors {
  readonly #time: HubTime;
  readonly #table: QuotaTableWriter;
  readonly #open = new Map<number, OpenFloor>();
  readonly #orphans = new Map<string, OpenFloor>();
  #shares: ReadonlyMap<string, number> = new Map();
  /** What the hub counts by: a lowered share at its old size until what was taken by that is over. */
  readonly #said = new Map<string, number>();
  #sharesUntilMs = Number.NEGATIVE_INFINITY;
  #memory: SpokeMemory = { shares: [], givenWallMs: 0 };
  /** What another process, or this one before its clock broke, took from floors before this is not known. */
  #restFromMs: number;
  /** Local time of the last moment at which a floor may have been in use. */
  #lastUseMs: number;
  /** The same on the hub's clock, as well as it was ever known. */
  #sinceMs = Number.POSITIVE_INFINITY;
  /** The hub's clock until which floors were waived, by any message; -Infinity: none was. */
  #waivedUntilMs = Number.NEGATIVE_INFINITY;
  /** The hub's clock until which nothing was kept for a larger floor that a budget has, by its id. */
  readonly #lentUntilMs = new Map<string, number>();
  #leaseMs: number;
  /** The process before took nothing from any floor since then, on the clock of that ledger; undefined: that is not known, or not true any more. */
  #claim: { readonly ledger: string; readonly sinceMs: number } | undefined;
  /** The disk may say that no floor is in use: none may be used before it says so no more, or the next process would believe it. */
  #claimKept: boolean;
  /** Shares on the disk: those that the next process would begin with. */
  #keptShares: ReadonlyMap<string, number>;
  /** Local time at which an account was last forgotten. */
  #forgotMs = Number.NEGATIVE_INFINITY;

  constructor(
    time: HubTime,
    table: QuotaTableWriter,
    nowMs: number,
    memory: (SpokeMemory & { readonly ageMs: number }) | undefined,
  ) {
    this.#time = time;
    this.#table = table;
    this.#restFromMs = nowMs;
    this.#lastUseMs = nowMs;
    // Without a memory there are no shares before a reply has told of leases.
    this.#leaseMs = memory === undefined ? 0 : (memory.leaseMs ?? LONGEST_LEASE_MS);
    this.#claimKept = memory?.waivedSinceMs !== undefined;
    this.#keptShares = sharesOf(memory);
    if (memory === undefined || memory.ageMs < -WALL_CLOCK_ERROR_MS) return;
    const restMs = (SHARE_LIFETIME_MS - Math.max(0, memory.ageMs)) * (1 - CLOCK_DRIFT) - WALL_CLOCK_ERROR_MS;
    if (restMs <= 0) return;
    this.#sharesUntilMs = nowMs + restMs;
    this.#shares = this.#keptShares;
    for (const [scope, millionths] of this.#shares) this.#said.set(scope, millionths);
    const { ageMs: _, ...kept } = memory;
    this.#memory = kept;
    if (kept.ledger !== undefined && kept.waivedSinceMs !== undefined)
      this.#claim = { ledger: kept.ledger, sinceMs: kept.waivedSinceMs };
  }

  get memory(): SpokeMemory {
    return this.#memory;
  }

  get shares(): readonly FloorShare[] {
    return this.#memory.shares;
  }

  /** Shares that the newest request was answered with, all there are. */
  give(shares: readonly FloorShare[], leaseMs: number, sentMs: number, wallMs: number): void {
    this.#sharesUntilMs = sentMs + SHARE_LIFETIME_MS * (1 - CLOCK_DRIFT) - WALL_CLOCK_ERROR_MS;
    this.#leaseMs = Math.max(this.#leaseMs, leaseMs);
    const same =
      shares.length === this.#shares.size &&
      shares.every((share) => this.#shares.get(share.scope) === share.millionths);
    const known = this.#memory;
    const fresh = known.leaseMs === leaseMs && Math.abs(wallMs - known.givenWallMs) < WALL_CLOCK_ERROR_MS;
    if (same && fresh) return;
    this.#memory = { ...known, shares, givenWallMs: wallMs, leaseMs };
    if (same) return;
    this.#shares = new Map(shares.map((share) => [share.scope, share.millionths]));
    for (const [scope, millionths] of this.#shares)
      if (millionths >= (this.#said.get(scope) ?? 0)) this.#said.set(scope, millionths);
  }

  /** What the hub may count by from now on: nothing that was taken by a larger share counts any more. */
  said(nowMs: number): readonly FloorShare[] {
    if (nowMs >= this.#sharesUntilMs) {
      this.#shares = new Map();
      this.#keptShares = this.#shares;
    }
    const lowered = new Set<string>();
    for (const [scope, said] of this.#said) {
      const share = this.#shares.get(scope) ?? 0;
      if (said > share && (this.#keptShares.get(scope) ?? 0) <= share) lowered.add(scope);
    }
    if (lowered.size > 0) {
      for (const open of this.#all())
        if (lowered.has(open.budget.scope) && !this.#fits(open, nowMs)) lowered.delete(open.budget.scope);
      for (const scope of lowered) {
        const millionths = this.#shares.get(scope);
        if (millionths === undefined) this.#said.delete(scope);
        else this.#said.set(scope, millionths);
      }
    }
    return [...this.#said].map(([scope, millionths]) => ({ scope, millionths }));
  }

  /** Whether every hit that counts fits into the floors that there are now: if not, the hub must go on counting by those before. */
  fit(nowMs: number): boolean {
    return this.#all().every((open) => this.#fits(open, nowMs));
  }

  /**
   * Nothing is taken from any floor from now until `aheadMs` later. Undefined: the hub's clock is not known.
   * @param ledger whose clock that is
   */
  waive(nowMs: number, aheadMs: number, ledger: string): FloorWaiver | undefined {
    if (!this.#time.known) return undefined;
    this.#shut(nowMs);
    this.#sinceMs = Math.min(this.#sinceMs, this.#time.highThen(this.#lastUseMs, nowMs));
    if (this.#claim?.ledger === ledger) this.#sinceMs = Math.min(this.#sinceMs, this.#claim.sinceMs);
    if (this.#memory.waivedSinceMs === undefined || this.#memory.ledger !== ledger) {
      this.#memory = { ...this.#memory, ledger, waivedSinceMs: this.#sinceMs };
      this.#claimKept = true;
    }
    const untilMs = this.#time.high(nowMs) + aheadMs;
    this.#waivedUntilMs = Math.max(this.#waivedUntilMs, untilMs);
    return { sinceMs: this.#sinceMs, untilMs };
  }

  /**
   * A budget is new here, or has larger floors from now on. The hub knew of it before, and lent before that what is a floor now: in windows
   * that have begun or were granted beforehand, and until leases are over.
   */
  enlarged(budget: Budget, nowMs: number): void {
    if (this.#time.known) this.#lentUntilMs.set(budget.id, this.#time.high(nowMs) + this.#leaseMs);
    else this.#restFromMs = nowMs;
  }

  /** This is on the disk, in the place of all before. */
  remembered(memory: SpokeMemory): void {
    this.#keptShares = sharesOf(memory);
    if (memory === this.#memory && memory.waivedSinceMs === undefined) this.#claimKept = false;
  }

  /** Local time from which the floor of a budget may be used. Infinity: not yet known. */
  usableFromMs(budget: Budget): number {
    const restedMs = this.#restFromMs + longestMs(budget.window) * (1 + CLOCK_DRIFT) + 2 * this.#leaseMs;
    const untilMs = Math.max(
      this.#waivedUntilMs,
      this.#lentUntilMs.get(budget.id) ?? Number.NEGATIVE_INFINITY,
    );
    if (untilMs === Number.NEGATIVE_INFINITY) return restedMs;
    return Math.max(restedMs, this.#time.surelySince(this.#lentOver(budget, untilMs)));
  }

  /** Puts into the bank of a key what may be taken now. @returns tokens in it */
  open(slot: number, budget: Budget, nowMs: number): number {
    if (nowMs >= this.#sharesUntilMs) return 0;
    if (this.#claimKept) {
      this.#used(nowMs);
      return 0;
    }
    const floor = this.#floor(budget);
    let open = this.#open.get(slot);
    if (open === undefined) {
      if (floor === 0) return 0;
      open = { budget, account: this.#account(budget, nowMs), given: 0, shut: true };
      this.#open.set(slot, open);
    }
    const { account } = open;
    if (account instanceof FloorBucket) {
      const perMs = floor / (longestMs(budget.window) * (1 + CLOCK_DRIFT));
      account.shape(this.#part(budget, budget.burst ?? budget.limit), perMs, nowMs);
    }
    if (open.shut) {
      this.#table.fill(slot, BANKS.floor, 0, nowMs, ALWAYS_MS);
      open.shut = false;
    }
    this.#count(slot, open, nowMs);
    const more = account.free(floor, nowMs) - open.given;
    if (more > 0) {
      this.#table.add(slot, BANKS.floor, more);
      open.given += more;
    } else if (more < 0) open.given -= this.#table.withdraw(slot, BANKS.floor, -more);
    this.#used(nowMs);
    return open.given;
  }

  /** Ends the use of a key's floor. @returns false: hits of the key still count, and its slot must stay */
  release(slot: number, nowMs: number): boolean {
    const open = this.#open.get(slot);
    if (open === undefined) return true;
    this.#shutOne(slot, open, nowMs);
    if (open.account.used(nowMs) > 0) return false;
    this.#forget(slot, nowMs);
    return true;
  }

  /** The slot is of another key from now on; what still counts stays under the key's name. */
  orphan(slot: number, name: string, nowMs: number): void {
    const open = this.#open.get(slot);
    if (open === undefined || this.release(slot, nowMs)) return;
    this.#open.delete(slot);
    this.#orphans.set(name, open);
  }

  /** A key that may have been there before under another slot. */
  adopt(slot: number, name: string): void {
    const orphan = this.#orphans.size === 0 ? undefined : this.#orphans.get(name);
    if (orphan === undefined) return;
    this.#orphans.delete(name);
    this.#open.set(slot, orphan);
  }

  /** The monotonic clock, or the hub's, is not the one of before: what was taken until now is not known by the new one. */
  rest(nowMs: number): void {
    this.#shut(nowMs);
    this.#restFromMs = nowMs;
    this.#used(nowMs);
    this.#waivedUntilMs = Number.NEGATIVE_INFINITY;
    this.#lentUntilMs.clear();
  }

  #account(budget: Budget, nowMs: number): FloorLog | FloorBucket {
    return budget.algorithm === 'token-bucket'
      ? new FloorBucket(Math.min(nowMs, Math.max(this.#forgotMs, this.usableFromMs(budget))))
      : new FloorLog(longestMs(budget.window) * (1 + CLOCK_DRIFT));
  }

  /** The hub's clock after which what was lent until then cannot be in use any more. */
  #lentOver(budget: Budget, untilMs: number): number {
    switch (budget.algorithm) {
      case 'fixed-window':
        return windowAt(budget.window, untilMs).endMs;
      case 'sliding-window':
        return untilMs + this.#leaseMs + longestMs(budget.window);
      case 'token-bucket':
        return untilMs + this.#leaseMs;
    }
  }

  #shut(nowMs: number): void {
    for (const [slot, open] of this.#open) {
      this.#shutOne(slot, open, nowMs);
      if (open.account.used(nowMs) <= 0) this.#forget(slot, nowMs);
    }
    for (const [name, { account }] of this.#orphans) if (account.used(nowMs) <= 0) this.#orphans.delete(name);
  }

  #shutOne(slot: number, open: OpenFloor, nowMs: number): void {
    if (open.shut) return;
    const left = this.#table.fill(slot, BANKS.floor, 0, 0, 0);
    if (open.given > left) open.account.spend(open.given - left, nowMs);
    open.given = 0;
    open.shut = true;
    this.#used(nowMs);
  }

  #used(nowMs: number): void {
    this.#lastUseMs = nowMs;
    this.#sinceMs = Number.POSITIVE_INFINITY;
    this.#claim = undefined;
    if (this.#memory.waivedSinceMs === undefined) return;
    const { waivedSinceMs: _, ...rest } = this.#memory;
    this.#memory = rest;
  }

  #forget(slot: number, nowMs: number): void {
    this.#open.delete(slot);
    this.#forgotMs = nowMs;
  }

  #count(slot: number, open: OpenFloor, nowMs: number): void {
    const tokens = this.#table.tokens(slot, BANKS.floor);
    if (tokens > open.given) {
      // An answer cost less than was taken for it, which is counted already.
      this.#table.withdraw(slot, BANKS.floor, tokens - open.given);
      return;
    }
    if (tokens < open.given) open.account.spend(open.given - tokens, nowMs);
    open.given = tokens;
  }

  #all(): readonly OpenFloor[] {
    return [...this.#open.values(), ...this.#orphans.values()];
  }

  #fits({ account, budget }: OpenFloor, nowMs: number): boolean {
    return account.used(nowMs) <= this.#floor(budget);
  }

  #floor(budget: Budget): number {
    return this.#part(budget, budget.limit);
  }

  #part(budget: Budget, of: number): number {
    return floorSize(of, budget.floorShare, this.#shares.get(budget.scope) ?? 0);
  }
}

function sharesOf(memory: SpokeMemory | undefined): ReadonlyMap<string, number> {
  return new Map(memory?.shares.map(({ scope, millionths }) => [scope, millionths]));
}
