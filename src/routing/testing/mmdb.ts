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
  for (const [cidr, value] of Object.entries(networks)) {
    const encoded = encode(value);
    insert(root, bitsOf(parseCidr(cidr), ipVersion), dataLength);
    data.push(encoded);
    dataLength += encoded.length;
  }
  const nodes: Node[] = [];
  const number = (node: Node): void => {
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
            : nodes.indexOf(side);
      tree.writeUIntBE(record, at * 6 + i * 3, 3);
    });
  });
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    database_type: databaseType,
    description: { en: 'test' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: 24,
  });
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

function isList(value: MmdbValue): value is readonly MmdbValue[] {
  return Array.isArray(value);
}

/** Type and size; sizes here stay below 29. */
function control(type: number, size: number): Buffer {
  return type <= 7 ? Buffer.from([(type << 5) | size]) : Buffer.from([size, type - 7]);
}
