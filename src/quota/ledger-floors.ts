import { CLOCK_DRIFT, type WindowBounds } from './budget.ts';
import { WHOLE_SHARE } from './floors.ts';
import type { Session } from './ledger-state.ts';
import type { FloorShare, FloorWaiver, QuotaRequest } from './messages.ts';
import { SHARE_LIFETIME_MS } from './spoke-contract.ts';

/** When an agent was last heard is stored so often; its share is kept as much longer. */
const HEARD_GRAIN_MS = 3_600_000;
/** Promises of an agent that are kept beside the last: beyond that the shortest is forgotten, in which fewest windows began. */
const MOST_KEPT = 16;

/** What the ledger knows of an agent, whatever its data process. */
export interface AgentRecord {
  readonly name: string;
  scopes: readonly string[];
  /** It is in the configuration. */
  present: boolean;
  heardMs: number;
  /** Of budgets, as it said last. */
  version: number;
  waiver: FloorWaiver | undefined;
  /** Promises before it, which do not touch it: windows that began in one of them stay lent. */
  readonly kept: FloorWaiver[];
  readonly shares: Map<string, ShareRecord>;
  readonly sessions: Map<string, Session>;
  /** The session that began last: shares are heard from it alone. */
  newest: string;
  /** Sessions that are over, the latest last. */
  readonly closed: string[];
}

/** An agent's part of the floors of a scope. */
export interface ShareRecord {
  /** The largest that it may have by what it was told, in windows that begin at `sinceMs` or later. */
  counted: number;
  sinceMs: number;
  /** The same for windows that began earlier. */
  before: number;
  /** A lower one that it was told since `fromMs`, and is not yet known to have. */
  lowering: { largest: number; readonly fromMs: number } | undefined;
}

interface ScopeRecord {
  readonly members: Set<AgentRecord>;
  /** Fixed windows that something was granted in. */
  readonly windows: Map<number, WindowFloors>;
  /** Shares of agents that are gone, for windows that they may have used them in. */
  gone: { readonly millionths: number; readonly untilMs: number };
  /** Unwaived millionths of sliding windows by their length, at `atMs`. */
  readonly sliding: Map<number, number>;
  atMs: number;
  /** At `atMs`: every promise holds that began before this, and to now; undefined: not reckoned yet. */
  promisedSinceMs: number | undefined;
}

interface WindowFloors {
  endMs: number;
  /** Sum of `by`. */
  unwaived: number;
  /** Millionths of agents that may have used, or may use, a floor in this window. */
  readonly by: Map<AgentRecord, number>;
}

/**
 * Who may admit how much without asking, and who has promised not to. What a restart loses of it (the promises that nothing was granted
 * by) makes floors count that are not in use, never the other way round.
 */
export class LedgerFloors {
  readonly agents = new Map<string, AgentRecord>();
  readonly #scopes = new Map<string, ScopeRecord>();
  readonly #changed = new Set<string>();
  /** Whose promises grew: stored when anything else is, for only what is granted can need them after a restart. */
  readonly #promised = new Set<string>();

