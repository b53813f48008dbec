import { describe, expect, it } from 'vitest';
import { containing } from '../../test/support/matchers.ts';
import { ageText, durationText, millisecondsText, parseDurationMs } from './duration.ts';

describe('a length of time', () => {
  it.each<[ms: number, text: string]>([
    [-5, '0s'],
    [999, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [59 * 60_000, '59m'],
    [3 * 3_600_000 + 12 * 60_000, '3h12m'],
    [4 * 3_600_000, '4h'],
    [47 * 3_600_000, '47h'],
    [48 * 3_600_000, '2d'],
  ])('%i ms is %s', (ms, text) => expect(durationText(ms)).toBe(text));

  it('is empty for an instant that is not known', () => expect(ageText(undefined, 0)).toBe(''));

  it.each<[ms: number, text: string]>([
    [12.4, '12 ms'],
    [2400, '2.4 s'],
    [600_000, '10 min'],
  ])('%d ms is measured as %s', (ms, text) => expect(millisecondsText(ms)).toBe(text));

  it.each<[text: string, ms: number]>([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
  ])('%s is read', (text, ms) => expect(parseDurationMs(text, '--for')).toBe(ms));

  it.each(['', '30', '-5m', '0s', '5 m', '1x', 'm', '1h30', '99999999999999999d'])(
    '%j is refused with the flag and an example',
    (text) =>
      expect(() => parseDurationMs(text, '--for')).toThrow(
        expect.objectContaining({ code: 'USAGE', fix: containing('--for 90s') }),
      ),
  );
});
