import { openLedger } from '../../src/quota/ledger.ts';
import type { QuotaReply } from '../../src/quota/messages.ts';
import { createSpoke } from '../../src/quota/spoke.ts';
import type { Spoke, SpokeBudget } from '../../src/quota/spoke-contract.ts';
import { createQuotaMemory, createTableWriter, createTaker } from '../../src/quota/table.ts';
import type { QuotaTaker } from '../../src/quota/table-contract.ts';
import { seededRandom } from '../support/random.ts';
import { Agenda } from './agenda.ts';

/** What limits hits over several agents: ours, or a model of how a peer works. Times are milliseconds of one clock. */
export interface Limiter {
  /** `later` is called when a hit that waits was admitted. */
  arrive(agent: number, atMs: number, later: (atMs: number) => void): boolean;
}

export interface Course {
  readonly agents: number;
  readonly algorithm: SpokeBudget['algorithm'];
  readonly limit: number;
  readonly windowMs: number;
  /** Demand moves between agents every ten seconds. */
  readonly shifting: boolean;
  /** The agent with the most demand is cut off between 20 s and 30 s. */
  readonly partition: boolean;
  readonly lengthMs: number;
  readonly waits: boolean;
}

export interface Outcome {
  /** The most that was admitted in one window (a bucket: beyond its burst and rate), as a share of the limit. */
  readonly worst: number;
  /** Admitted, as a share of what one limiter in the middle would have admitted of the same hits. */
  readonly used: number;
}

export type MakeLimiter = (course: Course, agenda: Agenda, random: () => number) => Limiter;

/** Round trips of agents are between 5 and 150 ms. */
const tripOf = (agent: number, agents: number): number => 5 + (145 * agent) / Math.max(1, agents - 1);
const isCut = (course: Course, agent: number, atMs: number, busiest: number): boolean =>
  course.partition && agent === busiest && atMs >= 20_000 && atMs < 30_000;

export function run(course: Course, make: MakeLimiter, seed = 1): Outcome {
  const random = seededRandom(seed);
  const agenda = new Agenda();
  const limiter = make(course, agenda, seededRandom(seed + 1));
  const perMs = (2 * course.limit) / course.windowMs;
  const weights = Array.from({ length: course.agents }, (_, rank) => 1 / (rank + 1));
  const ours = new Judge(course);
  const ideal = new Judge(course);
  const warmMs = Math.max(2 * course.windowMs, 5_000);
  let admitted = 0;
  let possible = 0;
  let shiftMs = 10_000;
  let total = weights.reduce((sum, weight) => sum + weight, 0);
  const pick = (): number => {
    let at = random() * total;
    for (const [agent, weight] of weights.entries()) {
      at -= weight;
      if (at <= 0) return agent;
    }
    return 0;
  };
  const count = (atMs: number) => {
    ours.admit(atMs);
    if (atMs >= warmMs) admitted += 1;
  };
  const arrive = (atMs: number) => {
    if (course.shifting && atMs > shiftMs) {
      shiftMs += 10_000;
      for (let last = weights.length - 1; last > 0; last -= 1) {
        const other = Math.floor(random() * (last + 1));
        [weights[last], weights[other]] = [weights[other] ?? 0, weights[last] ?? 0];
      }
      total = weights.reduce((sum, weight) => sum + weight, 0);
    }
    if (ideal.has(atMs)) {
      ideal.admit(atMs);
      if (atMs >= warmMs) possible += 1;
    }
    if (limiter.arrive(pick(), atMs, count)) count(atMs);
    const nextMs = atMs - Math.log(1 - random()) / perMs;
    if (nextMs < course.lengthMs) agenda.add(nextMs, () => arrive(nextMs));
  };
  agenda.add(0, () => arrive(0));
  for (let next = agenda.take(course.lengthMs); next !== undefined; next = agenda.take(course.lengthMs))
    next.action();
  return { worst: ours.worst, used: admitted / Math.max(1, possible) };
}

