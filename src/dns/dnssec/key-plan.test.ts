import { describe, expect, it } from 'vitest';
import { isRefreshDue, keyPlan } from './key-plan.ts';
import type { RolloverState, ZoneKey } from './rollover-state.ts';

const ksk = (keyTag: number, state: ZoneKey['state'], createdAtMs: number): ZoneKey => ({
  id: `${keyTag}`,
  keyTag,
  role: 'ksk',
  state,
  createdAtMs,
  sinceMs: 0,
  revision: 1,
  ds: [],
});
const stateOf = (phase: RolloverState['phase'], ...keys: readonly ZoneKey[]): RolloverState => ({
  phase,
  sinceMs: 0,
  revision: 1,
  keys,
  ttl: { seconds: 1 },
  excused: [],
});
const DAY = 86_400_000;

describe('what the parent is asked for', () => {
  it('is a DS of the newest key that every cache can know', () => {
    const keys = [ksk(1, 'active', 1), ksk(2, 'ready', 2), ksk(3, 'published', 3)];
    expect(keyPlan(stateOf('signed', ...keys))?.parent).toMatchObject([{ keyTag: 2 }]);
    expect(keyPlan(stateOf('signed', ...keys))?.keySigners).toHaveLength(3);
  });

  it('is nothing before, and none at all while the zone is being unsigned', () => {
    expect(keyPlan(stateOf('signing', ksk(1, 'published', 1)))?.parent).toBeUndefined();
    expect(keyPlan(stateOf('unsigning', ksk(1, 'active', 1)))?.parent).toBe('delete');
    expect(keyPlan(stateOf('unsigned'))).toBeUndefined();
  });
});

describe('sets that the hub signs', () => {
  it.each([
    [0, false],
    [7 * DAY, false],
    [7 * DAY + 1, true],
    [30 * DAY, true],
    // A clock that was set back: what was signed begins in the future.
    [-1, true],
  ])('of 21 days are signed anew after %d ms: %s', (age, due) => {
    const signedAtMs = 1_000 * DAY;
    expect(isRefreshDue(signedAtMs, 21 * DAY, signedAtMs + age)).toBe(due);
  });
});
