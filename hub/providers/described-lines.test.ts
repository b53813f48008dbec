import { describe, expect, it } from 'vitest';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { describedLines } from './described-lines.ts';
import { wanted } from './zone-worker-fixture.ts';

const { desired } = wanted('www', '192.0.2.1');
const plain: RecordSet = {
  name: desired.name,
  type: 'A',
  setId: 'eu',
  ttlSeconds: 30,
  values: ['192.0.2.1'],
};
const referring: RecordSet = { ...plain, native: { Weight: 1, HealthCheckId: { $aid: 'k1' } } };
const NAMES = [
  { desired: { ...desired, sets: [referring] }, aids: [{ key: 'k1', kind: 'healthcheck', spec: {} }] },
];
const KIND = { describeAid: () => ['TCP 192.0.2.1:443 every 30 s', 'below'] };
const lines = (after: RecordSet, before?: RecordSet) =>
  describedLines(
    { groups: [{ name: desired.name, changes: [before === undefined ? { after } : { before, after }] }] },
    NAMES,
    KIND,
  );

describe('a change of a record that leans on a health check', () => {
  it('says the check in words, before it was made and when it has an id', () => {
    const text = '30 192.0.2.1 {"Weight":1,"HealthCheckId":"TCP 192.0.2.1:443 every 30 s"}';
    expect(lines(referring)).toMatchObject([{ change: 'create', after: text, details: ['below'] }]);
    const withId: RecordSet = { ...plain, native: { Weight: 1, HealthCheckId: 'abc-123' } };
    expect(lines(withId, plain)).toMatchObject([{ change: 'update', after: text, details: ['below'] }]);
  });

  it('is as ever where nothing is leant on', () => {
    const [line] = lines(plain);
    expect(line).toMatchObject({ after: '30 192.0.2.1' });
    expect(line).not.toHaveProperty('details');
  });
});
