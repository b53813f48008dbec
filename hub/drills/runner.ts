import { messageOf, PortolanError } from '../../src/errors/error.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { DrillEvent, DrillPhase, DrillStatus } from '../../src/resources/drill.ts';
import { withCondition } from '../../src/resources/metadata.ts';
import type { Actor, Key, Store } from '../store/contract.ts';
import type { DrillEffects } from './effects.ts';
import type { GuardVerdict } from './guards.ts';
import { errorRateGuard } from './guards.ts';
import {
  type AnswerSample,
  convergedAt,
  createSampleLog,
  drillReport,
  type RequestSample,
  SETTLED_ROUNDS,
  withEvent,
} from './report.ts';

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
  /** Asks every name server for every hostname and country of the drill. `atMs` is filled in by the runner. */
  observe(drill: Resource<'Drill'>): Promise<readonly Omit<AnswerSample, 'atMs'>[]>;
  /** Reads the request counters of every endpoint, where the drill says how. */
  counters(drill: Resource<'Drill'>): Promise<readonly Omit<RequestSample, 'atMs'>[]>;
}

export interface DrillRunnerOptions {
  readonly store: Store;
  readonly view: DrillView;
  readonly effects: DrillEffects;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  /** Resolves after `ms`, or at once when the runner stops. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onError: (error: PortolanError) => void;
}

export interface DrillRunner {
  start(key: Key<'Drill'>, actor: Actor): Promise<Resource<'Drill'>>;
  abort(key: Key<'Drill'>, actor: Actor): Promise<Resource<'Drill'>>;
  /** After a start of the hub: drills that were under way are rolled back and finished. */
  recover(): Promise<void>;
  /** Takes every effect back and stops; what is under way is finished by `recover` at the next start. */
  close(): Promise<void>;
}

/** Between two looks at the world. */
const STEP_MS = 250;
/** Samples of the time before the fault, so that the report can compare. */
const BASELINE_MS = 1_500;
/** How long re-admission may take (hold and rise) before the drill ends without it. */
const RECOVERY_LIMIT_MS = 150_000;
const HUB: Actor = { id: 'hub', display: 'drill runner' };

interface Running {
  readonly drill: Resource<'Drill'>;
  /** Set by abort and by guards. */
  stop: { readonly reason: string; readonly phase: 'Aborted' | 'Failed' } | undefined;
  readonly finished: Promise<void>;
}

