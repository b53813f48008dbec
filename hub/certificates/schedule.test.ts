import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCertificateSchedule } from './schedule.ts';

describe('the schedule', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 10, 22, 6, 0, 30) });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('looks every minute, goes on after a look that fails, and stops', async () => {
    let looks = 0;
    const warned: string[] = [];
    const schedule = createCertificateSchedule({
      pass() {
        looks += 1;
        if (looks === 1) throw new Error('once');
      },
      log: { warn: (_, message) => warned.push(message) },
    });
    schedule.start();
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(looks).toBeGreaterThanOrEqual(4);
    expect(looks).toBeLessThanOrEqual(5);
    expect(warned).toEqual(['looking which certificates are due']);
    schedule.stop();
    const before = looks;
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(looks).toBe(before);
  });
});
