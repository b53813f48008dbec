import { describe, expect, it } from 'vitest';
import { sumOf } from './backends.ts';
import {
  type AnswerSample,
  createObservations,
  growth,
  type Observations,
  type RequestSample,
} from './observations.ts';
import { unconvergedBecause } from './outcome.ts';
import { drillReport, withEvent } from './report.ts';

const faulted = new Set(['192.0.2.1']);
const sample = (server: string, answer: string, extra: Partial<AnswerSample> = {}): AnswerSample => ({
  server,
  hostname: 'w.example.',
  country: 'DE',
  answers: [answer],
  ttlSeconds: 5,
  ...extra,
});
const share = (percent: number, country = 'DE') => [{ hostname: 'w.example.', country, percent }];
/** Decided out, with no share from then on. */
function leftAt(seen: Observations, atMs: number): void {
  seen.share(atMs, share(0), true);
}
const counted = (requests: number, errors = 0): RequestSample => ({ endpoint: 'a', requests, errors });

describe("a drill's report", () => {
  it('converges with the last name server that still used the cluster, not with the first that left it', () => {
    const seen = createObservations(faulted);
    seen.beginFault(1000);
    leftAt(seen, 1000);
    seen.add(1000, [sample('hub', '192.0.2.1'), sample('paris', '192.0.2.1')], []);
    seen.add(1250, [sample('hub', '192.0.2.2'), sample('paris', '192.0.2.1')], []);
    expect(seen.convergedMs).toBeUndefined();
    seen.add(1500, [sample('hub', '192.0.2.2'), sample('paris', '192.0.2.2')], []);
    expect(seen.convergedMs).toBe(500);
    // An answer that used it once more starts anew.
    seen.add(1750, [sample('paris', '192.0.2.1'), sample('hub', '192.0.2.2')], []);
    expect(seen.convergedMs).toBeUndefined();
    seen.add(2000, [sample('hub', '192.0.2.2')], []);
    expect(seen.convergedMs).toBe(1000);
  });

  it('has not converged while nobody answers', () => {
    const seen = createObservations(faulted);
    seen.share(0, share(100), false);
    seen.beginFault(0);
    leftAt(seen, 0);
    seen.add(0, [sample('hub', '', { answers: [], error: 'silent' })], []);
    expect(seen.convergedMs).toBeUndefined();
  });

  it('has not converged while a name server that had answered is silent', () => {
    const seen = createObservations(faulted);
    seen.add(0, [sample('hub', '192.0.2.1'), sample('paris', '192.0.2.1')], []);
    seen.beginFault(1000);
    leftAt(seen, 1000);
    seen.add(1000, [sample('hub', '192.0.2.2'), sample('paris', '', { answers: [], error: 'late' })], []);
    expect(seen.convergedMs).toBeUndefined();
    seen.add(1250, [sample('hub', '192.0.2.2'), sample('paris', '192.0.2.2')], []);
    expect(seen.convergedMs).toBe(250);
  });

  /* Rounds 250 ms apart from the fault on: the share at the hub, whether it was decided, and what was drawn. */
  it.each([
    {
      of: 'a member of 10 % that is not drawn',
      rounds: [
        [10, false, 2],
        [10, false, 2],
      ],
      converged: undefined,
    },
    {
      of: 'no share before anything is decided',
      rounds: [
        [0, false, 2],
        [0, false, 2],
      ],
      converged: undefined,
    },
    {
      of: 'a ramp that goes on while it is not drawn',
      rounds: [
        [50, true, 1],
        [3, true, 2],
        [1, true, 2],
      ],
      converged: undefined,
    },
    {
      of: 'a ramp that ends',
      rounds: [
        [50, true, 2],
        [3, true, 2],
        [0, true, 2],
        [0, true, 2],
      ],
      converged: 500,
    },
    {
      of: 'a late name server after the share is gone',
      rounds: [
        [0, true, 1],
        [0, true, 2],
      ],
      converged: 250,
    },
    {
      of: 'a share that came back and went',
      rounds: [
        [0, true, 2],
        [5, true, 2],
        [0, true, 2],
      ],
      converged: 500,
    },
    {
      of: 'a share that came back',
      rounds: [
        [0, true, 2],
        [0, true, 2],
        [5, true, 2],
      ],
      converged: undefined,
    },
  ] satisfies readonly {
    readonly of: string;
    readonly rounds: readonly (readonly [number, boolean, number])[];
    readonly converged: number | undefined;
  }[])('proves convergence by the share, not by luck: $of', ({ rounds, converged }) => {
    const seen = createObservations(faulted);
    seen.share(0, share(10), false);
    seen.add(0, [sample('hub', '192.0.2.2')], []);
    seen.beginFault(1000);
    rounds.forEach(([percent, decided, drawn], i) => {
      seen.share(1000 + i * 250, share(percent), decided);
      seen.add(1000 + i * 250, [sample('hub', `192.0.2.${drawn}`)], []);
    });
    expect(seen.convergedMs).toBe(converged);
    const [country] = drillReport({ observations: seen, outcome: '' }).countries;
    expect(country).toMatchObject({ affected: true });
    expect(country?.convergedMs).toBe(converged);
  });

  it('has not converged as a whole while one of the countries has not', () => {
    const seen = createObservations(faulted);
    seen.beginFault(0);
    seen.share(0, [...share(0), ...share(20, 'FR')], true);
    seen.add(0, [sample('hub', '192.0.2.1'), sample('hub', '192.0.2.2', { country: 'FR' })], []);
    seen.add(250, [sample('hub', '192.0.2.2'), sample('hub', '192.0.2.2', { country: 'FR' })], []);
    const report = drillReport({ observations: seen, outcome: '' });
    expect(report).not.toHaveProperty('convergeMs');
    expect(report.countries.map((c) => [c.country, c.convergedMs])).toEqual([
      ['DE', 250],
      ['FR', undefined],
    ]);
  });

  it.each([
    ['before alone', '192.0.2.1', '192.0.2.2', true],
    ['during alone', '192.0.2.2', '192.0.2.1', true],
    ['before and during', '192.0.2.1', '192.0.2.1', true],
    ['never', '192.0.2.2', '192.0.2.3', false],
  ])('calls a country affected when the cluster answers there: %s', (_when, before, during, expected) => {
    const seen = createObservations(faulted);
    seen.add(0, [sample('hub', before)], []);
    seen.beginFault(1);
    seen.add(1, [sample('hub', during)], []);
    expect(drillReport({ observations: seen, outcome: '' }).countries[0]?.affected).toBe(expected);
  });

  it.each([
    [{ converged: true }, undefined],
    [{ before: share(0) }, 'default/de had no share of the answers that were followed'],
    [{ decided: false }, 'nobody had decided yet that default/de is out when it was rolled back'],
    [{ rampSeconds: 600 }, 'the ramp of 600 s had taken 2 % when it was rolled back'],
    [{}, 'default/de still had 49.5 % of the answers for w.example in DE when it was rolled back'],
    [{ shares: share(0) }, 'not every name server was seen to have left default/de when it was rolled back'],
  ])('says why there is no convergence: %j', (difference, text) => {
    const state = {
      cluster: 'default/de',
      action: 'drain',
      decided: true,
      converged: false,
      heldMs: 12_010,
      rampSeconds: 0,
      before: share(50),
      shares: share(49.495),
    } as const;
    expect(unconvergedBecause({ ...state, ...difference })).toBe(text);
  });

  it('tells before, during and after per country, the stale tail and the requests', () => {
    const seen = createObservations(faulted);
    seen.add(500, [sample('hub', '192.0.2.1', { ttlSeconds: 30 })], [counted(10)]);
    seen.beginFault(1000);
    seen.add(1100, [sample('hub', '192.0.2.1', { ttlSeconds: 20 })], [counted(20)]);
    leftAt(seen, 1300);
    seen.add(1400, [sample('hub', '192.0.2.2')], []);
    seen.add(1900, [sample('hub', '192.0.2.2')], [counted(25, 1)]);
    expect(seen.faultTotals).toEqual({ requests: 5, errors: 1 });
    seen.beginRollback();
    seen.add(2500, [sample('hub', '192.0.2.2')], [counted(25, 1)]);
    seen.add(6000, [sample('hub', '192.0.2.1', { ttlSeconds: 99 })], [counted(45, 1)]);
    const report = drillReport({
      observations: seen,
      detectMs: 100,
      decideMs: 300,
      publishMs: 300,
      recoverMs: 3000,
      outcome: 'done',
    });
    expect(report.countries).toEqual([
      {
        country: 'DE',
        hostname: 'w.example.',
        before: ['192.0.2.1'],
        during: ['192.0.2.2'],
        after: ['192.0.2.1'],
        affected: true,
        convergedMs: 400,
      },
    ]);
    expect(report).toMatchObject({
      detectMs: 100,
      decideMs: 300,
      convergeMs: 400,
      staleTailMs: 30_000,
      recoverMs: 3000,
    });
    expect(report.requests).toEqual([{ endpoint: 'a', before: 10, during: 5, after: 20, errors: 1 }]);
  });

  it('says nothing of convergence for a country that never used the cluster', () => {
    const seen = createObservations(faulted);
    seen.add(0, [sample('hub', '192.0.2.9')], []);
    seen.beginFault(1);
    seen.add(100, [sample('hub', '192.0.2.9')], []);
    const report = drillReport({ observations: seen, outcome: '' });
    expect(report.countries[0]).toMatchObject({ affected: false });
    expect(report.countries[0]).not.toHaveProperty('convergedMs');
    expect(report).not.toHaveProperty('convergeMs');
    expect(report).not.toHaveProperty('staleTailMs');
  });

  it('counts from zero after a counter was reset', () => {
    expect(growth(counted(110), counted(5)).requests).toBe(5);
    expect(growth(counted(100), counted(110)).requests).toBe(10);
  });

  it('judges the last 30 seconds beside the whole, so that a quiet day hides no burst of errors', () => {
    const seen = createObservations(faulted);
    seen.beginFault(0);
    let at = 0;
    let requests = 0;
    for (; at < 600_000; at += 250) {
      requests += 10;
      seen.add(at, [], [counted(requests)]);
    }
    seen.add(at, [], [counted(requests + 500, 500)]);
    expect(seen.faultTotals.errors / seen.faultTotals.requests).toBeLessThan(0.05);
    expect(seen.recentTotals.errors / seen.recentTotals.requests).toBeGreaterThan(0.2);
  });

  it('takes no more memory for a day than for a minute', () => {
    const sizeAfter = (rounds: number): number => {
      const seen = createObservations(faulted);
      seen.beginFault(0);
      leftAt(seen, 0);
      for (let i = 0; i < rounds; i += 1)
        seen.add(i * 250, [sample('hub', `192.0.2.${2 + (i % 3)}`)], [counted(i)]);
      seen.beginRollback();
      for (let i = 0; i < rounds; i += 1) seen.add((rounds + i) * 250, [sample('hub', '192.0.2.1')], []);
      return JSON.stringify([seen.countries, seen.requests]).length;
    };
    expect(sizeAfter(20_000)).toBeLessThan(sizeAfter(240) + 20);
  });

  it('keeps the end of a timeline that is too long', () => {
    const event = (message: string) => ({ at: '', kind: 'note' as const, message });
    const long = Array.from({ length: 300 }, (_, i) => event(String(i))).reduce(
      (timeline, e) => withEvent(timeline, e),
      [] as ReturnType<typeof withEvent>,
    );
    expect(long).toHaveLength(200);
    expect(long.at(-1)?.message).toBe('299');
  });
});

describe('request counters in Prometheus text', () => {
  it('adds up label sets, ignores longer names, comments and timestamps', () => {
    const text =
      '# TYPE http_requests_total counter\nhttp_requests_total{code="200",path="/a b"} 3\nhttp_requests_total{code="500"} 2 1700000000000\nhttp_requests_total_created 99\n';
    expect(sumOf(text, 'http_requests_total')).toBe(5);
    expect(sumOf(text, 'http_requests')).toBeUndefined();
    expect(sumOf('up 1\n', 'up')).toBe(1);
  });
});
