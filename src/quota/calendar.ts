import type { QuotaWindow, WindowBounds } from './budget.ts';

const DAY_MS = 86_400_000;
/** The last instant that a Date can hold: the end of `eternity`, for messages pass as JSON and have no Infinity. */
export const END_OF_TIME_MS = 8.64e15;

/**
 * The window of a budget that an instant of the hub's clock lies in. Calendar windows begin at the first instant that clocks of the time
 * zone show the date, so days of 23 and 25 hours are one window each, and windows follow each other without a gap.
 * @throws RangeError for a time zone that this system does not know
 */
export function windowAt(window: QuotaWindow, atMs: number): WindowBounds {
  if (window.type === 'length') {
    const startMs = Math.floor(atMs / window.ms) * window.ms;
    return { startMs, endMs: startMs + window.ms };
  }
  if (window.unit === 'eternity') return { startMs: 0, endMs: END_OF_TIME_MS };
  const zone = zoneNamed(window.timeZone);
  const known = zone.windows.get(window.unit);
  if (known !== undefined && known.startMs <= atMs && atMs < known.endMs) return known;
  const [first, next] = datesOf(window.unit, zone, atMs);
  const bounds = { startMs: startOf(zone, first), endMs: startOf(zone, next) };
  zone.windows.set(window.unit, bounds);
  return bounds;
}

/** The longest that such a window can be, milliseconds: what a rest of "a whole window" means. */
export function longestMs(window: QuotaWindow): number {
  if (window.type === 'length') return window.ms;
  switch (window.unit) {
    case 'day':
      // Zones were moved over the date line, and clocks go back by an hour.
      return 2 * DAY_MS;
    case 'week':
      return 8 * DAY_MS;
    case 'month':
      return 32 * DAY_MS;
    case 'year':
      return 367 * DAY_MS;
    case 'eternity':
      return END_OF_TIME_MS;
  }
}

interface Zone {
  readonly format: Intl.DateTimeFormat;
  /** The window last asked for, by unit: nearly every question is about now. */
  readonly windows: Map<string, WindowBounds>;
}

const zones = new Map<string, Zone>();

function zoneNamed(timeZone: string): Zone {
  let zone = zones.get(timeZone);
  if (zone === undefined) {
    const numeric = 'numeric' as const;
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
    zone = { format, windows: new Map() };
    zones.set(timeZone, zone);
  }
  return zone;
}

/** What clocks of the zone show at an instant, as if it were UTC; milliseconds. */
function shown(zone: Zone, atMs: number): number {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of zone.format.formatToParts(atMs)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** First date of the window, and of the one after it, as midnights in the reckoning of `shown`. */
function datesOf(
  unit: 'day' | 'week' | 'month' | 'year',
  zone: Zone,
  atMs: number,
): readonly [number, number] {
  const date = new Date(shown(zone, atMs));
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  switch (unit) {
    case 'day':
      return [Date.UTC(year, month, day), Date.UTC(year, month, day + 1)];
    case 'week': {
      const monday = day - ((date.getUTCDay() + 6) % 7);
      return [Date.UTC(year, month, monday), Date.UTC(year, month, monday + 7)];
    }
    case 'month':
      return [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1)];
    case 'year':
      return [Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1)];
  }
}

/**
 * The first instant at which clocks show a midnight. Clocks that are put forward over it show it never: then the instant at which they are;
 * clocks that are put back may show it twice: then the first.
 */
function startOf(zone: Zone, midnight: number): number {
  const before = midnight - offsetAt(zone, midnight - DAY_MS);
  const after = midnight - offsetAt(zone, midnight + DAY_MS);
  const exact = [before, after].filter((at) => shown(zone, at) === midnight);
  return exact.length > 0 ? Math.min(...exact) : before;
}

function offsetAt(zone: Zone, atMs: number): number {
  return shown(zone, atMs) - atMs;
}
