import { create } from '@bufbuild/protobuf';
import { PortolanError } from '../../src/errors/error.ts';
import type { SnapshotSigner } from '../../src/identity/snapshot-signing.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';
import type { KeyEntry } from '../../src/protocol/credential-entry.ts';
import { signDelta, signPage, toWire } from '../../src/protocol/credential-feed.ts';
import {
  type CredentialAck,
  type CredentialPage,
  type CredentialsRequest,
  type FindKeyRequest,
  type FindKeyResponse,
  FindKeyResponseSchema,
  type Hello,
  HubMessageSchema,
} from '../../src/protocol/generated/portolan_pb.js';
import type { AgentSession } from '../agents/link-session.ts';
import type { Store } from '../store/contract.ts';
import type { KeyChanges, KeyFeedPlace, StoredKey } from '../store/key-contract.ts';
import type { KeyPeppers } from './peppers.ts';

export interface CredentialFeedOptions {
  readonly store: Pick<Store, 'keys' | 'hubUid' | 'epoch'>;
  readonly signer: SnapshotSigner;
  readonly peppers: Pick<KeyPeppers, 'clusterDigest'>;
  /** Whose keys a cluster gets. @param clusterKey `namespace/name` */
  readonly namespacesOf: (clusterKey: string) => readonly string[];
  readonly clock: Pick<LinkClock, 'after'>;
  readonly log: {
    warn(details: object, message: string): void;
    info(details: object, message: string): void;
  };
}

/** Who an agent is; of its certificate. */
export interface FeedAgent {
  readonly agentUid: string;
  readonly clusterUid: string;
  /** `namespace/name` */
  readonly clusterKey: string;
}

/** How far one cluster has the keys. */
export interface FeedStanding extends FeedAgent {
  readonly connected: boolean;
  /** What its agent last said is durable there; absent: it never said. */
  readonly acknowledged?: KeyFeedPlace;
  /** Why it refused the last change; empty: it did not. */
  readonly problem: string;
}

/**
 * Keys on their way to agents: every change at once, to each agent from where it stands, and a word every 10 s that nothing is
 * missing. An agent that stands somewhere this hub does not know asks for the pages; only those that asked get anything.
 */
export interface CredentialFeed {
  onHello(session: AgentSession, hello: Hello): Promise<void>;
  onAck(session: AgentSession, ack: CredentialAck): Promise<void>;
  onClosed(session: AgentSession): void;
  /** @throws PortolanError CONFLICT when the feed is another one now: the agent begins again */
  page(agent: FeedAgent, request: CredentialsRequest): Promise<CredentialPage>;
  /** A key that no delta has brought to this agent yet. */
  find(agent: FeedAgent, request: FindKeyRequest): Promise<FindKeyResponse>;
  /** Agents that have keys, or had them since this hub started. */
  readonly standings: readonly FeedStanding[];
  readonly stats: { readonly deltas: number; readonly entries: number; readonly pages: number };
  /** What clusters need may have changed. */
  wake(): void;
  close(): void;
}

const HEARTBEAT_MS = 10_000;
const PAGE_KEYS = 1_000;
/** An agent that reads slower than this gets its changes when it has read what waits. */
const MAX_PENDING_OCTETS = 8 << 20;

interface Standing {
  agent: FeedAgent;
  session: AgentSession | undefined;
  /** What it was last sent; `undefined`: it gets the pages first. */
  sent: KeyFeedPlace | undefined;
  acknowledged: KeyFeedPlace | undefined;
  problem: string;
  /** Whose keys it was sent. */
  namespaces: string;
}

