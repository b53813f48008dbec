import { type ProbeJob, TargetWatch } from '../../prober/target-watch.ts';
import { createHealthBoard, type HealthBoard } from '../../src/health/board.ts';
import { DEFAULT_QUORUM, type Target, type TargetMemory } from '../../src/health/types.ts';
import { toVote, verdictAt } from '../../src/health/vote.ts';
import type { VoteBatch } from '../../src/health/vote-book.ts';
import { checkSpec } from '../../src/resources/health-check.ts';
import { seededRandom } from '../support/random.ts';
import { Agenda } from './agenda.ts';

/** Five vantage points in five failure domains, one target, a decider at the hub and one at each agent. */
export const VANTAGES = ['hub', 'eu-1', 'eu-2', 'us-1', 'ap-1'] as const;
export type VantageName = (typeof VANTAGES)[number];

export const TARGET: Target = {
  id: 'target',
  cluster: 'default/eu-1',
  failureDomain: 'eu-1',
  address: '192.0.2.1',
  port: 80,
  check: checkSpec.parse({ protocol: 'tcp', port: 80 }),
  defaultHost: 'www.example.com',
};

export interface Change {
  readonly atMs: number;
  readonly decider: VantageName;
  readonly from: string;
  readonly to: string;
  /** Failure domains whose own verdict was DOWN at some time in the 4 s before. */
  readonly downDomains: readonly string[];
}

interface Station {
  readonly name: VantageName;
  watch: TargetWatch;
  board: HealthBoard;
  incarnation: number;
  sequence: number;
  paused: boolean;
  isolatedSinceMs: number | undefined;
  blind: boolean;
  lying: boolean;
  lastDownMs: number;
  lastState: string;
  lastVerdict: string;
}

const MESSAGE_DELAY_MS = [5, 150] as const;
const SLOW_DELAY_MS = [5, 2_500] as const;
const DOWN_MEMORY_MS = 4_000;

/**
 * A world on a virtual clock: the real probe schedule, the real vote machine, the real board; a pretended network. The same
 * seed gives the same run.
 */
export class HealthWorld {
  now = 0;
  readonly changes: Change[] = [];
  readonly random: () => number;
  readonly #lossRate: number;
  #backendUp = true;
  #slowNetwork = false;
  readonly #events = new Agenda();
  readonly #stations = new Map<VantageName, Station>();

  constructor(seed: number, options: { readonly lossRate: number }) {
    this.random = seededRandom(seed);
    this.#lossRate = options.lossRate;
    for (const name of VANTAGES) this.#stations.set(name, this.#newStation(name));
    for (const station of this.#stations.values()) {
      this.#every(1_000, this.random() * 1_000, () => this.#send(station, true));
      this.#every(250, this.random() * 250, () => this.#decide(station));
    }
  }

  after(ms: number, action: () => void): void {
    this.#events.add(this.now + ms, action);
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (let next = this.#events.take(end); next !== undefined; next = this.#events.take(end)) {
      this.now = next.atMs;
      next.action();
    }
    this.now = end;
  }

  stateAt(name: VantageName): string {
    return this.#station(name).lastState;
  }

  setBackend(up: boolean): void {
    this.#backendUp = up;
  }

  /** Messages take up to 2.5 s and overtake each other. */
  setSlowNetwork(slow: boolean): void {
    this.#slowNetwork = slow;
  }

  isolate(name: VantageName, cut: boolean): void {
    this.#station(name).isolatedSinceMs = cut ? this.now : undefined;
  }

  /** It cannot see the target, and everything else works. */
  setBlind(name: VantageName, blind: boolean): void {
    this.#station(name).blind = blind;
  }

  /** It says DOWN whatever it sees. */
  setLying(name: VantageName, lying: boolean): void {
    this.#station(name).lying = lying;
  }

  /** A paused process neither probes nor sends nor decides; its timers fire late, as after a stopped machine. */
  setPaused(name: VantageName, paused: boolean): void {
    this.#station(name).paused = paused;
  }

  /** A new process: fresh probes, a new incarnation, decider memory from its disk. */
  restart(name: VantageName): void {
    const station = this.#station(name);
    station.watch.close();
    station.watch = this.#newWatch(name);
    station.incarnation += 1;
    station.sequence = 0;
    const kept = JSON.parse(JSON.stringify(station.board.remember())) as Record<string, TargetMemory>;
    station.board = this.#newBoard();
    station.board.restore(kept, this.now);
  }

