import { describe, expect, it } from 'vitest';
import { judge } from './quorum.ts';
import { staleAfterFor, tally } from './tally.ts';
import { DEFAULT_QUORUM, type ReceivedVote } from './types.ts';

const NOW = 1_000_000;

/** "a:up" is a fresh vote of domain a; marks: `~` stale, `!` stale for long, `/` cut off, `*` just reconnected. Several of one domain are several vantage points. */
function votes(text: string): ReceivedVote[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word, index) => {
      const mark = word.at(-1);
      const [failureDomain = '', said = ''] = word.replace(/[~!/*]$/, '').split(':');
      const verdict = said === 'up' ? 'up' : said === 'down' ? 'down' : 'none';
      return {
        vote: {
          vantage: `agent/${index}`,
          failureDomain,
          targetId: 't',
          verdict,
          sequence: 1,
          ageMs: 200,
          sinceMs: 0,
          detail: verdict === 'down' ? 'timeout' : '12 ms',
        },
        receivedAtMs: mark === '~' ? NOW - 2_801 : mark === '!' ? NOW - 5_801 : NOW - 100,
        vantageConnected: mark !== '/',
        connectedSinceMs: mark === '*' ? NOW - 3_299 : NOW - 3_300,
      };
    });
}

describe('the quorum', () => {
  it.each([
    // votes, verdict
    ['', 'blind'],
    ['a:none b:none', 'blind'],
    ['a:up', 'single'],
    ['a:down', 'single'],
    ['a:up b:up', 'up'],
    ['a:down b:down', 'down'],
    ['a:up b:down', 'undecided'],
    ['a:up b:up c:down', 'up'],
    ['a:up b:down c:down', 'down'],
    ['a:up b:up c:down d:down', 'undecided'],
    ['a:up b:up c:down d:down e:down', 'down'],
    ['a:up b:up c:up d:down e:down', 'up'],
    // one vote per failure domain
    ['a:down a:down a:down', 'single'],
    ['a:down a:down a:down b:up', 'undecided'],
    ['a:down a:down b:up c:up', 'up'],
    ['a:down a:down a:up b:down', 'down'],
    ['a:down a:up b:down', 'single'],
    ['a:down a:up', 'blind'],
    // who abstains
    ['a:down b:down~', 'single'],
    ['a:down b:down/', 'single'],
    ['a:down~ b:down~ c:down~', 'blind'],
    ['a:down/ b:down/ c:up d:up', 'up'],
    ['a:down b:none c:none d:none', 'single'],
    // an UP that fell silent a moment ago weighs against DOWN, and for nothing else
    ['a:down b:down c:up~', 'down'],
    ['a:down b:down c:up~ d:up~', 'undecided'],
    ['a:down b:down c:up~ d:up/', 'undecided'],
    ['a:down b:down c:up~ c:up~', 'down'],
    ['a:down b:down a:up~ b:up~', 'down'],
    ['a:down b:down c:up~ d:up!', 'down'],
    ['a:up b:up~', 'single'],
    ['a:up~ b:up~', 'blind'],
    ['a:up b:down c:up~', 'undecided'],
    // what was seen while cut off
    ['a:down* b:down', 'single'],
    ['a:down* b:down* c:down*', 'blind'],
    ['a:up* b:up*', 'up'],
  ] as const)('%j is %s', (text, verdict) => {
    expect(judge(votes(text), NOW, DEFAULT_QUORUM).verdict).toBe(verdict);
  });

  it('I16 asks for two failure domains even if the configuration says one', () => {
    const config = { ...DEFAULT_QUORUM, minFailureDomains: 1 };
    expect(tally(votes('a:down'), NOW, config).verdict).toBe('single');
  });

  it('asks for more when the configuration says more', () => {
    const config = { ...DEFAULT_QUORUM, minFailureDomains: 3 };
    expect(tally(votes('a:down b:down'), NOW, config).verdict).toBe('undecided');
    expect(tally(votes('a:down b:down c:down'), NOW, config).verdict).toBe('down');
  });

  it('counts the age of the probe and the time since receipt', () => {
    const [vote] = votes('a:up');
    if (vote === undefined) throw new Error('no vote');
    const at = (ageMs: number, sinceReceiptMs: number) =>
      tally(
        [{ ...vote, vote: { ...vote.vote, ageMs }, receivedAtMs: NOW - sinceReceiptMs }],
        NOW,
        DEFAULT_QUORUM,
      ).verdict;
    expect(at(1_500, 1_500)).toBe('single');
    expect(at(1_501, 1_500)).toBe('blind');
    expect(at(0, -1)).toBe('blind');
    expect(at(Number.NaN, 0)).toBe('blind');
  });

  it('lets only the newest vote of a vantage point stand', () => {
    const [old, other] = votes('a:down b:down');
    if (old === undefined || other === undefined) throw new Error('no votes');
    const newer: ReceivedVote = { ...old, vote: { ...old.vote, verdict: 'up', sequence: 2 } };
    expect(tally([old, newer, other], NOW, DEFAULT_QUORUM).verdict).toBe('undecided');
    expect(tally([newer, other, old], NOW, DEFAULT_QUORUM).verdict).toBe('undecided');
  });

  it('gives a slow check two intervals and a timeout before its votes are stale', () => {
    expect(staleAfterFor({ intervalSeconds: 1, timeoutMs: 700 }, DEFAULT_QUORUM)).toBe(3_000);
    expect(staleAfterFor({ intervalSeconds: 30, timeoutMs: 5_000 }, DEFAULT_QUORUM)).toBe(65_000);
  });
});

describe('the explanation', () => {
  it('names who says down, three at most', () => {
    expect(judge(votes('hub:down paris:down b:up'), NOW, DEFAULT_QUORUM).reason).toBe(
      'down: 2 of 3 failure domains say so (hub: timeout; paris: timeout)',
    );
    expect(judge(votes('a:down b:down c:down d:down e:up'), NOW, DEFAULT_QUORUM).reason).toBe(
      'down: 4 of 5 failure domains say so (a: timeout; b: timeout; c: timeout; …)',
    );
  });

  it('says why a vote did not count', () => {
    const { lines } = judge(votes('a:down~ b:down/ c:none d:up e:down*'), NOW, DEFAULT_QUORUM);
    expect(lines.map((line) => [line.counted, line.detail])).toEqual([
      [false, 'stale; timeout'],
      [false, 'the vantage point is cut off; timeout'],
      [false, 'not enough probes yet; 12 ms'],
      [true, '12 ms'],
      [false, 'the vantage point was cut off until a moment ago; timeout'],
    ]);
  });

  it('lets no control character of an agent through, and bounds its length', () => {
    const [vote] = votes('a:down');
    if (vote === undefined) throw new Error('no vote');
    const hostile = { ...vote, vote: { ...vote.vote, detail: `\u001b[2J\n${'x'.repeat(5_000)}` } };
    const { lines, reason } = judge([hostile], NOW, DEFAULT_QUORUM);
    expect(reason).not.toMatch(/\p{Cc}/u);
    expect(lines[0]?.detail.length).toBeLessThanOrEqual(160);
  });

  it('marks a vote that a drill made', () => {
    const drilled = votes('a:down b:down').map((v) => ({ ...v, vote: { ...v.vote, injected: true } }));
    expect(judge(drilled, NOW, DEFAULT_QUORUM).reason).toContain('(a: timeout (drill); b: timeout (drill))');
  });
});
