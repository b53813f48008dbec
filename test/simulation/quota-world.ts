import type { Budget } from '../../src/quota/budget.ts';
import { longestMs } from '../../src/quota/calendar.ts';
import type { LedgerSettings } from '../../src/quota/ledger-settings.ts';
import type { QuotaReply } from '../../src/quota/messages.ts';
import type { SpokeBudget } from '../../src/quota/spoke-contract.ts';
import { BANKS } from '../../src/quota/table-contract.ts';
import { seededRandom } from '../support/random.ts';
import { Agenda } from './agenda.ts';
import { type Admission, Agent } from './quota-agent.ts';
import { Hub, Store } from './quota-hub.ts';
import { type Mutant, type Mutation, mutation } from './quota-mutants.ts';
import { Oracle } from './quota-oracle.ts';

/** Faults end then. */
const FAULTS_END_MS = 6_000;
/** In every fourth world it goes on: from `JUDGED_MS` on everybody must be served again. */
const JUDGED_MS = 8_500;
const END_MS = 11_000;
const EVERY = 4;
const TICK_MS = 20;

/** A key with its demand, which moves between agents. */
interface Demand {
  readonly budget: number;
  readonly key: string;
  readonly perSecond: number;
  readonly oracle: Oracle;
  /** How many of its answers say what they cost. */
  readonly answers: number;
  /** Since `JUDGED_MS`. */
  wanted: number;
  admitted: number;
}

interface Link {
  /** True times until which nothing gets through. */
  cutToHubMs: number;
  cutToAgentMs: number;
}

/** What happened in one world: tests look that it did. */
export interface Happened {
  admitted: number;
  refused: number;
  waited: number;
  fromFloors: number;
  crashes: number;
  hubRestarts: number;
  takeovers: number;
  rollbacksRefused: number;
  partitions: number;
  freezes: number;
  suspensions: number;
  lost: number;
  twice: number;
  slowCommits: number;
  limitsLowered: number;
  floorsChanged: number;
  removed: number;
  clockJumps: number;
  answersCharged: number;
  answersGivenBack: number;
  answersOwed: number;
  joined: number;
  memoriesLost: number;
  delayed: number;
  overtaken: number;
}

/**
 * Agents, hubs, their store and their links on a virtual clock; what runs is the real ledger, the real spoke and the real table. True time
 * is the hub's clock but for an offset. The same seed gives the same run.
 */
export class QuotaWorld {
  readonly happened: Happened = {
    admitted: 0,
    refused: 0,
    waited: 0,
    fromFloors: 0,
    crashes: 0,
    hubRestarts: 0,
    takeovers: 0,
    rollbacksRefused: 0,
    partitions: 0,
    freezes: 0,
    suspensions: 0,
    lost: 0,
    twice: 0,
    slowCommits: 0,
    limitsLowered: 0,
    floorsChanged: 0,
    removed: 0,
    clockJumps: 0,
    answersCharged: 0,
    answersGivenBack: 0,
    answersOwed: 0,
    joined: 0,
    memoriesLost: 0,
    delayed: 0,
    overtaken: 0,
  };
  /** What passes, for whoever looks into one seed. */
  trace: ((line: string) => void) | undefined;
  readonly #random: () => number;
  readonly #agenda = new Agenda();
  readonly #mutation: Mutation;
  readonly #store: Store;
  readonly #settings: Partial<LedgerSettings>;
  /** Those that have joined. */
  readonly #agents: Agent[] = [];
  readonly #links = new Map<Agent, Link>();
  readonly #demands: Demand[] = [];
  #budgets: (SpokeBudget | undefined)[] = [];
  /** By budget, the share of the limit that floors ever had. */
  readonly #largestFloors: number[] = [];
  #version = 1;
  #hubs: Hub[] = [];
  #hubDownUntilMs = 0;
  #now = 0;
  #ids = 0;
  /** Added to true time: the hub's clock. */
  #hubOffsetMs: number;
  /** The same of the clocks that there were: of which one is a window, an agent knows. */
  readonly #clocks: number[] = [];
  #slowStoreUntilMs = 0;
  #weights: number[] = [];
  #harm: string | undefined;
  #calm = false;
  #passedMs = 0;
  #passedAtMs = 0;
  #passedAtHubMs = 0;
  /** Messages, by number. */
  #sent = 0;
  #newestArrived = 0;
  readonly #judged: boolean;

