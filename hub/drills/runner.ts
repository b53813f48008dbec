import { messageOf, PortolanError } from '../../src/errors/error.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { Actor, Key, Store } from '../store/contract.ts';
import type { DrillEffects } from './effects.ts';
import { createDrillRecorder } from './recorder.ts';
import { type DrillView, RUNNER, runDrill, type Stop } from './run.ts';

export interface DrillRunnerOptions {
  readonly store: Pick<Store, 'get' | 'list' | 'commit'>;
  readonly view: DrillView;
  readonly effects: DrillEffects;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  /** Resolves after `ms`, or at once when the runner stops. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly onError: (error: PortolanError) => void;
}

export interface DrillRunner {
  /** @throws PortolanError NOT_FOUND, DRILL_ACTIVE, DRILL_REFUSED, NOT_READY */
  start(key: Key<'Drill'>, actor: Actor): Promise<Resource<'Drill'>>;
  /** @throws PortolanError NOT_FOUND, DRILL_REFUSED when it is not running */
  abort(key: Key<'Drill'>, actor: Actor): Promise<Resource<'Drill'>>;
  /** After a start of the hub: drills that were under way are finished as aborted; their effects ended with their leases. */
  recover(): Promise<void>;
  /** Takes every effect back and stops; what is under way is finished by `recover` at the next start. */
  close(): Promise<void>;
}

/** How often, and how long after each other, the end of a broken drill is tried to be written. */
const FINISH_TRIES = 60;
const FINISH_RETRY_MS = 1_000;

interface Running {
  readonly finished: Promise<void>;
  stop: Stop | undefined;
}

/** Starts, aborts and finishes drills: one at a time in a namespace. */
export function createDrillRunner(options: DrillRunnerOptions): DrillRunner {
  const { view, effects } = options;
  const running = new Map<string, Running>();
  const closing = new AbortController();
  const recorder = createDrillRecorder(options.store, options.wallMs);

  const idOf = (key: { readonly namespace: string; readonly name: string }): string =>
    `${key.namespace}/${key.name}`;
  const isActive = (drill: Resource<'Drill'>): boolean =>
    drill.status?.phase === 'Running' || drill.status?.phase === 'RollingBack';

  function launch(drill: Resource<'Drill'>): void {
    const id = idOf(drill.metadata);
    const entry: Running = { stop: undefined, finished: Promise.resolve().then(work) };
    running.set(id, entry);

    async function work(): Promise<void> {
      try {
        await runDrill(drill, {
          ...options,
          recorder,
          stopped: () => entry.stop,
          signal: closing.signal,
        });
      } catch (thrown) {
        const error = PortolanError.from(thrown);
        options.onError(error);
        await finishBroken(drill, error);
      } finally {
        running.delete(id);
      }
    }
  }

  /** The effect is gone already; what the store holds must not go on saying Running. */
  async function finishBroken(drill: Resource<'Drill'>, error: PortolanError): Promise<void> {
    const outcome = `an error ended the drill (${error.code}: ${error.message}); the fault was taken back`;
    for (let tries = 0; tries < FINISH_TRIES && !closing.signal.aborted; tries += 1) {
      try {
        await finish(drill, 'Failed', outcome, RUNNER);
        return;
      } catch (thrown) {
        if (PortolanError.from(thrown).code === 'NOT_FOUND') return;
        await options.wait(FINISH_RETRY_MS, closing.signal);
      }
    }
  }

  /** Keeps what the run had found out; only the outcome is new. */
  async function finish(
    { metadata: { namespace, name } }: Resource<'Drill'>,
    phase: 'Aborted' | 'Failed',
    outcome: string,
    actor: Actor,
  ): Promise<Resource<'Drill'>> {
    const key: Key<'Drill'> = { kind: 'Drill', namespace, name };
    const known = (await recorder.load(key)).status?.report ?? { countries: [], requests: [] };
    return recorder.note(key, {
      change: { phase, endedAt: new Date(options.wallMs()).toISOString(), report: { ...known, outcome } },
      events: [
        { kind: 'rollback', message: outcome },
        { kind: 'finished', message: `${phase}: ${outcome}` },
      ],
      verb: 'drill.finish',
      actor,
    });
  }

  return {
    async start(key, actor) {
      if (closing.signal.aborted) throw new PortolanError('NOT_READY', 'the hub is stopping');
      const drill = await recorder.load(key);
      if (isActive(drill))
        throw new PortolanError('DRILL_ACTIVE', `Drill ${idOf(key)} is already ${drill.status?.phase ?? ''}`);
      const other = [...running.keys()].find((id) => id.startsWith(`${key.namespace}/`));
      if (other !== undefined)
        throw new PortolanError(
          'DRILL_ACTIVE',
          `Drill ${other} is running; one drill at a time in a namespace`,
          {
            fix: `Wait for it, or \`portolan drill abort ${other.split('/')[1] ?? ''} -n ${key.namespace}\`.`,
          },
        );
      const refused = view.guards(drill).filter((g) => !g.ok);
      if (refused.length > 0) {
        throw new PortolanError(
          'DRILL_REFUSED',
          `refused by ${refused.map((g) => `${g.name} (${g.detail})`).join('; ')}`,
        );
      }
      const { action, cluster, durationSeconds } = drill.spec;
      const started = await recorder.note(key, {
        afresh: true,
        change: { phase: 'Running', startedAt: new Date(options.wallMs()).toISOString() },
        events: [
          {
            kind: 'started',
            message: `${action} ${cluster} for ${durationSeconds} s, started by ${actor.display}`,
          },
        ],
        verb: 'drill.start',
        actor,
      });
      launch(started);
      return started;
    },

    async abort(key, actor) {
      const entry = running.get(idOf(key));
      if (entry === undefined) {
        const drill = await recorder.load(key);
        // A run whose end could not be written (a full disk): nobody runs it, so this is its end.
        if (isActive(drill)) return finish(drill, 'Aborted', `aborted by ${actor.display}`, actor);
        throw new PortolanError('DRILL_REFUSED', `Drill ${idOf(key)} is not running`, {
          fix: `See its phase with \`portolan get drill ${key.name} -n ${key.namespace}\`.`,
        });
      }
      entry.stop ??= { reason: `aborted by ${actor.display}`, phase: 'Aborted' };
      // The effect ends now; the run notices at its next step.
      effects.clear(idOf(key));
      return recorder.note(key, {
        events: [{ kind: 'note', message: `abort asked by ${actor.display}` }],
        verb: 'drill.abort',
        actor,
      });
    },

    async recover() {
      const { items } = await options.store.list({ kind: 'Drill' });
      for (const item of items) {
        if (item.kind !== 'Drill' || !isActive(item)) continue;
        const outcome = 'the hub stopped during the drill; the fault ended by its lease and was rolled back';
        await finish(item, 'Aborted', outcome, RUNNER).catch((thrown: unknown) => {
          const message = `Drill ${idOf(item.metadata)} could not be finished: ${messageOf(thrown)}`;
          options.onError(new PortolanError('INTERNAL', message, { cause: thrown }));
        });
      }
    },

    async close() {
      closing.abort();
      await Promise.all([...running.values()].map((r) => r.finished));
    },
  };
}