export function createCredentialFeed(options: CredentialFeedOptions): CredentialFeed {
  const { store, signer, peppers, log } = options;
  const { keys } = store;
  const standings = new Map<string, Standing>();
  const stats = { deltas: 0, entries: 0, pages: 0 };
  let restarted = false;
  let running: Promise<void> | undefined;
  let again = false;
  let closed = false;

  const headOf = (agent: FeedAgent) => ({
    hub: store.hubUid,
    cluster: agent.clusterUid,
    epoch: store.epoch,
  });

  function send(
    standing: Standing,
    from: KeyFeedPlace,
    to: KeyFeedPlace,
    entries: readonly KeyEntry[],
  ): void {
    const value = signDelta({ ...headOf(standing.agent), from, to, entries }, signer);
    standing.session?.send(create(HubMessageSchema, { kind: { case: 'credentials', value } }));
    stats.deltas += 1;
    stats.entries += entries.length;
  }

  async function entriesFor(agent: FeedAgent, stored: readonly StoredKey[]): Promise<readonly KeyEntry[]> {
    const namespaces = new Set(options.namespacesOf(agent.clusterKey));
    const digestOf = await peppers.clusterDigest(agent.clusterUid);
    return stored
      .filter((key) => namespaces.has(key.namespace))
      .map((key) => entryOf(key, digestOf(key.digest)));
  }

  /** Everything there is for one agent. Looks at the feed once for all agents that stand at the same place. */
  async function bring(standing: Standing, looked: Map<string, KeyChanges | undefined>): Promise<void> {
    if (standing.sent !== undefined && !isOfSameNamespaces(standing)) return askForPages(standing);
    while (standing.sent !== undefined && standing.session !== undefined && !closed) {
      if (standing.session.pendingOctets() > MAX_PENDING_OCTETS) return;
      const from = standing.sent;
      const place = `${from.feed}/${from.sequence}/${from.hash}`;
      let changes = looked.get(place);
      if (!looked.has(place)) {
        changes = await keys.changes(from);
        looked.set(place, changes);
      }
      if (standing.sent !== from) return;
      if (changes === undefined) return askForPages(standing);
      if (changes.to.sequence === from.sequence) return;
      const entries = await entriesFor(standing.agent, changes.keys);
      if (standing.sent !== from) return;
      send(standing, from, changes.to, entries);
      standing.sent = changes.to;
    }
  }

  /** A delta that begins where no agent stands; its answer is to ask for the pages. */
  async function askForPages(standing: Standing): Promise<void> {
    standing.sent = undefined;
    const nowhere = { ...(await keys.place()), hash: '' };
    send(standing, nowhere, nowhere, []);
  }

  /** False when the cluster gets keys of other namespaces now than it was sent. */
  function isOfSameNamespaces(standing: Standing): boolean {
    const now = namespacesText(standing.agent);
    if (standing.namespaces === now) return true;
    standing.namespaces = now;
    return false;
  }

  function namespacesText({ clusterKey }: FeedAgent): string {
    return [...options.namespacesOf(clusterKey)].sort().join(' ');
  }

  async function flush(): Promise<void> {
    do {
      again = false;
      const looked = new Map<string, KeyChanges | undefined>();
      for (const standing of [...standings.values()]) {
        try {
          await bring(standing, looked);
        } catch (thrown) {
          // The store is away; the next change or the next heartbeat tries again.
          log.warn({ err: PortolanError.from(thrown) }, 'changes of API keys could not be sent');
        }
      }
    } while (again && !closed);
  }

  function wake(): void {
    if (closed) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    running = flush().finally(() => {
      running = undefined;
    });
  }

  function standingOf(session: AgentSession): Standing {
    const { agentUid, clusterUid, clusterKey } = session;
    const agent = { agentUid, clusterUid, clusterKey };
    const known = standings.get(agentUid);
    if (known === undefined) {
      const made: Standing = {
        agent,
        session,
        sent: undefined,
        acknowledged: undefined,
        problem: '',
        namespaces: namespacesText(agent),
      };
      standings.set(agentUid, made);
      return made;
    }
    if (known.session !== session) {
      known.session = session;
      known.sent = undefined;
    }
    return known;
  }

  /**
   * An agent knows more than the store: it was restored from a backup. The feed begins anew, so that nothing is taken for something
   * else. At most once per start of the hub: a restore needs one, and an agent that lies must not be able to repeat it.
   */
  async function restart(agent: FeedAgent, place: KeyFeedPlace): Promise<void> {
    if (restarted) return;
    restarted = true;
    log.warn(
      { cluster: agent.clusterKey, sequence: place.sequence },
      'an agent knows later changes of API keys than the store: it was restored from a backup, and all agents read the keys anew',
    );
    await keys.restartFeed({
      actor: { id: 'hub', display: 'hub' },
      reason: `${agent.clusterKey} knows sequence ${place.sequence}`,
    });
  }

  const stop = keys.onChange(wake);
  let cancel = options.clock.after(HEARTBEAT_MS, beat);
  function beat(): void {
    if (closed) return;
    for (const standing of standings.values()) {
      const { sent, session } = standing;
      if (sent === undefined || session === undefined) continue;
      // To an agent for which changes wait it would say that it misses nothing.
      if (session.pendingOctets() <= MAX_PENDING_OCTETS) send(standing, sent, sent, []);
    }
    wake();
    cancel = options.clock.after(HEARTBEAT_MS, beat);
  }

  return {
    async onHello(session, hello) {
      const standing = standingOf(session);
      if (hello.credentialFeed === '') return;
      const place: KeyFeedPlace = {
        feed: hello.credentialFeed,
        sequence: Number(hello.credentialSequence),
        hash: Buffer.from(hello.credentialHash).toString('hex'),
      };
      const how = await keys.standing(place);
      if (standing.session !== session || standing.sent !== undefined) return;
      if (how === 'known') {
        standing.acknowledged = place;
        standing.sent = place;
        // Also when nothing changed meanwhile: the agent hears that it misses nothing.
        send(standing, place, place, []);
        wake();
        return;
      }
      if (how === 'ahead') await restart(standing.agent, place);
      await askForPages(standing);
    },
    async onAck(session, ack) {
      const standing = standingOf(session);
      standing.problem = ack.error;
      if (ack.error !== '') {
        log.warn(
          { cluster: session.clusterKey, problem: ack.error },
          'an agent did not take changes of API keys',
        );
        return;
      }
      const sequence = Number(ack.sequence);
      const { sent } = standing;
      if (sent?.feed === ack.feed && sequence <= sent.sequence) {
        standing.acknowledged = { feed: ack.feed, sequence, hash: '' };
        return;
      }
      // It has read the pages: from here on it gets the changes.
      const place = await keys.at(ack.feed, sequence);
      if (standing.session !== session) return;
      if (place === undefined) return askForPages(standing);
      standing.acknowledged = place;
      standing.sent = place;
      wake();
    },
    onClosed(session) {
      const standing = standings.get(session.agentUid);
      if (standing?.session !== session) return;
      standing.session = undefined;
      standing.sent = undefined;
    },
    async page(agent, request) {
      const cursor = readCursor(request);
      const place = cursor === undefined ? await keys.place() : cursor.place;
      if (cursor !== undefined && (await keys.standing(place)) !== 'known')
        throw new PortolanError('CONFLICT', 'the feed of API keys is another one now', {
          fix: 'Begin with the first page again.',
        });
      const namespaces = options.namespacesOf(agent.clusterKey);
      const stored = await keys.list({
        namespaces,
        limit: PAGE_KEYS,
        ...(cursor === undefined ? {} : { after: cursor.id }),
      });
      const last = stored.at(-1);
      const next =
        stored.length < PAGE_KEYS || last === undefined
          ? new Uint8Array()
          : Buffer.from(`${place.hash} ${last.id}`, 'latin1');
      stats.pages += 1;
      const entries = await entriesFor(agent, stored);
      return signPage({ ...headOf(agent), place, next, entries }, signer);
    },
    async find(agent, { digest }) {
      const key = await keys.byDigest(Buffer.from(digest).toString('hex'));
      const [entry] = key === undefined ? [] : await entriesFor(agent, [key]);
      return create(FindKeyResponseSchema, entry === undefined ? {} : { entry: toWire(entry) });
    },
    get standings() {
      return [...standings.values()].map(({ agent, session, acknowledged, problem }) => ({
        ...agent,
        connected: session !== undefined,
        ...(acknowledged === undefined ? {} : { acknowledged }),
        problem,
      }));
    },
    stats,
    wake,
    close() {
      closed = true;
      stop();
      cancel();
    },
  };
}

function entryOf(key: StoredKey, digest: Buffer): KeyEntry {
  return {
    digest,
    removed: key.state === 'deleted',
    id: key.id,
    namespace: key.namespace,
    principal: key.principal,
    roles: key.roles,
    plan: key.plan ?? '',
    labels: key.labels,
    attributes: key.attributes,
    // Rounded down: a key never works longer than it should.
    expiresAtSeconds:
      key.expiresAt === undefined ? 0 : Math.max(1, Math.floor(Date.parse(key.expiresAt) / 1000)),
    revoked: key.state === 'revoked',
  };
}

/** What a page said that the next one is asked with: the feed's hash, and the last id. */
function readCursor(
  request: CredentialsRequest,
): { readonly place: KeyFeedPlace; readonly id: string } | undefined {
  if (request.feed === '') return undefined;
  const [hash = '', id = ''] = Buffer.from(request.after).toString('latin1').split(' ');
  return { place: { feed: request.feed, sequence: Number(request.sequence), hash }, id };
}
