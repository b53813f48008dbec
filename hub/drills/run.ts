import type { Resource } from '../../src/resources/catalogue.ts';
import type { DrillEvent, DrillPhase } from '../../src/resources/drill.ts';
import type { Actor, Key } from '../store/contract.ts';
import type { DrillEffects } from './effects.ts';
import { errorRateGuard, type GuardVerdict } from './guards.ts';
import {
  type AnswerSample,
  createObservations,
  type Observations,
  type RequestSample,
} from './observations.ts';
import type { DrillRecorder } from './recorder.ts';
import { drillReport } from './report.ts';

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
      await sample(drill, options, observations);
      await options.wait(STEP_MS, signal);
    }
    const faultAtMs = monotonicMs();
    observations.beginFault(faultAtMs);
    const now = (): number => Math.round(monotonicMs() - faultAtMs);
    const held: Held = over(options)
      ? { stop: options.stopped() }
      : await holdFault(drill, options, observations, now);
    const rollbackMs = now();
    effects.clear(id);
    observations.beginRollback();
    // A hub that stops leaves the drill Running; its next start finishes it.
    if (signal.aborted) return;
    const why = held.stop?.reason ?? `${drill.spec.durationSeconds} s are over`;
    await note(drill, options, 'drill.rollback', { phase: 'RollingBack' }, [
      ...(held.stop?.phase === 'Failed' ? [{ kind: 'guard' as const, message: held.stop.reason }] : []),
      { kind: 'rollback', message: `${rollbackMs} ms: ${why}` },
    ]);
    const recoverMs = await recovered(drill, options, observations);
    if (signal.aborted) return;
    const { stop: _stop, ...measured } = held;
    const phase: DrillPhase = held.stop?.phase ?? 'Completed';
    const outcome =
      recoverMs === undefined
        ? `${why}; ${drill.spec.cluster} was not admitted again within ${RECOVERY_LIMIT_MS / 1000} s`
        : `${why}; ${drill.spec.cluster} answers again ${recoverMs} ms after the rollback`;
    const report = drillReport({
      observations,
      ...measured,
      ...(recoverMs === undefined ? {} : { recoverMs }),
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
  const progressed = (events: readonly Omit<DrillEvent, 'at'>[]): Promise<unknown> =>
    note(drill, options, 'drill.progress', {}, events);
  let measured: Omit<Held, 'stop'> = {};
  let announced = false;
  while (now() < durationSeconds * 1000 && !options.signal.aborted) {
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
    const breach = await sample(drill, options, observations);
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

/** Waits until the cluster is decided up again; milliseconds since the rollback. */
async function recovered(
  drill: Resource<'Drill'>,
  options: RunOptions,
  observations: Observations,
): Promise<number | undefined> {
  const sinceMs = options.monotonicMs();
  const elapsed = (): number => Math.round(options.monotonicMs() - sinceMs);
  while (!options.signal.aborted && elapsed() < RECOVERY_LIMIT_MS) {
    await sample(drill, options, observations);
    if (!options.view.progress(drill).decided) {
      const recoverMs = elapsed();
      observations.endRecovery();
      await options.wait(STEP_MS, options.signal);
      await sample(drill, options, observations);
      return recoverMs;
    }
    await options.wait(STEP_MS * 2, options.signal);
  }
  return undefined;
}

async function sample(
  drill: Resource<'Drill'>,
  { view, monotonicMs }: RunOptions,
  observations: Observations,
): Promise<GuardVerdict | undefined> {
  // Dated by when it was asked: an answer that arrives after a change was given before it.
  const askedAtMs = monotonicMs();
  const [seen, counted] = await Promise.all([view.observe(drill), view.counters(drill)]);
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