/** One limiter in the middle; also counts what others admitted. */
class Judge {
  readonly #course: Course;
  readonly #recent: number[] = [];
  #first = 0;
  #window = -1;
  #count = 0;
  #level: number;
  #levelMs = 0;
  worst = 0;

  constructor(course: Course) {
    this.#course = course;
    this.#level = course.limit;
  }

  has(atMs: number): boolean {
    this.#roll(atMs);
    const { algorithm, limit } = this.#course;
    if (algorithm === 'token-bucket') return this.#level >= 1;
    return (algorithm === 'fixed-window' ? this.#count : this.#recent.length - this.#first) < limit;
  }

  admit(atMs: number): void {
    this.#roll(atMs);
    const { algorithm, limit } = this.#course;
    if (algorithm === 'token-bucket') {
      this.#level -= 1;
      this.worst = Math.max(this.worst, this.#level < -1e-6 ? 1 - this.#level / limit : 1);
      return;
    }
    this.#count += 1;
    if (algorithm === 'sliding-window') this.#recent.push(atMs);
    const count = algorithm === 'fixed-window' ? this.#count : this.#recent.length - this.#first;
    this.worst = Math.max(this.worst, count / limit);
  }

  #roll(atMs: number): void {
    const { algorithm, limit, windowMs } = this.#course;
    if (algorithm === 'fixed-window') {
      const window = Math.floor(atMs / windowMs);
      if (window !== this.#window) this.#count = 0;
      this.#window = window;
    } else if (algorithm === 'token-bucket') {
      this.#level = Math.min(limit, this.#level + ((atMs - this.#levelMs) * limit) / windowMs);
      this.#levelMs = atMs;
    } else while (atMs - (this.#recent[this.#first] ?? atMs) >= windowMs) this.#first += 1;
  }
}

/** The real ledger, the real spokes, the real tables. */
export const portolan: MakeLimiter = (course, agenda, random) => {
  const epochMs = 1_767_225_600_000;
  const budget: SpokeBudget = {
    id: 'bench/limit',
    scope: '*',
    algorithm: course.algorithm,
    limit: course.limit,
    window: { type: 'length', ms: course.windowMs },
    floorShare: course.partition ? 0.1 : 0,
    allocation: 'proportional',
    waits: course.waits,
    onHubLoss: 'floor',
  };
  const ledger = openLedger(new Map(), { epoch: 1, nowMs: epochMs, newId: () => 'ledger', random });
  const names = Array.from({ length: course.agents }, (_, index) => `agent ${index}`);
  ledger.setAgents(new Map(names.map((name) => [name, ['*']])), epochMs);
  ledger.setBudgets(new Map([[budget.id, budget]]), 1, epochMs);
  let sessions = 0;
  interface Post {
    readonly spoke: Spoke;
    readonly taker: QuotaTaker;
    readonly waiting: Map<number, (atMs: number) => void>;
    readonly clock: (atMs: number) => number;
  }
  const after = (atMs: number, ms: number, action: (atMs: number) => void) =>
    agenda.add(atMs + ms, () => action(atMs + ms));
  const posts: Post[] = names.map((name, index) => {
    const drift = 1 + (random() - 0.5) * 0.0002;
    const clock = (atMs: number) => 1_000 + atMs * drift;
    const memory = createQuotaMemory({ capacity: 16, seeds: [1, 2] });
    const spoke = createSpoke({
      table: createTableWriter(memory),
      newSession: () => `session ${(sessions++).toString()}`,
      wallMs: () => epochMs,
      nowMs: clock(0),
    });
    spoke.configure([budget], 1, clock(0));
    const post: Post = { spoke, taker: createTaker(memory), waiting: new Map(), clock };
    const oneWay = () => (tripOf(index, course.agents) / 2) * (0.9 + 0.2 * random());
    const settle = (atMs: number) => {
      for (const { ticket, outcome } of spoke.settled()) {
        const later = post.waiting.get(ticket);
        post.waiting.delete(ticket);
        const slot = post.taker.find(0, 'key');
        if (outcome === 'try' && slot >= 0 && post.taker.take(slot, 1, clock(atMs)) === 0) later?.(atMs);
      }
    };
    const receive = (reply: QuotaReply) => (atMs: number) => {
      if (isCut(course, index, atMs, 0)) return;
      spoke.accept(reply, clock(atMs));
      settle(atMs);
    };
    const beat = (atMs: number) => {
      const nowMs = clock(atMs);
      spoke.tick(nowMs);
      settle(atMs);
      const request = nowMs >= spoke.dueMs() ? spoke.request(nowMs) : undefined;
      if (request !== undefined && !isCut(course, index, atMs, 0))
        after(atMs, oneWay(), (hubAtMs) => {
          const reply = ledger.exchange(name, request, epochMs + hubAtMs);
          ledger.takeChanges();
          after(hubAtMs, 3 + oneWay(), receive(reply));
        });
      after(atMs, 20, beat);
    };
    after(0, random() * 20, beat);
    return post;
  });
  const sweep = (atMs: number) => {
    ledger.sweep(epochMs + atMs);
    after(atMs, 1_000, sweep);
  };
  after(0, 1_000, sweep);
  let tickets = 0;
  return {
    arrive(agent, atMs, later) {
      const post = posts[agent];
      if (post === undefined) return false;
      const nowMs = post.clock(atMs);
      const slot = post.taker.find(0, 'key');
      const verdict = slot < 0 ? 2 : post.taker.take(slot, 1, nowMs);
      if (verdict !== 2) return verdict === 0;
      tickets += 1;
      post.waiting.set(tickets, later);
      post.spoke.want(tickets, 0, 'key', 1, course.waits ? 300 : 0, nowMs);
      return false;
    },
  };
};

/** Each agent has its part, for ever. */
export const fixedSplit: MakeLimiter = (course) => {
  const judges = Array.from(
    { length: course.agents },
    () => new Judge({ ...course, limit: Math.max(1, Math.floor(course.limit / course.agents)) }),
  );
  return {
    arrive(agent, atMs) {
      const judge = judges[agent];
      if (judge === undefined || !judge.has(atMs)) return false;
      judge.admit(atMs);
      return true;
    },
  };
};

/**
 * Limitador's `redis_cached` as its documentation describes it: each instance decides by its own copy of a counter and writes what it
 * admitted to Redis once in a flush period (a second), from where it learns what the others did. Fixed windows only.
 */
export const flushing: MakeLimiter = (course, agenda) => {
  const flushMs = 1_000;
  const counters = new Map<number, number>();
  const instances = Array.from({ length: course.agents }, () => ({ window: -1, known: 0, unsaid: 0 }));
  const flush = (index: number, atMs: number) => {
    agenda.add(atMs + flushMs, () => flush(index, atMs + flushMs));
    const instance = instances[index];
    if (instance === undefined || isCut(course, index, atMs, 0)) return;
    const { window, unsaid } = instance;
    counters.set(window, (counters.get(window) ?? 0) + unsaid);
    instance.unsaid = 0;
    agenda.add(atMs + tripOf(index, course.agents), () => {
      if (instance.window === window) instance.known = (counters.get(window) ?? 0) + instance.unsaid;
    });
  };
  for (let index = 0; index < course.agents; index += 1)
    agenda.add((flushMs * index) / course.agents, () => flush(index, (flushMs * index) / course.agents));
  return {
    arrive(agent, atMs) {
      const instance = instances[agent];
      if (instance === undefined) return false;
      const window = Math.floor(atMs / course.windowMs);
      if (instance.window !== window) Object.assign(instance, { window, known: 0, unsaid: 0 });
      if (instance.known >= course.limit) return false;
      instance.known += 1;
      instance.unsaid += 1;
      return true;
    },
  };
};
