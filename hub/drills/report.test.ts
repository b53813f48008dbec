import { describe, expect, it } from 'vitest';
import { sumOf } from './backends.ts';
import { type AnswerSample, createObservations, growth, type RequestSample } from './observations.ts';
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
const counted = (requests: number, errors = 0): RequestSample => ({ endpoint: 'a', requests, errors });

describe("a drill's report", () => {
  it('converges with the last name server that still used the cluster, not with the first that left it', () => {
    const seen = createObservations(faulted);
    seen.beginFault(1000);
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
    seen.beginFault(0);
    seen.add(0, [sample('hub', '', { answers: [], error: 'silent' })], []);
    expect(seen.convergedMs).toBeUndefined();
  });

  it('tells before, during and after per country, the stale tail and the requests', () => {
    const seen = createObservations(faulted);
    seen.add(500, [sample('hub', '192.0.2.1', { ttlSeconds: 30 })], [counted(10)]);
    seen.beginFault(1000);
    seen.add(1100, [sample('hub', '192.0.2.1', { ttlSeconds: 20 })], [counted(20)]);
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
