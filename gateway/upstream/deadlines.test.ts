import { describe, expect, it } from 'vitest';
import { NO_SLOT } from '../slots.ts';
import { type Deadlined, Deadlines } from './deadlines.ts';

describe('deadlines', () => {
  it('have one timer, however many of them are set anew when they pass: for slow uploads and for other tries', () => {
    let nowMs = 0;
    const timers: (() => void)[] = [];
    const deadlines = new Deadlines(
      () => nowMs,
      (_delayMs, task) => {
        timers.push(task);
        return () => {};
      },
    );
    let passed = 0;
    const again = (everyMs: number): void => {
      const waiting: Deadlined = {
        deadlineMs: everyMs,
        deadlineSlot: NO_SLOT,
        deadlinePassed() {
          passed += 1;
          waiting.deadlineMs = nowMs + everyMs;
          waiting.deadlineSlot = deadlines.add(waiting);
        },
      };
      waiting.deadlineSlot = deadlines.add(waiting);
    };
    again(50);
    again(70);
    for (let tick = 1; tick <= 20; tick += 1) {
      nowMs = tick * 20;
      for (const task of timers.splice(0)) task();
      expect(timers).toHaveLength(1);
    }
    expect(passed).toBeGreaterThan(5);
  });
});
