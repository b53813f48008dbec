import { describe, expect, it } from 'vitest';
import type { QuotaWindow } from './budget.ts';
import { END_OF_TIME_MS, longestMs, windowAt } from './calendar.ts';

type Unit = Extract<QuotaWindow, { type: 'calendar' }>['unit'];

const bounds = (unit: Unit, timeZone: string, at: string) => {
  const { startMs, endMs } = windowAt({ type: 'calendar', unit, timeZone }, Date.parse(at));
  return [new Date(startMs).toISOString(), new Date(endMs).toISOString()].map((text) => text.slice(0, 16));
};

describe('the window that an instant lies in', () => {
  it('is counted from 1970 when it has a length', () => {
    expect(windowAt({ type: 'length', ms: 60_000 }, 61_500)).toEqual({ startMs: 60_000, endMs: 120_000 });
  });

  it.each<[string, Unit, string, string, string, string]>([
    ['a day of UTC', 'day', 'UTC', '2026-11-22T02:00Z', '2026-11-22T00:00', '2026-11-23T00:00'],
    [
      'a day of 23 hours',
      'day',
      'Europe/Berlin',
      '2026-03-29T12:00Z',
      '2026-03-28T23:00',
      '2026-03-29T22:00',
    ],
    [
      'a day of 25 hours',
      'day',
      'Europe/Berlin',
      '2026-10-25T12:00Z',
      '2026-10-24T22:00',
      '2026-10-25T23:00',
    ],
    [
      'an hour shown twice',
      'day',
      'Europe/Berlin',
      '2026-10-25T01:30Z',
      '2026-10-24T22:00',
      '2026-10-25T23:00',
    ],
    [
      'a midnight never shown',
      'day',
      'Asia/Beirut',
      '2026-03-29T12:00Z',
      '2026-03-28T22:00',
      '2026-03-29T21:00',
    ],
    [
      'a midnight put back',
      'day',
      'Asia/Beirut',
      '2026-10-24T20:30Z',
      '2026-10-23T21:00',
      '2026-10-24T22:00',
    ],
    ['23 o’clock again', 'day', 'Asia/Beirut', '2026-10-24T21:30Z', '2026-10-23T21:00', '2026-10-24T22:00'],
    [
      'a midnight shown twice',
      'day',
      'America/Havana',
      '2026-11-01T04:30Z',
      '2026-11-01T04:00',
      '2026-11-02T05:00',
    ],
    ['a date left out', 'day', 'Pacific/Apia', '2011-12-30T12:00Z', '2011-12-30T10:00', '2011-12-31T10:00'],
    ['a week from Monday', 'week', 'UTC', '2026-11-22T23:59Z', '2026-11-16T00:00', '2026-11-23T00:00'],
    ['the Monday itself', 'week', 'UTC', '2026-11-23T00:00Z', '2026-11-23T00:00', '2026-11-30T00:00'],
    [
      'a month with a change of clocks',
      'month',
      'America/New_York',
      '2026-03-31T12:00Z',
      '2026-03-01T05:00',
      '2026-04-01T04:00',
    ],
    ['a leap February', 'month', 'Asia/Tokyo', '2028-02-29T12:00Z', '2028-01-31T15:00', '2028-02-29T15:00'],
    ['a year', 'year', 'Asia/Kolkata', '2026-12-31T18:29Z', '2025-12-31T18:30', '2026-12-31T18:30'],
  ])('is right for %s', (_what, unit, zone, at, start, end) => {
    expect(bounds(unit, zone, at)).toEqual([start, end]);
  });

  it('is all of time for eternity', () => {
    expect(windowAt({ type: 'calendar', unit: 'eternity', timeZone: 'UTC' }, 5)).toEqual({
      startMs: 0,
      endMs: END_OF_TIME_MS,
    });
  });

  it('follows the one before without a gap or an overlap, and holds its instant, in zones of every kind', () => {
    const zones = ['Europe/Berlin', 'America/Havana', 'Asia/Beirut', 'Pacific/Apia', 'Australia/Lord_Howe'];
    for (const timeZone of zones) {
      for (const unit of ['day', 'week', 'month', 'year'] as const) {
        const window: QuotaWindow = { type: 'calendar', unit, timeZone };
        let at = Date.parse('2011-11-28T10:11Z');
        for (let step = 0; step < 60; step += 1) {
          const here = windowAt(window, at);
          expect(here.startMs).toBeLessThanOrEqual(at);
          expect(here.endMs).toBeGreaterThan(at);
          expect(here.endMs - here.startMs).toBeLessThanOrEqual(longestMs(window));
          const next = windowAt(window, here.endMs);
          expect([timeZone, unit, next.startMs]).toEqual([timeZone, unit, here.endMs]);
          expect(windowAt(window, here.endMs - 1)).toEqual(here);
          at = next.startMs + ((at * 7919) % (next.endMs - next.startMs));
        }
      }
    }
  });

  it('is refused for a time zone that nobody knows', () => {
    expect(() => bounds('day', 'Mars/Olympus', '2026-01-01T00:00Z')).toThrow(RangeError);
  });
});
