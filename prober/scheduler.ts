import { messageOf } from '../src/errors/error.ts';
import type { Target, Vote } from '../src/health/types.ts';
import { type ProbeResult, toVote, verdictAt } from '../src/health/vote.ts';
import type { Resolve } from './address-guard.ts';
import { ConfirmBudget } from './confirm-budget.ts';
import { FairQueue } from './fair-queue.ts';
import { type ProbeOutcome, type SetTimer, systemConnector } from './probe.ts';
import { probeTarget, type TargetProbe } from './probe-target.ts';
import { type ProbeJob, TargetWatch } from './target-watch.ts';

export interface ProberOptions {
  /** `hub/<uid>` or `agent/<uid>`. */
  readonly vantage: string;
  readonly failureDomain: string;
  /** `namespace/name` of the cluster this vantage point is part of: its targets are probed at their internal address. */
  readonly ownCluster?: string;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  readonly setTimer: SetTimer;
  /** In [0, 1). */
  readonly random: () => number;
  /** Looks up the address of a CNAME endpoint; `systemResolve()` outside tests. */
  readonly resolve: Resolve;
  /** CIDR blocks the operator permits although probes refuse them (`network.allowedRanges`). */
  readonly allowedRanges: readonly string[];
  /** Votes whose verdict changed, at most 10 ms after they did. `votes()` has all of them. */
  readonly onVotes: (votes: readonly Vote[]) => void;
  /** The PEM bundle of a check's `caSecret`; without it such targets get no verdict here. */
  readonly caBundle?: (target: Target) => string | undefined;
  /** Probes under way at the same time; more wait their turn, cluster by cluster. Default 512. */
  readonly maxInFlight?: number;
  /** Milliseconds since the epoch, for "expired 3 days ago". Default: the system's. */
  readonly wallClock?: () => number;
  /** Makes one probe. Default: the real one. */
  readonly probe?: (probe: TargetProbe, signal: AbortSignal) => Promise<ProbeOutcome>;
}

/** A drill's fault: while it lasts, every probe of the cluster's targets counts as failed. */
export interface Fault {
  /** Name of the drill, as `injected by drill <id>` shows it. */
  readonly id: string;
  /** `namespace/name`. */
  readonly cluster: string;
  /** On the prober's own clock: without renewal it ends by itself (I35). */
  readonly expiresAtMs: number;
}

/** Counters grow from the start of the prober; the last five are what is so now. */
export interface ProberStats {
  /** Finished probes by what they came to; `stalled`: this process was too late to tell, nothing was counted. */
  readonly probes: Readonly<Record<ProbeOutcome['kind'], number>>;
  /** Finished probes that a drill's fault turned into failures; they are also in `probes` as what they really were. */
  readonly injected: number;
  readonly scheduled: number;
  readonly confirms: number;
  /** Confirms not sent because the budget was used up. */
  readonly confirmsRefused: number;
  /** Scheduled probes left out because the one before still ran (a check slower than its interval). */
  readonly missedRunning: number;
  /** Scheduled probes left out because the one before still waited: this vantage point is overloaded. */
  readonly missedWaiting: number;
  readonly targets: number;
  readonly inFlight: number;
  readonly queued: number;
  readonly confirmTokens: number;
  /** Probes wait for room right now. */
  readonly overloaded: boolean;
}

export interface Prober {
  /** Replaces what is probed. Targets that stay (by id) keep their state, streaks and phase. */
  assign(targets: readonly Target[]): void;
  /** Replaces the drill faults in force. */
  setFaults(faults: readonly Fault[]): void;
  /** Every vote as it stands, in the order of assignment. Each call is a new sequence. */
  votes(): readonly Vote[];
  /** Milliseconds since this vantage point last reached another failure domain; `NEVER_CONNECTED_MS` if it never did. */
  connectedAgeMs(): number;
  /** Something else of this vantage point (a link, a peer) has reached that failure domain just now. */
  noteContact(failureDomain: string): void;
  stats(): ProberStats;
  /** Ends every probe and timer. Votes can still be read. */
  close(): void;
}

/** The largest value of the wire's `connected_age_ms`. */
export const NEVER_CONNECTED_MS = 0xffff_ffff;

const DEFAULT_MAX_IN_FLIGHT = 512;

/** Changes within this time make one batch. */
const BATCH_MS = 10;

/**
 * Probes the assigned targets from one vantage point and keeps its votes. Work is constant (I13): the schedule does not
 * depend on results, and confirms have a budget (`ConfirmBudget`).
 */