  #newStation(name: VantageName): Station {
    return {
      name,
      watch: this.#newWatch(name),
      board: this.#newBoard(),
      incarnation: 0,
      sequence: 0,
      paused: false,
      isolatedSinceMs: undefined,
      blind: false,
      lying: false,
      lastDownMs: Number.NEGATIVE_INFINITY,
      lastState: 'unknown',
      lastVerdict: 'none',
    };
  }

  #newBoard(): HealthBoard {
    const board = createHealthBoard({ config: DEFAULT_QUORUM });
    board.setTargets([TARGET], { nowMs: this.now, wallMs: this.now });
    return board;
  }

  #newWatch(name: VantageName): TargetWatch {
    const watch: TargetWatch = new TargetWatch(TARGET, this.random(), {
      clock: () => this.now,
      setTimer: (fn, ms) => this.#events.add(this.now + ms, fn),
      enqueue: (job) => this.#probe(this.#station(name), watch, job),
      takeConfirm: () => true,
      slotMissed: () => undefined,
    });
    return watch;
  }

  #probe(station: Station, watch: TargetWatch, job: ProbeJob): void {
    const startedAtMs = this.now;
    watch.started(job, startedAtMs);
    const unseen = station.blind || station.isolatedSinceMs !== undefined;
    const lost = this.random() < this.#lossRate;
    // Half of what is lost is refused at once, half is swallowed and costs the whole timeout.
    const swallowed = unseen || (lost && this.random() < 0.5);
    const ok = !unseen && !lost && this.#backendUp;
    const latencyMs = swallowed ? TARGET.check.timeoutMs : 5 + this.random() * 40;
    this.after(latencyMs, () => {
      if (station.paused) return watch.finished(job, undefined, { startedAtMs, finishedAtMs: this.now });
      const detail = swallowed ? 'timeout' : 'connection refused';
      const result = ok ? { kind: 'ok' as const, latencyMs } : { kind: 'failed' as const, detail, latencyMs };
      watch.finished(job, result, { startedAtMs, finishedAtMs: this.now });
      if (watch === station.watch) this.#noteVerdict(station);
    });
  }

  #noteVerdict(station: Station): void {
    const verdict = this.#verdictOf(station);
    if (verdict === 'down') station.lastDownMs = this.now;
    if (verdict === station.lastVerdict) return;
    station.lastVerdict = verdict;
    this.#send(station, false);
  }

  #verdictOf(station: Station): 'up' | 'down' | 'none' {
    return station.lying ? 'down' : verdictAt(station.watch.state, this.now, station.watch.rules);
  }

  /** To every station, its own included: reordered by unequal delays, sometimes twice, lost where a link is cut. */
  #send(station: Station, complete: boolean): void {
    if (station.paused) return;
    station.sequence += 1;
    if (this.#verdictOf(station) === 'down') station.lastDownMs = this.now;
    const batch = this.#batch(station, complete);
    for (const receiver of this.#stations.values()) {
      if (receiver === station) {
        receiver.board.ingest(batch, this.now);
        continue;
      }
      const copies = this.random() < 0.05 ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        this.after(this.#delay(), () => {
          const cut = station.isolatedSinceMs !== undefined || receiver.isolatedSinceMs !== undefined;
          if (!cut && !receiver.paused) receiver.board.ingest(batch, this.now);
        });
      }
    }
  }

  #batch(station: Station, complete: boolean): VoteBatch {
    const { name, sequence } = station;
    const identity = { vantage: `agent/${name}`, failureDomain: name, targetId: TARGET.id, sequence };
    const vote = toVote(station.watch.state, identity, this.now, station.watch.rules);
    return {
      vantage: identity.vantage,
      failureDomain: name,
      incarnation: `${name}-${station.incarnation}`,
      sequence,
      connectedAgeMs: station.isolatedSinceMs === undefined ? 0 : this.now - station.isolatedSinceMs,
      complete,
      votes: [{ ...vote, verdict: this.#verdictOf(station), ...(station.lying ? { ageMs: 0 } : {}) }],
    };
  }

  #decide(station: Station): void {
    if (station.paused) return;
    const state =
      station.board.tick({ nowMs: this.now, wallMs: this.now }).states.get(TARGET.id)?.state ?? 'missing';
    if (state === station.lastState) return;
    const since = this.now - DOWN_MEMORY_MS;
    const downDomains = [...this.#stations.values()]
      .filter((other) => other.lastDownMs >= since)
      .map((other) => other.name);
    this.changes.push({
      atMs: this.now,
      decider: station.name,
      from: station.lastState,
      to: state,
      downDomains,
    });
    station.lastState = state;
  }

  #delay(): number {
    const [least, most] = this.#slowNetwork ? SLOW_DELAY_MS : MESSAGE_DELAY_MS;
    return least + this.random() * (most - least);
  }

  #every(periodMs: number, firstMs: number, action: () => void): void {
    const again = () => {
      action();
      this.after(periodMs, again);
    };
    this.after(firstMs, again);
  }

  #station(name: VantageName): Station {
    const station = this.#stations.get(name);
    if (station === undefined) throw new Error(`no vantage point ${name}`);
    return station;
  }
}
