import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import type { StateViewInput } from '../../src/health/state-view.ts';
import type { DnsPart, RoutedZone, RoutingPart } from '../../src/protocol/snapshot.ts';
import type { RoutedPolicy } from '../../src/routing/model.ts';
import type { PublicationStore } from '../store/publication.ts';
import type { ElectionClock } from './contract.ts';
import { readStates } from './published-states.ts';

export interface PublicationReaderOptions {
  readonly store: Pick<PublicationStore, 'read'>;
  readonly onContent: (content: FollowedContent) => void;
  readonly onStates: () => void;
  readonly clock: ElectionClock;
  readonly log: { warn(details: object, message: string): void };
}

export interface FollowedContent {
  readonly routing: Pick<RoutingPart, 'sequence' | 'zones' | 'policies' | 'regions' | 'geoSha256'>;
  readonly dns: DnsPart;
}

/** Follows what the leading hub publishes; when there is nothing new any more, the last stays. */
export interface PublicationReader {
  /** `undefined` before the first. */
  readonly states: Omit<StateViewInput, 'freshAtMs'> | undefined;
  /** Of the last content and the hub that published it; 0: none. */
  readonly sequence: number;
  readonly epoch: number;
  /** Milliseconds since the store was last read; infinite at first. */
  readonly readAgeMs: number;
  /** There is something new. */
  poke(): void;
  start(): void;
  close(): Promise<void>;
}

const INTERVAL_MS = 500;

const headSchema = z.object({
  regions: z.record(z.string(), z.array(z.string())),
  geoSha256: z.string(),
});

export function createPublicationReader(options: PublicationReaderOptions): PublicationReader {
  const { clock } = options;
  /** What was parsed of each part: the same objects until it changes, so that what is made of them can stay. */
  const parts = new Map<string, unknown>();
  let place = { contentVersion: 0, statesVersion: 0 };
  let states: Omit<StateViewInput, 'freshAtMs'> | undefined;
  let sequence = 0;
  let epoch = 0;
  let readMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let failed = false;
  let cancel: () => void = () => undefined;

  async function read(): Promise<void> {
    const sentMs = clock.monotonicMs();
    const found = await options.store.read(place);
    readMs = sentMs;
    if (found === undefined) return;
    if (found.states !== undefined) states = readStates(found.states, sentMs - found.statesAgeMs);
    if (found.content !== undefined) {
      for (const [name, body] of found.content.changed) parts.set(name, JSON.parse(body));
      for (const name of parts.keys()) if (!found.content.names.has(name)) parts.delete(name);
    }
    place = found;
    sequence = found.sequence;
    epoch = found.epoch;
    if (found.states !== undefined) options.onStates();
    if (found.content !== undefined) options.onContent(contentOf(parts, sequence));
  }

  function run(): void {
    if (reading !== undefined) {
      again = true;
      return;
    }
    cancel();
    reading = read()
      .then(
        () => {
          failed = false;
        },
        (thrown: unknown) => {
          if (!failed)
            options.log.warn(
              { err: PortolanError.from(thrown) },
              'what the leading hub publishes cannot be read; the last stays in use',
            );
          failed = true;
        },
      )
      .finally(() => {
        reading = undefined;
        if (closed) return;
        if (again) {
          again = false;
          run();
        } else cancel = clock.after(INTERVAL_MS, run);
      });
  }

  return {
    get states() {
      return states;
    },
    get sequence() {
      return sequence;
    },
    get epoch() {
      return epoch;
    },
    get readAgeMs() {
      return clock.monotonicMs() - readMs;
    },
    poke: run,
    start: run,
    async close() {
      closed = true;
      cancel();
      await reading;
    },
  };
}

function contentOf(parts: ReadonlyMap<string, unknown>, sequence: number): FollowedContent {
  const head = headSchema.parse(parts.get('head'));
  const ofKind = (kind: string): readonly unknown[] =>
    [...parts].filter(([name]) => name.startsWith(`${kind}/`)).map(([, value]) => value);
  // Written by a hub of this product into its own store, compiled from what it had validated.
  const zones = ofKind('zone') as readonly RoutedZone[];
  const policies = ofKind('policy') as readonly RoutedPolicy[];
  const dns = parts.get('dns') as DnsPart;
  return {
    routing: {
      sequence,
      zones: zones.toSorted((a, b) => (a.spec.origin < b.spec.origin ? -1 : 1)),
      policies: policies.toSorted((a, b) => order(`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`)),
      ...head,
    },
    dns,
  };
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
