import { PortolanError } from '../../errors/error.ts';
import type { DomainName } from '../name.ts';
import { isAtOrBelow, parentOf } from '../name.ts';
import type { Rdata } from '../records/catalogue.ts';
import { writeRecord } from '../rrset.ts';
import { TYPE } from '../types.ts';
import { WireWriter } from '../wire/writer.ts';
import { GrowingOctets, GrowingWords } from './growing.ts';
import { HEADER, hashOctets, hashText, NODE, ownLength, SET, slotsFor, VERSION } from './layout.ts';

/* While a zone is built its sets and records are chained, because they may come in any order; `finish` lays them side by side. */
const DRAFT_NODE = {
  text: 0,
  textLength: 1,
  firstSet: 2,
  lastSet: 3,
  parent: 4,
  routed: 5,
  words: 6,
} as const;
const DRAFT_SET = { type: 0, ttlSeconds: 1, first: 2, last: 3, count: 4, next: 5, words: 6 } as const;
const DRAFT_RECORD = { data: 0, length: 1, next: 2, words: 3 } as const;

const MAX_RECORDS_IN_SET = 0xffff;
const MAX_OCTETS = 0xffff_ffff;

const scratch = new WireWriter();

/**
 * Packs a zone from RRsets or single records in any order, holding no object for any of them: a million records take some
 * 200 MB while they are packed and half of that afterwards. Checks nothing about the zone as a whole; `compileZone` does.
 */
export class PackedZoneBuilder {
  readonly #origin: DomainName;
  readonly #maxOctets: number;
  readonly #nodes = new GrowingWords(8 * DRAFT_NODE.words);
  readonly #sets = new GrowingWords(8 * DRAFT_SET.words);
  readonly #records = new GrowingWords(8 * DRAFT_RECORD.words);
  readonly #text = new GrowingOctets(128);
  readonly #data = new GrowingOctets(256);
  #slots: Uint32Array = new Uint32Array(16);
  #routed = 0;

  /** @param maxOctets of the whole zone; offsets have 32 bits */
  constructor(origin: DomainName, maxOctets = MAX_OCTETS) {
    this.#origin = origin;
    this.#maxOctets = maxOctets;
    this.#nodeOf(origin);
  }

  /** Records so far. */
  get records(): number {
    return this.#records.length / DRAFT_RECORD.words;
  }

