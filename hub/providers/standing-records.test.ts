import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { markerSet } from '../../src/plan/marker.ts';
import { markerName } from '../../src/plan/ownership.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { takeInventory } from '../../src/plan/zone-inventory.ts';
import { standingAt } from './standing-records.ts';

const ORIGIN = parseName('example.com.');
const WWW = parseName('www.example.com.');
const TYPES = ['A', 'AAAA', 'CNAME'];
const HERITAGE = '"heritage=external-dns,external-dns/owner=blue,external-dns/resource=ingress/shop/web"';

const set = (name: string, type: string, value: string): RecordSet => ({
  name: parseName(name),
  type,
  setId: '',
  ttlSeconds: 300,
  values: [value],
});
const A = set('www.example.com.', 'A', '192.0.2.9');
const MAIL = set('www.example.com.', 'MX', '10 mail.example.com.');
const THEIRS = set('a-www.example.com.', 'TXT', HERITAGE);
const markedBy = (owner: string): readonly RecordSet[] => {
  const marker = { owner, types: ['A'], resource: 'trafficpolicy/shop/www', below: [], values: undefined };
  const made = markerSet(markerName(ORIGIN, WWW), [marker], []);
  return made === undefined ? [] : [made];
};
const standing = (...sets: readonly RecordSet[]) =>
  standingAt(takeInventory(ORIGIN, sets), WWW, TYPES, 'hub-1');

describe('what stands at a hostname', () => {
  it('is told with the name of each record, and the markers that go with it', () => {
    expect(standing(A, MAIL, THEIRS)).toEqual({
      lines: ['www.example.com. A 300 192.0.2.9', `a-www.example.com. TXT ${HERITAGE}`],
      ours: false,
      madeBy: 'external-dns:blue',
    });
  });

  it('is ours by our marker alone, and not while external-dns claims it too', () => {
    expect(standing(A, ...markedBy('hub-1')).ours).toBe(true);
    expect(standing(A, ...markedBy('hub-2')).ours).toBe(false);
    expect(standing(A, THEIRS, ...markedBy('hub-1')).ours).toBe(false);
    expect(standing(A).ours).toBe(false);
    expect(standing().ours).toBe(false);
  });
});
