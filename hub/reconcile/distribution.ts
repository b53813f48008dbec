import { createHash } from 'node:crypto';
import { setImmediate as breath } from 'node:timers/promises';
import type { SnapshotSigner } from '../../src/identity/snapshot-signing.ts';
import type { PieceRef } from '../../src/policy/pieces.ts';
import type { HubMessage, SnapshotAck } from '../../src/protocol/generated/portolan_pb.js';
import { lacking } from '../gateways/gateway-pieces.ts';
import { writeWhole } from '../gateways/part-text.ts';
import type { Store } from '../store/contract.ts';
import type { AgentDirectory } from './agent-directory.ts';
import type { Published } from './publisher.ts';
import { compileSnapshots, type SnapshotInput, type SnapshotSet, snapshotMessage } from './snapshots.ts';

/** The oldest agent that understands these snapshots. */
const MINIMUM_AGENT = '0.1.0';

export interface DistributionOptions {
  readonly store: Pick<Store, 'increment' | 'hubUid' | 'epoch'>;
  readonly signer: SnapshotSigner;
  readonly agents: AgentDirectory;
  readonly send: (agentUid: string, message: HubMessage) => void;
  /** What snapshots are made of now; `undefined` before the first publication. */
  readonly input: () => SnapshotInput | undefined;
  readonly log: { warn(details: object, message: string): void };
}

/** Which snapshot each agent was sent, and which agents must not be sent any. */
export interface Distribution {
  /**
   * Compiles for every agent and sends to the connected ones whose content differs from what they were sent. Rejects when a
   * version cannot be stored; what was sent by then stays sent, the rest goes out with the next refresh.
   */
  refresh(): Promise<SnapshotSet | undefined>;
  /** A new stream: the agent gets all of its snapshot again with the next refresh, unless it knows more than this hub. */
  greet(agentUid: string, applied: { readonly epoch: number; readonly version: number }): void;
  /**
   * The agent has this version: its pieces are not sent again. @returns the content it had; `undefined` for one that is not among the last
   * sent
   */
  acknowledged(agentUid: string, ack: Pick<SnapshotAck, 'version'>): SentContent | undefined;
  /**
   * The agent lacks pieces that it was taken to have. @returns true when the next refresh sends all of them; false when they were sent
   * already
   */
  incomplete(agentUid: string): boolean;
  /** The next refresh sends what was sent last, or what it is by then, once more. */
  again(agentUid: string): void;
  /**
   * True when the agent has followed a newer epoch or a newer version than this hub's store knows: the data was restored from an old
   * backup, so this hub must not lead it.
   */
  isAhead(agentUid: string): boolean;
  readonly ahead: readonly string[];
  /** Agents that are no more leave nothing behind. */
  forgetGone(): void;
}

/** What an agent answers from once it has acknowledged it. */
export interface SentContent extends Pick<Published, 'sequence' | 'hash'> {
  /** Digest of the gateway configuration in it. */
  readonly gateway?: string;
  /** Of that configuration, where it was sent in pieces. */
  readonly pieces?: readonly PieceRef[];
}

/** While much changes, an agent confirms versions that are not the newest any more. */
const EARLIER_KEPT = 16;

interface Sent {
  readonly version: number;
  readonly digest: string;
  readonly content: SentContent;
  /** With all of its pieces. */
  readonly complete: boolean;
  /** Digests of pieces that the agent has, whichever of those it keeps that it was sent since the last that it acknowledged. */
  readonly has: ReadonlySet<string>;
  /** Newest first. */
  readonly earlier: readonly Pick<Sent, 'version' | 'content'>[];
}

const NOTHING: ReadonlySet<string> = new Set();

function inAll(has: ReadonlySet<string>, pieces: readonly PieceRef[]): ReadonlySet<string> {
  return has.size === 0 ? has : new Set(pieces.flatMap(({ sha256 }) => (has.has(sha256) ? [sha256] : [])));
}

