import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NameCache } from './name-cache.ts';
import { WireReader } from './reader.ts';

/** Labels of any octets, few enough that names meet again. */
const labels = fc.array(
  fc.oneof(
    fc.constantFrom('www', 'WWW', 'a', 'b.c', '*', '', 'a.b').map((text) => [...Buffer.from(text)]),
    fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 63 }),
    fc.array(fc.constantFrom(0x2e, 0x41, 0x61, 0x5c, 0x33), { minLength: 1, maxLength: 4 }),
  ),
  { maxLength: 3 },
);

function wireOf(parts: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from([...parts.filter((p) => p.length > 0).flatMap((p) => [p.length, ...p]), 0]);
}

test.each([
  ['spread over many slots', 1024, 0x01000193],
  ['in four slots', 4, 0x01000193],
  ['with one hash for all', 1024, 0],
])('a cached name is the name that stands in the message: %s', (_, slots, prime) => {
  const cache = new NameCache(slots, prime);
  fc.assert(
    fc.property(fc.array(labels, { minLength: 1, maxLength: 20 }), (names) => {
      for (const parts of names) {
        const wire = wireOf(parts);
        expect(cache.name(wire, 0, wire.length - 1)).toBe(new WireReader(wire).name());
      }
    }),
    { numRuns: 500 },
  );
  expect(cache.size).toBeGreaterThan(0);
  expect(cache.size).toBeLessThanOrEqual(slots);
});

test('a name asked for again, in other case too, is the same string; one that differs by a dot in a label is not', () => {
  const cache = new NameCache(4, 0);
  const nameOf = (...parts: readonly string[]) => {
    const wire = wireOf(parts.map((part) => [...Buffer.from(part)]));
    return cache.name(wire, 0, wire.length - 1);
  };
  expect(nameOf('www', 'example')).toBe('www.example.');
  expect(nameOf('WWW', 'eXample')).toBe('www.example.');
  expect(nameOf('www.example')).toBe('www\\046example.');
  expect(nameOf('www', 'example')).toBe('www.example.');
  expect(cache.size).toBe(1);
});
