import { setTimeout as delay } from 'node:timers/promises';
import type { AnyResource } from '../../../src/resources/catalogue.ts';
import type { Store } from '../../store/contract.ts';
import { MANAGED_BY, SOURCE_KINDS, type SourceName, TAKEN_OVER } from '../contract.ts';
import { idOf, keyOfStored, managerOf } from '../managed.ts';

/** What the hub has under a name, as far as a source outside needs it. */
export interface HubEntry {
  readonly uid: string;
  readonly generation: number;
  /** Undefined: a person made it. */
  readonly manager: SourceName | undefined;
  /** A person took it over: no source adopts it. */
  readonly takenOver: boolean;
  readonly deleting: boolean;
  readonly status: AnyResource['status'];
}

/** The hub's objects of kinds that sources set, followed by the store's own watch. */
export interface HubView {
  /** By `Kind namespace/name`. */
  readonly entries: ReadonlyMap<string, HubEntry>;
  /** Resolves once everything is there. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const AGAIN_MS = 1_000;
const KINDS: ReadonlySet<string> = new Set(SOURCE_KINDS);

/** @param onChange what changed, and whether more than statuses did */
export function createHubView(
  store: Pick<Store, 'list' | 'watch'>,
  onChange: (ids: readonly string[], beyondStatus: boolean) => void,
  onError: (error: unknown) => void,
): HubView {
  const entries = new Map<string, HubEntry>();
  const stop = new AbortController();
  let following: Promise<void> | undefined;

  function take(id: string, next: HubEntry | undefined): boolean {
    const before = entries.get(id);
    if (next === undefined) entries.delete(id);
    else entries.set(id, next);
    return (
      before?.uid !== next?.uid ||
      before?.generation !== next?.generation ||
      before?.manager !== next?.manager ||
      before?.takenOver !== next?.takenOver ||
      before?.deleting !== next?.deleting
    );
  }

  async function list(): Promise<number> {
    const { items, revision } = await store.list();
    const gone = new Set(entries.keys());
    const changed: string[] = [];
    let beyondStatus = false;
    for (const object of items) {
      if (!KINDS.has(object.kind)) continue;
      const id = idOf(keyOfStored(object));
      gone.delete(id);
      changed.push(id);
      beyondStatus = take(id, entryOf(object)) || beyondStatus;
    }
    for (const id of gone) {
      changed.push(id);
      beyondStatus = take(id, undefined) || beyondStatus;
    }
    onChange(changed, beyondStatus);
    return revision;
  }

  async function follow(from: number): Promise<void> {
    let revision = from;
    while (!stop.signal.aborted) {
      try {
        for await (const event of store.watch({ fromRevision: revision, signal: stop.signal })) {
          const { object, type } = event;
          if (!KINDS.has(object.kind)) continue;
          const id = idOf(keyOfStored(object));
          onChange([id], take(id, type === 'deleted' ? undefined : entryOf(object)));
        }
        if (stop.signal.aborted) return;
        revision = await list();
      } catch (thrown) {
        if (stop.signal.aborted) return;
        onError(thrown);
        await delay(AGAIN_MS, undefined, { signal: stop.signal }).catch(() => undefined);
        // Events may have been missed: anew.
        revision = await list().catch(() => revision);
      }
    }
  }

  return {
    entries,
    async start() {
      const revision = await list();
      following = follow(revision);
    },
    async close() {
      stop.abort();
      await following;
    },
  };
}

function entryOf(object: AnyResource): HubEntry {
  const { uid, generation, annotations, deletionTimestamp } = object.metadata;
  return {
    uid,
    generation,
    manager: managerOf(object),
    takenOver: annotations[MANAGED_BY] === TAKEN_OVER,
    deleting: deletionTimestamp !== undefined,
    status: object.status,
  };
}
