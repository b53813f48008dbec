import { PortolanError } from '../../errors/error.ts';
import { type DomainName, isAtOrBelow } from '../name.ts';
import { compressesNames, decodeRdata, type Rdata } from '../records/catalogue.ts';
import type { SoaRdata } from '../records/soa.ts';
import type { RoutedName } from '../routed.ts';
import { compileRRset, type RRset, WIRE_RECORD_HEAD } from '../rrset.ts';
import { TYPE } from '../types.ts';
import { WireReader } from '../wire/reader.ts';
import type { NodeTable, ZoneNode } from '../zone.ts';
import { HEADER, hashText, NODE, ownLength, SET, VERSION } from './layout.ts';
import type { NodeCache, ZoneNodes } from './node-cache.ts';

const NO_SETS: readonly RRset[] = [];

/** The names of a packed zone. Nodes are made when they are asked for, and the data of records when somebody reads it. */
export class PackedTable implements NodeTable {
  readonly buffer: SharedArrayBuffer;
  readonly origin: DomainName;
  readonly size: number;
  readonly #words: Uint32Array;
  readonly #octets: Uint8Array;
  readonly #mask: number;
  readonly #nodesAt: number;
  readonly #setsAt: number;
  readonly #textAt: number;
  readonly #dataAt: number;
  readonly #cache: ZoneNodes;
  readonly #routed: (index: number) => RoutedName | undefined;
  readonly #soa: RRset | undefined;

  /**
   * @param buffer made by `PackedZoneBuilder`
   * @param serial of the SOA, whatever it was when the zone was packed
   * @param routed the routed names by number; asked when a node is made
   */
  constructor(
    origin: DomainName,
    buffer: SharedArrayBuffer,
    serial: number,
    routed: (index: number) => RoutedName | undefined,
    cache: NodeCache,
  ) {
    const words = new Uint32Array(buffer);
    if (words[HEADER.version] !== VERSION) {
      throw new PortolanError('INTERNAL', `the packed zone ${origin} has another layout`);
    }
    const slots = words[HEADER.slots] ?? 0;
    this.buffer = buffer;
    this.origin = origin;
    this.size = words[HEADER.nodes] ?? 0;
    this.#words = words;
    this.#octets = new Uint8Array(buffer);
    this.#mask = slots - 1;
    this.#nodesAt = HEADER.words + slots;
    this.#setsAt = this.#nodesAt + this.size * NODE.words;
    this.#textAt = 4 * (this.#setsAt + (words[HEADER.sets] ?? 0) * SET.words);
    this.#dataAt = this.#textAt + (words[HEADER.textOctets] ?? 0);
    this.#cache = cache.ofZone();
    this.#routed = routed;
    this.#soa = this.#revisedSoa(serial);
  }

