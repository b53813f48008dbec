import type { Resource } from '../../src/resources/catalogue.ts';
import type { DrillEvent, DrillPhase } from '../../src/resources/drill.ts';
import type { Actor, Key } from '../store/contract.ts';
import type { DrillEffects } from './effects.ts';
import { errorRateGuard, type GuardVerdict } from './guards.ts';
import {
  type AnswerSample,
  createObservations,
  type Observations,
  type PlaceShare,
  type RequestSample,
} from './observations.ts';
import { shareReturnText, unconvergedBecause } from './outcome.ts';
import type { DrillRecorder } from './recorder.ts';
import { drillReport } from './report.ts';
import { type ShareReturn, shareReturn } from './shares.ts';

/** What a running drill sees of the world; everything is asked anew at each step. */
export interface DrillView {
  /** Capacity and residency without the cluster, now. */
  guards(drill: Resource<'Drill'>): readonly GuardVerdict[];
  /** An answer that must never be given. */
  breach(sample: AnswerSample): GuardVerdict | undefined;
  /** What answers with the cluster contain. */
  addresses(drill: Resource<'Drill'>): ReadonlySet<string>;
  /** How far the health path has come with the fault. */
  progress(drill: Resource<'Drill'>): {
    readonly detected: boolean;
    readonly decided: boolean;
    readonly detail: string;
  };
  /** The cluster's share of each of the drill's questions at the hub now, without chance. */
  share(drill: Resource<'Drill'>): readonly PlaceShare[];
  /** The longest drain ramp of the policies with an endpoint on the cluster; 0 for a failure, which has none. */
  rampSeconds(drill: Resource<'Drill'>): number;
  /** Asks every name server for every hostname and country of the drill. */
  observe(drill: Resource<'Drill'>): Promise<readonly AnswerSample[]>;
  /** Reads the request counters of every endpoint, where the drill says how. */
  counters(drill: Resource<'Drill'>): Promise<readonly RequestSample[]>;
}

/** Why a drill ends before its time. */
export interface Stop {
  readonly reason: string;
  readonly phase: 'Aborted' | 'Failed';
}

export interface RunOptions {
  readonly recorder: DrillRecorder;
  readonly view: DrillView;
  readonly effects: DrillEffects;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  /** Resolves after `ms`, or at once when `signal` aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Set by somebody who aborts the drill. */
  readonly stopped: () => Stop | undefined;
  /** The hub stops: the effect is taken back, the rest is for the next start. */
  readonly signal: AbortSignal;
}

/** Between two looks at the world. */
export const STEP_MS = 250;
/** Samples of the time before the fault, so that the report can compare. */
export const BASELINE_MS = 1_500;
/** How long re-admission may take (hold and rise) before the drill ends without it. */
export const RECOVERY_LIMIT_MS = 150_000;
/** The same for a drain, after its ramp. */
export const DRAIN_RECOVERY_MS = 30_000;
/** The outcome in a report of a drill that goes on. */
export const UNDER_WAY = 'under way: what is known so far';
/** The runner's own writes. */
export const RUNNER: Actor = { id: 'hub', display: 'drill runner' };

/**
 * One drill from its baseline to its report: fault, watch, roll back, report. Every step that matters is in the store before the next
 * one begins, and however it ends, the effect is gone.
 */
