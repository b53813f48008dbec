import { PortolanError } from '../../src/errors/error.ts';
import { joinAgent, latestAgentOf } from './agents.ts';
import type { AuditFact, AuditHead } from './audit.ts';
import type { AgentIdentity, Store } from './contract.ts';
import type { Work } from './database.ts';
import { inspectClaim, takeJoinToken } from './join-tokens.ts';
import { Turn } from './turn.ts';

type Claim = Parameters<Store['claimJoinToken']>[0];

export interface JoinDeskDatabase {
  readonly nowMs: () => number;
  readonly read: <T>(work: Work<T>) => Promise<T>;
  readonly write: <T>(
    work: (tx: Parameters<Work<T>>[0], audit: (fact: AuditFact) => Promise<AuditHead>) => Promise<T>,
  ) => Promise<T>;
}

/**
 * Single use of join tokens (I30). `issue` may take its time and use the store, so it runs outside the transaction;
 * the token is taken, and the identity stored, by one conditional UPDATE in one transaction. Whoever loses that race
 * has issued a certificate that nobody ever sees.
 */
export class JoinDesk {
  readonly #database: JoinDeskDatabase;
  /** Claims of one token queue in this process, so that `issue` runs once there. */
  readonly #turns = new Map<string, { readonly turn: Turn; claims: number }>();

  constructor(database: JoinDeskDatabase) {
    this.#database = database;
  }

  async claim(claim: Claim): Promise<AgentIdentity> {
    const queue = this.#turns.get(claim.id) ?? { turn: new Turn(), claims: 0 };
    this.#turns.set(claim.id, queue);
    queue.claims += 1;
    try {
      return await queue.turn.run(() => this.#claimAlone(claim));
    } finally {
      queue.claims -= 1;
      if (queue.claims === 0) this.#turns.delete(claim.id);
    }
  }

  async #claimAlone(claim: Claim): Promise<AgentIdentity> {
    const { nowMs, read, write } = this.#database;
    const at = nowMs();
    const found = await read(async (db) => {
      const state = await inspectClaim(db, claim, at);
      if (state.type === 'joined') return state;
      return { ...state, previous: await latestAgentOf(db, state.token.clusterUid) };
    });
    if (found.type === 'joined') return found.identity;
    const { token, previous } = found;
    const identity = await claim.issue(token, previous);
    assertFits(identity, claim, token.clusterUid, previous);
    return write(async (tx, audit) => {
      if (!(await takeJoinToken(tx, claim, identity.agentUid, at))) {
        // Another hub was first; the same key still gets what that hub made.
        const now = await inspectClaim(tx, claim, at);
        if (now.type === 'joined') return now.identity;
        throw new PortolanError('INTERNAL', 'A join token is free and cannot be taken.');
      }
      const { sequence } = await audit({
        actor: { id: `agent/${identity.agentUid}`, display: token.cluster.name },
        verb: 'cluster.join',
        ...token.cluster,
        payload: { token: token.id, identity },
      });
      await joinAgent(tx, identity, sequence);
      return identity;
    });
  }
}

/** The identity must be the claimant's own, and newer than what it replaces. */
function assertFits(
  identity: AgentIdentity,
  claim: Claim,
  clusterUid: string,
  previous: AgentIdentity | undefined,
): void {
  if (identity.spkiSha256 !== claim.spkiSha256 || identity.clusterUid !== clusterUid) {
    throw new PortolanError('INTERNAL', `Agent ${identity.agentUid} was issued for another key or cluster.`);
  }
  if (previous?.agentUid === identity.agentUid && identity.generation <= previous.generation) {
    throw new PortolanError(
      'INTERNAL',
      `Agent ${identity.agentUid} was issued generation ${identity.generation}; it must exceed ${previous.generation}.`,
    );
  }
}