  /** The zone's SOA set. @throws PortolanError INTERNAL when it was packed without one */
  get soa(): { readonly set: RRset; readonly rdata: SoaRdata } {
    const rdata = this.#soa?.records[0];
    if (this.#soa === undefined || rdata?.type !== 'SOA') {
      throw new PortolanError('INTERNAL', `zone ${this.origin} has no SOA`);
    }
    return { set: this.#soa, rdata };
  }

  get apex(): ZoneNode {
    return this.#at(0); // the builder begins with it
  }

  /** How many names are routed. */
  get routedNames(): number {
    return this.#words[HEADER.routed] ?? 0;
  }

  get(name: DomainName): ZoneNode | undefined {
    const cached = this.#cache.get(name);
    if (cached !== undefined) return cached;
    const index = this.#find(name);
    return index < 0 ? undefined : this.#made(index, name);
  }

  *values(): Iterable<ZoneNode> {
    for (let index = 0; index < this.size; index += 1) yield this.#node(index, this.#nameOf(index));
  }

  /** The nodes of routed names; no others are made on the way. */
  *routedNodes(): Iterable<ZoneNode> {
    for (let index = 0; index < this.size; index += 1) {
      const at = this.#nodesAt + index * NODE.words;
      if (this.#words[at + NODE.routed] !== 0) yield this.#node(index, this.#nameOf(index));
    }
  }

  /** The number of a routed name; -1 when it is none. */
  routedIndex(name: DomainName): number {
    const index = this.#find(name);
    return index < 0 ? -1 : (this.#words[this.#nodesAt + index * NODE.words + NODE.routed] ?? 0) - 1;
  }

  #find(name: DomainName): number {
    if (!isAtOrBelow(name, this.origin)) return -1;
    const length = ownLength(name, this.origin);
    let slot = hashText(name, length) & this.#mask;
    for (;;) {
      const node = this.#words[HEADER.words + slot] ?? 0;
      if (node === 0) return -1;
      if (this.#isNamed(node - 1, name, length)) return node - 1;
      slot = (slot + 1) & this.#mask;
    }
  }

  #isNamed(index: number, name: DomainName, length: number): boolean {
    const at = this.#nodesAt + index * NODE.words;
    if (((this.#words[at + NODE.textLengthAndSets] ?? 0) & 0xffff) !== length) return false;
    const text = this.#textAt + (this.#words[at + NODE.text] ?? 0);
    for (let i = 0; i < length; i += 1) if (this.#octets[text + i] !== name.charCodeAt(i)) return false;
    return true;
  }

  #nameOf(index: number): DomainName {
    const at = this.#nodesAt + index * NODE.words;
    const length = (this.#words[at + NODE.textLengthAndSets] ?? 0) & 0xffff;
    if (length === 0) return this.origin;
    const text = this.#textAt + (this.#words[at + NODE.text] ?? 0);
    let name = '';
    for (let i = 0; i < length; i += 1) name += String.fromCharCode(this.#octets[text + i] ?? 0);
    return (this.origin === '.' ? name : name + this.origin) as DomainName;
  }

  #at(index: number): ZoneNode {
    const name = this.#nameOf(index);
    return this.#cache.get(name) ?? this.#made(index, name);
  }

  #made(index: number, name: DomainName): ZoneNode {
    const node = this.#node(index, name);
    this.#cache.set(name, node);
    return node;
  }

  #node(index: number, name: DomainName): ZoneNode {
    const at = this.#nodesAt + index * NODE.words;
    const words = this.#words;
    const sets = this.#setsOf(at);
    const routed = words[at + NODE.routed] ?? 0;
    const cut = words[at + NODE.cut] ?? 0;
    const wildcard = words[at + NODE.wildcard] ?? 0;
    const plain = {
      name,
      sets,
      cname: sets.find((set) => set.type === TYPE.CNAME),
      routed: routed === 0 ? undefined : this.#routed(routed - 1),
    };
    if (cut === 0 && wildcard === 0) return { ...plain, wildcard: undefined, cut: undefined };
    const nodeAt = (other: number): ZoneNode | undefined => {
      if (other === 0) return undefined;
      return other - 1 === index ? node : this.#at(other - 1);
    };
    // Followed when they are needed: most queries do not.
    const node: ZoneNode = {
      ...plain,
      get wildcard() {
        return nodeAt(wildcard);
      },
      get cut() {
        return nodeAt(cut);
      },
    };
    return node;
  }

  #setsOf(nodeAt: number): readonly RRset[] {
    const count = (this.#words[nodeAt + NODE.textLengthAndSets] ?? 0) >>> 16;
    const first = this.#words[nodeAt + NODE.firstSet] ?? 0;
    if (count === 0) return NO_SETS;
    const sets: RRset[] = [];
    for (let i = first; i < first + count; i += 1) {
      const at = this.#setsAt + i * SET.words;
      const type = (this.#words[at + SET.typeAndRecords] ?? 0) & 0xffff;
      sets.push(type === TYPE.SOA && this.#soa !== undefined ? this.#soa : this.#set(at, type));
    }
    return sets;
  }

  #revisedSoa(serial: number): RRset | undefined {
    const apexAt = this.#nodesAt; // the builder begins with it
    const set = this.#setsOf(apexAt).find(({ type }) => type === TYPE.SOA);
    const rdata = set?.records[0];
    if (set === undefined || rdata?.type !== 'SOA') return undefined;
    return compileRRset(TYPE.SOA, set.ttlSeconds, [{ ...rdata, serial }]);
  }

  #set(at: number, type: number): RRset {
    const from = this.#dataAt + (this.#words[at + SET.data] ?? 0);
    const octets = this.#octets.subarray(from, from + (this.#words[at + SET.dataLength] ?? 0));
    let decoded: readonly Rdata[] | undefined;
    return {
      type,
      ttlSeconds: this.#words[at + SET.ttlSeconds] ?? 0,
      wire: compressesNames(type) ? undefined : octets,
      get records() {
        decoded ??= decodeRecords(type, octets);
        return decoded;
      },
    };
  }
}

/** The records of a set from the octets in which it is packed. */
function decodeRecords(type: number, octets: Uint8Array): readonly Rdata[] {
  const records: Rdata[] = [];
  for (let at = 0; at < octets.length; ) {
    const end = at + WIRE_RECORD_HEAD + (((octets[at + 10] ?? 0) << 8) | (octets[at + 11] ?? 0));
    // A record of its own: where its names are compressed, it is within the record.
    records.push(decodeRdata(type, new WireReader(octets.subarray(at, end), WIRE_RECORD_HEAD)));
    at = end;
  }
  return records;
}
