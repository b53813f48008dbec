import { stateReason } from './explain.ts';
import type { Judgement } from './quorum.ts';
import type { Tally } from './tally.ts';
import { NO_PENDING_CHANGE_MS, type QuorumConfig, type TargetMemory, type TargetState } from './types.ts';

/** The time that passed at the decider. */
export interface DecisionClock {
  /** Monotonic milliseconds since the previous decision of this target; 0 for the first. */
  readonly elapsedMs: number;
  /** Wall clock, for `sinceWallMs` alone. */
  readonly wallMs: number;
}

/** What one step decides; `TargetState` is this with its explanation. */
export interface Decision {
  readonly memory: TargetMemory;
  readonly degraded: boolean;
  readonly earliestChangeMs: number;
}

/** A target nobody has decided yet. */
export function newMemory(wallMs: number): TargetMemory {
  return { state: 'unknown', sinceWallMs: wallMs, changedAgoMs: 0, flaps: 0 };
}

/**
 * The part of the elapsed time in which somebody watched. A clock set back gives none, and a gap (the machine slept, the
 * process was stopped) counts as one staleness period at most: nobody saw the target stay up in it.
 */
export function watchedMs(elapsedMs: number, config: QuorumConfig): number {
  return elapsedMs > 0 ? Math.min(elapsedMs, config.staleAfterMs) : 0;
}

/** The UP time asked of a target before it is admitted again: doubles per withdrawal, none if it was never admitted. */
export function holdFor(flaps: number, config: QuorumConfig): number {
  if (flaps <= 0) return 0;
  return Math.min(config.holdMs * 2 ** Math.min(flaps - 1, 30), Math.max(config.maxHoldMs, config.holdMs));
}

/**
 * One step of the decision.
 *
 * | state   | votes say            | becomes                                                                   |
 * |---------|----------------------|---------------------------------------------------------------------------|
 * | unknown | up, or a single up   | up at once (a lone hub has one failure domain: positive evidence is enough) |
 * | unknown | down                 | down, without a flap: it was never admitted                                |
 * | up      | down                 | down at once, always; one more flap                                        |
 * | down    | up, held long enough | up                                                                         |
 * | down    | up                   | down; the hold runs                                                        |
 * | down    | down, undecided      | down; the hold starts again                                                |
 * | down    | single, blind        | down; the hold stands still                                                |
 * | any     | anything else        | the same                                                                   |
 *
 * I15: between a withdrawal and the next admission lie at least `2 × holdMs`, whatever the votes do, so three changes in a
 * row never fall into one such span. A hold of 30 s alone would not do: down, up after 30 s, and down again a moment
 * later are three changes in half a minute, and the third must not be delayed.
 */
export function decide(
  memory: TargetMemory,
  tally: Tally,
  clock: DecisionClock,
  config: QuorumConfig,
): Decision {
  const degraded = tally.verdict === 'single' || tally.verdict === 'blind';
  const next = step(memory, tally, clock, config);
  return { memory: next, degraded, earliestChangeMs: earliestChange(next, tally, config) };
}

/** `decide`, explained. */
export function decideTarget(
  targetId: string,
  memory: TargetMemory,
  judgement: Judgement,
  clock: DecisionClock,
  config: QuorumConfig,
): { readonly state: TargetState; readonly memory: TargetMemory } {
  const decision = decide(memory, judgement, clock, config);
  return { state: describe(targetId, decision, judgement, config), memory: decision.memory };
}

/** The public state of a decision. */
export function describe(
  targetId: string,
  decision: Decision,
  judgement: Judgement,
  config: QuorumConfig,
): TargetState {
  return {
    targetId,
    state: decision.memory.state,
    degraded: decision.degraded,
    sinceWallMs: decision.memory.sinceWallMs,
    earliestChangeMs: decision.earliestChangeMs,
    reason: stateReason(decision.memory, judgement, judgement.lines, holdFor(decision.memory.flaps, config)),
    votes: judgement.lines,
  };
}

function step(memory: TargetMemory, tally: Tally, clock: DecisionClock, config: QuorumConfig): TargetMemory {
  const watched = watchedMs(clock.elapsedMs, config);
  const changedAgoMs = memory.changedAgoMs + watched;
  switch (memory.state) {
    case 'unknown': {
      const singleUp = tally.verdict === 'single' && tally.upDomains === 1;
      if (tally.verdict === 'up' || singleUp) return entered('up', memory.flaps, clock);
      if (tally.verdict === 'down') return entered('down', memory.flaps, clock);
      return { ...memory, changedAgoMs };
    }
    case 'up': {
      const flaps = changedAgoMs >= config.flapWindowMs ? 0 : memory.flaps;
      if (tally.verdict === 'down') return entered('down', flaps + 1, clock);
      return { state: 'up', sinceWallMs: memory.sinceWallMs, changedAgoMs, flaps };
    }
    case 'down': {
      const { sinceWallMs, flaps, recoveringForMs } = memory;
      const still = { state: 'down', sinceWallMs, changedAgoMs, flaps } as const;
      if (tally.verdict === 'up') {
        const recovered = {
          ...still,
          recoveringForMs: recoveringForMs === undefined ? 0 : recoveringForMs + watched,
        };
        return holdLeft(recovered, config) === 0 ? entered('up', flaps, clock) : recovered;
      }
      const missing = tally.verdict === 'single' || tally.verdict === 'blind';
      return missing && recoveringForMs !== undefined ? { ...still, recoveringForMs } : still;
    }
  }
}

function entered(state: 'up' | 'down', flaps: number, clock: DecisionClock): TargetMemory {
  return { state, sinceWallMs: clock.wallMs, changedAgoMs: 0, flaps };
}

/** Milliseconds until a target that is down may be admitted if the votes say UP from now on. */
function holdLeft(memory: TargetMemory, config: QuorumConfig): number {
  if (memory.flaps === 0) return 0;
  const holdMs = holdFor(memory.flaps, config) - (memory.recoveringForMs ?? 0);
  const leastOutMs = 2 * config.holdMs - memory.changedAgoMs;
  return Math.max(0, holdMs, leastOutMs);
}

function earliestChange(memory: TargetMemory, tally: Tally, config: QuorumConfig): number {
  switch (memory.state) {
    case 'unknown':
      return 0;
    case 'up':
      return tally.doubt || tally.verdict === 'blind' ? 0 : NO_PENDING_CHANGE_MS;
    case 'down':
      return holdLeft(memory, config);
  }
}
