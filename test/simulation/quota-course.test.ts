import { describe, expect, it } from 'vitest';
import { type Course, portolan, run } from './quota-course.ts';

const COURSE: Course = {
  agents: 10,
  algorithm: 'fixed-window',
  limit: 1_000,
  windowMs: 10_000,
  shifting: false,
  partition: false,
  lengthMs: 60_000,
  waits: true,
};

describe('demand of twice the limit over agents whose links take 5 to 150 ms', () => {
  it.each<[string, Partial<Course>]>([
    ['fixed windows', {}],
    ['sliding windows', { algorithm: 'sliding-window' }],
    ['token buckets', { algorithm: 'token-bucket' }],
    ['three agents', { agents: 3 }],
    ['windows of a minute', { windowMs: 60_000, limit: 2_000, lengthMs: 240_000 }],
    [
      'ten a minute for a hundred agents, where hits wait',
      { agents: 100, windowMs: 60_000, limit: 10, lengthMs: 240_000 },
    ],
  ])(
    'I20 I21 gets at least 0.97 of what one limiter in the middle would admit, and never more than the limit: %s',
    (_, change) => {
      const { used, worst } = run({ ...COURSE, ...change }, portolan);
      expect(worst).toBeLessThanOrEqual(1);
      expect(used).toBeGreaterThanOrEqual(0.97);
    },
  );

  it('follows demand that moves to other agents', () => {
    const { used, worst } = run({ ...COURSE, shifting: true }, portolan);
    expect(worst).toBeLessThanOrEqual(1);
    expect(used).toBeGreaterThan(0.95);
  });

  it('I20 admits no more with its busiest agent cut off for ten seconds, and most of it even then', () => {
    const { used, worst } = run({ ...COURSE, partition: true }, portolan);
    expect(worst).toBeLessThanOrEqual(1);
    expect(used).toBeGreaterThan(0.85);
  });
});
