import { Buffer } from 'node:buffer';
import { type CidrBlock, parseCidr } from '../cidr-index.ts';

/** What a record may hold here; enough for the shapes that exist. */
export type MmdbValue = string | number | readonly MmdbValue[] | { readonly [key: string]: MmdbValue };

interface Node {
  left?: Node | number;
  right?: Node | number;
}

/**
 * Writes a small database in the MaxMind DB format 2.0 (24-bit records): the search tree, 16 zero octets, the data, the
 * marker, the metadata. In an IPv6 tree IPv4 networks lie below ::/96, as in the published databases.
 */
export function writeMmdb(
  ipVersion: 4 | 6,
  networks: Readonly<Record<string, MmdbValue>>,
  databaseType = 'Test-City',
): Uint8Array {
  const root: Node = {};
  const data: Buffer[] = [];
  let dataLength = 0;
  const written = new Map<MmdbValue, number>();
  for (const [cidr, value] of Object.entries(networks)) {
    let offset = written.get(value);
    if (offset === undefined) {
      const encoded = encode(value);
      offset = dataLength;
      written.set(value, offset);
      data.push(encoded);
      dataLength += encoded.length;
    }
    insert(root, bitsOf(parseCidr(cidr), ipVersion), offset);
  }
  const nodes: Node[] = [];
  const numbers = new Map<Node, number>();
  const number = (node: Node): void => {
    numbers.set(node, nodes.length);
    nodes.push(node);
    for (const side of [node.left, node.right]) if (typeof side === 'object') number(side);
  };
  number(root);
  const tree = Buffer.alloc(nodes.length * 6);
  nodes.forEach((node, at) => {
    [node.left, node.right].forEach((side, i) => {
      const record =
        side === undefined
          ? nodes.length
          : typeof side === 'number'
            ? nodes.length + 16 + side
            : (numbers.get(side) ?? 0);
      tree.writeUIntBE(record, at * 6 + i * 3, 3);
    });
  });
  // libmaxminddb insists on the integer types of the specification.
  const metadata = Buffer.concat([
    control(7, 9),
    ...[
      ['binary_format_major_version', unsigned(5, 2, 2)] as const,
      ['binary_format_minor_version', unsigned(5, 2, 0)] as const,
      ['build_epoch', unsigned(9, 8, 1_700_000_000)] as const,
      ['database_type', encode(databaseType)] as const,
      ['description', encode({ en: 'test' })] as const,
      ['ip_version', unsigned(5, 2, ipVersion)] as const,
      ['languages', encode(['en'])] as const,
      ['node_count', unsigned(6, 4, nodes.length)] as const,
      ['record_size', unsigned(5, 2, 24)] as const,
    ].flatMap(([key, value]) => [encode(key), value]),
  ]);
  return Buffer.concat([
    tree,
    Buffer.alloc(16),
    ...data,
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    metadata,
  ]);
}

function bitsOf(block: CidrBlock, ipVersion: 4 | 6): readonly number[] {
  const bits: number[] = ipVersion === 6 && block.family === 4 ? new Array<number>(96).fill(0) : [];
  for (let i = 0; i < block.prefixLength; i += 1)
    bits.push(((block.bytes[i >> 3] ?? 0) >> (7 - (i & 7))) & 1);
  return bits;
}

function insert(root: Node, bits: readonly number[], offset: number): void {
  let node = root;
  bits.forEach((bit, at) => {
    const side = bit === 0 ? 'left' : 'right';
    if (at === bits.length - 1) {
      node[side] = offset;
      return;
    }
    const next = node[side];
    if (typeof next === 'object') {
      node = next;
    } else {
      const made: Node = {};
      node[side] = made;
      node = made;
    }
  });
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value, 'utf8');
    return Buffer.concat([control(2, text.length), text]);
  }
  if (typeof value === 'number') {
    if (!Number.isInteger(value) || value < 0) {
      const double = Buffer.alloc(8);
      double.writeDoubleBE(value);
      return Buffer.concat([control(3, 8), double]);
    }
    const unsigned = Buffer.alloc(4);
    unsigned.writeUInt32BE(value);
    return Buffer.concat([control(6, 4), unsigned]);
  }
  if (isList(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)]);
  const entries = Object.entries(value);
  return Buffer.concat([
    control(7, entries.length),
    ...entries.flatMap(([key, held]) => [encode(key), encode(held)]),
  ]);
}

/** An unsigned integer of one of the format's types. */
function unsigned(type: number, octets: number, value: number): Buffer {
  const digits = Buffer.alloc(8);
  digits.writeBigUInt64BE(BigInt(value));
  return Buffer.concat([control(type, octets), digits.subarray(8 - octets)]);
}

function isList(value: MmdbValue): value is readonly MmdbValue[] {
  return Array.isArray(value);
}

/** Type and size; sizes here stay below 29. */
function control(type: number, size: number): Buffer {
  return type <= 7 ? Buffer.from([(type << 5) | size]) : Buffer.from([size, type - 7]);
}
