import { createHash } from 'node:crypto';
import { PortolanError } from '../src/errors/error.ts';
import type { KubeClient, KubeObject, KubeResource } from './contract.ts';
import { microTime } from './micro-time.ts';

export const EVENTS: KubeResource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};

export interface KubeEvent {
  readonly regarding: Pick<KubeObject, 'apiVersion' | 'kind' | 'metadata'>;
  readonly type: 'Normal' | 'Warning';
  /** In CamelCase, such as `GuardHeld`. */
  readonly reason: string;
  /** What was done or tried, in CamelCase, such as `Apply`. */
  readonly action: string;
  /** For people; cut at 1,000 characters. */
  readonly note: string;
}

export interface KubeEvents {
  /** Returns at once: Events are best effort, and no work waits for one or fails with one. */
  emit(event: KubeEvent): void;
  /** Not written, since the start: too many at once, or refused. */
  readonly dropped: number;
  /** The right to write Events is missing; tried again and again, and gone with the first one that is written. */
  readonly problem: { readonly message: string; readonly fix: string } | undefined;
  /** Writes no more; waits for the request under way. */
  close(): Promise<void>;
}

export interface KubeEventsOptions {
  readonly client: KubeClient;
  /** `reportingController`, such as `portolan.dev/hub`. */
  readonly controller: string;
  /** `reportingInstance`: the pod, at most 128 characters. */
  readonly instance: string;
  readonly monotonicMs: () => number;
  readonly now: () => Date;
  readonly after: (delayMs: number, task: () => void) => () => void;
  /** `problem` came or went. */
  readonly onProblem?: () => void;
}

const NOTE_CHARACTERS = 1_000;
/** Events that can be counted on; the one that was quiet longest is forgotten first, and begins anew. */
const REMEMBERED = 1_000;
const WAITING = 200;
/** Writes: so many at once, then one each so often. The API server's own bound for Events of one source is 25 and one in five minutes per object. */
const BURST = 25;
const REFILL_MS = 1_000;
/** The same again is counted, and the count written this often at most. */
const SERIES_MS = 60_000;
/** API servers forget an Event after an hour. */
const FRESH_MS = 30 * 60_000;
/** After a 403, doubled each time: the right may be granted at any moment, and what waits is then written soon. */
const FORBIDDEN_REST_MS = { least: 1_000, most: 20_000 };

interface Remembered {
  readonly event: KubeEvent;
  readonly namespace: string;
  readonly name: string;
  readonly createdMs: number;
  /** When it was, however long it waits to be written. */
  readonly at: Date;
  count: number;
  /** In the queue, or on its way. */
  waiting: boolean;
  created: boolean;
  cancel: (() => void) | undefined;
}

/** Events of `events.k8s.io/v1`: one for each object and reason, counted as a series while it goes on. */
export function createKubeEvents(options: KubeEventsOptions): KubeEvents {
  return new Events(options);
}

class Events implements KubeEvents {
  readonly #options: KubeEventsOptions;
  readonly #remembered = new Map<string, Remembered>();
  readonly #queue: Remembered[] = [];
  #dropped = 0;
  #tokens = BURST;
  #refilledMs: number;
  #restUntilMs = 0;
  /** Of the last 403; 0: the last one was written. */
  #restMs = 0;
  #problem: KubeEvents['problem'];
  #closed = false;
  #working: Promise<void> | undefined;
  #cancelWork: (() => void) | undefined;

  constructor(options: KubeEventsOptions) {
    this.#options = options;
    this.#refilledMs = options.monotonicMs();
  }

  get dropped(): number {
    return this.#dropped;
  }

  get problem(): KubeEvents['problem'] {
    return this.#problem;
  }

  emit(event: KubeEvent): void {
    if (this.#closed) return;
    const nowMs = this.#options.monotonicMs();
    const { kind, metadata } = event.regarding;
    const key = [kind, metadata.namespace, metadata.name, metadata.uid, event.type, event.reason].join('\n');
    const known = this.#remembered.get(key);
    const age = known === undefined ? Number.POSITIVE_INFINITY : nowMs - known.createdMs;
    // What an Event says cannot be changed: other words are another Event, though not more often than its count is written.
    const again =
      known !== undefined && age < FRESH_MS && (known.event.note === event.note || age < SERIES_MS);
    if (again) {
      known.count += 1;
      this.#remembered.delete(key);
      this.#remembered.set(key, known);
      known.cancel ??= this.#options.after(SERIES_MS, () => {
        known.cancel = undefined;
        this.#enqueue(known);
      });
      return;
    }
    known?.cancel?.();
    this.#remembered.delete(key);
    this.#forgetOldest();
    const namespace = metadata.namespace ?? 'default';
    const fresh: Remembered = {
      event: { ...event, note: event.note.slice(0, NOTE_CHARACTERS) },
      namespace,
      name: this.#nameOf(key, metadata.name),
      createdMs: nowMs,
      at: this.#options.now(),
      count: 1,
      waiting: false,
      created: false,
      cancel: undefined,
    };
    this.#remembered.set(key, fresh);
    this.#enqueue(fresh);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelWork?.();
    for (const { cancel } of this.#remembered.values()) cancel?.();
    await this.#working;
  }

