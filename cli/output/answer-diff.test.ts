import { describe, expect, it } from 'vitest';
import { answerDiffLines } from './answer-diff.ts';

const share = (endpoint: string, percent: number) => ({ endpoint, cluster: `default/${endpoint}`, percent });
const change = (
  places: readonly string[],
  hostname: string,
  before: ReturnType<typeof share>[],
  after: ReturnType<typeof share>[],
) => ({
  hostname,
  namespace: 'default',
  places: [...places],
  before,
  after,
});
const compared = { hostnames: 2, places: 250 };

describe('a change of answers', () => {
  it('names places, hostname and the shares that move', () => {
    const lines = answerDiffLines({
      compared,
      changes: [
        change(['DE', 'FR'], 'www.shop.example.', [share('fra', 70), share('par', 30)], [share('fra', 100)]),
      ],
    });
    expect(lines).toEqual(['answers:', '  DE, FR  www.shop.example: fra 70 → 100 %, par 30 → 0 %']);
  });

  it('puts hostnames that change alike on one line', () => {
    const [before, after] = [[share('a', 100)], [share('b', 100)]];
    const lines = answerDiffLines({
      compared,
      changes: [change(['US'], 'one.', before, after), change(['US'], 'two.', before, after)],
    });
    expect(lines[1]).toBe('  US  one, two: b 0 → 100 %, a 100 → 0 %');
  });

  it('says when nobody is answered before or after', () => {
    const lines = answerDiffLines({
      compared,
      changes: [change(['US'], 'x.', [share('a', 100)], []), change(['US'], 'y.', [], [share('a', 100)])],
    });
    expect(lines.slice(1)).toEqual(['  US  x: a 100 % → no answer', '  US  y: no answer → a 100 %']);
  });

  it('says how much was compared when nothing changes', () => {
    expect(answerDiffLines({ compared, changes: [] })).toEqual([
      'answers: no change (2 hostnames in 250 places compared)',
    ]);
  });
});
