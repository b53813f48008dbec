import { type BoardClock, createHealthBoard, type HealthBoard } from '../src/health/board.ts';
import {
  bookDrains,
  type DrainBook,
  EMPTY_DRAIN_BOOK,
  type StandingDrain,
} from '../src/health/drain-book.ts';
import { DEFAULT_QUORUM, type QuorumConfig, type Target, type TargetMemory } from '../src/health/types.ts';
import type { VoteBatch } from '../src/health/vote-book.ts';

/** A hub that said nothing for this long does not rule; it sends something every second. */
export const HUB_SILENT_AFTER_MS = 3_000;

/**
 * A hub that comes back has to hear votes before it knows what happened meanwhile. For this long what was withdrawn
 * here while it was away stays withdrawn.
 */
export const CATCH_UP_MS = 10_000;

/** One decision of the hub, with the memory to go on from. */
export interface HubDecision {
  readonly targetId: string;
  readonly state: 'up' | 'down' | 'unknown';
  readonly degraded: boolean;
  readonly changedAgoMs: number;
  readonly flaps: number;
  readonly recoveringForMs?: number;
  readonly earliestChangeMs: number;
  readonly reason: string;
}

/** The stream's `DecisionBatch`. */
export interface HubBatch {
  readonly epoch: number;
  readonly sequence: number;
  /** True: a target that is not named has no decision. */
  readonly complete: boolean;
  readonly decisions: readonly HubDecision[];
  readonly drains: readonly StandingDrain[];
  readonly drainsComplete: boolean;
  readonly authoritative: boolean;
}

/** What is known of a target now, whoever decided it. */
export interface RuledState {
  readonly state: 'up' | 'down' | 'unknown';
  readonly degraded: boolean;
  /** From `Ruling.atMs` on. */
  readonly earliestChangeMs: number;
  readonly memory: TargetMemory;
  readonly reason: string;
}

export interface Ruling {
  /** Who decides: the hub while it is heard, else the quorum of the votes that reach this agent. */
  readonly source: 'hub' | 'quorum';
  readonly epoch: number;
  readonly atMs: number;
  readonly targets: ReadonlyMap<string, RuledState>;
  readonly drains: DrainBook;
  /** Monotonic milliseconds at which the hub was last heard (at the earliest the age of what was saved). */
  readonly freshAtMs: number;
}

/** What a snapshot says about deciding. */
export interface SnapshotRules {
  readonly epoch: number;
  readonly quorum: QuorumConfig;
  readonly targets: readonly Target[];
  readonly drains: readonly StandingDrain[];
}

/** What an earlier process of this agent knew; durations are already moved on to now. */
export interface Remembered {
  readonly epoch: number;
  readonly memories: Readonly<Record<string, TargetMemory>>;
  readonly drains: readonly StandingDrain[];
  /** The drains are newer than the snapshot's, which then do not count. */
  readonly drainsComplete: boolean;
  readonly hubHeardAgoMs: number;
}

export type BatchOutcome = 'applied' | 'fenced' | 'duplicate';

/**
 * Which states rule at this agent, without clock or sockets. The hub's, while it speaks with authority and was heard within
 * `HUB_SILENT_AFTER_MS`; else this agent runs the same quorum over the votes of its peers and its own, beginning with what
 * the hub last remembered, so that holds and flap counts go on (I9). When the hub is back its states rule again, but for
 * `CATCH_UP_MS` they do not bring back what was withdrawn here: it may not have heard yet. A hub of an older epoch is not listened to.
 */
export interface AgentDecision {
  /** A new stream to the hub: its sequence may begin anew. It begins with a complete batch, so what stands stays until then. */
  linkUp(): void;
  applySnapshot(rules: SnapshotRules, clock: BoardClock): void;
  recall(remembered: Remembered, clock: BoardClock): void;
  hubBatch(batch: HubBatch, clock: BoardClock): BatchOutcome;
  /** False if the batch said nothing new. */
  votes(batch: VoteBatch, nowMs: number): boolean;
  tick(clock: BoardClock): Ruling;
  /** The lowest epoch that is still listened to. */
  readonly epoch: number;
  /** Sequence of the last applied batch, 0 before the first. */
  readonly appliedSequence: number;
}

