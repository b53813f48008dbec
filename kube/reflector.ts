import { PortolanError } from '../src/errors/error.ts';
import type { KubeObject, KubeWatchEvent, Reflector, ReflectorOptions, ReflectorState } from './contract.ts';

type Problem = NonNullable<ReflectorState['problem']>;

const BACKOFF_MS = { base: 1_000, cap: 30_000 };
const ABSENT_MS = 60_000;
/** All that follow one server hear at once that it is back. */
const BACK_WITHIN_MS = 500;
/** A watch that lasted so long was a good one, even when nothing happened in it. */
const GOOD_WATCH_MS = 10_000;
/** Watches from one version that failed in a row: the version may be one that this server never had (a restored backup). */
const FUTILE_WATCHES = 5;

/** `namespace/name`, or `name` of objects of the whole cluster. */
export function keyOf({ metadata }: KubeObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

export function createReflector<T>(options: ReflectorOptions<T>): Reflector<T> {
  return new Following(options);
}

class Following<T> implements Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #stop = new AbortController();
  /** What was told. */
  readonly #known = new Map<string, T>();
  /** A copy of it for who asks, until something changes: to copy 20,000 entries for each change would cost more than all the rest. */
  #items: ReadonlyMap<string, T> | undefined;
  /** What this turn of the loop has found; undefined: gone. */
  #pending = new Map<string, T | undefined>();
  #cancelTelling: (() => void) | undefined;
  #running: Promise<void> | undefined;
  /** Undefined: list first. */
  #version: string | undefined;
  #synced = false;
  #problem: Problem | undefined;
  #lists = 0;
  #watches = 0;
  #unreadable = 0;
  /** In a row, since something was heard. */
  #failures = 0;
  #futileWatches = 0;
  /** The last list was not followed by anything that was heard. */
  #justListed = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  get items(): ReadonlyMap<string, T> {
    this.#items ??= new Map(this.#known);
    return this.#items;
  }

  get state(): ReflectorState {
    return {
      synced: this.#synced,
      lists: this.#lists,
      watches: this.#watches,
      unreadable: this.#unreadable,
      ...(this.#problem !== undefined && { problem: this.#problem }),
      ...(this.#version !== undefined && { resourceVersion: this.#version }),
    };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#cancelTelling?.();
    this.#cancelTelling = undefined;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        if (this.#version === undefined) await this.#list();
        else await this.#watch(this.#version);
      } catch (thrown) {
        if (this.#stop.signal.aborted) return;
        await this.#recover(thrown);
      }
    }
  }

  async #list(): Promise<void> {
    const { client, resource } = this.#options;
    const found = new Map<string, T>();
    let version: string | undefined;
    for await (const page of client.list(resource, { ...this.#selection(), signal: this.#stop.signal })) {
      version ??= page.resourceVersion;
      for (const object of page.items) {
        const key = keyOf(object);
        const kept = this.#project(object, this.#current(key));
        if (kept !== undefined) found.set(key, kept);
      }
    }
    if (version === undefined || this.#stop.signal.aborted) return;
    for (const [key, value] of found) this.#note(key, value);
    for (const key of [...this.#known.keys(), ...this.#pending.keys()])
      if (!found.has(key)) this.#note(key, undefined);
    const first = !this.#synced;
    this.#version = version;
    this.#synced = true;
    this.#lists += 1;
    this.#justListed = true;
    this.#futileWatches = 0;
    this.#problem = undefined;
    this.#tell(first);
    this.#options.onState?.(this.state);
  }

  async #watch(resourceVersion: string): Promise<void> {
    const { client, resource, monotonicMs } = this.#options;
    const openedMs = monotonicMs();
    let heard = false;
    const onOpen = () => {
      this.#watches += 1;
      this.#problem = undefined;
      this.#options.onState?.(this.state);
    };
    const watch = { ...this.#selection(), resourceVersion, signal: this.#stop.signal, onOpen };
    try {
      for await (const event of client.watch(resource, watch)) {
        heard = true;
        this.#heard();
        this.#take(event);
      }
    } finally {
      if (monotonicMs() - openedMs >= GOOD_WATCH_MS) this.#heard();
    }
    // A server that closes each watch at once is not asked in a tight loop.
    if (!heard && monotonicMs() - openedMs < GOOD_WATCH_MS) await this.#rest(this.#backoffMs());
  }

  #heard(): void {
    this.#failures = 0;
    this.#futileWatches = 0;
    this.#justListed = false;
  }

  #take({ type, object }: KubeWatchEvent): void {
    const { resourceVersion } = object.metadata;
    if (type !== 'BOOKMARK') {
      const key = keyOf(object);
      this.#note(key, type === 'DELETED' ? undefined : this.#project(object, this.#current(key)));
      if (this.#pending.size > 0) this.#tellSoon();
    }
    if (resourceVersion !== undefined && resourceVersion !== '') this.#version = resourceVersion;
  }

  /** An object that cannot be read leaves what was known of it. */
  #project(object: KubeObject, before: T | undefined): T | undefined {
    try {
      return this.#options.project(object, before);
    } catch {
      this.#unreadable += 1;
      return before;
    }
  }

  #current(key: string): T | undefined {
    return this.#pending.has(key) ? this.#pending.get(key) : this.#known.get(key);
  }

  #note(key: string, value: T | undefined): void {
    if (value === this.#current(key)) return;
    // Back to what is told already, or never told at all: nothing to tell.
    if (value === this.#known.get(key)) this.#pending.delete(key);
    else this.#pending.set(key, value);
  }

  #tellSoon(): void {
    this.#cancelTelling ??= this.#options.after(0, () => this.#tell(false));
  }

  #tell(evenWhenEmpty: boolean): void {
    this.#cancelTelling?.();
    this.#cancelTelling = undefined;
    const changed = this.#pending;
    if (changed.size === 0 && !evenWhenEmpty) return;
    this.#pending = new Map();
    for (const [key, value] of changed) {
      if (value === undefined) this.#known.delete(key);
      else this.#known.set(key, value);
    }
    this.#items = undefined;
    this.#options.onChange(changed);
  }

  async #recover(thrown: unknown): Promise<void> {
    const error = PortolanError.from(thrown, 'KUBERNETES_UNAVAILABLE');
    if (error.code === 'KUBERNETES_GONE') {
      const inVain = this.#version === undefined || this.#justListed;
      this.#version = undefined;
      // The first time at once; a server that says so after each list is not listed in a tight loop.
      if (inVain) await this.#rest(this.#backoffMs());
      return;
    }
    if (error.code === 'KUBERNETES_REFUSED' && !(await this.#isServed())) {
      this.#version = undefined;
      this.#report('absent', `${error.message}: the cluster has no such resource`);
      await this.#rest(ABSENT_MS);
      return;
    }
    if (error.code !== 'KUBERNETES_FORBIDDEN' && this.#version !== undefined) {
      this.#futileWatches += 1;
      if (this.#futileWatches >= FUTILE_WATCHES) this.#version = undefined;
    }
    const forbidden = error.code === 'KUBERNETES_FORBIDDEN';
    this.#report(
      forbidden ? 'forbidden' : 'unavailable',
      `${error.message}${forbidden ? ` ${error.fix}` : ''}`,
    );
    await this.#rest(this.#backoffMs(), !forbidden);
  }

  async #isServed(): Promise<boolean> {
    try {
      return await this.#options.client.serves(this.#options.resource);
    } catch {
      return true;
    }
  }

  #report(kind: Problem['kind'], message: string): void {
    const before = this.#problem;
    const sinceMs = before?.kind === kind ? before.sinceMs : this.#options.monotonicMs();
    this.#problem = { kind, message, sinceMs };
    if (before?.kind !== kind || before.message !== message) this.#options.onState?.(this.state);
  }

  /** Half of it is drawn, so that those who were cut off together come back apart, and none at once. */
  #backoffMs(): number {
    const ceiling = Math.min(BACKOFF_MS.cap, BACKOFF_MS.base * 2 ** Math.min(this.#failures, 10));
    this.#failures += 1;
    return ceiling / 2 + (this.#options.random() * ceiling) / 2;
  }

  /** @param whenBack no longer than until the server, which does not answer, does */
  async #rest(delayMs: number, whenBack = false): Promise<void> {
    const { signal } = this.#stop;
    const { client, after, random } = this.#options;
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        cancel();
        callOff?.();
        signal.removeEventListener('abort', done);
        resolve();
      };
      let cancel = after(delayMs, done);
      const isBack = () => {
        cancel();
        cancel = after(random() * BACK_WITHIN_MS, done);
      };
      const callOff = whenBack ? client.whenBack?.(isBack) : undefined;
      signal.addEventListener('abort', done, { once: true });
    });
  }

  #selection() {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return {
      follows: true,
      ...(namespace !== undefined && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
    };
  }
}
