import { describe, expect, it } from 'vitest';
import type { KubeClient, Reflector, ReflectorOptions, ReflectorState } from '../../kube/contract.ts';
import { watchCluster } from './cluster-watch.ts';
import { GATEWAYS, NODES, REFERENCE_GRANTS, REFERENCE_GRANTS_BETA } from './resources.ts';
import { createWatchProblems } from './watch-problems.ts';

const NO_CLIENT: KubeClient = {
  server: 'https://api.example',
  namespace: 'portolan',
  get: () => Promise.reject(new Error('not asked')),
  list: () => {
    throw new Error('not asked');
  },
  watch: () => {
    throw new Error('not asked');
  },
  create: () => Promise.reject(new Error('not asked')),
  replace: () => Promise.reject(new Error('not asked')),
  apply: () => Promise.reject(new Error('not asked')),
  merge: () => Promise.reject(new Error('not asked')),
  delete: () => Promise.reject(new Error('not asked')),
  serves: () => Promise.reject(new Error('not asked')),
  json: () => Promise.reject(new Error('not asked')),
};
const EMPTY: ReflectorState = { synced: false, lists: 0, watches: 0, unreadable: 0 };
type Kind = 'forbidden' | 'absent' | 'unavailable';
const problem = (kind: Kind, message = 'no') => ({ ...EMPTY, problem: { kind, message, sinceMs: 0 } });

/** Reflectors that say what a test has them say, by `plural/version` or `plural/namespace`. */
function bench(namespaces?: readonly string[]) {
  const opened = new Map<
    string,
    { say(state: ReflectorState): void; tell(names: readonly string[]): void }
  >();
  const due: { readonly delayMs: number; readonly task: () => void }[] = [];
  const deps = {
    client: NO_CLIENT,
    namespaces,
    monotonicMs: () => 0,
    random: () => 0,
    after(delayMs: number, task: () => void) {
      due.push({ delayMs, task });
      return () => undefined;
    },
    onState: () => undefined,
    reflector<T>(options: ReflectorOptions<T>): Reflector<T> {
      let state = EMPTY;
      const { plural, version } = options.resource;
      opened.set(`${plural}/${options.namespace ?? version}`, {
        say(next) {
          state = next;
          options.onState?.(next);
        },
        tell(names) {
          const item = (name: string) =>
            options.project({ apiVersion: 'v1', kind: 'X', metadata: { name } }, undefined);
          options.onChange(new Map(names.map((name) => [name, item(name)])));
        },
      });
      return {
        items: new Map(),
        get state() {
          return state;
        },
        start: () => undefined,
        close: () => Promise.resolve(),
      };
    },
  };
  return { deps, opened, due };
}
const named = (object: { readonly metadata: { readonly name: string } }) => object.metadata.name;

describe('a collection of the cluster', () => {
  it('is whole when its list was told, not when it was read', () => {
    const { deps, opened } = bench();
    const watch = watchCluster(deps, { versions: [GATEWAYS], project: named, onChange: () => undefined });
    opened.get('gateways/v1')?.say({ ...EMPTY, synced: true });
    expect(watch).toMatchObject({ listed: false, settled: false });
    opened.get('gateways/v1')?.tell(['a/web']);
    expect(watch).toMatchObject({ listed: true, settled: true });
    expect([...watch.items.keys()]).toEqual(['a/web']);
  });

  it('counts as empty where it may not be read or is not there, and is waited for while the server is away', () => {
    const { deps, opened } = bench();
    const watch = watchCluster(deps, { versions: [GATEWAYS], project: named, onChange: () => undefined });
    opened.get('gateways/v1')?.say(problem('unavailable'));
    expect(watch.settled).toBe(false);
    opened.get('gateways/v1')?.say(problem('forbidden'));
    expect(watch).toMatchObject({ listed: false, settled: true });
  });

  it('is looked for in its other version when the server lacks the one, and again a minute later', () => {
    const { deps, opened, due } = bench();
    watchCluster(deps, {
      versions: [REFERENCE_GRANTS, REFERENCE_GRANTS_BETA],
      project: named,
      onChange: () => undefined,
    });
    opened.get('referencegrants/v1')?.say(problem('absent'));
    due.shift()?.task();
    expect([...opened.keys()]).toEqual(['referencegrants/v1', 'referencegrants/v1beta1']);
    opened.get('referencegrants/v1beta1')?.say(problem('absent'));
    expect(due[0]?.delayMs).toBe(60_000);
  });

  it('of named namespaces is one of each, and of the whole cluster where it lies in none', () => {
    const { deps, opened } = bench(['shop', 'infra']);
    watchCluster(deps, { versions: [GATEWAYS], project: named, onChange: () => undefined });
    watchCluster(deps, { versions: [NODES], project: named, onChange: () => undefined });
    expect([...opened.keys()]).toEqual(['gateways/shop', 'gateways/infra', 'nodes/v1']);
  });
});

describe('what cannot be followed', () => {
  const watchOf = (state: ReflectorState) => ({
    resource: 'gateways',
    items: new Map<string, unknown>(),
    states: [{ namespace: 'shop', state }],
    listed: false,
    settled: true,
    start: () => undefined,
    close: () => Promise.resolve(),
  });

  it('is said once when it may not be read, and stays among the facts', () => {
    const lines: string[] = [];
    const note = (_: object, text: string) => void lines.push(text);
    const log = { debug: note, info: note, warn: note, error: note };
    const problems = createWatchProblems({ server: 's', monotonicMs: () => 0, log });
    const watch = watchOf(problem('forbidden', 'list gateways in shop: 403'));
    problems.look([watch]);
    problems.look([watch]);
    expect(lines).toEqual([
      'a resource of Kubernetes cannot be read, the rest goes on: list gateways in shop: 403',
    ]);
    expect(problems.facts).toEqual([{ resource: 'gateways in shop', message: 'list gateways in shop: 403' }]);
  });

  it('is said once of the one Secret of a namespace that may not be read, beside one that may', () => {
    const lines: object[] = [];
    const note = (details: object) => void lines.push(details);
    const log = { debug: note, info: note, warn: note, error: note };
    const problems = createWatchProblems({ server: 's', monotonicMs: () => 0, log });
    const secret = (object: string, state: ReflectorState) => ({
      ...watchOf(state),
      resource: 'secrets',
      object,
    });
    const both = [secret('private', problem('forbidden')), secret('granted', { ...EMPTY, synced: true })];
    problems.look(both);
    problems.look(both);
    expect(lines).toEqual([{ resource: 'secrets shop/private' }]);
  });

  it('is a line a minute while the server is away, and a fact only when it stays away', () => {
    const lines: string[] = [];
    let nowMs = 0;
    const note = (_: object, text: string) => void lines.push(text);
    const log = { debug: note, info: note, warn: note, error: note };
    const problems = createWatchProblems({ server: 's', monotonicMs: () => nowMs, log });
    for (; nowMs < 3_600_000; nowMs += 5_000) problems.look([watchOf(problem('unavailable'))]);
    expect(lines).toHaveLength(60);
    expect(problems.facts).toEqual([
      { resource: 'kube-apiserver', message: 'the API server has not answered for a minute' },
    ]);
    problems.look([watchOf({ ...EMPTY, synced: true })]);
    expect(problems.facts).toEqual([]);
    expect(lines.at(-1)).toBe('the Kubernetes API server answers again');
  });
});
