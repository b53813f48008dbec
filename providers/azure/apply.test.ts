import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import type { RecordSet, SetChange } from '../../src/plan/record-set.ts';
import { inOrder } from './apply.ts';

const name = parseName('www.example.com');
const a: RecordSet = { name, type: 'A', setId: '', ttlSeconds: 60, values: ['192.0.2.1'] };
const aaaa: RecordSet = { ...a, type: 'AAAA', values: ['2001:db8::1'] };
const cname: RecordSet = { ...a, type: 'CNAME', values: ['b.example.net.'] };
const marker: RecordSet = {
  ...a,
  name: parseName('www._owner._portolan.example.com'),
  type: 'TXT',
  values: ['"m"'],
};

const create = (after: RecordSet): SetChange => ({ after });
const remove = (before: RecordSet): SetChange => ({ before });

describe('the order of requests within a group', () => {
  it("is the plan's", () => {
    const changes = [create(marker), create(a), { before: aaaa, after: { ...aaaa, ttlSeconds: 30 } }];
    expect(inOrder({ name, changes })).toEqual(changes);
    const removal = [remove(a), remove(aaaa), remove(marker)];
    expect(inOrder({ name, changes: removal })).toEqual(removal);
  });

  it('makes room for a CNAME, and for what takes its place, but only then', () => {
    expect(inOrder({ name, changes: [create(marker), create(cname), remove(a), remove(aaaa)] })).toEqual([
      create(marker),
      remove(a),
      remove(aaaa),
      create(cname),
    ]);
    expect(inOrder({ name, changes: [create(a), create(aaaa), remove(cname)] })).toEqual([
      remove(cname),
      create(a),
      create(aaaa),
    ]);
    expect(inOrder({ name, changes: [create(a), remove(aaaa)] })).toEqual([create(a), remove(aaaa)]);
  });
});