export async function runDrill(drill: Resource<'Drill'>, options: RunOptions): Promise<void> {
  const { effects, signal, monotonicMs } = options;
  const { namespace, name } = drill.metadata;
  const id = `${namespace}/${name}`;
  const observations = createObservations(options.view.addresses(drill));
  try {
    const startedMs = monotonicMs();
    while (monotonicMs() - startedMs < BASELINE_MS && !over(options)) {
      await sample(drill, options, observations, 'before');
      await options.wait(STEP_MS, signal);
    }
    const faultAtMs = monotonicMs();
    observations.beginFault(faultAtMs);
    const now = (): number => Math.round(monotonicMs() - faultAtMs);
    // An abort before the fault never begins it.
    const held: Held = over(options)
      ? { stop: options.stopped() }
      : await holdFault(drill, options, observations, now);
    const rollbackMs = now();
    effects.clear(id);
    observations.beginRollback();
    // A hub that stops leaves the drill Running; its next start finishes it.
    if (signal.aborted) return;
    const { stop, ...measured } = held;
    const { cluster, action, durationSeconds } = drill.spec;
    const unconverged = unconvergedBecause({
      cluster,
      action,
      decided: held.decideMs !== undefined,
      converged: observations.convergedMs !== undefined,
      heldMs: rollbackMs,
      rampSeconds: options.view.rampSeconds(drill),
      before: observations.sharesBefore,
      shares: observations.sharesHeld,
    });
    const ended = stop?.reason ?? `${durationSeconds} s are over`;
    const why = unconverged === undefined ? ended : `${ended}; ${unconverged}`;
    await note(
      drill,
      options,
      'drill.rollback',
      { phase: 'RollingBack', report: drillReport({ observations, ...measured, outcome: UNDER_WAY }) },
      [
        ...(stop?.phase === 'Failed' ? [{ kind: 'guard' as const, message: stop.reason }] : []),
        { kind: 'rollback', message: `${rollbackMs} ms: ${why}` },
      ],
    );
    const recovery = await recovered(drill, options, observations);
    if (signal.aborted) return;
    const phase: DrillPhase = stop?.phase ?? 'Completed';
    const outcome = `${why}; ${recovery.text}`;
    const report = drillReport({
      observations,
      ...measured,
      ...(recovery.recoverMs === undefined ? {} : { recoverMs: recovery.recoverMs }),
      outcome,
    });
    await note(
      drill,
      options,
      'drill.finish',
      { phase, endedAt: new Date(options.wallMs()).toISOString(), report },
      [
        { kind: 'recovered', message: outcome },
        { kind: 'finished', message: `${phase}: ${outcome}` },
      ],
    );
  } finally {
    effects.clear(id);
  }
}

/** What was measured while the fault was held, and what ended it early. */
interface Held {
  readonly stop: Stop | undefined;
  readonly detectMs?: number;
  readonly decideMs?: number;
  readonly publishMs?: number;
}

async function holdFault(
  drill: Resource<'Drill'>,
  options: RunOptions,
  observations: Observations,
  now: () => number,
): Promise<Held> {
  const { view } = options;
  const { action, cluster, durationSeconds, guards } = drill.spec;
  const { namespace, name } = drill.metadata;
  options.effects.set({
    id: `${namespace}/${name}`,
    action,
    cluster: `${namespace}/${cluster}`,
    sinceMs: options.monotonicMs(),
  });
  let measured: Omit<Held, 'stop'> = {};
  // What is known so far goes with every event: a hub that dies now leaves it to the next start.
  const progressed = (events: readonly Omit<DrillEvent, 'at'>[]): Promise<unknown> =>
    note(
      drill,
      options,
      'drill.progress',
      { report: drillReport({ observations, ...measured, outcome: UNDER_WAY }) },
      events,
    );
  let announced = false;
  while (now() < durationSeconds * 1000 && !over(options)) {
    const progress = view.progress(drill);
    if (progress.detected && measured.detectMs === undefined) {
      const detectMs = now();
      measured = { ...measured, detectMs };
      await progressed([{ kind: 'detected', message: `${detectMs} ms: ${progress.detail}` }]);
    }
    if (progress.decided && measured.decideMs === undefined) {
      // The decision goes to every name server in the same turn it is made: publishing adds no step of its own.
      const decideMs = now();
      measured = { ...measured, decideMs, publishMs: decideMs };
      await progressed([
        { kind: 'decided', message: `${decideMs} ms: ${progress.detail}` },
        { kind: 'published', message: `${decideMs} ms: sent to every name server` },
      ]);
    }
    const breach = await sample(
      drill,
      options,
      observations,
      measured.decideMs === undefined ? 'undecided' : 'decided',
    );
    const { convergedMs } = observations;
    if (
      !announced &&
      measured.decideMs !== undefined &&
      convergedMs !== undefined &&
      now() - convergedMs > 2 * STEP_MS
    ) {
      announced = true;
      await progressed([
        { kind: 'converged', message: `${convergedMs} ms: no name server answers with ${cluster}` },
      ]);
    }
    const stopped = options.stopped();
    if (stopped !== undefined) return { ...measured, stop: stopped };
    const broken =
      breach ??
      view.guards(drill).find((g) => !g.ok) ??
      [observations.faultTotals, observations.recentTotals]
        .map((totals) => errorRateGuard(totals, guards.maxErrorRatePercent))
        .find((g) => g?.ok === false);
    if (broken !== undefined)
      return {
        ...measured,
        stop: { reason: `guard ${broken.name}: ${broken.detail}`, phase: 'Failed' },
      };
    await options.wait(STEP_MS, options.signal);
  }
  return { ...measured, stop: options.stopped() };
}