/** Runs drills: fault, watch, roll back, report. Every step that matters is in the store before the next one begins. */
export function createDrillRunner(options: DrillRunnerOptions): DrillRunner {
  const { store, view, effects } = options;
  const running = new Map<string, Running>();
  const closing = new AbortController();

  const idOf = (key: { readonly namespace: string; readonly name: string }): string =>
    `${key.namespace}/${key.name}`;
  const keyOf = (drill: Resource<'Drill'>): Key<'Drill'> => ({
    kind: 'Drill',
    namespace: drill.metadata.namespace,
    name: drill.metadata.name,
  });

  async function load(key: Key<'Drill'>): Promise<Resource<'Drill'>> {
    const drill = await store.get(key);
    if (drill === undefined) throw new PortolanError('NOT_FOUND', `there is no Drill ${idOf(key)}`);
    return drill;
  }

  /** Writes the drill's progress; the timeline and report the person watches are exactly this. */
  async function record(
    drill: Resource<'Drill'>,
    change: Partial<DrillStatus>,
    events: readonly Omit<DrillEvent, 'at'>[],
    verb: string,
    actor: Actor,
  ): Promise<Resource<'Drill'>> {
    const at = new Date(options.wallMs()).toISOString();
    const before: DrillStatus = (await load(keyOf(drill))).status ?? {
      conditions: [],
      phase: 'Planned',
      timeline: [],
    };
    const phase: DrillPhase = change.phase ?? before.phase;
    const last = events.at(-1);
    const status: DrillStatus = {
      ...before,
      ...change,
      timeline: events.reduce((timeline, event) => withEvent(timeline, { at, ...event }), before.timeline),
      conditions: withCondition(
        before.conditions,
        {
          type: 'Finished',
          status: phase === 'Completed' || phase === 'Aborted' || phase === 'Failed' ? 'True' : 'False',
          reason: phase,
          message: last?.message ?? before.conditions.find((c) => c.type === 'Finished')?.message ?? '',
          observedGeneration: drill.metadata.generation,
        },
        at,
      ),
    };
    await store.commit([{ type: 'status', key: keyOf(drill), status }], { actor, verb });
    return load(keyOf(drill));
  }

  async function start(key: Key<'Drill'>, actor: Actor): Promise<Resource<'Drill'>> {
    const drill = await load(key);
    const phase = drill.status?.phase ?? 'Planned';
    if (phase === 'Running' || phase === 'RollingBack')
      throw new PortolanError('DRILL_ACTIVE', `Drill ${idOf(key)} is already ${phase}`);
    const other = [...running.keys()].find((id) => id.startsWith(`${key.namespace}/`));
    if (other !== undefined)
      throw new PortolanError(
        'DRILL_ACTIVE',
        `Drill ${other} is running; one drill at a time in a namespace`,
        { fix: `Wait for it, or \`portolan drill abort ${other.split('/')[1] ?? ''} -n ${key.namespace}\`.` },
      );
    const refused = view.guards(drill).filter((g) => !g.ok);
    if (refused.length > 0) {
      throw new PortolanError(
        'DRILL_REFUSED',
        `refused by ${refused.map((g) => `${g.name} (${g.detail})`).join('; ')}`,
      );
    }
    const at = new Date(options.wallMs()).toISOString();
    const fresh: Partial<DrillStatus> = { phase: 'Running', startedAt: at, timeline: [] };
    const reset = await record(
      { ...drill },
      fresh,
      [
        {
          kind: 'started',
          message: `${drill.spec.action} ${drill.spec.cluster} for ${drill.spec.durationSeconds} s, started by ${actor.display}`,
        },
      ],
      'drill.start',
      actor,
    );
    launch(reset);
    return reset;
  }

  function launch(drill: Resource<'Drill'>): void {
    const id = idOf(drill.metadata);
    const entry: Running = {
      drill,
      stop: undefined,
      finished: Promise.resolve()
        .then(() => run(drill, () => running.get(id)?.stop))
        .catch((thrown: unknown) => options.onError(PortolanError.from(thrown)))
        .finally(() => {
          effects.clear(id);
          running.delete(id);
        }),
    };
    running.set(id, entry);
  }

  async function run(drill: Resource<'Drill'>, stop: () => Running['stop']): Promise<void> {
    const id = idOf(drill.metadata);
    const signal = closing.signal;
    const log = createSampleLog();
    const addresses = view.addresses(drill);
    let faultAt = options.monotonicMs();
    const now = (): number => Math.round(options.monotonicMs() - faultAt);

    const sample = async (): Promise<GuardVerdict | undefined> => {
      // Dated by when it was asked: an answer that arrives after a change was given before it.
      const askedAt = options.monotonicMs();
      const [seen, counted] = await Promise.all([view.observe(drill), view.counters(drill)]);
      log.add(askedAt, seen, counted);
      return seen.map((s) => view.breach({ ...s, atMs: 0 })).find((g) => g !== undefined);
    };

    while (now() < BASELINE_MS && !signal.aborted && stop() === undefined) {
      await sample();
      await options.wait(STEP_MS, signal);
    }
    faultAt = options.monotonicMs();

    let detectMs: number | undefined;
    let decideMs: number | undefined;
    let reason = stop();
    if (reason === undefined && !signal.aborted)
      effects.set({
        id,
        action: drill.spec.action,
        cluster: `${drill.metadata.namespace}/${drill.spec.cluster}`,
        sinceMs: faultAt,
      });
    let announcedConverged = false;
    while (reason === undefined && now() < drill.spec.durationSeconds * 1000 && !signal.aborted) {
      const progress = view.progress(drill);
      if (progress.detected && detectMs === undefined) {
        detectMs = now();
        await record(
          drill,
          {},
          [{ kind: 'detected', message: `${detectMs} ms: ${progress.detail}` }],
          'drill.progress',
          HUB,
        );
      }
      if (progress.decided && decideMs === undefined) {
        decideMs = now();
        // The decision goes to every name server in the same turn it is made: publishing adds no step of its own here.
        await record(
          drill,
          {},
          [
            { kind: 'decided', message: `${decideMs} ms: ${progress.detail}` },
            { kind: 'published', message: `${decideMs} ms: sent to every name server` },
          ],
          'drill.progress',
          HUB,
        );
      }
      const breach = await sample();
      const converged = convergedAt(log.answersSince(faultAt), addresses, Number.POSITIVE_INFINITY);
      if (
        !announcedConverged &&
        decideMs !== undefined &&
        converged !== undefined &&
        now() - converged > 2 * STEP_MS
      ) {
        announcedConverged = true;
        await record(
          drill,
          {},
          [
            {
              kind: 'converged',
              message: `${converged} ms: no name server answers with ${drill.spec.cluster}`,
            },
          ],
          'drill.progress',
          HUB,
        );
      }
      const errors = errorRateGuard(log.requestsSince(faultAt), drill.spec.guards.maxErrorRatePercent, 0);
      const broken =
        breach ?? view.guards(drill).find((g) => !g.ok) ?? (errors?.ok === false ? errors : undefined);
      reason =
        stop() ??
        (broken === undefined
          ? undefined
          : { reason: `guard ${broken.name}: ${broken.detail}`, phase: 'Failed' as const });
      if (reason === undefined) await options.wait(STEP_MS, signal);
    }
    const rollbackMs = now();
    effects.clear(id);
    // A hub that stops takes its effects back; the next start finds the drill Running and finishes it.
    if (signal.aborted) return;
    const why = reason?.reason ?? `${drill.spec.durationSeconds} s are over`;
    await record(
      drill,
      { phase: 'RollingBack' },
      [
        ...(reason?.phase === 'Failed' ? [{ kind: 'guard' as const, message: reason.reason }] : []),
        { kind: 'rollback', message: `${rollbackMs} ms: ${why}` },
      ],
      'drill.rollback',
      HUB,
    );
    const recoverMs = await recovered(drill, now, rollbackMs, sample, signal);
    if (signal.aborted) return;
    const phase: DrillPhase = reason?.phase ?? 'Completed';
    const outcome =
      recoverMs === undefined
        ? `${why}; ${drill.spec.cluster} was not admitted again within ${RECOVERY_LIMIT_MS / 1000} s`
        : `${why}; ${drill.spec.cluster} answers again ${recoverMs} ms after the rollback`;
    const report = drillReport({
      answers: log.answersSince(faultAt),
      requests: log.requestsSince(faultAt),
      faulted: addresses,
      ...(detectMs === undefined ? {} : { detectMs }),
      ...(decideMs === undefined ? {} : { decideMs, publishMs: decideMs }),
      rollbackMs,
      ...(recoverMs === undefined ? {} : { recoverMs }),
      outcome,
    });
    await record(
      drill,
      { phase, endedAt: new Date(options.wallMs()).toISOString(), report },
      [
        { kind: 'recovered', message: outcome },
        { kind: 'finished', message: `${phase}: ${outcome}` },
      ],
      'drill.finish',
      HUB,
    );
  }

  /** Waits until the cluster is decided up again; milliseconds since the rollback. */
  async function recovered(
    drill: Resource<'Drill'>,
    now: () => number,
    rollbackMs: number,
    sample: () => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    while (!signal.aborted && now() - rollbackMs < RECOVERY_LIMIT_MS) {
      await sample();
      if (!view.progress(drill).decided) {
        const recoverMs = now() - rollbackMs;
        // Every name server hears of it within the step; what comes then is the "after" of the report.
        for (let round = 0; round < SETTLED_ROUNDS && !signal.aborted; round += 1) {
          await options.wait(STEP_MS, signal);
          await sample();
        }
        return recoverMs;
      }
      await options.wait(STEP_MS * 2, signal);
    }
    return undefined;
  }

  async function abort(key: Key<'Drill'>, actor: Actor): Promise<Resource<'Drill'>> {
    const entry = running.get(idOf(key));
    if (entry === undefined)
      throw new PortolanError('DRILL_REFUSED', `Drill ${idOf(key)} is not running`, {
        fix: `See its phase with \`portolan get drill ${key.name} -n ${key.namespace}\`.`,
      });
    entry.stop ??= { reason: `aborted by ${actor.display}`, phase: 'Aborted' };
    // The effect ends now; the run notices at its next step.
    effects.clear(idOf(key));
    return record(
      entry.drill,
      {},
      [{ kind: 'note', message: `abort asked by ${actor.display}` }],
      'drill.abort',
      actor,
    );
  }

  async function recover(): Promise<void> {
    const { items } = await store.list({ kind: 'Drill' });
    for (const item of items) {
      if (item.kind !== 'Drill' || (item.status?.phase !== 'Running' && item.status?.phase !== 'RollingBack'))
        continue;
      const outcome = 'the hub stopped during the drill; the fault ended by its lease and was rolled back';
      const endedAt = new Date(options.wallMs()).toISOString();
      const report = item.status.report ?? { countries: [], requests: [], outcome };
      await record(
        item,
        { phase: 'Aborted', endedAt, report },
        [
          { kind: 'rollback', message: outcome },
          { kind: 'finished', message: `Aborted: ${outcome}` },
        ],
        'drill.recover',
        HUB,
      ).catch((thrown: unknown) =>
        options.onError(
          new PortolanError(
            'INTERNAL',
            `Drill ${idOf(item.metadata)} could not be finished: ${messageOf(thrown)}`,
            { cause: thrown },
          ),
        ),
      );
    }
  }

  return {
    start,
    abort,
    recover,
    async close() {
      closing.abort();
      await Promise.all([...running.values()].map((r) => r.finished));
    },
  };
}
