import { describe, expect, it } from 'vitest';
import type { Condition } from '../../../src/resources/metadata.ts';
import type { Outcome } from '../contract.ts';
import type { HubEntry } from './hub-view.ts';
import type { Mirrored } from './mirrored.ts';
import { standingConditions } from './standing-conditions.ts';
import { statusWish, textOfStanding, textOfWish } from './status.ts';
import { hubEntry, mirroredCheck } from './testing.ts';

const NOW = '2026-11-22T10:00:00.123Z';
const LATER = '2026-11-22T11:00:00.123Z';
const SAID: Condition = {
  type: 'Accepted',
  status: 'True',
  reason: 'Valid',
  message: 'in use',
  observedGeneration: 3,
  lastTransitionTime: '2026-11-22T09:00:00.000Z',
};
const APPLIED: Outcome = { state: 'applied', changed: false, resourceVersion: '9', generation: 3 };
const ENTRY = hubEntry({ generation: 3, status: { conditions: [SAID] } });
const HELD: Outcome = {
  state: 'held',
  hold: {
    id: '0123456789ab',
    source: 'kubernetes',
    key: { kind: 'HealthCheck', namespace: 'shop', name: 'a' },
    verb: 'update',
    origin: '',
    violations: [{ path: '', code: 'LAST_CAPACITY', message: 'the last capacity', fix: 'x' }],
    since: NOW,
  },
};

const at = (generation: number, status?: unknown): Mirrored =>
  mirroredCheck('a', { metadata: { generation }, ...(status === undefined ? {} : { status }) });

function wishOf(mirrored: Mirrored, outcome: Outcome, entry: HubEntry | undefined, now = NOW) {
  const wish = statusWish(mirrored, outcome, entry, now);
  if (wish === undefined) throw new Error('no wish');
  return wish;
}

const told = (mirrored: Mirrored, outcome: Outcome, entry: HubEntry | undefined) =>
  Object.fromEntries(
    standingConditions(wishOf(mirrored, outcome, entry).status).map(({ type, status, reason }) => [
      type,
      `${status} ${reason}`,
    ]),
  );

describe('the status of a custom resource', () => {
  it("is about the generation of Kubernetes, not of the hub's own counting", () => {
    const { status } = wishOf(at(7), APPLIED, ENTRY);
    expect(status.observedGeneration).toBe(7);
    expect(standingConditions(status)).toMatchObject([
      { type: 'Accepted', status: 'True', reason: 'Applied', message: 'in use', observedGeneration: 7 },
      { type: 'Ready', status: 'True', observedGeneration: 7 },
    ]);
  });

  it.each<[string, Outcome, HubEntry | undefined, Readonly<Record<string, string>>]>([
    [
      'the hub has not looked at the newest spec',
      { ...APPLIED, generation: 4 },
      { ...ENTRY, generation: 4 },
      { Accepted: 'True Applied', Ready: 'Unknown Pending', Reconciling: 'True Pending' },
    ],
    [
      'refused',
      { state: 'refused', code: 'VALIDATION_FAILED', message: 'm', fix: 'f', violations: [] },
      ENTRY,
      { Accepted: 'False Invalid', Ready: 'False Invalid', Stalled: 'True Invalid' },
    ],
    [
      "another's",
      { state: 'conflict', manager: 'api', message: 'made through the API' },
      { ...ENTRY, manager: undefined },
      { Accepted: 'False Conflict', Ready: 'False Conflict', Stalled: 'True Conflict' },
    ],
    [
      'held',
      HELD,
      ENTRY,
      { Accepted: 'False GuardHeld', Ready: 'False GuardHeld', Stalled: 'True GuardHeld' },
    ],
  ])('%s', (_what, outcome, entry, expected) => {
    expect(told(at(7), outcome, entry)).toEqual(expected);
  });

  it('I7 says which command lets a held change through', () => {
    const [accepted] = standingConditions(wishOf(at(7), HELD, ENTRY).status);
    expect(accepted?.message).toContain('portolan source approve 0123456789ab --reason');
    expect(accepted?.message).toContain('the last capacity');
  });

  it('waits for the hub’s own view of what was just written, and stays as it is after a failure', () => {
    expect(statusWish(at(7), { ...APPLIED, generation: 4 }, ENTRY, NOW)).toBeUndefined();
    expect(statusWish(at(7), APPLIED, undefined, NOW)).toBeUndefined();
    expect(statusWish(at(7), { state: 'failed', message: 'no disk' }, ENTRY, NOW)).toBeUndefined();
  });

  it('is the same again at any later time, in whichever order the server gives it back', () => {
    const first = wishOf(at(7), APPLIED, ENTRY);
    const conditions = [...standingConditions(first.status)].reverse();
    const written = at(7, { ...first.status, conditions });
    expect(textOfWish(written, wishOf(written, APPLIED, ENTRY, LATER))).toBe(textOfStanding(written));
  });

  it('keeps the time of a condition until it turns', () => {
    const first = at(7, wishOf(at(7), APPLIED, ENTRY).status);
    const ready = (status: unknown) => standingConditions(status).find(({ type }) => type === 'Ready');
    expect(ready(wishOf(first, APPLIED, ENTRY, LATER).status)?.lastTransitionTime).toBe(
      '2026-11-22T10:00:00Z',
    );
    expect(ready(wishOf(first, HELD, ENTRY, LATER).status)).toMatchObject({
      status: 'False',
      lastTransitionTime: '2026-11-22T11:00:00Z',
    });
  });
});