  /**
   * Adds a record to the set of its owner and type; the set's TTL is that of its first record (RFC 2181 section 5.2).
   * @returns false when the set has this record already: it is not added again (RFC 2181 section 5)
   * @throws PortolanError DNS_RECORD_OUT_OF_ZONE, DNS_ZONE_INVALID when the zone or the set grows too large
   */
  add(owner: DomainName, type: number, ttlSeconds: number, rdata: Rdata): boolean {
    const set = this.#setOf(this.#nodeOf(owner), type, ttlSeconds);
    scratch.reset();
    writeRecord(scratch, type, this.#sets.words[set + DRAFT_SET.ttlSeconds] ?? 0, rdata);
    if (this.#holds(set)) return false;
    this.#append(set);
    return true;
  }

  /** Adds a whole set, of which all records differ. */
  addSet(owner: DomainName, type: number, ttlSeconds: number, records: readonly Rdata[]): void {
    const set = this.#setOf(this.#nodeOf(owner), type, ttlSeconds);
    for (const rdata of records) {
      scratch.reset();
      writeRecord(scratch, type, ttlSeconds, rdata);
      this.#append(set);
    }
  }

  /** Makes the name a routed one; the first gets number 0, the next 1. A name that is routed already keeps its number. */
  addRouted(name: DomainName): number {
    const at = this.#nodeOf(name) * DRAFT_NODE.words + DRAFT_NODE.routed;
    const before = this.#nodes.words[at] ?? 0;
    if (before !== 0) return before - 1;
    this.#routed += 1;
    this.#nodes.words[at] = this.#routed;
    return this.#routed - 1;
  }

  /** The zone as `layout.ts` describes it. The builder must not be used any more. */
  finish(): SharedArrayBuffer {
    const nodes = this.#nodes.length / DRAFT_NODE.words;
    const sets = this.#sets.length / DRAFT_SET.words;
    const slots = slotsFor(nodes);
    const nodesAt = HEADER.words + slots;
    const setsAt = nodesAt + nodes * NODE.words;
    const textAt = 4 * (setsAt + sets * SET.words);
    const dataAt = textAt + this.#text.length;
    const size = dataAt + this.#data.length;
    if (size > this.#maxOctets) throw tooLarge(this.#origin, 'takes more than 4 GiB');
    const buffer = new SharedArrayBuffer(4 * Math.ceil(size / 4));
    const words = new Uint32Array(buffer);
    const octets = new Uint8Array(buffer);

    words[HEADER.version] = VERSION;
    words[HEADER.nodes] = nodes;
    words[HEADER.sets] = sets;
    words[HEADER.routed] = this.#routed;
    words[HEADER.slots] = slots;
    words[HEADER.textOctets] = this.#text.length;
    words[HEADER.dataOctets] = this.#data.length;
    octets.set(this.#text.octets.subarray(0, this.#text.length), textAt);

    const draft = this.#nodes.words;
    const cuts = this.#cuts(nodes);
    let setIndex = 0;
    let data = 0;
    for (let node = 0; node < nodes; node += 1) {
      const from = node * DRAFT_NODE.words;
      const to = nodesAt + node * NODE.words;
      const text = draft[from + DRAFT_NODE.text] ?? 0;
      const textLength = draft[from + DRAFT_NODE.textLength] ?? 0;
      const firstSet = setIndex;
      for (let set = draft[from + DRAFT_NODE.firstSet] ?? 0; set !== 0; ) {
        const at = setsAt + setIndex * SET.words;
        const length = this.#layRecords(set - 1, octets, dataAt + data);
        this.#laySet(set - 1, words, at, data, length);
        data += length;
        setIndex += 1;
        set = this.#sets.words[set - 1 + DRAFT_SET.next] ?? 0;
      }
      words[to + NODE.text] = text;
      words[to + NODE.textLengthAndSets] = textLength | ((setIndex - firstSet) << 16);
      words[to + NODE.firstSet] = firstSet;
      words[to + NODE.cut] = cuts[node] ?? 0;
      words[to + NODE.routed] = draft[from + DRAFT_NODE.routed] ?? 0;
      const parent = draft[from + DRAFT_NODE.parent] ?? 0;
      const isWildcard = this.#text.octets[text] === 0x2a && this.#text.octets[text + 1] === 0x2e;
      if (parent !== 0 && isWildcard) words[nodesAt + (parent - 1) * NODE.words + NODE.wildcard] = node + 1;

      let slot = hashOctets(this.#text.octets, text, text + textLength) & (slots - 1);
      while (words[HEADER.words + slot] !== 0) slot = (slot + 1) & (slots - 1);
      words[HEADER.words + slot] = node + 1;
    }
    return buffer;
  }

  /** The number of the name's node, made with all names between it and the origin (RFC 4592 section 2.2.2). */
  #nodeOf(name: DomainName): number {
    const length = ownLength(name, this.#origin);
    const slot = this.#slotOf(name, length);
    const known = this.#slots[slot] ?? 0;
    if (known !== 0) return known - 1;
    if (!isAtOrBelow(name, this.#origin)) {
      throw new PortolanError('DNS_RECORD_OUT_OF_ZONE', `${name} does not lie in ${this.#origin}`);
    }
    const node = this.#nodes.length / DRAFT_NODE.words;
    const at = this.#nodes.add(DRAFT_NODE.words);
    const text = this.#text.add(length);
    if (this.#text.length > this.#maxOctets) throw tooLarge(this.#origin, 'has too many names');
    for (let i = 0; i < length; i += 1) this.#text.octets[text + i] = name.charCodeAt(i);
    this.#nodes.words[at + DRAFT_NODE.text] = text;
    this.#nodes.words[at + DRAFT_NODE.textLength] = length;
    this.#slots[slot] = node + 1;
    if (3 * (node + 1) > 2 * this.#slots.length) this.#rehash();
    const parent = length === 0 ? undefined : parentOf(name);
    if (parent !== undefined) {
      const above = this.#nodeOf(parent) + 1; // may move the words: not in the assignment below
      this.#nodes.words[at + DRAFT_NODE.parent] = above;
    }
    return node;
  }

  /** The slot that holds the name's node, or where it belongs. */
  #slotOf(name: DomainName, length: number): number {
    const mask = this.#slots.length - 1;
    let slot = hashText(name, length) & mask;
    for (;;) {
      const node = this.#slots[slot] ?? 0;
      if (node === 0 || this.#isNamed(node - 1, name, length)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isNamed(node: number, name: DomainName, length: number): boolean {
    const at = node * DRAFT_NODE.words;
    if (this.#nodes.words[at + DRAFT_NODE.textLength] !== length) return false;
    const text = this.#nodes.words[at + DRAFT_NODE.text] ?? 0;
    for (let i = 0; i < length; i += 1) {
      if (this.#text.octets[text + i] !== name.charCodeAt(i)) return false;
    }
    return true;
  }

  #rehash(): void {
    const slots = new Uint32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    const nodes = this.#nodes.length / DRAFT_NODE.words;
    for (let node = 0; node < nodes; node += 1) {
      const text = this.#nodes.words[node * DRAFT_NODE.words + DRAFT_NODE.text] ?? 0;
      const length = this.#nodes.words[node * DRAFT_NODE.words + DRAFT_NODE.textLength] ?? 0;
      let slot = hashOctets(this.#text.octets, text, text + length) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = node + 1;
    }
    this.#slots = slots;
  }

  /** Where the set's words begin; a new one goes to the end of its node's chain. Chains hold that place + 1. */
  #setOf(node: number, type: number, ttlSeconds: number): number {
    const nodeAt = node * DRAFT_NODE.words;
    for (let set = this.#nodes.words[nodeAt + DRAFT_NODE.firstSet] ?? 0; set !== 0; ) {
      if (this.#sets.words[set - 1 + DRAFT_SET.type] === type) return set - 1;
      set = this.#sets.words[set - 1 + DRAFT_SET.next] ?? 0;
    }
    const at = this.#sets.add(DRAFT_SET.words);
    this.#sets.words[at + DRAFT_SET.type] = type;
    this.#sets.words[at + DRAFT_SET.ttlSeconds] = ttlSeconds;
    const last = this.#nodes.words[nodeAt + DRAFT_NODE.lastSet] ?? 0;
    if (last === 0) this.#nodes.words[nodeAt + DRAFT_NODE.firstSet] = at + 1;
    else this.#sets.words[last - 1 + DRAFT_SET.next] = at + 1;
    this.#nodes.words[nodeAt + DRAFT_NODE.lastSet] = at + 1;
    return at;
  }

  /** Adds the record in `scratch` to a set. */
  #append(set: number): void {
    const count = (this.#sets.words[set + DRAFT_SET.count] ?? 0) + 1;
    if (count > MAX_RECORDS_IN_SET) throw tooLarge(this.#origin, 'has a set of more than 65,535 records');
    const data = this.#data.add(scratch.offset);
    if (this.#data.length > this.#maxOctets) throw tooLarge(this.#origin, 'takes more than 4 GiB');
    this.#data.octets.set(scratch.buffer.subarray(0, scratch.offset), data);
    const at = this.#records.add(DRAFT_RECORD.words);
    this.#records.words[at + DRAFT_RECORD.data] = data;
    this.#records.words[at + DRAFT_RECORD.length] = scratch.offset;
    const last = this.#sets.words[set + DRAFT_SET.last] ?? 0;
    if (last === 0) this.#sets.words[set + DRAFT_SET.first] = at + 1;
    else this.#records.words[last - 1 + DRAFT_RECORD.next] = at + 1;
    this.#sets.words[set + DRAFT_SET.last] = at + 1;
    this.#sets.words[set + DRAFT_SET.count] = count;
  }

  /** The set has the record in `scratch`. */
  #holds(set: number): boolean {
    const wanted = scratch.buffer;
    for (let record = this.#sets.words[set + DRAFT_SET.first] ?? 0; record !== 0; ) {
      const from = this.#records.words[record - 1 + DRAFT_RECORD.data] ?? 0;
      const length = this.#records.words[record - 1 + DRAFT_RECORD.length] ?? 0;
      let i = length === scratch.offset ? 0 : -1;
      while (i >= 0 && i < length && this.#data.octets[from + i] === wanted[i]) i += 1;
      if (i === length) return true;
      record = this.#records.words[record - 1 + DRAFT_RECORD.next] ?? 0;
    }
    return false;
  }

  /** For each node the highest delegation at or above it + 1: below it this zone has nothing to say. */
  #cuts(nodes: number): Uint32Array {
    const cuts = new Uint32Array(nodes);
    const known = new Uint8Array(nodes);
    known[0] = 1; // the apex is no delegation
    const cutOf = (node: number): number => {
      if (known[node] === 0) {
        known[node] = 1;
        const at = node * DRAFT_NODE.words;
        const above = cutOf((this.#nodes.words[at + DRAFT_NODE.parent] ?? 1) - 1);
        cuts[node] = above === 0 && this.#isDelegation(at) ? node + 1 : above;
      }
      return cuts[node] ?? 0;
    };
    for (let node = 0; node < nodes; node += 1) cutOf(node);
    return cuts;
  }

  #isDelegation(nodeAt: number): boolean {
    for (let set = this.#nodes.words[nodeAt + DRAFT_NODE.firstSet] ?? 0; set !== 0; ) {
      if (this.#sets.words[set - 1 + DRAFT_SET.type] === TYPE.NS) return true;
      set = this.#sets.words[set - 1 + DRAFT_SET.next] ?? 0;
    }
    return false;
  }

  #laySet(set: number, words: Uint32Array, at: number, data: number, length: number): void {
    const draft = this.#sets.words;
    words[at + SET.typeAndRecords] =
      (draft[set + DRAFT_SET.type] ?? 0) | ((draft[set + DRAFT_SET.count] ?? 0) << 16);
    words[at + SET.ttlSeconds] = draft[set + DRAFT_SET.ttlSeconds] ?? 0;
    words[at + SET.data] = data;
    words[at + SET.dataLength] = length;
  }

  /** Copies a set's records side by side; how many octets they take. */
  #layRecords(set: number, into: Uint8Array, at: number): number {
    let to = at;
    for (let record = this.#sets.words[set + DRAFT_SET.first] ?? 0; record !== 0; ) {
      const from = this.#records.words[record - 1 + DRAFT_RECORD.data] ?? 0;
      const length = this.#records.words[record - 1 + DRAFT_RECORD.length] ?? 0;
      for (let i = 0; i < length; i += 1) into[to + i] = this.#data.octets[from + i] ?? 0;
      to += length;
      record = this.#records.words[record - 1 + DRAFT_RECORD.next] ?? 0;
    }
    return to - at;
  }
}

function tooLarge(origin: DomainName, what: string): PortolanError {
  return new PortolanError('DNS_ZONE_INVALID', `the zone ${origin} ${what}`, {
    fix: 'Divide it into several zones.',
  });
}
