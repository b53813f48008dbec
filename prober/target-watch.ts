import type { Target } from '../src/health/types.ts';
import {
  initialVoteState,
  observe,
  type ProbeResult,
  type ProbeTiming,
  type VoteRules,
  type VoteState,
  voteRules,
} from '../src/health/vote.ts';
import type { SetTimer } from './probe.ts';

/** One probe to make: of the schedule, or a confirm of a failure. */
export interface ProbeJob {
  readonly watch: TargetWatch;
  readonly kind: 'scheduled' | 'confirm';
}

/** What a watch needs of the prober around it. */
export interface WatchHost {
  readonly clock: () => number;
  readonly setTimer: SetTimer;
  /** The job runs as soon as there is room; `started` and `finished` are called then. */
  enqueue(job: ProbeJob): void;
  /** Asks for one confirm beside the schedule; false when the budget is used up. */
  takeConfirm(): boolean;
  /** A slot passed unused, because the probe of the one before was still running, or still waiting to run. */
  slotMissed(because: 'running' | 'waiting'): void;
}

interface ConfirmSeries {
  /** What the delays count from. */
  readonly baseMs: number;
  cancel: () => void;
}

/** The longest wait for the first probe of a new target. */
const FIRST_PROBE_MS = 1_000;

/**
 * The probes of one target over time, and the vote they make.
 *
 * Scheduled probes start on a fixed grid (phase + k intervals). When one of a target that is up fails, or is unusually slow,
 * confirms follow at `confirmDelaysMs` after its *start*, whether or not it has ended by then: a black hole costs one timeout
 * after the last confirm instead of `fall` timeouts in a row. At the defaults a refused port makes DOWN 0.6 s after the first
 * failed probe started and a black hole 1.3 s; up to 1 s of waiting for the schedule comes before.
 */
export class TargetWatch {
  readonly target: Target;
  readonly rules: VoteRules;
  readonly #host: WatchHost;
  readonly #intervalMs: number;
  readonly #delaysMs: readonly number[];
  readonly #abort = new AbortController();
  readonly #firstSlotAtMs: number;
  #state: VoteState;
  #slot = -1;
  #cancelSlot: () => void = () => undefined;
  #scheduled: { readonly job: ProbeJob; startedAtMs?: number } | undefined;
  #series: ConfirmSeries | undefined;
  /** Probes that run or wait to. */
  #pending = 0;
  #usualLatencyMs = 0;

  /** @param phase where in its interval this target is probed, in [0, 1). */
  constructor(target: Target, phase: number, host: WatchHost) {
    this.target = target;
    this.rules = voteRules(target.check);
    this.#host = host;
    this.#intervalMs = target.check.intervalSeconds * 1000;
    this.#delaysMs = target.check.confirmDelaysMs.toSorted((a, b) => a - b);
    const nowMs = host.clock();
    this.#state = initialVoteState(nowMs);
    this.#firstSlotAtMs = nowMs + phase * this.#intervalMs;
    // A target with a long interval is looked at once soon, and on its grid from then on.
    if (this.#intervalMs > FIRST_PROBE_MS)
      this.#cancelSlot = this.#at(nowMs + phase * FIRST_PROBE_MS, () => this.#tick());
    else this.#scheduleNextSlot();
  }

  get state(): VoteState {
    return this.#state;
  }

  /** Aborted when the target is no longer watched. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  close(): void {
    this.#cancelSlot();
    this.#endSeries();
    this.#abort.abort();
  }

  started(job: ProbeJob, startedAtMs: number): void {
    if (this.#scheduled?.job !== job) return;
    this.#scheduled.startedAtMs = startedAtMs;
    // Confirms of the probe before that are not sent by now would only double this one.
    this.#endSeries();
    const [firstDelayMs] = this.#delaysMs;
    // Still waiting when the first confirm is due is a suspicion only for a target that is usually faster than that.
    if (firstDelayMs === undefined || this.#usualLatencyMs >= firstDelayMs) return;
    this.#startSeries(startedAtMs);
  }

  /** @param result undefined when the probe came to nothing: it is forgotten. */
  finished(job: ProbeJob, result: ProbeResult | undefined, timing: ProbeTiming): void {
    this.#pending -= 1;
    const wasScheduled = this.#scheduled?.job === job;
    if (wasScheduled) this.#scheduled = undefined;
    if (result === undefined || this.signal.aborted) return;
    this.#state = observe(this.#state, result, timing, this.rules);
    if (result.kind === 'ok') this.#usualLatencyMs = result.latencyMs;
    if (result.kind !== 'failed' || this.#state.verdict !== 'up') this.#endSeries();
    else if (wasScheduled && this.#state.failuresInARow > 0 && this.#series === undefined) {
      // Probes of a slow target were not hedged: the confirms keep their distances, counted from now.
      const [firstDelayMs = 0] = this.#delaysMs;
      this.#startSeries(Math.max(timing.startedAtMs, timing.finishedAtMs - firstDelayMs));
    }
  }

  #scheduleNextSlot(): void {
    const next = Math.ceil((this.#host.clock() - this.#firstSlotAtMs) / this.#intervalMs);
    // A timer may fire a little early: never the same slot twice. Slots missed by a pause of the process are not made up for.
    this.#slot = Math.max(this.#slot + 1, next, 0);
    this.#cancelSlot = this.#at(this.#firstSlotAtMs + this.#slot * this.#intervalMs, () => this.#tick());
  }

  #tick(): void {
    this.#scheduleNextSlot();
    if (this.#scheduled !== undefined) {
      this.#host.slotMissed(this.#scheduled.startedAtMs === undefined ? 'waiting' : 'running');
      return;
    }
    const job: ProbeJob = { watch: this, kind: 'scheduled' };
    this.#scheduled = { job };
    this.#pending += 1;
    this.#host.enqueue(job);
  }

  #startSeries(baseMs: number): void {
    if (this.#state.verdict !== 'up' || this.#delaysMs.length === 0) return;
    this.#series = { baseMs, cancel: () => undefined };
    this.#armConfirm(this.#series, 0);
  }

  #armConfirm(series: ConfirmSeries, index: number): void {
    const delayMs = this.#delaysMs[index];
    if (delayMs === undefined) return;
    series.cancel = this.#at(series.baseMs + delayMs, () => {
      // Enough are under way to decide; if one of them succeeds there is nothing to confirm.
      if (this.#state.failuresInARow + this.#pending >= this.rules.fall) return;
      if (!this.#host.takeConfirm()) return;
      this.#pending += 1;
      this.#host.enqueue({ watch: this, kind: 'confirm' });
      this.#armConfirm(series, index + 1);
    });
  }

  #endSeries(): void {
    this.#series?.cancel();
    this.#series = undefined;
  }

  #at(atMs: number, fn: () => void): () => void {
    return this.#host.setTimer(fn, Math.max(0, atMs - this.#host.clock()));
  }
}