interface Recovery {
  /** Milliseconds since the rollback; absent when it did not come back in time. */
  readonly recoverMs?: number;
  readonly text: string;
}

/** Waits until the cluster is decided up again, and until a ramp has given back what it took. */
async function recovered(
  drill: Resource<'Drill'>,
  options: RunOptions,
  observations: Observations,
): Promise<Recovery> {
  const { view } = options;
  const { action, cluster } = drill.spec;
  const rampMs = view.rampSeconds(drill) * 1000;
  const limitMs = action === 'drain' ? rampMs + DRAIN_RECOVERY_MS : RECOVERY_LIMIT_MS;
  const sinceMs = options.monotonicMs();
  const elapsed = (): number => Math.round(options.monotonicMs() - sinceMs);
  let share: ShareReturn | undefined;
  const shareText = (): string => (rampMs === 0 || share === undefined ? '' : ` (${shareReturnText(share)})`);
  let admitted = false;
  while (!options.signal.aborted && elapsed() < limitMs) {
    await sample(drill, options, observations, 'after');
    admitted = !view.progress(drill).decided;
    share = shareReturn(observations.sharesBefore, view.share(drill));
    if (admitted && (rampMs === 0 || share?.back !== false)) {
      const recoverMs = elapsed();
      observations.endRecovery();
      await options.wait(STEP_MS, options.signal);
      await sample(drill, options, observations, 'after');
      return {
        recoverMs,
        text: `${cluster} answers again ${recoverMs} ms after the rollback${shareText()}`,
      };
    }
    await options.wait(STEP_MS * 2, options.signal);
  }
  return {
    text: admitted
      ? `${cluster} did not get its share back within ${limitMs / 1000} s${shareText()}`
      : `${cluster} was not admitted again within ${limitMs / 1000} s`,
  };
}

async function sample(
  drill: Resource<'Drill'>,
  { view, monotonicMs, stopped }: RunOptions,
  observations: Observations,
  at: 'before' | 'undecided' | 'decided' | 'after',
): Promise<GuardVerdict | undefined> {
  // Dated by when it was asked: an answer that arrives after a change was given before it.
  const askedAtMs = monotonicMs();
  const shares = view.share(drill);
  const [seen, counted] = await Promise.all([view.observe(drill), view.counters(drill)]);
  // An abort takes the fault back at once: what was answered across it shows neither.
  if (at !== 'after' && stopped() !== undefined) return undefined;
  observations.share(askedAtMs, shares, at === 'decided');
  observations.add(askedAtMs, seen, counted);
  return seen.map((s) => view.breach(s)).find((g) => g !== undefined);
}

function over({ signal, stopped }: RunOptions): boolean {
  return signal.aborted || stopped() !== undefined;
}

function note(
  drill: Resource<'Drill'>,
  { recorder }: RunOptions,
  verb: string,
  change: Parameters<DrillRecorder['note']>[1]['change'] & object,
  events: readonly Omit<DrillEvent, 'at'>[],
): Promise<unknown> {
  const { namespace, name } = drill.metadata;
  const key: Key<'Drill'> = { kind: 'Drill', namespace, name };
  return recorder.note(key, { change, events, verb, actor: RUNNER });
}
