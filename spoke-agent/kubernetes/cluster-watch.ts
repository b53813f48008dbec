import type {
  KubeClient,
  KubeObject,
  KubeResource,
  Reflector,
  ReflectorOptions,
  ReflectorState,
} from '../../kube/contract.ts';

/** Looks again whether a server has got another version of a resource this often. */
const OTHER_VERSION_MS = 60_000;

export interface WatchDeps {
  readonly client: KubeClient;
  readonly reflector: <T>(options: ReflectorOptions<T>) => Reflector<T>;
  /** Undefined: the whole cluster. */
  readonly namespaces: readonly string[] | undefined;
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly random: () => number;
  /** Any reflector's state is otherwise. */
  readonly onState: () => void;
}

export interface WatchOptions<T> {
  /** The same collection in its versions, the preferred one first. */
  readonly versions: readonly [KubeResource, ...KubeResource[]];
  readonly project: (object: KubeObject, before: T | undefined) => T | undefined;
  readonly onChange: (changed: ReadonlyMap<string, T | undefined>) => void;
  readonly labelSelector?: string;
  /** One object of one namespace. */
  readonly only?: { readonly namespace: string; readonly name: string };
}

/** One collection of the cluster, in all namespaces that are looked at. */
export interface ClusterWatch<T> {
  /** Plural name. */
  readonly resource: string;
  /** Its name, when it is of one object alone. */
  readonly object?: string;
  /** By `namespace/name`, of the whole cluster by `name`. */
  readonly items: ReadonlyMap<string, T>;
  /** One for each namespace that is looked at. */
  readonly states: readonly { readonly namespace: string | undefined; readonly state: ReflectorState }[];
  /** All there is was seen and told. */
  readonly listed: boolean;
  /** The same, or it cannot be seen. */
  readonly settled: boolean;
  start(): void;
  close(): Promise<void>;
}

interface Part<T> {
  readonly namespace: string | undefined;
  reflector: Reflector<T>;
  version: number;
  /** The first whole list was told. */
  told: boolean;
  cancel: () => void;
}

export function watchCluster<T>(deps: WatchDeps, options: WatchOptions<T>): ClusterWatch<T> {
  const [preferred] = options.versions;
  const items = new Map<string, T>();
  let started = false;
  let closed = false;

  const open = (namespace: string | undefined, version: number): Reflector<T> =>
    deps.reflector<T>({
      client: deps.client,
      resource: options.versions[version] ?? preferred,
      ...(namespace === undefined ? {} : { namespace }),
      ...(options.only === undefined ? {} : { fieldSelector: `metadata.name=${options.only.name}` }),
      ...(options.labelSelector === undefined ? {} : { labelSelector: options.labelSelector }),
      project: options.project,
      onChange(changed) {
        const part = parts.find((one) => one.namespace === namespace);
        const first = part?.told === false;
        if (part !== undefined) part.told = true;
        for (const [key, item] of changed) {
          if (item === undefined) items.delete(key);
          else items.set(key, item);
        }
        options.onChange(changed);
        if (first) deps.onState();
      },
      onState(state) {
        if (closed) return;
        if (state.problem?.kind === 'absent') otherVersion(namespace);
        deps.onState();
      },
      monotonicMs: deps.monotonicMs,
      after: deps.after,
      random: deps.random,
    });

  const otherVersion = (namespace: string | undefined): void => {
    const part = parts.find((one) => one.namespace === namespace);
    if (part === undefined || options.versions.length < 2) return;
    part.cancel();
    const next = (part.version + 1) % options.versions.length;
    part.cancel = deps.after(next === 0 ? OTHER_VERSION_MS : 0, () => {
      if (closed || part.reflector.state.problem?.kind !== 'absent') return;
      void part.reflector.close();
      part.version = next;
      part.reflector = open(part.namespace, next);
      part.reflector.start();
    });
  };

  const namespaces = namespacesOf(deps, options, preferred);
  const parts: readonly Part<T>[] = namespaces.map((namespace) => ({
    namespace,
    reflector: open(namespace, 0),
    version: 0,
    told: false,
    cancel: () => undefined,
  }));

  return {
    resource: preferred.plural,
    ...(options.only === undefined ? {} : { object: options.only.name }),
    items,
    get states() {
      return parts.map(({ namespace, reflector }) => ({ namespace, state: reflector.state }));
    },
    get listed() {
      return parts.every(({ reflector, told }) => reflector.state.synced && told);
    },
    get settled() {
      return parts.every(({ reflector: { state }, told }) => isSettled(state, told));
    },
    start() {
      if (started) return;
      started = true;
      for (const { reflector } of parts) reflector.start();
    },
    async close() {
      closed = true;
      for (const { cancel } of parts) cancel();
      await Promise.all(parts.map(({ reflector }) => reflector.close()));
    },
  };
}

function namespacesOf<T>(
  { namespaces }: WatchDeps,
  { only }: WatchOptions<T>,
  { namespaced }: KubeResource,
): readonly (string | undefined)[] {
  if (only !== undefined) return [only.namespace];
  return namespaced && namespaces !== undefined ? namespaces : [undefined];
}

function isSettled({ synced, problem }: ReflectorState, told: boolean): boolean {
  return (synced && told) || problem?.kind === 'forbidden' || problem?.kind === 'absent';
}
