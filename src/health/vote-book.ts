import type { QuorumConfig, ReceivedVote, Vote } from './types.ts';

/** What one vantage point says, as it came off the wire. */
export interface VoteBatch {
  /** `hub/<uid>` or `agent/<uid>`, from the authenticated link and not from the message. */
  readonly vantage: string;
  readonly failureDomain: string;
  /** Random for every start of the vantage point. */
  readonly incarnation: string;
  /** Grows by one with every batch of an incarnation. */
  readonly sequence: number;
  /** Milliseconds since the vantage point last reached another failure domain or a canary, when the batch was sent. */
  readonly connectedAgeMs: number;
  /** True: these are all of its votes. False: only those that changed; the others stand, and age. */
  readonly complete: boolean;
  readonly votes: readonly BatchVote[];
}

/** A vote without what the batch says for all of them. */
export type BatchVote = Omit<Vote, 'vantage' | 'failureDomain' | 'sequence'>;

/** The newest vote of every vantage point for every target. */
export interface VoteBook {
  /**
   * Takes a batch; false if it can say nothing new. Which votes stand afterwards does not depend on the order in which
   * batches of one incarnation arrive, nor on how often: each vote carries its batch's sequence, and the highest wins.
   */
  ingest(batch: VoteBatch, nowMs: number, targets: { has(targetId: string): boolean }): boolean;
  /** Looks up the votes of a target as they are at `nowMs`; valid until the next call of anything else here. */
  readAt(nowMs: number): (targetId: string) => readonly ReceivedVote[];
  /** Drops the votes of targets that are gone. */
  keepOnly(targets: { has(targetId: string): boolean }): void;
  forget(vantage: string): void;
  heardDomains(nowMs: number): readonly string[];
}

/** A `ReceivedVote` as of the last `readAt`: what its witness says is written in place, so that reading makes no garbage. */
interface Entry {
  readonly vote: Vote;
  readonly receivedAtMs: number;
  vantageConnected: boolean;
  connectedSinceMs: number;
  readonly witness: Witness;
}

/** One vantage point. */
interface Witness {
  readonly vantage: string;
  readonly failureDomain: string;
  readonly incarnation: string;
  /** The votes that stand, by target: what a complete batch has to look through. */
  readonly votes: Map<string, Entry>;
  /** Ended incarnations, newest last: a message of one that is still under way must not bring old votes back. */
  readonly ended: string[];
  /** Highest sequence heard, and what it said of the connection. */
  newestSequence: number;
  connectedAgeMs: number;
  heardAtMs: number;
  completeSequence: number;
  /** As of the last `readAt`; every entry of `votes` has the same. */
  connected: boolean;
  /** Start of the present unbroken connection; not before the start of the incarnation. */
  connectedSinceMs: number;
}

const ENDED_KEPT = 32;
const NO_VOTES: readonly ReceivedVote[] = [];

