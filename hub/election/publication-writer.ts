import { createHash } from 'node:crypto';
import { PortolanError } from '../../src/errors/error.ts';
import type { StateViewInput } from '../../src/health/state-view.ts';
import { keyId } from '../../src/identity/envelope.ts';
import type { DnsPart, RoutingPart } from '../../src/protocol/snapshot.ts';
import type { PublicationStore, PublishedPart } from '../store/publication.ts';
import type { ElectionClock } from './contract.ts';
import { statesText } from './published-states.ts';

export interface PublicationWriterOptions {
  readonly store: Pick<PublicationStore, 'parts' | 'put'>;
  readonly states: () => StateViewInput;
  /** Key-encryption key: a part that is sealed with another is written anew. */
  readonly kek: Uint8Array;
  readonly clock: ElectionClock;
  readonly log: { warn(details: object, message: string): void };
}

/** What this hub's name server answers from, for the hubs that stand by: into the store, on change, at most once a second. */
export interface PublicationWriter {
  content(routing: RoutingPart, dns: DnsPart): void;
  statesChanged(): void;
  /** Before, nothing is written: a hub that has just started does not know the states yet. */
  start(): void;
  close(): Promise<void>;
}

const SPACING_MS = 1_000;

interface Content {
  readonly routing: RoutingPart;
  readonly dns: DnsPart;
}

/** A part that need not be written out to know whether it changed. */
interface PartOf {
  readonly name: string;
  readonly digest: string;
  readonly part: () => Omit<PublishedPart, 'digest'>;
}

export function createPublicationWriter(options: PublicationWriterOptions): PublicationWriter {
  const { store, clock } = options;
  /** By the specs and policies themselves: they stay the same objects while they do not change. */
  const digests = new WeakMap<object, string>();
  const key = keyId(options.kek);
  let content: Content | undefined;
  let written: Content | undefined;
  let statesDue = true;
  let started = false;
  let closed = false;
  let stored: ReadonlyMap<string, string> | undefined;
  let writing: Promise<void> | undefined;
  let lastMs = Number.NEGATIVE_INFINITY;
  let cancel: (() => void) | undefined;

  const digestOf = (value: object, text: () => string): string => {
    const known = digests.get(value);
    if (known !== undefined) return known;
    const digest = createHash('sha256').update(text()).digest('hex');
    digests.set(value, digest);
    return digest;
  };

  function partsOf({ routing, dns }: Content): readonly PartOf[] {
    const { zones, policies, regions, geoSha256, sequence } = routing;
    const plain = (name: string, subject: object, value: unknown): PartOf => {
      const text = (): string => JSON.stringify(value);
      return { name, digest: digestOf(subject, text), part: () => ({ name, body: text() }) };
    };
    const secret = JSON.stringify(dns);
    return [
      ...zones.map((zone) => {
        const name = `zone/${zone.namespace}/${zone.name}`;
        // The serial is that of the whole; what signs a zone may be another though its records are the same.
        const spec = plain(name, zone.spec, zone);
        return { ...spec, digest: `${spec.digest}${zone.signingSha256 ?? ''}` };
      }),
      ...policies.map((policy) => plain(`policy/${policy.namespace}/${policy.name}`, policy, policy)),
      plain('head', { sequence }, { regions, geoSha256 }),
      {
        name: 'dns',
        digest: `${digestOf(dns, () => secret)}.${key}`,
        part: () => ({ name: 'dns', body: secret, sealed: true }),
      },
    ];
  }

  async function write(): Promise<void> {
    const now = content;
    if (now === undefined) return;
    const withStates = statesDue;
    statesDue = false;
    try {
      stored ??= await store.parts();
      const parts = now === written ? undefined : partsOf(now);
      await store.put({
        ...(parts === undefined ? {} : { content: differenceOf(parts, stored, now.routing.sequence) }),
        ...(withStates ? { states: statesText(options.states(), clock.monotonicMs()) } : {}),
      });
      if (parts !== undefined) stored = new Map(parts.map(({ name, digest }) => [name, digest]));
      written = now;
    } catch (thrown) {
      statesDue ||= withStates;
      // What of it is there is not known.
      stored = undefined;
      throw thrown;
    }
  }

  function schedule(): void {
    if (!started || closed || content === undefined || writing !== undefined || cancel !== undefined) return;
    const waitMs = Math.max(0, lastMs + SPACING_MS - clock.monotonicMs());
    cancel = clock.after(waitMs, () => {
      cancel = undefined;
      lastMs = clock.monotonicMs();
      writing = write()
        .catch((thrown: unknown) => {
          options.log.warn(
            { err: PortolanError.from(thrown) },
            'what is published cannot be written for the hubs that stand by',
          );
        })
        .finally(() => {
          writing = undefined;
          if (statesDue || content !== written) schedule();
        });
    });
  }

  return {
    content(routing, dns) {
      content = { routing, dns };
      schedule();
    },
    statesChanged() {
      statesDue = true;
      schedule();
    },
    start() {
      started = true;
      schedule();
    },
    async close() {
      closed = true;
      cancel?.();
      await writing;
    },
  };
}

function differenceOf(
  parts: readonly PartOf[],
  stored: ReadonlyMap<string, string>,
  sequence: number,
): NonNullable<Parameters<PublicationStore['put']>[0]['content']> {
  const names = new Set(parts.map(({ name }) => name));
  return {
    sequence,
    changed: parts
      .filter(({ name, digest }) => stored.get(name) !== digest)
      .map(({ part, digest }) => ({ ...part(), digest })),
    removed: [...stored.keys()].filter((name) => !names.has(name)),
  };
}
