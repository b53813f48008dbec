import { ageOf, isSuperseded, type Standing, standingOf, type Tally } from './tally.ts';
import type { QuorumConfig, ReceivedVote, TargetMemory, VoteLine } from './types.ts';

/** Domains named in a sentence; the lines have all of them. */
const NAMED_DOMAINS = 3;
/** Details come over the network from agents: bounded before they reach a terminal or a log. */
const DETAIL_CHARACTERS = 160;

/** Why a vote did not count, as people read it. */
const ABSTENTION: Readonly<Record<Exclude<Standing, 'counted'>, string>> = {
  stale: 'stale',
  'cut-off': 'the vantage point is cut off',
  settling: 'the vantage point was cut off until a moment ago',
  none: 'not enough probes yet',
  superseded: 'a newer vote of this vantage point stands',
};

/** One line for each vote, in the order of the vantage points' names. */
export function explainVotes(
  votes: readonly ReceivedVote[],
  nowMs: number,
  config: QuorumConfig,
): readonly VoteLine[] {
  return votes
    .map((received, index): VoteLine => {
      const standing = isSuperseded(votes, index) ? 'superseded' : standingOf(received, nowMs, config);
      const detail = printable(received.vote.detail);
      return {
        vantage: received.vote.vantage,
        failureDomain: received.vote.failureDomain,
        verdict: received.vote.verdict,
        counted: standing === 'counted',
        ageMs: ageOf(received, nowMs),
        detail: standing === 'counted' ? detail : joinDetail(ABSTENTION[standing], detail),
        injected: received.vote.injected === true,
      };
    })
    .sort((a, b) => compare(a.vantage, b.vantage) || a.ageMs - b.ageMs);
}

/** The sentence of a count: the verdict first, then who says so. */
export function verdictReason(tally: Tally, lines: readonly VoteLine[]): string {
  return `${tally.verdict}: ${evidence(tally, lines)}`;
}

/** The sentence of a decided state: the state first, then what it rests on. */
export function stateReason(
  memory: TargetMemory,
  tally: Tally,
  lines: readonly VoteLine[],
  holdMs: number,
): string {
  const basis = evidence(tally, lines);
  if (memory.state === tally.verdict) return `${memory.state}: ${basis}`;
  if (memory.state === 'unknown') return `unknown: ${basis}`;
  if (memory.state === 'down' && tally.verdict === 'up') {
    const times = memory.flaps === 1 ? 'once' : `${memory.flaps} times`;
    return `down: recovering (${ofDomains(tally.upDomains, tally)} say up); withdrawn ${times} lately, so admitted again after ${seconds(holdMs)} of that`;
  }
  return `${memory.state}: last state kept, ${basis}`;
}

function evidence(tally: Tally, lines: readonly VoteLine[]): string {
  const because = (verdict: 'up' | 'down') => named(lines, verdict);
  switch (tally.verdict) {
    case 'down':
      return `${ofDomains(tally.downDomains, tally)} say so${because('down')}`;
    case 'up': {
      const against = tally.downDomains === 0 ? '' : `, ${tally.downDomains} against${because('down')}`;
      return `${ofDomains(tally.upDomains, tally)} say so${against}`;
    }
    case 'undecided': {
      const silent =
        tally.lingeringDomains === 0 ? '' : `, ${tally.lingeringDomains} silent but up a moment ago`;
      return `failure domains disagree: ${tally.upDomains} up, ${tally.downDomains} down${because('down')}${silent}`;
    }
    case 'single':
      return `only one failure domain has a fresh vote${because(tally.upDomains === 1 ? 'up' : 'down')}`;
    case 'blind':
      return lines.length === 0
        ? 'no vantage point has voted'
        : `none of ${lines.length} vantage ${lines.length === 1 ? 'point' : 'points'} has a fresh vote`;
  }
}

/** " (hub: connection refused; paris: timeout; …)", one entry for each domain. */
function named(lines: readonly VoteLine[], verdict: 'up' | 'down'): string {
  const details = new Map<string, string>();
  for (const line of lines) {
    if (!line.counted || line.verdict !== verdict || details.has(line.failureDomain)) continue;
    const drill = line.injected ? ' (drill)' : '';
    details.set(line.failureDomain, `${line.failureDomain}: ${line.detail || verdict}${drill}`);
  }
  if (details.size === 0) return '';
  const shown = [...details.values()].slice(0, NAMED_DOMAINS);
  if (details.size > NAMED_DOMAINS) shown.push('…');
  return ` (${shown.join('; ')})`;
}

function ofDomains(some: number, tally: Tally): string {
  return `${some} of ${tally.upDomains + tally.downDomains} failure domains`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

function joinDetail(why: string, detail: string): string {
  return detail === '' ? why : `${why}; ${detail}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function printable(text: string): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').trim();
  return clean.length <= DETAIL_CHARACTERS ? clean : `${clean.slice(0, DETAIL_CHARACTERS - 1)}…`;
}
