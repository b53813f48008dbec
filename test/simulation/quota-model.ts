import type { Budget } from '../../src/quota/budget.ts';
import { floorSize } from '../../src/quota/floors.ts';
import type { QuotaReply, QuotaRequest } from '../../src/quota/messages.ts';
import { type HubEvent, type HubFaults, ModelHub } from './quota-model-hub.ts';

/*
 * A world small enough to look at all of it: three agents, two windows of a limit of four, the real ledger. Time goes in half windows.
 * What was sent once may arrive whenever, any number of times, or never, and in any order: it simply stays on the wire. The agents are
 * the plainest that keep the rules of docs/adr/0025, with clocks that are right.
 */

const WINDOW_MS = 10_000;
const TICK_MS = WINDOW_MS / 2;
const START_MS = 1_000_000_000_000;
const NAMES = ['a', 'b', 'c'];
const LIMIT = 4;

const budget: Budget = {
  id: 'shop/p/l/10s',
  scope: 'shop',
  algorithm: 'fixed-window',
  limit: LIMIT,
  window: { type: 'length', ms: WINDOW_MS },
  floorShare: 1,
  allocation: 'proportional',
  waits: false,
};
export interface ModelBounds {
  /** Two or three. */
  readonly agents: number;
  /** Requests that one agent makes. */
  readonly requests: number;
  readonly agentCrashes: number;
  readonly hubCrashes: number;
  /** Events on one way through the world. */
  readonly depth: number;
}

export interface ModelResult {
  readonly states: number;
  readonly hubStates: number;
  /** The most that was admitted in one window, and could have been. */
  readonly most: number;
  /** What went wrong first, with the way there. */
  readonly violation: { readonly what: string; readonly way: readonly string[] } | undefined;
}

interface Agent {
  /** Of the floors, in millionths. */
  readonly share: number;
  readonly process: number;
  readonly requests: number;
  /** By window: granted, returned, spent. */
  readonly held: Readonly<Record<number, readonly [number, number, number]>>;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** By window: taken from the floor. */
  readonly floor: Readonly<Record<number, number>>;
  /** A process that started within the model: what the one before took is not known. */
  readonly rests: boolean;
  readonly hubMs: number;
}

interface World {
  readonly tick: number;
  readonly agents: readonly Agent[];
  /** Numbers of messages that were sent. */
  readonly wire: readonly number[];
  readonly hub: number;
  readonly hubCrashes: number;
  readonly agentCrashes: number;
  /** By window: admitted by processes that are no more, and could have been. */
  readonly gone: readonly [number, number];
}

type Message =
  | { readonly type: 'request'; readonly agent: number; readonly request: QuotaRequest }
  | { readonly type: 'reply'; readonly agent: number; readonly reply: QuotaReply };

/** Walks through every state that can be reached within the bounds, breadth first: the way to a violation is a shortest one. */
export function exploreQuota(bounds: ModelBounds, faults: HubFaults = {}): ModelResult {
  return new Exploration(bounds, faults).run();
}

class Exploration {
  readonly #names: readonly string[];
  readonly #floor: number;
  readonly #bounds: ModelBounds;
  readonly #hub: ModelHub;
  readonly #messages: Message[] = [];
  readonly #messageNumbers = new Map<string, number>();
  readonly #seen = new Set<string>();
  /** Event and the state before it, for the way to a violation. */
  readonly #came: { readonly from: number; readonly by: string }[] = [];
  #most = 0;
  #violation: ModelResult['violation'];

