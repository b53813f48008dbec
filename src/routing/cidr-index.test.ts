import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CidrBlock, CidrIndex, maskOctets, parseCidr } from './cidr-index.ts';

function indexOf(...cidrs: readonly string[]): CidrIndex {
  return new CidrIndex(cidrs.map((cidr, value) => ({ ...parseCidr(cidr), value })));
}

const bytes = (...octets: number[]): Uint8Array => Uint8Array.from(octets);

function contains(block: CidrBlock, address: Uint8Array): boolean {
  return maskOctets(address, block.prefixLength).every((octet, i) => octet === block.bytes[i]);
}

describe('CIDR blocks', () => {
  test('host bits are cleared', () => {
    expect(parseCidr('192.0.2.77/24')).toEqual({ family: 4, bytes: bytes(192, 0, 2, 0), prefixLength: 24 });
  });

  test.each([
    '192.0.2.0',
    '192.0.2.0/33',
    '192.0.2.0/-1',
    '2001:db8::/129',
    'x/8',
    '192.0.2.0/',
    '192.0.2.0/2x',
  ])('%s is refused', (text) => {
    expect(() => parseCidr(text)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
  });
});

describe('CIDR index', () => {
  test('an empty index matches nothing and holds everywhere', () => {
    expect(indexOf().lookup(4, bytes(192, 0, 2, 1))).toEqual({ values: [], constantPrefixLength: 0 });
  });

  test('nested blocks come longest first', () => {
    const index = indexOf('10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24');
    expect(index.lookup(4, bytes(10, 1, 2, 3)).values).toEqual([2, 1, 0]);
    expect(index.lookup(4, bytes(10, 1, 3, 3)).values).toEqual([1, 0]);
  });

  test('the end of the address space is no edge', () => {
    const index = indexOf('0.0.0.0/0', '255.255.255.0/24', '::/0', 'ffff::/16');
    expect(index.lookup(4, bytes(255, 255, 255, 255))).toEqual({ values: [1, 0], constantPrefixLength: 24 });
    expect(index.lookup(4, bytes(1, 1, 1, 1))).toEqual({ values: [0], constantPrefixLength: 1 });
    expect(index.lookup(6, new Uint8Array(16).fill(255)).values).toEqual([3, 2]);
  });

  test('a narrower block near by makes the constant network small', () => {
    const index = indexOf('198.51.100.128/25');
    expect(index.lookup(4, bytes(198, 51, 100, 1)).constantPrefixLength).toBe(25);
    expect(index.lookup(4, bytes(198, 51, 101, 1)).constantPrefixLength).toBe(24);
    expect(index.lookup(4, bytes(10, 0, 0, 1)).constantPrefixLength).toBe(1);
  });

  test('agrees with trying every block, and holds over the network it names and no larger one', () => {
    // A few bits that vary, so that blocks meet.
    const octet = fc.constantFrom(0, 1, 2, 127, 128, 255);
    const address = (family: 4 | 6) =>
      fc.array(octet, { minLength: family === 4 ? 4 : 16, maxLength: family === 4 ? 4 : 16 });
    const block = (family: 4 | 6) =>
      fc
        .tuple(address(family), fc.integer({ min: 0, max: family === 4 ? 32 : 128 }))
        .map(([octets, prefixLength]) => ({
          family,
          bytes: maskOctets(Uint8Array.from(octets), prefixLength),
          prefixLength,
        }));
    const cases = fc
      .constantFrom<4 | 6>(4, 6)
      .chain((family) =>
        fc.tuple(
          fc.constant(family),
          fc.array(block(family), { maxLength: 8 }),
          address(family),
          address(family),
        ),
      );
    fc.assert(
      fc.property(cases, ([family, blocks, octets, noise]) => {
        const index = new CidrIndex(blocks.map((b, value) => ({ ...b, value })));
        const expected = (at: Uint8Array): number[] =>
          blocks
            .map((b, value) => ({ b, value }))
            .filter(({ b }) => contains(b, at))
            .sort((a, b) => b.b.prefixLength - a.b.prefixLength)
            .map(({ value }) => value);
        const here = Uint8Array.from(octets);
        const found = index.lookup(family, here);
        const lengths = (values: readonly number[]) => values.map((value) => blocks[value]?.prefixLength);
        expect(lengths(found.values)).toEqual(lengths(expected(here)));
        expect(new Set(found.values)).toEqual(new Set(expected(here)));
        const near = here.map((o, i) => {
          const kept = 0xff & (0xff << (8 - Math.min(8, Math.max(0, found.constantPrefixLength - i * 8))));
          return (o & kept) | ((noise[i] ?? 0) & ~kept);
        });
        expect(new Set(index.lookup(family, near).values)).toEqual(new Set(found.values));
        if (found.constantPrefixLength > 0) {
          // One bit less and some block begins or ends within.
          const wider = found.constantPrefixLength - 1;
          const inside = blocks.some(
            (b) =>
              b.prefixLength > wider &&
              maskOctets(b.bytes, wider).every((o, i) => o === maskOctets(here, wider)[i]),
          );
          expect(inside).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