  constructor(seed: number, mutant?: Mutant) {
    this.#random = seededRandom(seed * 7_919 + 1);
    this.#judged = seed % EVERY === 0;
    const random = this.#random;
    this.#mutation = mutation(mutant, random, (ms, action) => this.#after(ms, action));
    this.#store = new Store(mutant === 'two-hubs');
    const midnight = Date.UTC(2026, 2, 1 + Math.floor(random() * 40), this.#chance(0.5) ? 0 : 23);
    this.#hubOffsetMs = midnight - 1_000 - random() * 6_000;
    this.#clocks.push(this.#hubOffsetMs);
    const shortest = this.#pick([100, 200]);
    this.#settings = {
      shortestIntervalMs: shortest,
      longestIntervalMs: shortest * 2,
      longestLeasedIntervalMs: shortest,
      roundTripMs: 100,
      random,
    };
    this.#makeBudgets();
    this.#makeAgents();
    this.#startHub();
    this.#every(250, () => this.#shuffle());
    this.#shuffle();
    for (const demand of this.#demands) this.#arriveLater(demand);
    this.#every(200, () => {
      for (const hub of this.#hubs) hub.sweep(this.#hubNow());
    });
    this.#plantFaults();
    this.#at(FAULTS_END_MS, () => this.#endFaults());
  }

