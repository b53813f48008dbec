/** Octets that sit on an edge: lengths, pointers, label types, signs. */
const EDGES = [0x00, 0x01, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xc0, 0xff, 0x0c, 0x29, 0xfa];
const WORDS = [0x0000, 0x0001, 0x00ff, 0x7fff, 0x8000, 0xffff, 0xc00c, 0x0029, 0x00fa, 0x0100];
const TEXTS = [
  '"',
  '(',
  ')',
  ';',
  '\\',
  '\\000',
  '\\255',
  '\\999',
  '@',
  '$ORIGIN ',
  '$TTL ',
  '$GENERATE 1-9 ',
  '$INCLUDE ',
  '\n',
  '\r\n',
  '\t',
  '*.',
  '..',
  '\\# 0',
  'IN ',
  '4294967296',
  'TYPE65535',
  '\u00e9',
];
const MOST_CHANGES = 6;

/**
 * An input near another one: some octets or pieces of it overwritten, inserted, removed, repeated, swapped, or taken from a
 * second input. At most `maxOctets` long.
 */
export function mutate(
  input: Uint8Array,
  other: Uint8Array,
  random: () => number,
  maxOctets: number,
): Uint8Array {
  let bytes = Uint8Array.from(input);
  const below = (most: number): number => Math.floor(random() * most);
  const pick = <T>(from: readonly T[], otherwise: T): T => from[below(from.length)] ?? otherwise;
  const splice = (at: number, removed: number, inserted: Uint8Array): void => {
    bytes = new Uint8Array([...bytes.subarray(0, at), ...inserted, ...bytes.subarray(at + removed)]);
  };
  for (let changes = 1 + below(MOST_CHANGES); changes > 0; changes -= 1) {
    const at = below(bytes.length + 1);
    const length = below(Math.min(64, bytes.length - at + 1));
    switch (below(12)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
        break;
      case 1:
        if (at < bytes.length) bytes[at] = pick(EDGES, 0);
        break;
      case 2:
        if (at < bytes.length) bytes[at] = below(256);
        break;
      case 3: {
        const word = pick(WORDS, 0);
        if (at + 1 < bytes.length) bytes.set([word >> 8, word & 0xff], at);
        break;
      }
      case 4: // one more or one less: counts and lengths
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) + (random() < 0.5 ? 1 : 255);
        break;
      case 5:
        splice(at, length, new Uint8Array(0));
        break;
      case 6:
        splice(
          at,
          0,
          Uint8Array.from({ length: 1 + below(16) }, () => below(256)),
        );
        break;
      case 7:
        splice(at, 0, bytes.slice(at, at + length));
        break;
      case 8: {
        const from = below(other.length + 1);
        splice(at, below(2) * length, other.slice(from, from + 1 + below(64)));
        break;
      }
      case 9:
        splice(at, 0, new TextEncoder().encode(pick(TEXTS, '')));
        break;
      case 10: // a pointer somewhere into the message
        if (at + 1 < bytes.length) bytes.set([0xc0 | below(4), below(256)], at);
        break;
      default:
        bytes = bytes.slice(0, at);
    }
    if (bytes.length > maxOctets) bytes = bytes.slice(0, maxOctets);
  }
  return bytes;
}
