import { describe, expect, it } from 'vitest';
import { sumOf } from './backends.ts';
import { type AnswerSample, convergedAt, createSampleLog, drillReport, growth, withEvent } from './report.ts';

const faulted = new Set(['192.0.2.1']);
const sample = (
  atMs: number,
  server: string,
  answer: string,
  extra: Partial<AnswerSample> = {},
): AnswerSample => ({
  atMs,
  server,
  hostname: 'w.example.',
  country: 'DE',
  answers: [answer],
  ttlSeconds: 5,
  ...extra,
});

describe("a drill's report", () => {
  it('converges with the last name server that still used the cluster, not with the first that left it', () => {
    const samples = [
      sample(0, 'hub', '192.0.2.1'),
      sample(0, 'paris', '192.0.2.1'),
      sample(250, 'hub', '192.0.2.2'),
      sample(250, 'paris', '192.0.2.1'),
      sample(500, 'hub', '192.0.2.2'),
      sample(500, 'paris', '192.0.2.2'),
    ];
    expect(convergedAt(samples, faulted, 10_000)).toBe(500);
  });

  it('has not converged while the newest round still uses the cluster, or nobody answered', () => {
    expect(convergedAt([sample(0, 'hub', '192.0.2.1')], faulted, 10_000)).toBeUndefined();
    expect(
      convergedAt([sample(0, 'hub', '', { answers: [], error: 'silent' })], faulted, 10_000),
    ).toBeUndefined();
  });

  it('tells before, during and after per country, the stale tail and the requests', () => {
    const report = drillReport({
      answers: [
        sample(-500, 'hub', '192.0.2.1', { ttlSeconds: 30 }),
        sample(100, 'hub', '192.0.2.1', { ttlSeconds: 20 }),
        sample(400, 'hub', '192.0.2.2'),
        sample(900, 'hub', '192.0.2.2'),
        sample(1500, 'hub', '192.0.2.2'),
        sample(5000, 'hub', '192.0.2.1'),
        sample(5250, 'hub', '192.0.2.1'),
        sample(5500, 'hub', '192.0.2.1'),
      ],
      requests: [
        { atMs: -500, endpoint: 'a', requests: 10, errors: 0 },
        { atMs: 0, endpoint: 'a', requests: 20, errors: 0 },
        { atMs: 1000, endpoint: 'a', requests: 25, errors: 1 },
        { atMs: 5000, endpoint: 'a', requests: 45, errors: 1 },
      ],
      faulted,
      detectMs: 100,
      decideMs: 300,
      publishMs: 300,
      rollbackMs: 1000,
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
    const report = drillReport({
      answers: [sample(-1, 'hub', '192.0.2.9'), sample(100, 'hub', '192.0.2.9')],
      requests: [],
      faulted,
      rollbackMs: 1000,
      outcome: '',
    });
    expect(report.countries[0]).not.toHaveProperty('convergedMs');
    expect(report).not.toHaveProperty('convergeMs');
  });

  it('counts from zero after a counter was reset', () => {
    const at = (atMs: number, requests: number) => ({ atMs, endpoint: 'a', requests, errors: 0 });
    expect(growth([at(0, 100), at(1, 110), at(2, 5)]).requests).toBe(15);
  });

  it('dates samples relative to the fault, also those before it', () => {
    const log = createSampleLog();
    log.add(1000, [{ server: 's', hostname: 'h', country: 'DE', answers: [], ttlSeconds: 0 }], []);
    expect(log.answersSince(1500).map((s) => s.atMs)).toEqual([-500]);
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
