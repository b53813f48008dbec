import { createHash } from 'node:crypto';
import { PortolanError } from '../../src/errors/error.ts';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import { apply, collect, EMPTY_LOG, type PublicationLog, register } from '../../src/plan/publication.ts';
import type { RoutingPart } from '../../src/protocol/snapshot.ts';
import type { Store } from '../store/contract.ts';

/** What decides answers, without the number and the instant of its publication. */
export type RoutingContent = Omit<RoutingPart, 'sequence' | 'issuedAtMs' | 'drains'>;

export interface Published {
  /** Content sequence: the SOA serial of every zone. */
  readonly sequence: number;
  readonly hash: string;
  readonly content: RoutingContent;
}

export interface Publisher {
  /** Makes the content live under the next sequence; the same content again keeps its sequence. */
  publish(content: RoutingContent): Promise<Published>;
  readonly live: Published | undefined;
  /** An agent answers from the content of `hash` now: it is kept until the agent has moved on. */
  referenced(agentUid: string, hash: string | undefined): void;
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
      const text = canonicalJson(content);
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
    referenced(agentUid, hash) {
      if (hash === undefined) references.delete(agentUid);
      else references.set(agentUid, hash);
    },
    get kept() {
      return log.known.size;
    },
  };
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