export function createVoteBook(config: QuorumConfig): VoteBook {
  const witnesses = new Map<string, Witness>();
  const byTarget = new Map<string, Entry[]>();

  function ingest(batch: VoteBatch, nowMs: number, targets: { has(targetId: string): boolean }): boolean {
    const witness = witnessOf(batch, nowMs);
    if (witness === undefined || batch.sequence <= witness.completeSequence) return false;
    const isNewest = batch.sequence > witness.newestSequence;
    if (!isNewest && !batch.complete && !isNews(witness, batch)) return false;
    if (isNewest) {
      if (!isConnected(witness, nowMs)) reconnect(witness, nowMs);
      witness.newestSequence = batch.sequence;
      witness.connectedAgeMs = batch.connectedAgeMs;
      witness.heardAtMs = nowMs;
    }
    for (const vote of batch.votes) if (targets.has(vote.targetId)) put(witness, batch, vote, nowMs);
    if (batch.complete) {
      witness.completeSequence = batch.sequence;
      // What the batch names carries its sequence by now, or a higher one.
      for (const entry of witness.votes.values()) if (entry.vote.sequence < batch.sequence) remove(entry);
    }
    return true;
  }

  function reconnect(witness: Witness, nowMs: number): void {
    witness.connectedSinceMs = nowMs;
    for (const entry of witness.votes.values()) entry.connectedSinceMs = nowMs;
  }

  /** A late partial batch is news only if one of its votes is newer than the one that stands. */
  function isNews(witness: Witness, batch: VoteBatch): boolean {
    return batch.votes.some((vote) => {
      const standing = witness.votes.get(vote.targetId);
      return standing === undefined || standing.vote.sequence < batch.sequence;
    });
  }

  function witnessOf(batch: VoteBatch, nowMs: number): Witness | undefined {
    const known = witnesses.get(batch.vantage);
    if (known?.incarnation === batch.incarnation && known.failureDomain === batch.failureDomain) return known;
    const ended = known?.ended ?? [];
    if (ended.includes(batch.incarnation)) return undefined;
    if (known !== undefined) {
      // The votes of an ended incarnation, or of another failure domain, end with it.
      for (const entry of known.votes.values()) remove(entry);
      if (known.incarnation !== batch.incarnation) ended.push(known.incarnation);
      if (ended.length > ENDED_KEPT) ended.shift();
    }
    const fresh: Witness = {
      vantage: batch.vantage,
      failureDomain: batch.failureDomain,
      incarnation: batch.incarnation,
      votes: new Map(),
      ended,
      newestSequence: -1,
      connectedAgeMs: Number.MAX_SAFE_INTEGER,
      heardAtMs: 0,
      completeSequence: -1,
      connected: false,
      connectedSinceMs: nowMs,
    };
    witnesses.set(batch.vantage, fresh);
    return fresh;
  }

  function put(witness: Witness, batch: VoteBatch, vote: BatchVote, nowMs: number): void {
    const standing = witness.votes.get(vote.targetId);
    if (standing !== undefined && standing.vote.sequence >= batch.sequence) return;
    const { vantage, failureDomain } = witness;
    const entry: Entry = {
      vote: { ...vote, vantage, failureDomain, sequence: batch.sequence },
      receivedAtMs: nowMs,
      vantageConnected: witness.connected,
      connectedSinceMs: witness.connectedSinceMs,
      witness,
    };
    witness.votes.set(vote.targetId, entry);
    const list = byTarget.get(vote.targetId);
    if (list === undefined) byTarget.set(vote.targetId, [entry]);
    else if (standing === undefined) list.push(entry);
    else list[list.indexOf(standing)] = entry;
  }

  function remove(entry: Entry): void {
    const { targetId } = entry.vote;
    entry.witness.votes.delete(targetId);
    const kept = (byTarget.get(targetId) ?? []).filter((other) => other !== entry);
    if (kept.length === 0) byTarget.delete(targetId);
    else byTarget.set(targetId, kept);
  }

  /** Cut off once neither a message nor its own word vouches for the connection; a clock set back vouches for nothing. */
  function isConnected(witness: Witness, nowMs: number): boolean {
    const sinceHeardMs = nowMs - witness.heardAtMs;
    return sinceHeardMs >= 0 && witness.connectedAgeMs + sinceHeardMs <= config.staleAfterMs;
  }

  return {
    ingest,
    readAt(nowMs) {
      for (const witness of witnesses.values()) {
        const connected = isConnected(witness, nowMs);
        if (connected === witness.connected) continue;
        witness.connected = connected;
        for (const entry of witness.votes.values()) entry.vantageConnected = connected;
      }
      return (targetId) => byTarget.get(targetId) ?? NO_VOTES;
    },
    keepOnly(targets) {
      for (const [id, list] of byTarget) {
        if (targets.has(id)) continue;
        for (const entry of list) entry.witness.votes.delete(id);
        byTarget.delete(id);
      }
    },
    forget(vantage) {
      const known = witnesses.get(vantage);
      if (known === undefined) return;
      witnesses.delete(vantage);
      for (const entry of known.votes.values()) remove(entry);
    },
    heardDomains: (nowMs) => [
      ...new Set(
        [...witnesses.values()]
          .filter((witness) => isConnected(witness, nowMs))
          .map((witness) => witness.failureDomain),
      ),
    ],
  };
}