  /** @returns what was harmed; undefined: nothing */
  run(): string | undefined {
    const endMs = this.#judged ? END_MS : FAULTS_END_MS;
    for (;;) {
      const next = this.#agenda.take(endMs);
      if (next === undefined) break;
      this.#now = next.atMs;
      next.action();
      if (this.#harm !== undefined) return this.#harm;
    }
    return this.#judged ? this.#liveness() : undefined;
  }

  // ---- what there is

  #makeBudgets(): void {
    const count = this.#pick([1, 1, 2]);
    for (let index = 0; index < count; index += 1) {
      const algorithm = this.#pick([
        'fixed-window',
        'fixed-window',
        'sliding-window',
        'token-bucket',
      ] as const);
      const ms = this.#pick([500, 1_000, 1_000, 2_000]);
      const calendar = algorithm === 'fixed-window' && this.#chance(0.2);
      const limit = this.#pick([2, 5, 12, 30, 60]);
      const burst =
        algorithm === 'token-bucket' && this.#chance(0.5) ? { burst: Math.ceil(limit * 1.5) } : {};
      const budget: SpokeBudget = {
        id: `ns/policy/limit${index}`,
        scope: 'ns',
        algorithm,
        limit,
        window: calendar
          ? { type: 'calendar', unit: 'day', timeZone: this.#pick(['UTC', 'Europe/Berlin']) }
          : { type: 'length', ms },
        ...burst,
        floorShare: this.#pick([0, 0.5, 1]),
        allocation: this.#pick(['proportional', 'fair']),
        waits: this.#chance(0.7),
        onHubLoss: 'floor',
      };
      this.#budgets.push(budget);
      const windowMs = Math.min(longestMs(budget.window), 4_000);
      for (let key = this.#pick([1, 1, 2]); key > 0; key -= 1)
        this.#demands.push({
          budget: index,
          key: `key${key}`,
          perSecond: (this.#pick([0.5, 1.5, 3]) * limit * 1_000) / windowMs,
          oracle: new Oracle(`${algorithm} ${budget.id} key${key}`, budget),
          answers: this.#pick([0, 0.1, 0.7]),
          wanted: 0,
          admitted: 0,
        });
    }
  }

  #makeAgents(): void {
    for (let index = this.#pick([2, 3, 3]); index > 0; index -= 1) {
      const agent = new Agent({
        name: `agent${index}`,
        drift: this.#pick([-0.0099, 0.0099, 0.0198 * this.#random() - 0.0099]),
        offsetMs: 1_000 + this.#random() * 1_000_000,
        wallErrorMs: (this.#random() - 0.5) * 1_200_000,
        newSession: () => this.#newId('s'),
        mutation: this.#mutation,
        written: (write) => this.#after(this.#random() * 300, write),
      });
      this.#links.set(agent, { cutToHubMs: 0, cutToAgentMs: 0 });
      if (index > 1 || this.#chance(0.6)) this.#join(agent);
      else this.#at(500 + this.#random() * 3_000, () => this.#join(agent));
    }
  }

  /** From now on it has a part of all floors, once the others have given it up. */
  #join(agent: Agent): void {
    if (this.#now > 0) this.happened.joined += 1;
    this.#agents.push(agent);
    this.#weights = [];
    this.#shuffle();
    for (const { ledger } of this.#hubs) ledger.setAgents(this.#names(), this.#hubNow());
    agent.configure(this.#budgets, this.#version, this.#now);
    agent.start(this.#now);
    const beat = () => {
      this.#beat(agent);
      this.#after(TICK_MS * (0.8 + 0.4 * this.#random()), beat);
    };
    this.#after(this.#random() * TICK_MS, beat);
  }

  /** Of the agents that the hub knows, with their scopes. */
  #names(): ReadonlyMap<string, readonly string[]> {
    return new Map(this.#agents.map(({ name }) => [name, ['ns']]));
  }

  #startHub(): void {
    const hub: Hub = new Hub({
      store: this.#store,
      settings: this.#settings,
      budgets: budgetsByName(this.#budgets),
      version: this.#version,
      agents: this.#names(),
      newId: () => this.#newId('l'),
      nowMs: this.#hubNow(),
      clock: this.#clocks.length - 1,
      commitMs: () => this.#commitMs(),
      after: (ms, action) => this.#after(ms, action),
      send: (name, reply) => this.#toAgent(name, reply),
      ...(this.#mutation.name === 'early-reply' ? { eager: true } : {}),
    });
    this.#hubs.push(hub);
  }

  // ---- what agents do

  #beat(agent: Agent): void {
    agent.tick(this.#now, (admission) => this.#waited(admission));
    const { spoke } = agent;
    if (spoke === undefined || !agent.awake(this.#now)) return;
    const nowMs = agent.monotonic(this.#now);
    if (nowMs < spoke.dueMs()) return;
    const request = spoke.request(nowMs);
    if (request === undefined) return;
    const link = this.#link(agent);
    this.trace?.(`${this.#now} ${agent.name} → ${JSON.stringify(request)}`);
    this.#transmit(
      () => link.cutToHubMs,
      () => {
        const hub = this.#hubs.length === 0 ? undefined : this.#pick(this.#hubs);
        hub?.receive(agent.name, request, this.#hubNow());
      },
    );
  }

  #toAgent(name: string, sent: QuotaReply): void {
    const agent = this.#agents.find((one) => one.name === name);
    if (agent === undefined) return;
    const link = this.#link(agent);
    const reply = this.#mutation.reply(sent);
    const arrive = () => {
      if (this.#now < agent.frozenUntilMs) {
        this.#at(agent.frozenUntilMs, arrive);
        return;
      }
      if (!agent.awake(this.#now)) return;
      this.trace?.(`${this.#now} ${agent.name} ← ${JSON.stringify(reply)}`);
      agent.spoke?.accept(reply, agent.monotonic(this.#now));
      agent.settle(this.#now, (admission) => this.#waited(admission));
    };
    this.#transmit(() => link.cutToAgentMs, arrive);
  }

  #arriveLater(demand: Demand): void {
    const againMs = (-Math.log(1 - this.#random()) * 1_000) / demand.perSecond;
    this.#after(againMs, () => {
      this.#arrive(demand);
      this.#arriveLater(demand);
    });
  }

  #arrive(demand: Demand): void {
    const agent = this.#weighted();
    const budget = agent.budgets[demand.budget];
    if (budget === undefined) return;
    const hits = this.#chance(demand.answers > 0.5 ? 0.5 : 0.1) ? 2 : 1;
    if (this.#now >= JUDGED_MS) demand.wanted += hits;
    const hit = { budget: demand.budget, key: demand.key, hits, waitMs: budget.waits ? 300 : 0 };
    const admission = agent.arrive(hit, this.#now);
    if (admission === undefined) this.happened.refused += 1;
    else this.#admitted(admission);
  }

  #waited(admission: Admission): void {
    this.happened.waited += 1;
    this.#admitted(admission);
  }

  #admitted(admission: Admission): void {
    const { budget, key, hits } = admission;
    const demand = this.#demands.find((one) => one.budget === budget && one.key === key);
    if (demand === undefined) return;
    this.happened.admitted += 1;
    if ((admission.receipt & 3) === BANKS.floor) this.happened.fromFloors += 1;
    if (this.#now >= JUDGED_MS) demand.admitted += hits;
    const clock = this.#clockOf(admission.agent);
    const hubMs = this.#now + (this.#clocks[clock] ?? 0);
    const passedMs = this.#passed();
    this.trace?.(
      `${this.#now} ${admission.agent.name} admits ${hits} of ${budget} ${key} from bank ${admission.receipt & 3}`,
    );
    this.#harm ??= demand.oracle.admit(hits, hubMs, clock, passedMs);
    if (this.#chance(demand.answers))
      this.#answerLater(admission, () => demand.oracle.gaveBack(1, hubMs, clock, passedMs));
  }

  /** Time that stretches are counted by: a clock that stood still while the hub was away did not do so at the agents. */
  #passed(): number {
    this.#passedMs += Math.max(this.#now - this.#passedAtMs, this.#hubNow() - this.#passedAtHubMs);
    this.#passedAtMs = this.#now;
    this.#passedAtHubMs = this.#hubNow();
    return this.#passedMs;
  }

  /**
   * The hub's clock that an agent goes by: one that has not heard that the clock did not go on spends what it was granted for a window of
   * the clock before, however far from now that window is on the new one.
   */
  #clockOf(agent: Agent): number {
    const known = agent.spoke?.describe(agent.monotonic(this.#now)).hub;
    const last = this.#clocks.length - 1;
    if (known === undefined || last === 0) return last;
    const fits = (offsetMs: number) =>
      known.lowMs <= this.#now + offsetMs && this.#now + offsetMs <= known.highMs;
    const clock = this.#clocks.findLastIndex(fits);
    if (clock < 0) this.#harm ??= `${agent.name} is wrong about the hub's clock`;
    return clock;
  }

  /** The answer says what it cost, at once or late: more than was taken (the limit is passed by no more than that), or less. */
  #answerLater({ agent, taker, slot, receipt, hits, budget, key }: Admission, gaveBack: () => void): void {
    const less = hits > 1;
    this.#after(1_000 * this.#random() ** 4, () => {
      if (agent.taker !== taker || !agent.awake(this.#now)) return;
      if (taker.settle(slot, receipt, less ? -1 : 1)) {
        this.trace?.(`${this.#now} ${agent.name} settles ${less ? -1 : 1} of ${budget} ${key}`);
        this.happened.answersCharged += 1;
        if (less) this.happened.answersGivenBack += 1;
        if (less) gaveBack();
        return;
      }
      if (less || this.#budgets[budget]?.algorithm === 'fixed-window') return;
      const now = taker.find(budget, key);
      if (now >= 0 && taker.charge(now, 1, agent.monotonic(this.#now))) this.happened.answersOwed += 1;
    });
  }

  // ---- what goes wrong

  #plantFaults(): void {
    const faults = [
      () => this.#partition(),
      () => this.#partition(),
      () => this.#partition(),
      () => this.#crashAgent(),
      () => this.#crashAgent(),
      () => this.#crashHub(),
      () => this.#crashHub(),
      () => this.#takeover(),
      () => this.#freeze(),
      () => this.#slowStore(),
      () => this.#slowStore(),
      () => this.#changeLimit(),
      () => this.#changeFloor(),
      () => this.#removePolicy(),
      () => this.#jump(),
      () => this.#rollback(),
    ];
    // Alone for long, and not always the same process: the time of floors.
    if (this.#chance(0.25)) this.#at(200 + this.#random() * 800, () => this.#maroon());
    for (let count = 2 + Math.floor(this.#random() * 8); count > 0; count -= 1) {
      const fault = this.#pick(faults);
      this.#at(300 + this.#random() * (FAULTS_END_MS - 300), fault);
    }
  }

  #endFaults(): void {
    this.#calm = true;
    this.#slowStoreUntilMs = 0;
    this.#hubDownUntilMs = 0;
    for (const link of this.#links.values()) {
      link.cutToAgentMs = 0;
      link.cutToHubMs = 0;
    }
    for (const agent of this.#agents) if (agent.spoke === undefined) agent.start(this.#now);
    this.#hubs = this.#hubs.filter((hub) => hub.alive);
    if (this.#hubs.length === 0) this.#newHub();
  }

  #partition(): void {
    this.happened.partitions += 1;
    const link = this.#link(this.#pick(this.#agents));
    const untilMs = this.#now + this.#random() * 5_000;
    const way = this.#random();
    if (way < 0.7) link.cutToHubMs = untilMs;
    if (way > 0.3) link.cutToAgentMs = untilMs;
  }

  #crashAgent(): void {
    this.happened.crashes += 1;
    const agent = this.#pick(this.#agents);
    agent.kill();
    if (this.#chance(0.25)) {
      this.happened.memoriesLost += 1;
      agent.forgetMemory();
    }
    this.#after(this.#random() * 600, () => {
      if (agent.spoke === undefined) agent.start(this.#now);
    });
  }

  #crashHub(): void {
    this.happened.hubRestarts += 1;
    for (const hub of this.#hubs) hub.kill();
    this.#hubs = [];
    this.#hubDownUntilMs = this.#now + this.#random() * 1_500;
    this.#at(this.#hubDownUntilMs, () => {
      if (this.#hubs.length === 0) this.#newHub();
    });
  }

  /** Another hub is started while there is one. */
  #takeover(): void {
    const [old, other] = this.#hubs;
    if (old === undefined || other !== undefined) return;
    this.happened.takeovers += 1;
    this.#startHub();
    this.#after(1_000, () => {
      old.kill();
      this.#hubs = this.#hubs.filter((hub) => hub !== old);
    });
  }

  #newHub(): void {
    this.#startHub();
  }

  #freeze(): void {
    const suspended = this.#chance(0.5);
    if (suspended) this.happened.suspensions += 1;
    else this.happened.freezes += 1;
    this.#pick(this.#agents).freeze(this.#now, this.#random() * 3_000, suspended);
  }

  /** One agent is cut off until the end of all faults, and its process is replaced again and again. */
  #maroon(): void {
    this.happened.partitions += 1;
    const agent = this.#pick(this.#agents);
    const link = this.#link(agent);
    link.cutToHubMs = FAULTS_END_MS;
    link.cutToAgentMs = FAULTS_END_MS;
    const die = () => {
      if (this.#now > FAULTS_END_MS) return;
      this.happened.crashes += 1;
      agent.kill();
      agent.start(this.#now);
      this.#after(300 + this.#random() * 4_000, die);
    };
    if (this.#chance(0.5)) this.#after(1_500 + this.#random() * 3_000, die);
  }

  /** Commits take long, and the hub may not live to see them. */
  #slowStore(): void {
    this.#slowStoreUntilMs = this.#now + 2_000;
    if (this.#chance(0.5)) this.#after(this.#random() * 1_500, () => this.#crashHub());
  }

  /** The hub starts on another machine, or its own was switched off: its clock cannot be shown to go on. */
  #jump(): void {
    this.happened.clockJumps += 1;
    for (const hub of this.#hubs) hub.kill();
    this.#hubs = [];
    const downMs = this.#random() * 500;
    this.#hubDownUntilMs = this.#now + downMs;
    this.#at(this.#hubDownUntilMs, () => {
      if (this.#hubs.length > 0) return;
      // Never back: where the wall clock is behind, the clock goes on from where it was.
      this.#hubOffsetMs += this.#chance(0.3) ? -downMs : this.#random() * 600_000;
      this.#clocks.push(this.#hubOffsetMs);
      this.#newHub();
    });
  }

  /** The store comes back with what it had some time ago: it is refused, until somebody finds the right one. */
  #rollback(): void {
    const old = new Map(this.#store.pages);
    this.#after(1_000, () => {
      for (const hub of this.#hubs) hub.kill();
      this.#hubs = [];
      if (this.#mutation.name === 'rollback') {
        this.#store.pages.clear();
        for (const [page, content] of old) this.#store.pages.set(page, content);
        this.#newHub();
        return;
      }
      this.happened.rollbacksRefused += 1;
      this.#after(500, () => {
        if (this.#hubs.length === 0) this.#newHub();
      });
    });
  }

  #removePolicy(): void {
    const index = Math.floor(this.#random() * this.#budgets.length);
    if (this.#budgets[index] === undefined) return;
    this.happened.removed += 1;
    this.#publish(this.#budgets.map((budget, at) => (at === index ? undefined : budget)));
  }

  #commitMs(): number | undefined {
    if (this.#now >= this.#slowStoreUntilMs) return 1 + this.#random() * 5;
    this.happened.slowCommits += 1;
    return this.#chance(0.2) ? undefined : Math.min(50 + this.#random() * 5_000, FAULTS_END_MS - this.#now);
  }

  #changeLimit(): void {
    const index = Math.floor(this.#random() * this.#budgets.length);
    const budget = this.#budgets[index];
    if (budget === undefined || budget.limit < 5) return;
    this.happened.limitsLowered += 1;
    // Floors by the limit before are not more than this one.
    const limit = Math.ceil(budget.limit * Math.max(0.5, this.#largestFloors[index] ?? budget.floorShare));
    const { burst: _, ...rest } = budget;
    const lowered: SpokeBudget = { ...rest, limit };
    this.#publish(this.#budgets.map((one, at) => (at === index ? lowered : one)));
    // Leases and windows of before are over by then.
    const overMs = 2 * Math.min(longestMs(budget.window), END_MS) + 2_500;
    this.#after(overMs, () => {
      for (const demand of this.#demands) if (demand.budget === index) demand.oracle.setLimit(limit, limit);
    });
  }

  /** Now and then one of those whose floor it is has just lost the hub. */
  #changeFloor(): void {
    const index = Math.floor(this.#random() * this.#budgets.length);
    const link = this.#link(this.#pick(this.#agents));
    if (this.#chance(0.5)) {
      link.cutToHubMs = this.#now + 3_000;
      link.cutToAgentMs = this.#now + 3_000;
    }
    this.#after(this.#random() * 2_000, () => {
      const budget = this.#budgets[index];
      if (budget === undefined) return;
      const floorShare = this.#pick([0, 0.5, 1].filter((share) => share !== budget.floorShare));
      this.happened.floorsChanged += 1;
      this.#largestFloors[index] = Math.max(this.#largestFloors[index] ?? budget.floorShare, floorShare);
      this.#publish(this.#budgets.map((one, at) => (at === index ? { ...budget, floorShare } : one)));
    });
  }

  /** The hub has a configuration at once, agents have it some time later. */
  #publish(budgets: (SpokeBudget | undefined)[]): void {
    this.trace?.(`${this.#now} budgets ${JSON.stringify(budgets)}`);
    this.#budgets = budgets;
    this.#version += 1;
    const version = this.#version;
    for (const hub of this.#hubs) hub.ledger.setBudgets(budgetsByName(budgets), version, this.#hubNow());
    for (const agent of this.#agents)
      this.#after(2_000 * this.#random() ** 3, () => {
        if (agent.version < version) agent.configure(budgets, version, this.#now);
      });
  }

  // ---- how it is judged

  #liveness(): string | undefined {
    for (const { wanted, admitted, oracle, budget } of this.#demands) {
      const rule = this.#budgets[budget];
      if (rule === undefined || rule.window.type === 'calendar') continue;
      // One window may have been used up before, and one has just begun.
      const windows = Math.max(0, (END_MS - JUDGED_MS) / rule.window.ms - 1);
      const possible = Math.min(wanted, rule.limit * windows);
      // Little can be said of a few tokens; how much of a limit is used is measured by the bench.
      if (admitted < possible / 4 - 2 || (admitted === 0 && possible > (rule.waits ? 5 : 10)))
        return `liveness: ${admitted} of ${possible} were admitted after the faults (${oracle.name})`;
    }
    return undefined;
  }

  // ---- the means

  #transmit(cutUntilMs: () => number, arrive: () => void): void {
    if (this.#now < cutUntilMs() || (!this.#calm && this.#chance(0.04))) {
      this.happened.lost += 1;
      return;
    }
    this.#sent += 1;
    const number = this.#sent;
    const deliver = () => {
      if (number < this.#newestArrived) this.happened.overtaken += 1;
      this.#newestArrived = Math.max(this.#newestArrived, number);
      arrive();
    };
    const delayMs = () => {
      if (this.#calm || !this.#chance(0.05)) return 1 + this.#random() * 40;
      this.happened.delayed += 1;
      return this.#random() * 3_000;
    };
    this.#after(delayMs(), deliver);
    if (this.#calm || !this.#chance(0.04)) return;
    this.happened.twice += 1;
    this.#after(delayMs(), deliver);
  }

  #shuffle(): void {
    if (this.#weights.length > 0 && !this.#chance(0.1)) return;
    const moved = this.#chance(0.3);
    this.#weights = this.#agents.map((_, rank) => (moved ? (rank === 0 ? 1 : 0.001) : 1 / (rank + 1)));
    this.#weights.sort(() => this.#random() - 0.5);
  }

  #weighted(): Agent {
    let at = this.#random() * this.#weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, agent] of this.#agents.entries()) {
      at -= this.#weights[index] ?? 0;
      if (at <= 0) return agent;
    }
    return this.#pick(this.#agents);
  }

  #link(agent: Agent): Link {
    return this.#links.get(agent) ?? { cutToAgentMs: 0, cutToHubMs: 0 };
  }

  #hubNow(): number {
    return this.#now + this.#hubOffsetMs;
  }

  #newId(kind: string): string {
    this.#ids += 1;
    return `${kind}${this.#ids}`;
  }

  #every(ms: number, action: () => void): void {
    const again = () => {
      action();
      this.#after(ms, again);
    };
    this.#after(ms * this.#random(), again);
  }

  #after(ms: number, action: () => void): void {
    this.#agenda.add(this.#now + ms, action);
  }

  #at(ms: number, action: () => void): void {
    this.#agenda.add(ms, action);
  }

  #chance(of: number): boolean {
    return this.#random() < of;
  }

  #pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.#random() * from.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }
}

function budgetsByName(budgets: readonly (Budget | undefined)[]): ReadonlyMap<string, Budget> {
  return new Map(budgets.flatMap((budget) => (budget === undefined ? [] : [[budget.id, budget] as const])));
}
