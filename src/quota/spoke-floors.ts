import { CLOCK_DRIFT, type WindowBounds } from './budget.ts';
import type { FloorShare, FloorWaiver, QuotaRequest } from './messages.ts';
import type { Session } from './ledger-state.ts';
import { SHARE_LIFETIME_MS } from './spoke-contract.ts';

/** A share of one is so many millionths. */
export const WHOLE_SHARE = 1_000_000;
/** When an agent was last heard is stored so often; its share is kept as much longer. */
const HEARD_GRAIN_MS = 3_600_000;

/**
 * Tokens of a floor: of a limit (or burst), what `floorShare` keeps for agents that are away, and of that the part of a share. Whole
 * numbers in every step, so that floors of several agents are never more together than the floor of their shares together.
 * @param millionths of the floors of the scope
 */
export function floorSize(limit: number, floorShare: number, millionths: number): number {
  const kept = Math.floor((limit * Math.round(floorShare * WHOLE_SHARE)) / WHOLE_SHARE);
  return Math.floor((kept * millionths) / WHOLE_SHARE);
}

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
  readonly shares: Map<string, ShareRecord>;
  readonly sessions: Map<string, Session>;
  /** The session that began last: shares and waivers are heard from it alone. */
  newest: string;
  /** Sessions that are over, the latest last; `LONGEST_MEMORY` of them. */
  readonly closed: string[];
}

/** An agent's part of the floors of a scope. */
export interface ShareRecord {
  /** The largest that it may have by what it was told, in windows that begin at `sinceMs` or later. */
  counted: number;
  sinceMs: number;
  /** The same for windows that began earlier. */
  before: number;
  /** A lower one that it was told since `fromMs`, and not yet known to have. */
  lowering: { largest: number; readonly fromMs: number } | undefined;
}

interface ScopeRecord {
  readonly members: Set<AgentRecord>;
  /** Fixed windows that something was granted in. */
  readonly windows: Map<number, WindowFloors>;
  /** Shares of agents that are gone, for windows that they may have used them in. */
  gone: { millionths: number; untilMs: number };
  /** Unwaived millionths of sliding windows by their length, at `atMs`. */
  readonly sliding: Map<number, number>;
  atMs: number;
}

interface WindowFloors {
  endMs: number;
  unwaived: number;
  readonly waived: Set<AgentRecord>;
}

/**
 * Who may admit how much without asking, and who has promised not to. What is lost of it (all but the shares are not stored) only makes
 * floors count that are not in use.
 */
export class Floors {
  readonly agents = new Map<string, AgentRecord>();
  readonly #scopes = new Map<string, ScopeRecord>();
  readonly #changed = new Set<string>();