  /** Agents and scopes whose shares must be stored again, since the last call. */
  takeChanged(): readonly string[] {
    const names = [...this.#changed];
    this.#changed.clear();
    for (const name of names) this.#promised.delete(name);
    return names;
  }

  /** Agents whose promises alone should be stored again, since the last call. */
  takePromised(): readonly string[] {
    const names = [...this.#promised];
    this.#promised.clear();
    return names;
  }

  /** It must be stored again. */
  changed(agent: AgentRecord): void {
    this.#changed.add(agent.name);
  }

  restore(agent: AgentRecord): void {
    this.agents.set(agent.name, agent);
    for (const scope of agent.shares.keys()) this.#scope(scope).members.add(agent);
  }

  restoreGone(scope: string, gone: { readonly millionths: number; readonly untilMs: number }): void {
    this.#scope(scope).gone = gone;
  }

  *gone(): Iterable<readonly [string, { readonly millionths: number; readonly untilMs: number }]> {
    for (const [name, { gone }] of this.#scopes) if (gone.millionths > 0) yield [name, gone];
  }

  setAgents(agents: ReadonlyMap<string, readonly string[]>, nowMs: number): void {
    for (const [name, scopes] of agents) {
      const agent = this.agents.get(name) ?? this.#newAgent(name, nowMs);
      agent.present = true;
      agent.scopes = scopes;
      for (const scope of scopes) {
        this.#scope(scope).members.add(agent);
        if (!agent.shares.has(scope))
          agent.shares.set(scope, { counted: 0, sinceMs: 0, before: 0, lowering: undefined });
      }
    }
    for (const agent of this.agents.values()) if (!agents.has(agent.name)) agent.present = false;
  }

  /** Forgets agents that are gone for so long that they must have lost their shares themselves, and windows that are over. */
  sweep(nowMs: number): void {
    const lifetimeMs = SHARE_LIFETIME_MS * (1 + CLOCK_DRIFT) + HEARD_GRAIN_MS;
    for (const agent of this.agents.values()) {
      if (agent.present || agent.sessions.size > 0) continue;
      const shares = [...agent.shares];
      const none = shares.every(([, share]) => share.counted === 0 && share.before === 0);
      if (!none && nowMs < agent.heardMs + lifetimeMs) continue;
      for (const [name, share] of shares) {
        const scope = this.#scope(name);
        scope.members.delete(agent);
        const millionths = scope.gone.millionths + Math.max(share.counted, share.before);
        if (millionths > 0) scope.gone = { millionths, untilMs: nowMs };
      }
      this.agents.delete(agent.name);
      this.#changed.add(agent.name);
    }
    for (const scope of this.#scopes.values())
      for (const [startMs, { endMs }] of scope.windows) if (endMs <= nowMs) scope.windows.delete(startMs);
  }

  /** Promises on a clock that did not go on are void. */
  forgetWaivers(): void {
    for (const agent of this.agents.values()) {
      agent.waiver = undefined;
      agent.kept.length = 0;
      this.#changed.add(agent.name);
    }
    for (const scope of this.#scopes.values()) {
      scope.windows.clear();
      renew(scope);
    }
  }

  /** An agent was heard. @param newest its newest session, and not overtaken: what it says of shares and budgets holds */
  hear(agent: AgentRecord, request: QuotaRequest, newest: boolean, nowMs: number): void {
    if (nowMs - agent.heardMs > HEARD_GRAIN_MS) this.#changed.add(agent.name);
    agent.heardMs = nowMs;
    if (request.waiver !== undefined) this.#waive(agent, request.waiver);
    if (!newest) return;
    if (request.budgets !== agent.version) {
      agent.version = request.budgets;
      this.#changed.add(agent.name);
    }
    for (const [scope, share] of agent.shares) {
      const said = request.shares.find((known) => known.scope === scope)?.millionths ?? 0;
      const has = Math.min(said, WHOLE_SHARE);
      const { lowering } = share;
      if (has > share.counted) {
        // It remembers what this ledger does not: a share of one whose state was lost.
        this.#count(agent, share, { counted: has, sinceMs: nowMs, before: Math.max(share.before, has) });
        this.#countInWindows(agent, scope, has);
      } else if (
        lowering !== undefined &&
        has <= lowering.largest &&
        request.takenHubMs !== undefined &&
        request.takenHubMs >= lowering.fromMs
      ) {
        const before = Math.max(share.before, share.counted);
        this.#count(agent, share, { counted: lowering.largest, sinceMs: nowMs, before });
      }
    }
  }

  /** What the reply gives to the agent. Raised only for a promise that holds now: what is lent to others meanwhile stays lent. */
  sharesFor(agent: AgentRecord, request: QuotaRequest, newest: boolean, nowMs: number): FloorShare[] {
    const { waiver } = request;
    const shares: FloorShare[] = [];
    for (const [name, share] of agent.shares) {
      const scope = this.#scope(name);
      const due = agent.present && agent.scopes.includes(name) ? partOf(scope) : 0;
      if (
        newest &&
        due > share.counted &&
        waiver !== undefined &&
        waiver.untilMs >= nowMs &&
        startsBefore(scope, waiver.untilMs)
      ) {
        let free = WHOLE_SHARE;
        for (const member of scope.members) free -= member.shares.get(name)?.counted ?? 0;
        const counted = share.counted + Math.max(0, Math.min(free, due - share.counted));
        // A floor is used only in windows that begin after the promise ends: those before see nothing of the raise.
        const before = Math.max(share.before, share.counted);
        if (counted > share.counted) this.#count(agent, share, { counted, sinceMs: waiver.untilMs, before });
      }
      const millionths = Math.min(due, share.counted);
      if (millionths < share.counted) {
        share.lowering ??= { largest: 0, fromMs: nowMs };
        share.lowering.largest = Math.max(share.lowering.largest, millionths);
      } else share.lowering = undefined;
      if (millionths > 0) shares.push({ scope: name, millionths });
    }
    return shares;
  }

  /** Millionths that may be in use in a fixed window by agents that did not promise otherwise. */
  unwaivedIn(scopeName: string, window: WindowBounds): number {
    const scope = this.#scope(scopeName);
    let floors = scope.windows.get(window.startMs);
    if (floors === undefined) {
      floors = { endMs: window.endMs, unwaived: goneIn(scope, window.startMs), by: new Map() };
      for (const agent of scope.members) {
        const millionths = shareIn(agent, scopeName, window.startMs);
        if (millionths === 0 || promised(agent, window.startMs)) continue;
        floors.by.set(agent, millionths);
        floors.unwaived += millionths;
      }
      scope.windows.set(window.startMs, floors);
    } else if (floors.endMs < window.endMs) floors.endMs = window.endMs;
    return Math.min(WHOLE_SHARE, floors.unwaived);
  }

  /**
   * Millionths that agents may have used in the stretch of so many milliseconds before now, or may use now. Length 0: now alone (token
   * buckets).
   */
  unwaivedNow(scopeName: string, lengthMs: number, nowMs: number): number {
    const scope = this.#scope(scopeName);
    if (scope.atMs !== nowMs) {
      renew(scope);
      scope.atMs = nowMs;
    }
    const known = scope.sliding.get(lengthMs);
    if (known !== undefined) return known;
    const fromMs = nowMs - lengthMs;
    scope.promisedSinceMs ??= promisedSince(scope, scopeName, nowMs);
    if (fromMs >= scope.promisedSinceMs) return 0;
    let sum = goneIn(scope, fromMs);
    for (const agent of scope.members) {
      const { waiver } = agent;
      const used = shareIn(agent, scopeName, fromMs);
      if (waiver === undefined || waiver.untilMs < nowMs)
        sum += Math.max(used, agent.shares.get(scopeName)?.counted ?? 0);
      else if (waiver.sinceMs > fromMs) sum += used;
    }
    const unwaived = Math.min(WHOLE_SHARE, sum);
    scope.sliding.set(lengthMs, unwaived);
    return unwaived;
  }

  /** Whether every agent that has a floor of the scope goes by these budgets or later ones. */
  allHave(scopeName: string, version: number): boolean {
    for (const agent of this.#scope(scopeName).members)
      if (agent.version < version && (agent.shares.get(scopeName)?.counted ?? 0) > 0) return false;
    return true;
  }

  #waive(agent: AgentRecord, waiver: FloorWaiver): void {
    const former = agent.waiver;
    if (former !== undefined && waiver.untilMs < former.sinceMs) return;
    // Promises that touch are one: a new data process goes on where the one before had promised to.
    const joined =
      former !== undefined && waiver.sinceMs <= former.untilMs
        ? {
            sinceMs: Math.min(former.sinceMs, waiver.sinceMs),
            untilMs: Math.max(former.untilMs, waiver.untilMs),
          }
        : waiver;
    if (former !== undefined && joined === waiver) keep(agent.kept, former);
    agent.waiver = joined;
    this.#promised.add(agent.name);
    for (const name of agent.shares.keys()) {
      const scope = this.#scope(name);
      renew(scope);
      for (const [startMs, floors] of scope.windows) {
        const millionths = floors.by.get(agent);
        if (millionths === undefined || !covers(joined, startMs)) continue;
        floors.by.delete(agent);
        floors.unwaived -= millionths;
      }
    }
  }

  /** Windows under way keep what they count. */
  #count(agent: AgentRecord, share: ShareRecord, to: Omit<ShareRecord, 'lowering'>): void {
    share.counted = to.counted;
    share.sinceMs = to.sinceMs;
    share.before = to.before;
    share.lowering = undefined;
    for (const name of agent.shares.keys()) renew(this.#scope(name));
    this.#changed.add(agent.name);
  }

  #countInWindows(agent: AgentRecord, scopeName: string, millionths: number): void {
    for (const [startMs, floors] of this.#scope(scopeName).windows) {
      const was = floors.by.get(agent) ?? 0;
      if (was >= millionths || promised(agent, startMs)) continue;
      floors.by.set(agent, millionths);
      floors.unwaived += millionths - was;
    }
  }

  #newAgent(name: string, nowMs: number): AgentRecord {
    const agent: AgentRecord = {
      name,
      scopes: [],
      present: true,
      heardMs: nowMs,
      version: 0,
      waiver: undefined,
      kept: [],
      shares: new Map(),
      sessions: new Map(),
      newest: '',
      closed: [],
    };
    this.agents.set(name, agent);
    this.#changed.add(name);
    return agent;
  }

  #scope(name: string): ScopeRecord {
    let scope = this.#scopes.get(name);
    if (scope === undefined) {
      scope = {
        members: new Set(),
        windows: new Map(),
        gone: { millionths: 0, untilMs: 0 },
        sliding: new Map(),
        atMs: 0,
        promisedSinceMs: undefined,
      };
      this.#scopes.set(name, scope);
    }
    return scope;
  }
}

function keep(kept: FloorWaiver[], waiver: FloorWaiver): void {
  kept.push(waiver);
  if (kept.length <= MOST_KEPT) return;
  const length = ({ sinceMs, untilMs }: FloorWaiver) => untilMs - sinceMs;
  let shortest = 0;
  for (const [at, one] of kept.entries()) {
    const least = kept[shortest];
    if (least !== undefined && length(one) < length(least)) shortest = at;
  }
  kept.splice(shortest, 1);
}

/** The agent used no floor in a fixed window that began then, by this promise or an earlier one. */
function promised({ waiver, kept }: AgentRecord, startMs: number): boolean {
  return covers(waiver, startMs) || kept.some((one) => covers(one, startMs));
}

function covers(waiver: FloorWaiver | undefined, startMs: number): boolean {
  return waiver !== undefined && waiver.sinceMs <= startMs && startMs <= waiver.untilMs;
}

function shareIn(agent: AgentRecord, scope: string, startMs: number): number {
  const share = agent.shares.get(scope);
  if (share === undefined) return 0;
  return startMs >= share.sinceMs ? share.counted : share.before;
}

function goneIn(scope: ScopeRecord, startMs: number): number {
  return startMs < scope.gone.untilMs ? scope.gone.millionths : 0;
}

/** No window has been granted from that begins after the promise. */
function startsBefore(scope: ScopeRecord, untilMs: number): boolean {
  for (const startMs of scope.windows.keys()) if (startMs > untilMs) return false;
  return true;
}

/** What was reckoned for the instant is to be reckoned again. */
function renew(scope: ScopeRecord): void {
  scope.sliding.clear();
  scope.promisedSinceMs = undefined;
}

/** Since when nobody used a floor, up to now; Infinity: somebody may use one now. */
function promisedSince(scope: ScopeRecord, scopeName: string, nowMs: number): number {
  let sinceMs = scope.gone.millionths > 0 ? scope.gone.untilMs : Number.NEGATIVE_INFINITY;
  for (const { waiver, shares } of scope.members) {
    const share = shares.get(scopeName);
    if (share === undefined || (share.counted === 0 && share.before === 0)) continue;
    if (waiver === undefined || waiver.untilMs < nowMs) return Number.POSITIVE_INFINITY;
    sinceMs = Math.max(sinceMs, waiver.sinceMs);
  }
  return sinceMs;
}

function partOf(scope: ScopeRecord): number {
  let present = 0;
  for (const agent of scope.members) if (agent.present) present += 1;
  return Math.floor(WHOLE_SHARE / Math.max(1, present));
}