export function createDistribution(options: DistributionOptions): Distribution {
  const { store, agents, log } = options;
  const sent = new Map<string, Sent>();
  const reported = new Map<string, number>();
  const ahead = new Set<string>();

  async function send(agentUid: string, set: SnapshotSet, input: SnapshotInput): Promise<void> {
    const compiled = set.byAgent.get(agentUid);
    if (compiled === undefined || ahead.has(agentUid) || sent.get(agentUid)?.digest === compiled.digest)
      return;
    // It would lose what it serves of objects that it has not told of yet.
    if (input.held?.has(compiled.agent.cluster) === true) return;
    const whole = compiled.whole === undefined ? undefined : await writeWhole(compiled.whole, breath);
    const version = await store.increment(`snapshot/${agentUid}`);
    // A store on the local disk never waits: connections are heard between it and what comes next.
    await breath();
    // A stream of now may have said so meanwhile.
    if (ahead.has(agentUid)) return;
    if (version <= (reported.get(agentUid) ?? 0)) {
      isNow(agentUid, { storeVersion: version, agentVersion: reported.get(agentUid) });
      return;
    }
    const before = sent.get(agentUid);
    const has = before?.has ?? NOTHING;
    const { message } = snapshotMessage(
      compiled,
      { whole, pieces: compiled.pieces === undefined ? [] : lacking(compiled.pieces, has) },
      {
        hub: store.hubUid,
        epoch: store.epoch,
        version,
        previous: agents.get(agentUid)?.applied?.hash ?? '',
        issuedAtMs: input.wallMs,
        minimumAgent: MINIMUM_AGENT,
      },
      options.signer,
    );
    const { sequence, hash } = input.published;
    const { gateway, pieces } = compiled;
    sent.set(agentUid, {
      earlier:
        before === undefined
          ? []
          : [before, ...before.earlier]
              .slice(0, EARLIER_KEPT)
              .map(({ version: earlier, content }) => ({ version: earlier, content })),
      version,
      digest: compiled.digest,
      content: {
        sequence,
        hash,
        ...(gateway === undefined ? {} : { gateway }),
        ...(pieces === undefined ? {} : { pieces: pieces.refs }),
      },
      complete: has.size === 0,
      has: inAll(has, pieces?.refs ?? []),
    });
    options.send(agentUid, message);
  }

  function isNow(agentUid: string, figures: object): void {
    ahead.add(agentUid);
    log.warn(
      { agentUid, ...figures },
      'the agent has followed a newer hub than this one; it is not led by this hub',
    );
  }

  return {
    async refresh() {
      const input = options.input();
      if (input === undefined) return undefined;
      const set = compileSnapshots(
        input,
        (text) => Buffer.from(text, 'utf8'),
        (parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex'),
      );
      for (const agent of agents.all) if (agent.connected) await send(agent.identity.agentUid, set, input);
      return set;
    },
    greet(agentUid, applied) {
      sent.delete(agentUid);
      reported.set(agentUid, applied.version);
      if (applied.epoch > store.epoch) isNow(agentUid, { agentEpoch: applied.epoch, epoch: store.epoch });
      else ahead.delete(agentUid);
    },
    acknowledged(agentUid, ack) {
      const last = sent.get(agentUid);
      if (last === undefined) return undefined;
      const all = [last, ...last.earlier];
      const at = all.findIndex(({ version }) => version === Number(ack.version));
      const content = all[at]?.content;
      if (content === undefined) return undefined;
      // It may have taken one of the later ones by now, and have only what that one has.
      const later = all.slice(0, at).map((one) => one.content.pieces ?? []);
      const own = new Set((content.pieces ?? []).map(({ sha256 }) => sha256));
      sent.set(agentUid, { ...last, has: later.reduce<ReadonlySet<string>>(inAll, own) });
      return content;
    },
    incomplete(agentUid) {
      const last = sent.get(agentUid);
      if (last === undefined || last.complete) return false;
      sent.set(agentUid, { ...last, digest: '', has: NOTHING });
      return true;
    },
    again(agentUid) {
      const last = sent.get(agentUid);
      if (last !== undefined) sent.set(agentUid, { ...last, digest: '' });
    },
    isAhead: (agentUid) => ahead.has(agentUid),
    get ahead() {
      return [...ahead];
    },
    forgetGone() {
      for (const known of [sent, reported, ahead])
        for (const uid of [...known.keys()]) if (agents.get(uid) === undefined) known.delete(uid);
    },
  };
}
