import type { CheckSpec } from '../resources/health-check.ts';
import type { QuorumConfig, ReceivedVote } from './types.ts';

/**
 * What the votes of one target add up to.
 *
 * | fresh domains | DOWN against UP                      | verdict     |
 * |---------------|--------------------------------------|-------------|
 * | 0             |                                      | `blind`     |
 * | 1             |                                      | `single`    |
 * | 2 or more     | DOWN ≥ quorum, DOWN > UP + lingering | `down`      |
 * | 2 or more     | UP > DOWN                            | `up`        |
 * | 2 or more     | anything else                        | `undecided` |
 *
 * "Quorum" is `minFailureDomains`; a majority of two domains is two, so less than 2 means 2. "Lingering" are domains that
 * said UP and fell silent less than one more staleness period ago. When a decider is being cut off, the votes of the others go
 * stale one by one in any order, and its own probes begin to fail before it knows why: without them, silence would make a DOWN
 * out of a minority (I16).
 */
export type Verdict = 'up' | 'down' | 'undecided' | 'single' | 'blind';

/** The count behind a verdict. Domains, not vantage points: a domain has one vote. */
export interface Tally {
  readonly verdict: Verdict;
  readonly upDomains: number;
  readonly downDomains: number;
  /** Domains without a fresh vote that said UP a moment ago. They only weigh against DOWN. */
  readonly lingeringDomains: number;
  /** At least one fresh vote says DOWN, even if its domain was outvoted or tied, or it does not count yet. */
  readonly doubt: boolean;
}

/** Whether a vote takes part, and if not, why. */
export type Standing = 'counted' | 'stale' | 'cut-off' | 'settling' | 'none' | 'superseded';

/**
 * How old a vote of this check may be. With the default interval of 1 s that is `staleAfterMs`; a check that runs every 10 s
 * would abstain most of the time by that measure, so it may miss one probe: two intervals and a timeout.
 */
export function staleAfterFor(
  check: Pick<CheckSpec, 'intervalSeconds' | 'timeoutMs'>,
  config: QuorumConfig,
): number {
  return Math.max(config.staleAfterMs, 2 * check.intervalSeconds * 1000 + check.timeoutMs);
}

/**
 * Milliseconds since the probe behind a vote. A vote from the future means that the receiver's clock was set back: nothing is
 * known of its age, so it is as old as can be.
 */
export function ageOf(received: ReceivedVote, nowMs: number): number {
  const sinceReceiptMs = nowMs - received.receivedAtMs;
  return sinceReceiptMs >= 0 ? received.vote.ageMs + sinceReceiptMs : Number.MAX_SAFE_INTEGER;
}

/**
 * A vote that is stale, from a vantage point that is cut off, or `none`, abstains. Silence is no vote at all.
 *
 * So does a DOWN whose last probe ran less than a staleness period after the vantage point was connected again (`settling`):
 * it is made of probes that could not get out. When a partition heals, such votes of two sites could else meet before those
 * of the others arrive.
 */
export function standingOf(
  received: ReceivedVote,
  nowMs: number,
  config: QuorumConfig,
): Exclude<Standing, 'superseded'> {
  if (received.vote.verdict === 'none') return 'none';
  // Written so that NaN abstains too.
  if (!(ageOf(received, nowMs) <= config.staleAfterMs)) return 'stale';
  if (!received.vantageConnected) return 'cut-off';
  const probedAtMs = received.receivedAtMs - received.vote.ageMs;
  const isSettled = probedAtMs - received.connectedSinceMs >= config.staleAfterMs;
  if (received.vote.verdict === 'down' && !isSettled) return 'settling';
  return 'counted';
}

/**
 * Counts the votes of one target. Each failure domain has one vote: what most of its vantage points say; on a tie it
 * abstains. If a vantage point occurs twice, only its newest vote stands. The order of `votes` does not matter.
 */
export function tally(votes: readonly ReceivedVote[], nowMs: number, config: QuorumConfig): Tally {
  const domains: string[] = [];
  const balances: number[] = [];
  let lingering: string[] | undefined;
  let doubt = false;
  for (let index = 0; index < votes.length; index += 1) {
    const received = votes[index];
    if (received === undefined || isSuperseded(votes, index)) continue;
    const { verdict, failureDomain } = received.vote;
    const standing = standingOf(received, nowMs, config);
    if (verdict === 'down' && (standing === 'counted' || standing === 'settling')) doubt = true;
    if (isLingering(received, standing, nowMs, config)) lingering = [...(lingering ?? []), failureDomain];
    if (standing !== 'counted') continue;
    const step = verdict === 'up' ? 1 : -1;
    const known = domains.indexOf(failureDomain);
    if (known === -1) {
      domains.push(failureDomain);
      balances.push(step);
    } else {
      balances[known] = (balances[known] ?? 0) + step;
    }
  }
  let upDomains = 0;
  let downDomains = 0;
  for (const balance of balances) {
    if (balance > 0) upDomains += 1;
    else if (balance < 0) downDomains += 1;
  }
  const lingeringDomains =
    lingering === undefined ? 0 : new Set(lingering.filter((name) => !domains.includes(name))).size;
  const verdict = verdictOf(upDomains, downDomains, lingeringDomains, config);
  return { verdict, upDomains, downDomains, lingeringDomains, doubt };
}

/** Too old to count, too young for its silence to tip the scales. */
function isLingering(
  received: ReceivedVote,
  standing: Standing,
  nowMs: number,
  config: QuorumConfig,
): boolean {
  if (received.vote.verdict !== 'up' || (standing !== 'stale' && standing !== 'cut-off')) return false;
  return ageOf(received, nowMs) <= 2 * config.staleAfterMs;
}

/** True when another vote of the same vantage point is newer: received later, or with a higher sequence. */
export function isSuperseded(votes: readonly ReceivedVote[], index: number): boolean {
  const mine = votes[index];
  if (mine === undefined) return true;
  for (let other = 0; other < votes.length; other += 1) {
    const rival = votes[other];
    if (other === index || rival === undefined || rival.vote.vantage !== mine.vote.vantage) continue;
    const newer = rival.vote.sequence - mine.vote.sequence || rival.receivedAtMs - mine.receivedAtMs;
    // Equal twins that disagree: the one that keeps a target in service stands, in whatever order they lie.
    const tie = rank(rival) - rank(mine) || index - other;
    if (newer > 0 || (newer === 0 && tie > 0)) return true;
  }
  return false;
}

function rank(received: ReceivedVote): number {
  return received.vote.verdict === 'up' ? 2 : received.vote.verdict === 'none' ? 1 : 0;
}

function verdictOf(up: number, down: number, lingering: number, config: QuorumConfig): Verdict {
  const fresh = up + down;
  if (fresh === 0) return 'blind';
  if (fresh === 1) return 'single';
  // A majority of two or more is two or more: the configuration can ask for more than two domains, never for less (I16).
  if (down >= config.minFailureDomains && down > up + lingering) return 'down';
  return up > down ? 'up' : 'undecided';
}
