import { type Decision, decide, describe, newMemory } from './decide.ts';
import { explain, type Judgement, judge } from './quorum.ts';
import { staleAfterFor, standingOf, type Tally, tally } from './tally.ts';
import type { QuorumConfig, ReceivedVote, Target, TargetMemory, TargetState, Vote } from './types.ts';
import { createVoteBook, type VoteBatch, type VoteBook } from './vote-book.ts';

/** Time at the receiver: `nowMs` is monotonic and used in arithmetic, `wallMs` is only shown. */
export interface BoardClock {
  readonly nowMs: number;
  readonly wallMs: number;
}

export interface BoardTick {
  /** States that are new or differ in state, degradation, votes that count or pending change. A running hold is no change. */
  readonly changed: readonly TargetState[];
  /** Ids of targets that are no longer there since the last tick. */
  readonly removed: readonly string[];
  /** Every target's state. A new map when anything differs, the same one otherwise: safe to keep and to compare. */
  readonly states: ReadonlyMap<string, TargetState>;
}

/**
 * Collects votes and decides: the whole health decision of one process, hub or agent, without clock or sockets. Call `tick`
 * at least every `staleAfterMs / 2`, and at once after a batch that reported a change; time between two ticks beyond
 * `staleAfterMs` counts as not watched. Not for concurrent use.
 */
export interface HealthBoard {
  /** Replaces the set of targets. Votes for others are dropped; the memory of one that leaves is kept for `flapWindowMs`. */
  setTargets(targets: readonly Target[], clock: BoardClock): void;
  /** Takes the votes of one vantage point. False if it was ignored: a duplicate, an older one, or of an ended incarnation. */
  ingest(batch: VoteBatch, nowMs: number): boolean;
  /** Drops all votes of a vantage point that is no longer one (cluster removed, identity revoked). */
  forget(vantage: string): void;
  tick(clock: BoardClock): BoardTick;
  /** The state of one target with the votes as they are now, ages included. */
  explain(
    targetId: string,
    nowMs: number,
  ): { readonly state: TargetState; readonly judgement: Judgement } | undefined;
  /** What to persist, or to hand to another decider: JSON-safe. */
  remember(): Readonly<Record<string, TargetMemory>>;
  /**
   * Takes over what another decider (or this one before its restart) remembered; replaces what is known of those targets and
   * keeps the rest. Until votes come in, the states stand and are degraded. Ids without a target are kept like a departed
   * target's memory.
   * @param nowMs receiver's monotonic clock.
   */
  restore(memories: Readonly<Record<string, TargetMemory>>, nowMs: number): void;
  /** Distinct failure domains with a connected vantage point that voted lately; tells whether a fresh start has heard enough. */
  heardDomains(nowMs: number): readonly string[];
}

interface Row {
  readonly target: Target;
  /** The board's config with this check's staleness. */
  readonly config: QuorumConfig;
  memory: TargetMemory;
  /** Last published; undefined before the first tick or after a restore. */
  state: TargetState | undefined;
  /** What the published explanation was made of. */
  fingerprint: string;
}

