import { PortolanError } from '../../src/errors/error.ts';
import { type AnyResource, type Kind, storedVersion } from '../../src/resources/catalogue.ts';
import { parseResource } from '../../src/resources/validate.ts';
import type { HubServices } from '../api/services.ts';
import { createWriteLane } from '../api/write-lane.ts';
import { applyChange } from '../store/apply.ts';
import type { Change, CommitOptions, Store } from '../store/contract.ts';
import type { SourceSync, Wanted, WantedSet } from './contract.ts';
import { idOf, keyOfStored } from './managed.ts';
import { createSourceSync } from './sync.ts';

/* For the tests of this folder: what a source wants, and a store in memory by the rules of the real one. */

/** A document as a source has it. */
export function wanted(
  kind: Kind,
  name: string,
  spec: unknown,
  more: {
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly origin?: string;
    readonly adopt?: boolean;
  } = {},
): Wanted {
  const { namespace = 'default', origin = `${name}.yaml:1`, adopt = false, ...maps } = more;
  const metadata = { namespace, name, ...maps };
  return { input: parseResource({ apiVersion: storedVersion(kind), kind, metadata, spec }), origin, adopt };
}

export function setOf(objects: readonly Wanted[], complete = true): WantedSet {
  const entries = objects.map((one): [string, Wanted] => {
    const { kind, metadata } = one.input;
    return [idOf({ kind, namespace: metadata.namespace, name: metadata.name }), one];
  });
  return { objects: new Map(entries), complete };
}

export interface MemoryHub {
  readonly sync: SourceSync;
  readonly store: Pick<Store, 'list' | 'get' | 'commit' | 'secretData' | 'epoch'>;
  /** Everything stored, by `Kind namespace/name`. */
  readonly objects: ReadonlyMap<string, AnyResource>;
  /** Every commit that wrote something. */
  readonly commits: readonly { readonly changes: readonly Change[]; readonly options: CommitOptions }[];
  /** What the guards say from now on. */
  guards: HubServices['admit'];
  /** The store refuses commits with it from now on. */
  broken: PortolanError | undefined;
  leads: boolean;
  /** Runs before the next commit, as somebody who writes in between. */
  meanwhile: (() => Promise<unknown>) | undefined;
  nowMs: number;
}

/** A hub's store and engine of sources, in memory. Secrets' values are kept apart, as the real store does. */
export function memoryHub(): MemoryHub {
  const objects = new Map<string, AnyResource>();
  const secrets = new Map<string, Record<string, string>>();
  const commits: { changes: readonly Change[]; options: CommitOptions }[] = [];
  let revision = 0;
  let uids = 0;

  function redacted(change: Change): { readonly change: Change; readonly values?: Record<string, string> } {
    if (change.key.kind !== 'Secret' || (change.type !== 'create' && change.type !== 'update'))
      return { change };
    const values = { ...secrets.get(idOf(change.key)) };
    const given = 'stringData' in change.spec ? change.spec.stringData : undefined;
    for (const [key, value] of Object.entries(given ?? {})) {
      if (value === null) delete values[key];
      else values[key] = value;
    }
    return { change: { ...change, spec: {} }, values };
  }

  const store: MemoryHub['store'] = {
    epoch: 1,
    list: async () => ({ items: [...objects.values()], revision }),
    get: async (key) => objects.get(idOf(key)) as never,
    secretData: async (key) => secrets.get(idOf(key)),
    async commit(changes, options) {
      const before = hub.meanwhile;
      hub.meanwhile = undefined;
      await before?.();
      if (hub.broken !== undefined) throw hub.broken;
      const next = new Map(objects);
      const written: AnyResource[] = [];
      const nextSecrets = new Map(secrets);
      let wrote = false;
      for (const one of changes) {
        const id = idOf(one.key);
        const { change, values } = redacted(one);
        const valuesChanged =
          values !== undefined && JSON.stringify(values) !== JSON.stringify(secrets.get(id) ?? {});
        const outcome = applyChange(change, next.get(id), {
          now: new Date(hub.nowMs).toISOString(),
          revision: revision + 1,
          newUid: () => {
            uids += 1;
            return `uid-${uids}`;
          },
          valuesChanged,
        });
        written.push(outcome.object);
        if (values !== undefined) nextSecrets.set(id, values);
        wrote ||= outcome.type !== 'unchanged';
        if (outcome.type === 'deleted') next.delete(id);
        else next.set(id, outcome.object);
      }
      if (options.dryRun === true) return { objects: written, revision };
      objects.clear();
      for (const object of next.values()) objects.set(idOf(keyOfStored(object)), object);
      for (const [id, values] of nextSecrets) secrets.set(id, values);
      if (wrote) {
        revision += 1;
        commits.push({ changes, options });
      }
      return { objects: written, revision };
    },
  };

  const hub: MemoryHub = {
    store,
    objects,
    commits,
    guards: async () => ({ ok: true, warnings: [] }),
    broken: undefined,
    leads: true,
    meanwhile: undefined,
    nowMs: Date.parse('2026-11-22T09:00:00Z'),
    sync: createSourceSync({
      store,
      services: { admit: (changes, context) => hub.guards(changes, context) },
      lane: createWriteLane(),
      wallMs: () => hub.nowMs,
      assertLeads: () => {
        if (!hub.leads) throw new PortolanError('NOT_LEADER', 'another hub leads');
      },
    }),
  };
  return hub;
}
