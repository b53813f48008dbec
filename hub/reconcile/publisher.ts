import { createHash } from 'node:crypto';
import { PortolanError } from '../../src/errors/error.ts';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import { apply, collect, EMPTY_LOG, type PublicationLog, register } from '../../src/plan/publication.ts';
import type { RoutingPart } from '../../src/protocol/snapshot.ts';
import type { Store } from '../store/contract.ts';
import { digestOf } from './canonical-text.ts';

/** What decides answers, without the number and the instant of its publication. */
export type RoutingContent = Omit<RoutingPart, 'sequence' | 'issuedAtMs' | 'drains'>;

export interface Published {
  /** Content sequence: the SOA serial of every zone. */
  readonly sequence: number;
  /** SHA-256 of the digests of everything in the content. */
  readonly hash: string;
  readonly content: RoutingContent;
}

export interface Publisher {
  /** Makes the content live under the next sequence; the same content again keeps its sequence. */
  publish(content: RoutingContent): Promise<Published>;
  readonly live: Published | undefined;
  /** An agent answers from the content of `hash` now: it is kept until the agent has moved on. */
  referenced(agentUid: string, hash: string): void;
  /** Drops the references of agents that are no more. */
  keepReferencesOf(isAgent: (agentUid: string) => boolean): void;
  /** Contents that are still kept. */
  readonly kept: number;
}

const SEQUENCE = 'content';
const META_KEY = 'content/live';

/**
 * Turns desired content into a fenced publication: (epoch of this hub, content sequence). The sequence is durable before
 * the content is shown to anyone, so a serial is never used twice for different content.
 */
export async function createPublisher(
  store: Pick<Store, 'getMeta' | 'putMeta' | 'increment' | 'epoch'>,
): Promise<Publisher> {
  let log: PublicationLog = EMPTY_LOG;
  let live: Published | undefined;
  const references = new Map<string, string>();
  const remembered = parseRemembered(await store.getMeta(META_KEY));

  return {
    async publish(content) {
      const text = manifestOf(content);
      const hash = createHash('sha256').update(text).digest('hex');
      if (live?.hash === hash) return live;
      // After a restart the first publication is usually what was live before: it keeps its serial.
      const sequence =
        live === undefined && remembered?.hash === hash
          ? remembered.sequence
          : await store.increment(SEQUENCE);
      if (sequence !== remembered?.sequence)
        await store.putMeta(META_KEY, JSON.stringify({ sequence, hash }));
      const fence = { epoch: store.epoch, generation: sequence };
      log = register(log, { hash, fence, content: text });
      const applied = apply(log, hash, fence);
      if (!applied.applied) throw applied.error;
      log = collect(applied.log, new Set(references.values()), 3);
      live = { sequence, hash, content };
      return live;
    },
    get live() {
      return live;
    },
    referenced: (agentUid, hash) => void references.set(agentUid, hash),
    keepReferencesOf(isAgent) {
      for (const agentUid of [...references.keys()]) if (!isAgent(agentUid)) references.delete(agentUid);
    },
    get kept() {
      return log.known.size;
    },
  };
}

/**
 * Names the content by the digests of its zones and policies: on a change only what is new is written out and hashed, and
 * what is kept of old publications is small.
 */
function manifestOf(content: RoutingContent): string {
  return canonicalJson({
    zones: content.zones.map((z) => [
      z.namespace,
      z.name,
      digestOf(z.spec),
      ...(z.signingSha256 === undefined ? [] : [z.signingSha256]),
    ]),
    policies: content.policies.map((p) => digestOf(p)),
    regions: digestOf(content.regions),
    geoSha256: content.geoSha256,
  });
}

function parseRemembered(
  text: string | undefined,
): { readonly sequence: number; readonly hash: string } | undefined {
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null && 'sequence' in value && 'hash' in value) {
    if (typeof value.sequence === 'number' && typeof value.hash === 'string')
      return { sequence: value.sequence, hash: value.hash };
  }
  throw new PortolanError('STORE_CORRUPT', 'the stored content sequence cannot be read');
}
