import { expect, it } from 'vitest';
import { KnownDigests } from './known-digests.ts';

it('remembers the digest of a key, and keeps those that are used', () => {
  const known = new KnownDigests(10);
  known.add('mine', 'digest of mine');
  for (let n = 0; n < 1_000; n += 1) {
    known.add(`other ${n}`, `digest of ${n}`);
    expect(known.of('mine')).toBe('digest of mine');
    expect(known.of(`other ${n}`)).toBe(`digest of ${n}`);
  }
});

it('never holds more than two generations, and nothing that was deleted', () => {
  const known = new KnownDigests(10);
  for (let n = 0; n < 1_000; n += 1) {
    known.add(`key ${n}`, 'digest');
    expect(known.size).toBeLessThanOrEqual(20);
  }
  expect(known.of('key 0')).toBeUndefined();
  known.delete('key 999');
  expect(known.of('key 999')).toBeUndefined();
});
