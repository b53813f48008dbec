import { describe, expect, it } from 'vitest';
import type { QuotaLimit, QuotaList } from '../../src/client/client.ts';
import { quotaLines } from './quota-text.ts';

const LIMIT: QuotaLimit = {
  limit: 'customers/per-customer/60s',
  algorithm: 'fixed-window',
  hits: 100,
  window: '60s',
  scope: 'shop',
  floorPercent: 10,
  keys: [],
};
const list = (...items: QuotaLimit[]): QuotaList => ({ at: '2026-06-01T12:00:40.000Z', items });

describe('limits as a table', () => {
  it('has a row for each key and one for each cluster that has some of it', () => {
    const lines = quotaLines(
      list({
        ...LIMIT,
        keys: [
          {
            key: 'acme',
            hits: 50,
            overriddenUntil: '2026-06-01T14:00:00.000Z',
            effectiveAt: '2026-06-01T12:01:00.000Z',
            windows: [
              {
                start: '2026-06-01T12:00:00.000Z',
                end: '2026-06-01T12:01:00.000Z',
                leased: 20,
                spent: 40,
                floors: 5,
                left: 0,
                clusters: [
                  {
                    cluster: 'shop/oslo',
                    leased: 5,
                    spent: 30,
                    floor: 4,
                    demandPerSecond: 2.345,
                    leaseAgeMs: 340,
                  },
                  { cluster: '', leased: 15, spent: 10, floor: 1, demandPerSecond: 0, leaseAgeMs: 61_000 },
                ],
              },
              {
                start: '2026-06-01T12:01:00.000Z',
                end: '2026-06-01T12:02:00.000Z',
                leased: 1,
                spent: 0,
                floors: 5,
                left: 44,
                clusters: [],
              },
            ],
          },
        ],
      }),
    );
    const cells = lines.slice(0, 4).map((line) => line.split(/ {3,}/));
    expect(cells).toEqual([
      'LIMIT|KEY|CLUSTER|HITS|SPENT|LEASED|FLOOR|LEFT|WANTED|LEASE AGE|ENDS IN'.split('|'),
      [LIMIT.limit, 'acme', 'all', '50', '40', '20', '5', '0', '2.35/s', '-', '20s'],
      [LIMIT.limit, 'acme', 'shop/oslo', '-', '30', '5', '4', '-', '2.35/s', '340 ms', '-'],
      [LIMIT.limit, 'acme', 'gone', '-', '10', '15', '1', '-', '-', '61.0 s', '-'],
    ]);
    expect(lines.slice(4)).toEqual([
      '',
      'acme of customers/per-customer/60s is set to 50 until 2026-06-01T14:00:00.000Z.',
      'More of acme of customers/per-customer/60s is out than 50: 50 holds for all from 2026-06-01T12:01:00.000Z on, at the latest.',
    ]);
  });

  it('says what is not in use, that nothing is limited, and that nothing is granted for a while', () => {
    expect(quotaLines(list(LIMIT))[1]?.split(/ {3,}/).slice(0, 4)).toEqual([
      LIMIT.limit,
      '-',
      'not in use',
      '100',
    ]);
    expect(quotaLines(list())).toEqual(['No limits: apply a RateLimitPolicy.']);
    const paused = quotaLines({ ...list(LIMIT), pausedUntil: '2026-06-01T12:00:49.000Z' });
    expect(paused.at(-1)).toContain('Nothing is granted before 2026-06-01T12:00:49.000Z');
  });
});
