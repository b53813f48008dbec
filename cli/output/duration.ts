import { PortolanError } from '../../src/errors/error.ts';

/** `12s`, `4m`, `3h12m`, `5d`: how long ago or for how long, as precise as it matters. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8 && minutes % 60 !== 0) return `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
}

/** Age of an RFC 3339 instant; empty for none. */
export function ageText(instant: string | undefined, nowMs: number): string {
  return instant === undefined ? '' : durationText(nowMs - Date.parse(instant));
}

/** `340 ms`, `2.4 s`, `12 min`. */
export function millisecondsText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Reads `90s`, `30m`, `1h30m`, `2d`.
 * @throws PortolanError USAGE
 */
export function parseDurationMs(text: string, flag: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h|d)/g)];
  const total = parts.reduce((sum, [, count, unit]) => {
    const factor =
      unit === 'ms' || unit === 's' || unit === 'm' || unit === 'h' || unit === 'd' ? UNIT_MS[unit] : 0;
    return sum + Number(count) * factor;
  }, 0);
  if (parts.map((p) => p[0]).join('') !== text || total <= 0 || !Number.isSafeInteger(total)) {
    throw new PortolanError('USAGE', `${flag} ${JSON.stringify(text)} is no length of time`, {
      fix: `Write it like ${flag} 90s, 30m, 1h30m or 2d.`,
    });
  }
  return total;
}