export function createHealthBoard(options: { readonly config: QuorumConfig }): HealthBoard {
  const { config } = options;
  const book: VoteBook = createVoteBook(config);
  const departed = new Map<string, { readonly memory: TargetMemory; readonly atMs: number }>();
  let rows = new Map<string, Row>();
  let removed: string[] = [];
  let published: ReadonlyMap<string, TargetState> = new Map();
  let lastTickMs: number | undefined;

  function setTargets(targets: readonly Target[], clock: BoardClock): void {
    const next = new Map<string, Row>();
    for (const target of targets) {
      const old = rows.get(target.id);
      next.set(
        target.id,
        old === undefined
          ? newRow(target, departed.get(target.id)?.memory ?? newMemory(clock.wallMs))
          : { ...old, target },
      );
      departed.delete(target.id);
    }
    for (const [id, row] of rows) {
      if (next.has(id)) continue;
      if (row.state !== undefined) removed.push(id);
      departed.set(id, { memory: row.memory, atMs: clock.nowMs });
    }
    for (const [id, { atMs }] of departed)
      if (Math.abs(clock.nowMs - atMs) > config.flapWindowMs) departed.delete(id);
    removed = removed.filter((id) => !next.has(id));
    rows = next;
    book.keepOnly(next);
  }

  function newRow(target: Target, memory: TargetMemory): Row {
    return {
      target,
      config: { ...config, staleAfterMs: staleAfterFor(target.check, config) },
      memory,
      state: undefined,
      fingerprint: '',
    };
  }

  function tick(clock: BoardClock): BoardTick {
    const elapsedMs = lastTickMs === undefined ? 0 : clock.nowMs - lastTickMs;
    lastTickMs = clock.nowMs;
    const changed: TargetState[] = [];
    let replaced = removed.length > 0;
    const votesFor = book.readAt(clock.nowMs);
    for (const [id, row] of rows) {
      const votes = votesFor(id);
      const counted = tally(votes, clock.nowMs, row.config);
      // The pause clamp goes by the board's staleness: a long check interval must not stretch it.
      const decision = decide(row.memory, counted, { elapsedMs, wallMs: clock.wallMs }, config);
      row.memory = decision.memory;
      const fingerprint = fingerprintOf(decision, counted, votes, clock.nowMs, row.config);
      if (row.state === undefined || fingerprint !== row.fingerprint) {
        row.fingerprint = fingerprint;
        row.state = describe(id, decision, explain(counted, votes, clock.nowMs, row.config), config);
        changed.push(row.state);
        replaced = true;
      } else if (row.state.earliestChangeMs !== decision.earliestChangeMs) {
        row.state = { ...row.state, earliestChangeMs: decision.earliestChangeMs };
        replaced = true;
      }
    }
    if (replaced) published = statesOf(rows);
    const gone = removed;
    removed = [];
    return { changed, removed: gone, states: published };
  }

  function explainOne(targetId: string, nowMs: number): ReturnType<HealthBoard['explain']> {
    const row = rows.get(targetId);
    if (row === undefined) return undefined;
    const judgement = judge(book.readAt(nowMs)(targetId), nowMs, row.config);
    const last = row.state;
    if (last === undefined) {
      const now = decide(row.memory, judgement, { elapsedMs: 0, wallMs: row.memory.sinceWallMs }, config);
      const undecided: Decision = { ...now, memory: row.memory, earliestChangeMs: 0 };
      return { state: describe(targetId, undecided, judgement, config), judgement };
    }
    return { state: { ...last, votes: judgement.lines }, judgement };
  }

  function restore(memories: Readonly<Record<string, TargetMemory>>, nowMs: number): void {
    for (const [id, memory] of Object.entries(memories)) {
      const row = rows.get(id);
      if (row === undefined) {
        departed.set(id, { memory, atMs: nowMs });
      } else {
        row.memory = memory;
        row.fingerprint = '';
      }
    }
  }

  return {
    setTargets,
    ingest: (batch, nowMs) => book.ingest(batch, nowMs, rows),
    forget: (vantage) => book.forget(vantage),
    tick,
    explain: explainOne,
    remember: () => Object.fromEntries([...rows].map(([id, row]) => [id, row.memory])),
    restore,
    heardDomains: (nowMs) => book.heardDomains(nowMs),
  };
}

function statesOf(rows: ReadonlyMap<string, Row>): ReadonlyMap<string, TargetState> {
  const states = new Map<string, TargetState>();
  for (const [id, row] of rows) if (row.state !== undefined) states.set(id, row.state);
  return states;
}

/**
 * Everything of a decision that people and name servers must hear of at once, as one short string. Ages, latencies and
 * running holds are not in it: they change with every tick.
 */
function fingerprintOf(
  decision: Decision,
  counted: Tally,
  votes: readonly ReceivedVote[],
  nowMs: number,
  config: QuorumConfig,
): string {
  let standings = '';
  for (const received of votes) standings += voteCode(received, nowMs, config);
  const pending = decision.memory.state === 'up' ? decision.earliestChangeMs : 0;
  const recovering = decision.memory.recoveringForMs === undefined ? 0 : 1;
  return `${decision.memory.state} ${decision.memory.sinceWallMs} ${decision.memory.flaps} ${counted.verdict} ${pending} ${recovering} ${standings}`;
}

const ABSTAINS = { stale: 's', 'cut-off': 'c', settling: 't', none: 'n' } as const;

function voteCode(received: ReceivedVote, nowMs: number, config: QuorumConfig): string {
  const vote: Vote = received.vote;
  const standing = standingOf(received, nowMs, config);
  if (standing !== 'counted') return ABSTAINS[standing];
  if (vote.verdict === 'up') return vote.injected === true ? 'U' : 'u';
  return vote.injected === true ? 'D' : 'd';
}