  /** Agents whose shares must be stored again, since the last call. */
  takeChanged(): readonly string[] {
    const names = [...this.#changed];
    this.#changed.clear();
    return names;
  }

  restore(agent: AgentRecord): void {
    this.agents.set(agent.name, agent);
    for (const scope of agent.shares.keys()) this.#scope(scope).members.add(agent);
  }

  restoreGone(scope: string, gone: { millionths: number; untilMs: number }): void {
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

  /** Forgets agents that are gone for so long that they must have lost their shares themselves. @returns those forgotten */
  sweep(nowMs: number): readonly AgentRecord[] {
    const lifetimeMs = SHARE_LIFETIME_MS * (1 + CLOCK_DRIFT) + HEARD_GRAIN_MS;
    const lost: AgentRecord[] = [];
    for (const agent of this.agents.values()) {
      if (agent.present || agent.sessions.size > 0) continue;
      const shares = [...agent.shares];
      const none = shares.every(([, share]) => share.counted === 0 && share.before === 0);
      if (!none && nowMs < agent.heardMs + lifetimeMs) continue;
      for (const [scope, share] of shares) {
        const record = this.#scope(scope);
        record.members.delete(agent);
        record.gone = {
          millionths: record.gone.millionths + Math.max(share.counted, share.before),
          untilMs: Math.max(record.gone.untilMs, nowMs),
        };
      }
      this.agents.delete(agent.name);
      this.#changed.add(agent.name);
      lost.push(agent);
    }
    for (const scope of this.#scopes.values())
      for (const [startMs, { endMs }] of scope.windows) if (endMs <= nowMs) scope.windows.delete(startMs);
    return lost;
  }

  /** Promises on a clock that did not go on are void. */
  forgetWaivers(): void {
    for (const agent of this.agents.values()) agent.waiver = undefined;
    for (const scope of this.#scopes.values()) {
      scope.windows.clear();
      scope.sliding.clear();
    }
  }

  /** An agent was heard: what it promises, and which shares it has. */
  hear(agent: AgentRecord, request: QuotaRequest, newest: boolean, nowMs: number): void {
    if (nowMs - agent.heardMs > HEARD_GRAIN_MS) this.#changed.add(agent.name);
    agent.heardMs = nowMs;
    if (request.waiver !== undefined) this.#waive(agent, request.waiver);
    if (!newest) return;
    if (request.budgets !== agent.version) {
      agent.version = request.budgets;
      this.#changed.add(agent.name);
    }
    const said = new Map(request.shares.map(({ scope, millionths }) => [scope, millionths]));
    for (const [scope, share] of agent.shares) {
      const has = Math.min(said.get(scope) ?? 0, WHOLE_SHARE);
      if (has > share.counted) {
        // It remembers what this ledger does not: a share of one whose state was lost.
        this.#count(agent, share, has, Number.POSITIVE_INFINITY, Math.max(share.before, has));
        continue;
      }
      const { lowering } = share;
      if (lowering === undefined || has > lowering.largest || !((request.takenHubMs ?? -1) >= lowering.fromMs))
        continue;
      this.#count(agent, share, lowering.largest, nowMs, Math.max(share.before, share.counted));
    }
  }

  /** What the reply gives to the agent. Raises only with a waiver: what is lent to others meanwhile stays lent. */
  sharesFor(agent: AgentRecord, waiver: FloorWaiver | undefined, newest: boolean, nowMs: number): FloorShare[] {
    const shares: FloorShare[] = [];
    for (const [name, share] of agent.shares) {
      const scope = this.#scope(name);
      const due = agent.present && agent.scopes.includes(name) ? partOf(scope) : 0;
      if (due > share.counted && newest && waiver !== undefined && startsBefore(scope, waiver.untilMs)) {
        let free = WHOLE_SHARE;
        for (const member of scope.members) free -= member.shares.get(name)?.counted ?? 0;
        const raised = share.counted + Math.max(0, Math.min(free, due - share.counted));
        // Windows that begin before the promise ends see nothing of the raise: a floor may be used only in a later one.
        if (raised > share.counted)
          this.#count(agent, share, raised, waiver.untilMs, Math.max(share.before, share.counted));
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
      floors = { endMs: window.endMs, unwaived: goneIn(scope, window.startMs), waived: new Set() };
      for (const agent of scope.members) {
        if (covers(agent.waiver, window.startMs)) floors.waived.add(agent);
        else floors.unwaived += shareIn(agent, scopeName, window.startMs);
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
      scope.sliding.clear();
      scope.atMs = nowMs;
    }
    const known = scope.sliding.get(lengthMs);
    if (known !== undefined) return known;
    const fromMs = nowMs - lengthMs;
    let sum = goneIn(scope, fromMs);
    for (const agent of scope.members) {
      const { waiver } = agent;
      const share = agent.shares.get(scopeName);
      if (share === undefined) continue;
      if (waiver === undefined || waiver.untilMs < nowMs) sum += Math.max(share.counted, shareIn(agent, scopeName, fromMs));
      else if (waiver.sinceMs > fromMs) sum += shareIn(agent, scopeName, fromMs);
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
    agent.waiver = joined;
    for (const [name] of agent.shares) {
      const scope = this.#scope(name);
      scope.sliding.clear();
      for (const [startMs, floors] of scope.windows)
        if (!floors.waived.has(agent) && covers(joined, startMs)) {
          floors.waived.add(agent);
          floors.unwaived -= shareIn(agent, name, startMs);
        }
    }
  }

  /** @param sinceMs from which windows on; what windows under way counted before stays counted */
  #count(agent: AgentRecord, share: ShareRecord, counted: number, sinceMs: number, before: number): void {
    for (const [name, other] of agent.shares) {
      if (other !== share) continue;
      const scope = this.#scope(name);
      scope.sliding.clear();
      for (const [startMs, floors] of scope.windows) {
        const was = shareIn(agent, name, startMs);
        const is = startMs >= sinceMs ? counted : before;
        if (!floors.waived.has(agent)) floors.unwaived += is - was;
      }
    }
    share.counted = counted;
    share.sinceMs = sinceMs;
    share.before = before;
    share.lowering = undefined;
    this.#changed.add(agent.name);
  }

  #newAgent(name: string, nowMs: number): AgentRecord {
    const agent: AgentRecord = {
      name,
      scopes: [],
      present: true,
      heardMs: nowMs,
      version: 0,
      waiver: undefined,
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
      };
      this.#scopes.set(name, scope);
    }
    return scope;
  }
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

function partOf(scope: ScopeRecord): number {
  let present = 0;
  for (const agent of scope.members) if (agent.present) present += 1;
  return Math.floor(WHOLE_SHARE / Math.max(1, present));
}