interface HeldDecision {
  readonly decision: HubDecision;
  readonly memory: TargetMemory;
  readonly receivedAtMs: number;
}

export function createAgentDecision(): AgentDecision {
  let quorum = DEFAULT_QUORUM;
  let board: HealthBoard = createHealthBoard({ config: quorum });
  let targets: readonly Target[] = [];
  let drains: DrainBook = EMPTY_DRAIN_BOOK;
  let epoch = 0;
  let freshAtMs = Number.NEGATIVE_INFINITY;

  const held = new Map<string, HeldDecision>();
  let hub = { complete: false, authoritative: false, sequence: 0, heardAtMs: Number.NEGATIVE_INFINITY };
  let ruledByHub = false;
  /** Targets for which the hub has to catch up first, and when it came back. */
  const contested = new Map<string, number>();

  /** When the hub was last heard before this agent decided by itself. */
  let awaySinceMs = Number.NEGATIVE_INFINITY;

  /**
   * The hub rules again. What was withdrawn here since it was last heard is not brought back by a hub that may not know of it
   * yet, and what it knows nothing of keeps its state. A withdrawal of the hub counts at once. Its own `changedAgoMs` decides
   * nothing here: it leaves out the time in which the hub was not running.
   */
  const handBack = (nowMs: number): void => {
    contested.clear();
    const own = board.remember();
    for (const [id, { decision }] of held) {
      const memory = own[id];
      if (memory === undefined || memory.state === 'unknown') continue;
      const withdrawnHere = memory.state === 'down' && memory.changedAgoMs < nowMs - awaySinceMs;
      const brings = decision.state === 'up' && withdrawnHere;
      if (brings || decision.state === 'unknown') contested.set(id, nowMs);
    }
  };

  /** The hub's decision if it is the one to go by. */
  const hubsWord = (id: string, nowMs: number, own: TargetMemory | undefined): HeldDecision | undefined => {
    const said = held.get(id);
    const sinceMs = contested.get(id);
    if (said === undefined || sinceMs === undefined) return said;
    const changedAtMs = said.receivedAtMs - said.decision.changedAgoMs;
    const hasCaughtUp = said.decision.state !== 'unknown' && changedAtMs >= sinceMs;
    if (!hasCaughtUp && said.decision.state !== own?.state && nowMs - sinceMs < CATCH_UP_MS) return undefined;
    contested.delete(id);
    return said;
  };

  const hubRules = (nowMs: number): boolean =>
    hub.complete && hub.authoritative && nowMs - hub.heardAtMs <= HUB_SILENT_AFTER_MS;

  /** The hub fell silent: its memory becomes the board's, moved on by the time the hub went on ruling after each decision. */
  const takeOver = (clock: BoardClock): void => {
    awaySinceMs = hub.heardAtMs;
    const memories: Record<string, TargetMemory> = {};
    for (const [id, { memory, receivedAtMs }] of held) {
      if (contested.has(id)) continue;
      memories[id] = movedOn(memory, Math.max(0, hub.heardAtMs - receivedAtMs));
    }
    board.restore(memories, clock.nowMs);
  };

  return {
    get epoch() {
      return epoch;
    },
    get appliedSequence() {
      return hub.sequence;
    },

    linkUp() {
      hub = { ...hub, sequence: 0 };
    },

    applySnapshot(rules, clock) {
      epoch = Math.max(epoch, rules.epoch);
      if (!sameQuorum(quorum, rules.quorum)) {
        const memories = board.remember();
        quorum = rules.quorum;
        board = createHealthBoard({ config: quorum });
        board.restore(memories, clock.nowMs);
      }
      targets = rules.targets;
      board.setTargets(targets, clock);
      const known = new Set(targets.map((target) => target.id));
      for (const id of held.keys()) if (!known.has(id)) held.delete(id);
      drains = bookDrains(drains, rules.drains, 'unleased', clock.nowMs);
    },

    recall(remembered, clock) {
      epoch = Math.max(epoch, remembered.epoch);
      board.restore(remembered.memories, clock.nowMs);
      drains = bookDrains(
        drains,
        remembered.drains,
        remembered.drainsComplete ? 'all' : 'named',
        clock.nowMs,
      );
      freshAtMs = Math.max(freshAtMs, clock.nowMs - remembered.hubHeardAgoMs);
      awaySinceMs = Math.max(awaySinceMs, clock.nowMs - remembered.hubHeardAgoMs);
    },

    hubBatch(batch, clock) {
      if (batch.epoch < epoch) return 'fenced';
      if (batch.epoch === epoch && batch.sequence < hub.sequence) return 'duplicate';
      if (batch.epoch > epoch) {
        // Another hub took over: nothing the old one said of targets stands.
        epoch = batch.epoch;
        hub = { ...hub, complete: false };
      }
      if (ruledByHub && !batch.authoritative) {
        // A hub that has just started knows less than the one before it: go on from what that one said.
        takeOver(clock);
        ruledByHub = false;
      }
      if (batch.complete) held.clear();
      for (const decision of batch.decisions) {
        held.set(decision.targetId, {
          decision,
          memory: memoryOf(decision, clock.wallMs),
          receivedAtMs: clock.nowMs,
        });
      }
      drains = bookDrains(drains, batch.drains, batch.drainsComplete ? 'all' : 'named', clock.nowMs);
      hub = {
        complete: hub.complete || batch.complete,
        authoritative: batch.authoritative,
        sequence: batch.sequence,
        heardAtMs: clock.nowMs,
      };
      freshAtMs = clock.nowMs;
      return 'applied';
    },

    votes: (batch, nowMs) => board.ingest(batch, nowMs),

    tick(clock) {
      if (freshAtMs === Number.NEGATIVE_INFINITY) freshAtMs = clock.nowMs;
      const rules = hubRules(clock.nowMs);
      if (ruledByHub && !rules) takeOver(clock);
      // The board decides in the shadow while the hub rules, so that its votes and its clock are ready.
      const ticked = board.tick(clock);
      if (rules && !ruledByHub) handBack(clock.nowMs);
      ruledByHub = rules;
      const memories = board.remember();
      const ruled = new Map<string, RuledState>();
      for (const { id } of targets) {
        const own = ticked.states.get(id);
        const fromHub = rules ? hubsWord(id, clock.nowMs, memories[id]) : undefined;
        if (fromHub !== undefined) {
          const elapsed = clock.nowMs - fromHub.receivedAtMs;
          ruled.set(id, {
            state: fromHub.decision.state,
            degraded: fromHub.decision.degraded,
            earliestChangeMs: Math.max(0, fromHub.decision.earliestChangeMs - elapsed),
            memory: movedOn(fromHub.memory, elapsed),
            reason: fromHub.decision.reason,
          });
        } else if (own !== undefined) {
          const memory = memories[id];
          if (memory !== undefined) ruled.set(id, { ...own, memory });
        }
      }
      return {
        source: rules ? 'hub' : 'quorum',
        epoch,
        atMs: clock.nowMs,
        targets: ruled,
        drains,
        freshAtMs,
      };
    },
  };
}

/** The same memory `elapsedMs` later, as long as nothing else happened. */
export function movedOn(memory: TargetMemory, elapsedMs: number): TargetMemory {
  return {
    ...memory,
    changedAgoMs: memory.changedAgoMs + elapsedMs,
    ...(memory.recoveringForMs === undefined ? {} : { recoveringForMs: memory.recoveringForMs + elapsedMs }),
  };
}

function memoryOf(decision: HubDecision, wallMs: number): TargetMemory {
  return {
    state: decision.state,
    sinceWallMs: wallMs - decision.changedAgoMs,
    changedAgoMs: decision.changedAgoMs,
    flaps: decision.flaps,
    ...(decision.recoveringForMs === undefined ? {} : { recoveringForMs: decision.recoveringForMs }),
  };
}

function sameQuorum(a: QuorumConfig, b: QuorumConfig): boolean {
  return (
    a.staleAfterMs === b.staleAfterMs &&
    a.minFailureDomains === b.minFailureDomains &&
    a.holdMs === b.holdMs &&
    a.maxHoldMs === b.maxHoldMs &&
    a.flapWindowMs === b.flapWindowMs
  );
}