  constructor(bounds: ModelBounds, faults: HubFaults) {
    this.#bounds = bounds;
    this.#names = NAMES.slice(0, bounds.agents);
    const share = Math.floor(1_000_000 / bounds.agents);
    this.#floor = floorSize(LIMIT, budget.floorShare, share);
    this.#hub = new ModelHub({
      budget,
      agents: this.#names,
      startMs: START_MS - 2 * WINDOW_MS,
      // The next window is granted from half a window ahead.
      options: { roundTripMs: 4_000 },
      prologue: [
        ...this.#names.map(
          (agent): HubEvent => ({
            type: 'exchange',
            agent,
            request: hello(agent, share),
            nowMs: START_MS - TICK_MS,
          }),
        ),
        { type: 'commit' },
      ],
      faults,
    });
  }

  run(): ModelResult {
    const agent: Agent = {
      share: Math.floor(1_000_000 / this.#bounds.agents),
      process: 0,
      requests: 0,
      held: {},
      sinceMs: 0,
      untilMs: START_MS,
      floor: {},
      rests: false,
      hubMs: START_MS - TICK_MS,
    };
    let worlds: { readonly world: World; readonly number: number }[] = [];
    const enter = (world: World, from: number, by: string, into: typeof worlds) => {
      const print = JSON.stringify(world);
      if (this.#seen.has(print)) return;
      this.#seen.add(print);
      const number = this.#came.length;
      this.#came.push({ from, by });
      this.#check(world, number);
      into.push({ world, number });
    };
    enter(
      {
        tick: 0,
        agents: this.#names.map(() => agent),
        wire: [],
        hub: 0,
        hubCrashes: 0,
        agentCrashes: 0,
        gone: [0, 0],
      },
      -1,
      'begin',
      worlds,
    );
    for (let depth = 0; depth < this.#bounds.depth && worlds.length > 0; depth += 1) {
      const next: typeof worlds = [];
      for (const { world, number } of worlds) {
        this.#successors(world, (after, by) => enter(after, number, by, next));
        if (this.#violation !== undefined) return this.#result();
      }
      worlds = next;
    }
    return this.#result();
  }

  #result(): ModelResult {
    return {
      states: this.#seen.size,
      hubStates: this.#hub.size,
      most: this.#most,
      violation: this.#violation,
    };
  }

  #successors(world: World, enter: (world: World, by: string) => void): void {
    const { bounds, nowMs } = { bounds: this.#bounds, nowMs: START_MS + world.tick * TICK_MS };
    if (world.tick < 3) enter({ ...world, tick: world.tick + 1 }, 'tick');
    for (const [at, agent] of world.agents.entries()) {
      const name = this.#names[at] ?? '';
      const floored = fromFloor(agent, nowMs, this.#floor);
      if (floored !== undefined)
        enter({ ...world, agents: world.agents.with(at, floored) }, `${name} takes from its floor`);
      if (agent.requests < bounds.requests) {
        // When hits come matters to nobody before the agent speaks of them: what it could admit until then is counted by the check.
        const free = unspentOf(agent, windowOf(nowMs));
        for (const spends of free === 0 ? [0] : free === 1 ? [0, 1] : [0, 1, free])
          for (const keeps of [true, false]) {
            const { sent, request } = ask(agent, name, nowMs, { spends, keeps });
            if (!keeps && JSON.stringify(sent.held) === JSON.stringify(agent.held)) continue;
            const wire = this.#put(world.wire, { type: 'request', agent: at, request });
            const by = `${name} spends ${spends}, ${keeps ? 'asks for more' : 'gives back the rest'}`;
            enter({ ...world, agents: world.agents.with(at, sent), wire }, by);
          }
      }
      if (world.agentCrashes < bounds.agentCrashes && agent.requests > 0) {
        const gone: [number, number] = [
          couldAdmit(agent, 0, this.#floor) + world.gone[0],
          couldAdmit(agent, 1, this.#floor) + world.gone[1],
        ];
        // A window that is still to come: the dead admit nothing in it.
        if (windowOf(nowMs) === 0) gone[1] = world.gone[1];
        const again = { ...agent, process: agent.process + 1, held: {}, floor: {}, rests: true, hubMs: -1 };
        enter(
          {
            ...world,
            agentCrashes: world.agentCrashes + 1,
            agents: world.agents.with(at, { ...again, sinceMs: nowMs + 1, untilMs: nowMs }),
            gone,
          },
          `${name} starts again`,
        );
      }
    }
    for (const number of world.wire) {
      const message = this.#messages[number];
      if (message === undefined) continue;
      const name = this.#names[message.agent] ?? '';
      if (message.type === 'request') {
        const event: HubEvent = { type: 'exchange', agent: name, request: message.request, nowMs };
        const { state, sent } = this.#hub.step(world.hub, event, `${number} ${world.tick}`);
        enter({ ...world, hub: state, wire: this.#replies(world.wire, sent) }, `hub hears ${name} ${number}`);
      } else {
        const agent = world.agents[message.agent];
        if (agent === undefined) continue;
        const took = taken(agent, name, message.reply);
        if (took !== agent)
          enter({ ...world, agents: world.agents.with(message.agent, took) }, `${name} hears ${number}`);
      }
    }
    if (this.#hub.uncommitted(world.hub)) {
      const { state, sent } = this.#hub.step(world.hub, { type: 'commit' }, 'commit');
      enter({ ...world, hub: state, wire: this.#replies(world.wire, sent) }, 'hub commits');
    }
    if (world.hubCrashes < bounds.hubCrashes) {
      const { state } = this.#hub.step(world.hub, { type: 'crash', nowMs }, `crash ${world.tick}`);
      enter({ ...world, hub: state, hubCrashes: world.hubCrashes + 1 }, 'hub starts again');
    }
  }

  /** I20, for what is admitted and what could be if every agent used all that it may: unspent tokens, and its floor. */
  #check(world: World, number: number): void {
    for (const [window, gone] of world.gone.entries()) {
      const could = world.agents.reduce((sum, agent) => sum + couldAdmit(agent, window, this.#floor), gone);
      this.#most = Math.max(this.#most, could);
      if (could > LIMIT) this.#fail(`${could} can be admitted in window ${window}`, number);
    }
    // A hub that started again counts too much by caution, until agents repeat what they gave back and promised.
    if (world.hubCrashes > 0) return;
    for (const { startMs, leased, spent, floors } of this.#hub.key(world.hub)?.windows ?? [])
      if (leased + spent + floors > LIMIT)
        this.#fail(
          `the ledger counts ${leased} leased, ${spent} spent, ${floors} kept in ${startMs}`,
          number,
        );
  }

  #fail(what: string, number: number): void {
    if (this.#violation !== undefined) return;
    const way: string[] = [];
    for (let at = number; at >= 0; at = this.#came[at]?.from ?? -1) way.unshift(this.#came[at]?.by ?? '');
    this.#violation = { what, way };
  }

  #replies(wire: readonly number[], replies: readonly QuotaReply[]): readonly number[] {
    return replies.reduce((all, reply) => {
      const agent = this.#names.findIndex((name) => reply.session.startsWith(name));
      return this.#put(all, { type: 'reply', agent, reply });
    }, wire);
  }

  #put(wire: readonly number[], message: Message): readonly number[] {
    const print = JSON.stringify(message);
    let number = this.#messageNumbers.get(print);
    if (number === undefined) {
      number = this.#messages.length;
      this.#messages.push(message);
      this.#messageNumbers.set(print, number);
    }
    return wire.includes(number) ? wire : [...wire, number].sort((a, b) => a - b);
  }
}

function windowOf(ms: number): number {
  return Math.floor((ms - START_MS) / WINDOW_MS);
}

/** A floor opens when the window is over in which the promise ends. */
function mayUseFloor(agent: Agent, window: number): boolean {
  return !agent.rests && window > windowOf(agent.untilMs);
}

function unspentOf(agent: Agent, window: number): number {
  const [granted, returned, spent] = agent.held[window] ?? [0, 0, 0];
  return Math.max(0, granted - returned - spent);
}

/** What a process has admitted in a window, and may still. */
function couldAdmit(agent: Agent, window: number, whole: number): number {
  const [, , spent] = agent.held[window] ?? [0, 0, 0];
  const floor = mayUseFloor(agent, window) ? whole : (agent.floor[window] ?? 0);
  return spent + unspentOf(agent, window) + floor;
}

function fromFloor(agent: Agent, nowMs: number, whole: number): Agent | undefined {
  const window = windowOf(nowMs);
  const used = agent.floor[window] ?? 0;
  if (!mayUseFloor(agent, window) || used >= whole) return undefined;
  return { ...agent, floor: { ...agent.floor, [window]: used + 1 }, sinceMs: nowMs + 1 };
}

/** @param how after so many hits; `keeps` false: gives back everything unspent, and wants nothing */
function ask(
  agent: Agent,
  name: string,
  nowMs: number,
  how: { readonly spends: number; readonly keeps: boolean },
): { readonly sent: Agent; readonly request: QuotaRequest } {
  const { spends, keeps } = how;
  const now = windowOf(nowMs);
  const held = Object.fromEntries(
    Object.entries(agent.held).map(([window, [granted, returned, before]]) => {
      const spent = Number(window) === now ? before + spends : before;
      return [window, [granted, keeps ? returned : granted - spent, spent] as const];
    }),
  );
  const untilMs = Math.max(agent.untilMs, nowMs + TICK_MS);
  const sent: Agent = { ...agent, held, untilMs, requests: agent.requests + 1 };
  const request: QuotaRequest = {
    ...hello(name, agent.share),
    session: `${name}${agent.process}`,
    sentMs: nowMs * 10 + sent.requests,
    waiver: { sinceMs: agent.sinceMs, untilMs },
    ...(agent.hubMs < 0 ? {} : { takenHubMs: agent.hubMs }),
    entries: [
      {
        id: 0,
        demand: keeps ? 0.2 : 0,
        waiting: keeps ? LIMIT : 0,
        holdings: Object.entries(held).map(([window, [, returned, spent]]) => ({
          startMs: START_MS + Number(window) * WINDOW_MS,
          returned,
          spent,
        })),
      },
    ],
  };
  return { sent, request };
}

function taken(agent: Agent, name: string, reply: QuotaReply): Agent {
  if (reply.session !== `${name}${agent.process}` || reply.closed) return agent;
  const held: Record<number, readonly [number, number, number]> = { ...agent.held };
  let changed = false;
  for (const { startMs, granted } of reply.entries.flatMap(({ holdings }) => holdings)) {
    const window = windowOf(startMs);
    const [before, returned, spent] = held[window] ?? [0, 0, 0];
    if (granted <= before || window < 0) continue;
    held[window] = [granted, returned, spent];
    changed = true;
  }
  if (!changed && reply.hubMs <= agent.hubMs) return agent;
  return { ...agent, held, hubMs: Math.max(agent.hubMs, reply.hubMs) };
}

/** The first request of a process; with it an agent gets its share before the model begins. */
function hello(name: string, share: number): QuotaRequest {
  return {
    session: `${name}0`,
    sentMs: 1,
    ledger: '',
    budgets: 1,
    waiver: { sinceMs: 0, untilMs: START_MS },
    shares: [{ scope: 'shop', millionths: share }],
    names: [{ id: 0, budget: budget.id, key: 'k' }],
    entries: [],
  };
}