export function createProber(options: ProberOptions): Prober {
  const { clock, setTimer } = options;
  const maxInFlight = options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT;
  const io = { connect: systemConnector, clock, setTimer, wallClock: options.wallClock ?? Date.now };
  const probe = options.probe ?? ((request, signal) => probeTarget(request, io, options, signal));
  const watches = new Map<string, TargetWatch>();
  const queue = new FairQueue<ProbeJob>();
  const budget = new ConfirmBudget(clock());
  const probes = { ok: 0, failed: 0, unable: 0, stalled: 0 };
  const count = {
    injected: 0,
    scheduled: 0,
    confirms: 0,
    confirmsRefused: 0,
    missedRunning: 0,
    missedWaiting: 0,
  };
  const announced = new Map<TargetWatch, string>();
  const changed = new Set<TargetWatch>();
  let cancelFlush: (() => void) | undefined;
  let faults: readonly Fault[] = [];
  let inFlight = 0;
  let sequence = 0;
  let contactAtMs: number | undefined;

  const host = {
    clock,
    setTimer,
    enqueue: (job: ProbeJob) => {
      queue.push(job.watch.target.cluster, job);
      dispatch();
    },
    takeConfirm: () => {
      const taken = budget.take(clock());
      if (!taken) count.confirmsRefused += 1;
      return taken;
    },
    slotMissed: (because: 'running' | 'waiting') => {
      if (because === 'running') count.missedRunning += 1;
      else count.missedWaiting += 1;
    },
  };

  function dispatch(): void {
    while (inFlight < maxInFlight) {
      const job = queue.shift();
      if (job === undefined) return;
      // A removed target's job: nothing waits for it.
      if (job.watch.signal.aborted) continue;
      void run(job);
    }
  }

  async function run(job: ProbeJob): Promise<void> {
    const { target } = job.watch;
    inFlight += 1;
    if (job.kind === 'scheduled') count.scheduled += 1;
    else count.confirms += 1;
    const startedAtMs = clock();
    job.watch.started(job, startedAtMs);
    const outcome = await attempt(target, job.watch.signal);
    inFlight -= 1;
    if (!job.watch.signal.aborted) finish(job, outcome, startedAtMs);
    dispatch();
  }

  /** Never throws: a slot of the in-flight limit is given back whatever happens. */
  async function attempt(target: Target, signal: AbortSignal): Promise<ProbeOutcome> {
    try {
      const inside = target.cluster === options.ownCluster;
      return await probe({ target, inside, ca: options.caBundle?.(target) }, signal);
    } catch (thrown) {
      return { kind: 'unable', detail: messageOf(thrown) };
    }
  }

  function finish(job: ProbeJob, outcome: ProbeOutcome, startedAtMs: number): void {
    const { watch } = job;
    probes[outcome.kind] += 1;
    // What was really reached counts as sight, whatever a drill makes of it.
    if (outcome.kind === 'ok') noteContact(watch.target.failureDomain);
    const result = outcome.kind === 'stalled' ? undefined : underFault(outcome, watch.target.cluster);
    watch.finished(job, result, { startedAtMs, finishedAtMs: clock() });
    if (announcement(watch) === (announced.get(watch) ?? UNANNOUNCED)) return;
    changed.add(watch);
    cancelFlush ??= setTimer(flush, BATCH_MS);
  }

  function underFault(result: ProbeResult, cluster: string): ProbeResult {
    if (result.kind === 'unable') return result;
    const nowMs = clock();
    const fault = faults.find((each) => each.cluster === cluster && each.expiresAtMs > nowMs);
    if (fault === undefined) return result;
    count.injected += 1;
    const { latencyMs } = result;
    return { kind: 'failed', detail: `injected by drill ${fault.id}`, latencyMs, injected: true };
  }

  function flush(): void {
    cancelFlush = undefined;
    const batch = [...changed].filter(
      (watch) => announcement(watch) !== (announced.get(watch) ?? UNANNOUNCED),
    );
    changed.clear();
    if (batch.length === 0) return;
    sequence += 1;
    for (const watch of batch) announced.set(watch, announcement(watch));
    options.onVotes(batch.map(voteOf));
  }

  /** What a change of is worth a message. */
  function announcement(watch: TargetWatch): string {
    const verdict = verdictAt(watch.state, clock(), watch.rules);
    return verdict === 'down' && watch.state.injected ? 'down, injected' : verdict;
  }

  function voteOf(watch: TargetWatch): Vote {
    const { vantage, failureDomain } = options;
    return toVote(
      watch.state,
      { vantage, failureDomain, targetId: watch.target.id, sequence },
      clock(),
      watch.rules,
    );
  }

  function noteContact(failureDomain: string): void {
    if (failureDomain !== options.failureDomain) contactAtMs = clock();
  }

  function forget(watch: TargetWatch): void {
    watch.close();
    watches.delete(watch.target.id);
    announced.delete(watch);
    changed.delete(watch);
  }

  return {
    assign(targets) {
      const wanted = new Map(targets.map((target) => [target.id, target]));
      for (const watch of [...watches.values()]) if (!wanted.has(watch.target.id)) forget(watch);
      for (const target of wanted.values()) {
        if (watches.has(target.id)) continue;
        watches.set(target.id, new TargetWatch(target, phaseOf(`${options.vantage} ${target.id}`), host));
      }
      const perSecond = [...watches.values()].reduce(
        (sum, { target }) => sum + 1 / target.check.intervalSeconds,
        0,
      );
      budget.resize(perSecond, clock());
    },
    setFaults(next) {
      faults = [...next];
    },
    votes() {
      sequence += 1;
      return [...watches.values()].map(voteOf);
    },
    connectedAgeMs: () => {
      if (contactAtMs === undefined) return NEVER_CONNECTED_MS;
      return Math.min(NEVER_CONNECTED_MS, Math.max(0, Math.round(clock() - contactAtMs)));
    },
    noteContact,
    stats: () => ({
      probes: { ...probes },
      ...count,
      targets: watches.size,
      inFlight,
      queued: queue.size,
      confirmTokens: budget.available(clock()),
      overloaded: queue.size > 0,
    }),
    close() {
      cancelFlush?.();
      cancelFlush = undefined;
      for (const watch of watches.values()) watch.close();
      while (queue.shift() !== undefined);
    },
  };
}

const UNANNOUNCED = 'none';

/** A fraction of the interval from a string (FNV-1a): two vantage points probe one target at different moments. */
function phaseOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // FNV-1a leaves the high bits of similar strings alike.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}
