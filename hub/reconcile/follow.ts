import { PortolanError } from '../../src/errors/error.ts';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import { clusterAddresses } from '../../src/resources/cluster.ts';
import type { Store } from '../store/contract.ts';
import { withSpecOf } from '../store/objects.ts';
import { createObjectsDraft, NO_OBJECTS, type Objects, objectKey, objectsOf } from './objects.ts';

/** The stored objects as this process has them in memory, kept up to date by the store's events. */
export interface ObjectFollower {
  readonly objects: Objects;
  /** Store revision they stand at. */
  readonly revision: number;
  /** Reads everything; then `follow` keeps it current. */
  load(): Promise<void>;
  /** Resolves after `signal` aborted. A watch that breaks is replaced by a new list, as often as needed. */
  follow(signal: AbortSignal): Promise<void>;
}

export interface FollowerOptions {
  readonly store: Pick<Store, 'list' | 'watch'>;
  /** `material`: something other than status changed. Called for every event; the reader looks at `objects` once, later. */
  readonly onChange: (material: boolean) => void;
  readonly log: { warn(details: object, message: string): void };
  /** Resolves after `ms` or when the signal aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>;
}

const RETRY_MS = 500;

export function followObjects(options: FollowerOptions): ObjectFollower {
  const { store } = options;
  const draft = createObjectsDraft(NO_OBJECTS);
  let revision = 0;

  const current = ({ kind, metadata }: AnyResource): AnyResource | undefined =>
    draft.get(kind, objectKey(metadata.namespace, metadata.name));

  async function load(): Promise<void> {
    const listed = await store.list();
    // The same spec objects as before: else each write of a zone's status would have all that was made of the zone made again.
    const items = listed.items.map((item) => withSpecOf(item, current(item)));
    draft.replace(objectsOf(items));
    revision = listed.revision;
  }

  async function watch(signal: AbortSignal): Promise<void> {
    for await (const event of store.watch({ fromRevision: revision, signal })) {
      const before = current(event.object);
      draft.apply(event.type === 'deleted' ? 'delete' : 'upsert', withSpecOf(event.object, before));
      revision = event.revision;
      options.onChange(event.type !== 'modified' || isMaterial(before, event.object));
    }
  }

  return {
    get objects() {
      return draft.read();
    },
    get revision() {
      return revision;
    },
    load,
    async follow(signal) {
      while (!signal.aborted) {
        try {
          await watch(signal);
        } catch (thrown) {
          options.log.warn({ err: PortolanError.from(thrown) }, 'watch ended; listing again');
          // A watch that a store cuts at once, again and again, must not make a busy loop.
          await options.wait(RETRY_MS, signal);
          if (signal.aborted) return;
          const listed = await load().then(
            () => true,
            () => false,
          );
          if (listed) options.onChange(true);
        }
      }
    },
  };
}

function isMaterial(before: AnyResource | undefined, now: AnyResource): boolean {
  return (
    before === undefined ||
    before.metadata.uid !== now.metadata.uid ||
    before.metadata.generation !== now.metadata.generation ||
    before.metadata.deletionTimestamp !== now.metadata.deletionTimestamp ||
    addressesDiffer(before, now)
  );
}

/** What agents find stands in the status, and answers have it. */
function addressesDiffer(before: AnyResource, now: AnyResource): boolean {
  if (before.kind !== 'Cluster' || now.kind !== 'Cluster') return false;
  return clusterAddresses(before).join() !== clusterAddresses(now).join();
}
