import { PortolanError } from '../../src/errors/error.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { DrillEvent, DrillStatus } from '../../src/resources/drill.ts';
import { withCondition } from '../../src/resources/metadata.ts';
import type { Actor, Key, Store } from '../store/contract.ts';
import { withEvent } from './report.ts';

export interface DrillNote {
  readonly change?: Partial<Omit<DrillStatus, 'timeline' | 'conditions'>>;
  readonly events: readonly Omit<DrillEvent, 'at'>[];
  readonly verb: string;
  readonly actor: Actor;
  /** A new run: nothing of an earlier one stays. */
  readonly afresh?: boolean;
}

/** Writes what happens to drills: the timeline and the report a person watches are exactly this. */
export interface DrillRecorder {
  /** @throws PortolanError NOT_FOUND */
  load(key: Key<'Drill'>): Promise<Resource<'Drill'>>;
  /** One note after the other, so that none is lost between reading and writing. */
  note(key: Key<'Drill'>, note: DrillNote): Promise<Resource<'Drill'>>;
}

export function createDrillRecorder(
  store: Pick<Store, 'get' | 'commit'>,
  wallMs: () => number,
): DrillRecorder {
  let tail: Promise<unknown> = Promise.resolve();

  async function load(key: Key<'Drill'>): Promise<Resource<'Drill'>> {
    const drill = await store.get(key);
    if (drill === undefined)
      throw new PortolanError('NOT_FOUND', `there is no Drill ${key.namespace}/${key.name}`);
    return drill;
  }

  async function write(key: Key<'Drill'>, note: DrillNote): Promise<Resource<'Drill'>> {
    const drill = await load(key);
    const at = new Date(wallMs()).toISOString();
    const known = drill.status ?? { conditions: [], phase: 'Planned', timeline: [] };
    const before: DrillStatus =
      note.afresh === true ? { conditions: known.conditions, phase: 'Planned', timeline: [] } : known;
    const phase = note.change?.phase ?? before.phase;
    const finished = known.conditions.find((c) => c.type === 'Finished');
    const status: DrillStatus = {
      ...before,
      ...note.change,
      timeline: note.events.reduce(
        (timeline, event) => withEvent(timeline, { at, ...event }),
        before.timeline,
      ),
      conditions: withCondition(
        before.conditions,
        {
          type: 'Finished',
          status: phase === 'Completed' || phase === 'Aborted' || phase === 'Failed' ? 'True' : 'False',
          reason: phase,
          message: note.events.at(-1)?.message ?? finished?.message ?? '',
          observedGeneration: drill.metadata.generation,
        },
        at,
      ),
    };
    await store.commit([{ type: 'status', key, status }], { actor: note.actor, verb: note.verb });
    return load(key);
  }

  return {
    load,
    note(key, note) {
      const result = tail.then(() => write(key, note));
      tail = result.catch(() => undefined);
      return result;
    },
  };
}