  #forgetOldest(): void {
    if (this.#remembered.size < REMEMBERED) return;
    const [oldest] = this.#remembered;
    if (oldest === undefined) return;
    oldest[1].cancel?.();
    this.#remembered.delete(oldest[0]);
  }

  #nameOf(key: string, name: string): string {
    const seed = `${this.#options.instance}\n${key}\n${this.#options.now().getTime()}`;
    return `${name.slice(0, 220)}.${createHash('sha256').update(seed).digest('hex').slice(0, 16)}`;
  }

  #enqueue(item: Remembered): void {
    if (item.waiting || this.#closed) return;
    if (this.#queue.length >= WAITING) {
      this.#dropped += 1;
      return;
    }
    item.waiting = true;
    this.#queue.push(item);
    this.#work();
  }

  #work(): void {
    if (this.#working !== undefined || this.#closed || this.#queue.length === 0) return;
    const waitMs = this.#waitMs();
    if (waitMs > 0) {
      this.#cancelWork ??= this.#options.after(waitMs, () => {
        this.#cancelWork = undefined;
        this.#work();
      });
      return;
    }
    const item = this.#queue.shift();
    if (item === undefined) return;
    this.#tokens -= 1;
    item.waiting = false;
    this.#working = this.#write(item).finally(() => {
      this.#working = undefined;
      this.#work();
    });
  }

  #waitMs(): number {
    const nowMs = this.#options.monotonicMs();
    const refill = Math.floor((nowMs - this.#refilledMs) / REFILL_MS);
    if (refill > 0) {
      this.#tokens = Math.min(BURST, this.#tokens + refill);
      this.#refilledMs += refill * REFILL_MS;
    }
    const forTokenMs = this.#tokens > 0 ? 0 : this.#refilledMs + REFILL_MS - nowMs;
    return Math.max(forTokenMs, this.#restUntilMs - nowMs);
  }

  async #write(item: Remembered): Promise<void> {
    const { client } = this.#options;
    const { count } = item;
    try {
      if (item.created) await client.merge(this.#refOf(item), { series: this.#series(count) });
      else await client.create(this.#objectOf(item, count), EVENTS);
      item.created = true;
      this.#restMs = 0;
      this.#report(undefined);
    } catch (thrown) {
      const { code, message, fix } = PortolanError.from(thrown);
      if (code === 'KUBERNETES_FORBIDDEN') return this.#waitForRight(item, { message, fix });
      this.#dropped += 1;
      // It was forgotten there: the next one of its kind makes it anew.
      if (code === 'KUBERNETES_REFUSED') item.created = false;
    }
  }

  /** It stays first in line, unless it would be forgotten there as soon as it is written. */
  #waitForRight(item: Remembered, problem: NonNullable<KubeEvents['problem']>): void {
    const nowMs = this.#options.monotonicMs();
    const { least, most } = FORBIDDEN_REST_MS;
    this.#restMs = Math.min(most, Math.max(least, this.#restMs * 2));
    this.#restUntilMs = nowMs + this.#restMs;
    if (nowMs - item.createdMs < FRESH_MS) {
      item.waiting = true;
      this.#queue.unshift(item);
    } else this.#dropped += 1;
    this.#report(problem);
  }

  /** Once for what it is, whichever object it was first seen at. */
  #report(problem: KubeEvents['problem']): void {
    if ((problem === undefined) === (this.#problem === undefined)) return;
    this.#problem = problem;
    this.#options.onProblem?.();
  }

  #refOf({ namespace, name }: Remembered) {
    return { resource: EVENTS, namespace, name };
  }

  #series(count: number) {
    return { count, lastObservedTime: microTime(this.#options.now()) };
  }

  #objectOf({ event, namespace, name, at }: Remembered, count: number): KubeObject {
    const { regarding, type, reason, action, note } = event;
    const { uid, resourceVersion } = regarding.metadata;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { namespace, name },
      eventTime: microTime(at),
      reportingController: this.#options.controller,
      reportingInstance: this.#options.instance.slice(0, 128),
      type,
      reason,
      action,
      note,
      regarding: {
        apiVersion: regarding.apiVersion,
        kind: regarding.kind,
        name: regarding.metadata.name,
        ...(regarding.metadata.namespace !== undefined && { namespace: regarding.metadata.namespace }),
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      },
      ...(count > 1 && { series: this.#series(count) }),
    };
  }
}
