import { describe, expect, it } from 'vitest';
import { checkSpec } from './health-check.ts';

describe('a probe', () => {
  it.each([
    [1, 1000, true],
    [1, 1001, false],
    [10, 10_000, true],
    [10, 10_001, false],
    [1.5, 1500, true],
    [1.5, 1501, false],
    [0.2, 700, true],
    [0.2, 1000, true],
    [0.2, 1001, false],
    [0.5, 30_000, false],
  ])('every %s s may take %s ms: %s', (intervalSeconds, timeoutMs, allowed) => {
    const result = checkSpec.safeParse({ protocol: 'tcp', port: 1, intervalSeconds, timeoutMs });
    expect(result.error?.issues.map((issue) => issue.path) ?? []).toEqual(allowed ? [] : [['timeoutMs']]);
  });
});
