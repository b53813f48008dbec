import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLOCK_DRIFT } from './budget.ts';
import { type ClockReading, startHubClock } from './hub-clock.ts';

const NOON = Date.UTC(2026, 5, 1, 12);
const MINUTE = 60_000;

/** Clocks of a machine that was started an hour ago. */
function machine(bootId = 'boot-1') {
  const state = { wallMs: NOON, monotonicMs: 3_600_000, bootMs: 3_600_500 };
  return {
    state,
    pass(ms: number) {
      state.wallMs += ms;
      state.monotonicMs += ms;
      state.bootMs += ms;
    },
    suspend(ms: number) {
      state.wallMs += ms;
      state.bootMs += ms;
    },
    get now(): ClockReading {
      // As /proc/uptime has it: hundredths of a second.
      const ms = Math.floor(state.bootMs / 10) * 10;
      return { wallMs: state.wallMs, monotonicMs: state.monotonicMs, boot: { id: bootId, ms } };
    },
  };
}

describe('the clock that windows are counted by', () => {
  it('is the wall clock at the first start', () => {
    const { clock, goesOn } = startHubClock(undefined, machine().now);
    expect(goesOn).toBe(false);
    expect(clock.read(machine().now)).toBe(NOON);
  });

  it.each([10 * MINUTE, -10 * MINUTE])(
    'does not jump when the wall clock is stepped by %i ms, and comes nearer to it by less than half of the drift that agents allow for',
    (step) => {
      const here = machine();
      const { clock } = startHubClock(undefined, here.now);
      here.state.wallMs += step;
      expect(clock.read(here.now)).toBe(NOON);
      for (let passed = 0; passed < MINUTE; passed += 100) {
        const before = clock.read(here.now);
        here.pass(100);
        const went = clock.read(here.now) - before;
        expect(Math.abs(went - 100)).toBeLessThan((100 * CLOCK_DRIFT) / 2);
        expect(Math.sign(went - 100)).toBe(Math.sign(step));
      }
      here.pass(3 * 86_400_000);
      clock.read(here.now);
      expect(clock.offsetMs).toBeCloseTo(0, 6);
    },
  );

  it('goes on over a restart of the hub on the same machine, by what truly passed, not by the wall clock', () => {
    const here = machine();
    const mark = startHubClock(undefined, here.now).clock.mark(here.now);
    here.pass(5_000);
    here.state.wallMs -= 30 * MINUTE;
    const { clock, goesOn } = startHubClock(mark, here.now);
    expect(goesOn).toBe(true);
    expect(clock.read(here.now)).toBe(NOON + 5_000);
  });

  it('counts the time that the machine was suspended for, with the hub running and without', () => {
    const here = machine();
    const { clock } = startHubClock(undefined, here.now);
    here.suspend(MINUTE);
    expect(clock.read(here.now)).toBeCloseTo(NOON + MINUTE, -2);
    const mark = clock.mark(here.now);
    here.suspend(MINUTE);
    here.pass(1_000);
    const after = startHubClock(mark, here.now);
    expect(after.goesOn).toBe(true);
    expect(after.clock.read(here.now)).toBeCloseTo(NOON + 2 * MINUTE + 1_000, -2);
  });

  it('on another start of the machine it cannot be shown to go on: it is at the wall clock, never back', () => {
    const here = machine();
    const mark = startHubClock(undefined, here.now).clock.mark(here.now);
    const later = machine('boot-2');
    later.state.wallMs = NOON + MINUTE;
    const forward = startHubClock(mark, later.now);
    expect(forward.goesOn).toBe(false);
    expect(forward.clock.read(later.now)).toBe(NOON + MINUTE);
    later.state.wallMs = NOON - MINUTE;
    const back = startHubClock(mark, later.now);
    expect(back.goesOn).toBe(false);
    expect(back.clock.read(later.now)).toBe(NOON);
  });

  it.each([
    ['a container whose boot clock began anew', { bootMs: 20_000, monotonicMs: 3_700_000 }],
    ['a monotonic clock of another machine', { bootMs: 3_700_000, monotonicMs: 1_000 }],
  ])('does not believe %s', (_name, clocks) => {
    const here = machine();
    const mark = startHubClock(undefined, here.now).clock.mark(here.now);
    Object.assign(here.state, clocks);
    expect(startHubClock(mark, here.now).goesOn).toBe(false);
  });

  it('a system that tells nothing of its start goes on within a run, and not over a restart', () => {
    const reading = (ms: number): ClockReading => ({ wallMs: NOON + ms, monotonicMs: ms });
    const { clock } = startHubClock(undefined, reading(0));
    expect(clock.read(reading(500))).toBe(NOON + 500);
    expect(startHubClock(clock.mark(reading(500)), reading(600)).goesOn).toBe(false);
  });

  it('I20 whatever the wall clock does, it never goes back, and never off the monotonic clock by more than half of the drift', () => {
    const move = fc.record({
      pass: fc.double({ min: 0, max: 100_000, noNaN: true }),
      step: fc.integer({ min: -10 * MINUTE, max: 10 * MINUTE }),
      restart: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 30 }), (moves) => {
        const here = machine();
        let { clock } = startHubClock(undefined, here.now);
        let before = clock.read(here.now);
        for (const { pass, step, restart } of moves) {
          here.state.wallMs += step;
          if (restart) {
            const begun = startHubClock(clock.mark(here.now), here.now);
            expect(begun.goesOn).toBe(true);
            clock = begun.clock;
          }
          here.pass(pass);
          const now = clock.read(here.now);
          expect(now).toBeGreaterThanOrEqual(before);
          expect(Math.abs(now - before - pass)).toBeLessThanOrEqual((pass * CLOCK_DRIFT) / 2 + 1e-3);
          before = now;
        }
      }),
    );
  });
});
