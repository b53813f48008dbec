import { PortolanError } from '../../src/errors/error.ts';
import type { KeyEntry } from '../../src/protocol/credential-entry.ts';
import {
  BLOCK_BYTES,
  CHANGE,
  CONTROL_WORDS,
  DIRECTORY,
  EMPTY,
  GONE,
  HEARD,
  KIND_MASK,
  LIVE,
  MAX_ARENA_BYTES,
  MAX_SLOTS_BYTES,
  REF,
  REVOKED,
  SHARDS,
  type SharedKeys,
  SIZE,
  SLOT_BYTES,
  SLOT_WORDS,
  STATE,
  shardOf,
  sharedClockMs,
  toHeard,
} from './layout.ts';
import {
  decodeRecord,
  encodeRecord,
  MAX_RECORD_TEXT,
  profileOf,
  profileText,
  recordBound,
  recordSize,
} from './record.ts';

/** How full a shard may become, and how full it is after it has grown. */
const FULL = 0.75;
const ROOMY = 0.6;
const SMALLEST = 12;
/** Sizes of regions. */
const GROWTH = 1.25;
/** A record more than this must fit, or the arena grows. */
const ARENA_STEP = 1 << 20;
const SLOTS_STEP = 1 << 16;
const SCRATCH = MAX_RECORD_TEXT * 4;

/** Where the table stands; what an image keeps beside the buffers. */
export interface TableHead {
  readonly size: number;
  /** Slots and octets in use from the front. */
  readonly slotsUsed: number;
  readonly arenaUsed: number;
  /** Octets of the arena that nothing refers to. */
  readonly garbage: number;
  readonly regions: readonly number[];
  /** Per shard: slots that are not empty. */
  readonly occupied: readonly number[];
  /** Places of the profiles. */
  readonly profiles: readonly number[];
}

/**
 * The one writer of a table. Every change is complete for a reader at once; the longest step, a shard that grows, takes a few
 * milliseconds with a million keys.
 */
export interface SharedKeyTable {
  /** For the readers of other threads. */
  readonly shared: SharedKeys;
  readonly size: number;
  /** Adds, changes or removes. @throws PortolanError KEY_LIMIT; nothing of that entry is changed then */
  apply(entry: KeyEntry): void;
  /** The entry of a digest as it is kept now. */
  get(digest: Uint8Array): KeyEntry | undefined;
  /** The hub said so long ago that nothing is missing. */
  heard(agoMs: number): void;
  /** All entries, shard by shard; changes made meanwhile may or may not be among them. */
  entries(): Iterable<KeyEntry>;
  /** Hex digests of the keys that are refused by name. */
  revoked(): readonly string[];
  readonly head: TableHead;
  /** Takes over buffers that were filled from the front; only while nothing was ever applied. */
  adopt(head: TableHead): void;
  /** Makes room for buffers that will be filled from the front. @throws PortolanError KEY_LIMIT */
  reserve(slots: number, arenaOctets: number): void;
}

/**
 * @param expected how many keys there will be about; saves growing
 * @param monotonicMs a clock that all threads of the process share
 */
export function createSharedKeyTable(
  options: { readonly expected?: number; readonly monotonicMs?: () => number } = {},
): SharedKeyTable {
  const monotonicMs = options.monotonicMs ?? sharedClockMs;
  const shared: SharedKeys = {
    control: new SharedArrayBuffer(CONTROL_WORDS * 4),
    slots: new SharedArrayBuffer(0, { maxByteLength: MAX_SLOTS_BYTES }),
    arena: new SharedArrayBuffer(0, { maxByteLength: MAX_ARENA_BYTES }),
    zeroMs: monotonicMs(),
  };
  const control = new Int32Array(shared.control);
  const scratch = Buffer.alloc(SCRATCH);
  /** What shards have left, from the front; neighbours are one. */
  const freeRegions: { start: number; length: number }[] = [];
  const freeBlocks = new Map<number, number[]>();
  const profiles = new Map<string, number>();
  const occupied = new Array<number>(SHARDS).fill(0);
  const live = new Array<number>(SHARDS).fill(0);
  let slots: Int32Array = new Int32Array(0);
  let arena: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  // Place 0 means none, of slots as of records.
  let slotsUsed = 1;
  let arenaUsed = BLOCK_BYTES;
  let garbage = 0;
  growSlots(slotsUsed);
  growArena(arenaUsed);
  const firstCapacity = capacityFor(Math.ceil((options.expected ?? 0) / SHARDS / ROOMY));

  function growSlots(needed: number): void {
    if (needed * SLOT_BYTES <= shared.slots.byteLength) return;
    const bytes = Math.ceil((needed * SLOT_BYTES) / SLOTS_STEP) * SLOTS_STEP;
    if (bytes > MAX_SLOTS_BYTES) throw full();
    shared.slots.grow(bytes);
    slots = new Int32Array(shared.slots, 0, Math.floor(bytes / SLOT_BYTES) * SLOT_WORDS);
  }

  function growArena(needed: number): void {
    if (needed <= shared.arena.byteLength) return;
    const bytes = Math.ceil(needed / ARENA_STEP) * ARENA_STEP;
    if (bytes > MAX_ARENA_BYTES) throw full();
    shared.arena.grow(bytes);
    arena = Buffer.from(shared.arena, 0, bytes);
  }

  function newRegion(capacity: number): number {
    const length = capacity + 1;
    const at = freeRegions.findIndex((free) => free.length >= length);
    const free = freeRegions[at];
    const region = free?.start ?? slotsUsed;
    if (free === undefined) {
      growSlots(slotsUsed + length);
      slotsUsed += length;
    } else {
      free.start += length;
      free.length -= length;
      if (free.length === 0) freeRegions.splice(at, 1);
    }
    slots.fill(0, region * SLOT_WORDS, (region + 1 + capacity) * SLOT_WORDS);
    slots[region * SLOT_WORDS] = capacity;
    return region;
  }

  function growShard(shard: number): number {
    const old = Atomics.load(control, DIRECTORY + shard);
    const keys = live[shard] ?? 0;
    const capacity = Math.max(firstCapacity, capacityFor(Math.ceil((keys + 1) / ROOMY)));
    const region = newRegion(capacity);
    let moved = 0;
    let left: { start: number; length: number } | undefined;
    if (old !== 0) {
      const before = slots[old * SLOT_WORDS] ?? 0;
      for (let i = 0; i < before; i += 1) {
        const from = (old + 1 + i) * SLOT_WORDS;
        const kind = (slots[from + STATE] ?? 0) & KIND_MASK;
        if (kind === EMPTY || kind === GONE) continue;
        let index = ((slots[from] ?? 0) >>> 0) % capacity;
        while (slots[(region + 1 + index) * SLOT_WORDS + STATE] !== 0) index = (index + 1) % capacity;
        moved += 1;
        slots.copyWithin((region + 1 + index) * SLOT_WORDS, from, from + SLOT_WORDS);
      }
      left = { start: old, length: before + 1 };
    }
    occupied[shard] = moved;
    live[shard] = moved;
    Atomics.store(control, DIRECTORY + shard, region);
    // Only now: a reader that is still there looks at the directory again before it believes anything.
    if (left !== undefined) freeRegion(left);
    return region;
  }

  function freeRegion(left: { start: number; length: number }): void {
    const next = freeRegions.findIndex((free) => free.start > left.start);
    const at = next === -1 ? freeRegions.length : next;
    freeRegions.splice(at, 0, left);
    joinAt(at);
    joinAt(at - 1);
  }

  function joinAt(at: number): void {
    const [first, second] = [freeRegions[at], freeRegions[at + 1]];
    if (first === undefined || second === undefined || first.start + first.length !== second.start) return;
    first.length += second.length;
    freeRegions.splice(at + 1, 1);
  }

  function newBlock(size: number): number {
    const reused = freeBlocks.get(size)?.pop();
    if (reused !== undefined) {
      garbage -= size;
      return reused;
    }
    growArena(arenaUsed + size);
    const ref = arenaUsed / BLOCK_BYTES;
    arenaUsed += size;
    return ref;
  }

  function freeBlock(ref: number): void {
    const size = recordSize(arena, ref * BLOCK_BYTES);
    garbage += size;
    const same = freeBlocks.get(size);
    if (same === undefined) freeBlocks.set(size, [ref]);
    else same.push(ref);
  }

  function profileRef(entry: KeyEntry): number {
    const text = profileText(entry);
    const known = profiles.get(text);
    if (known !== undefined) return known;
    const bytes = Buffer.from(text, 'utf8');
    const size = Math.ceil((4 + bytes.length) / BLOCK_BYTES) * BLOCK_BYTES;
    growArena(arenaUsed + size);
    const ref = arenaUsed / BLOCK_BYTES;
    arena.writeUInt32LE(bytes.length, arenaUsed);
    bytes.copy(arena, arenaUsed + 4);
    arenaUsed += size;
    profiles.set(text, ref);
    return ref;
  }

  function storeRecord(entry: KeyEntry): number {
    if (recordBound(entry) > SCRATCH)
      throw new PortolanError('KEY_LIMIT', `the texts of key ${entry.id} are too long`);
    const size = encodeRecord(scratch, entry, profileRef(entry));
    const ref = newBlock(size);
    scratch.copy(arena, ref * BLOCK_BYTES, 0, size);
    return ref;
  }

  /** First word of the slot of this digest, else -1. */
  function find(region: number, digest: Buffer): number {
    if (region === 0) return -1;
    const capacity = slots[region * SLOT_WORDS] ?? 0;
    const d0 = digest.readInt32LE(0);
    let index = (d0 >>> 0) % capacity;
    for (let probes = 0; probes < capacity; probes += 1) {
      const at = (region + 1 + index) * SLOT_WORDS;
      const kind = (slots[at + STATE] ?? 0) & KIND_MASK;
      if (kind === EMPTY) return -1;
      if (
        kind !== GONE &&
        slots[at] === d0 &&
        slots[at + 1] === digest.readInt32LE(4) &&
        slots[at + 2] === digest.readInt32LE(8) &&
        slots[at + 3] === digest.readInt32LE(12)
      )
        return at;
      index = index + 1 === capacity ? 0 : index + 1;
    }
    return -1;
  }

  function setState(at: number, kind: number): void {
    const changes = ((slots[at + STATE] ?? 0) & ~KIND_MASK) + CHANGE;
    Atomics.store(slots, at + STATE, changes | kind);
  }

  function insert(region: number, digest: Buffer, ref: number, kind: number, shard: number): void {
    const capacity = slots[region * SLOT_WORDS] ?? 0;
    let index = (digest.readUInt32LE(0) >>> 0) % capacity;
    for (;;) {
      const at = (region + 1 + index) * SLOT_WORDS;
      const before = (slots[at + STATE] ?? 0) & KIND_MASK;
      if (before === EMPTY || before === GONE) {
        if (before === EMPTY) occupied[shard] = (occupied[shard] ?? 0) + 1;
        for (let word = 0; word < 4; word += 1) slots[at + word] = digest.readInt32LE(word * 4);
        Atomics.store(slots, at + REF, ref);
        setState(at, kind);
        return;
      }
      index = index + 1 === capacity ? 0 : index + 1;
    }
  }

  function apply(entry: KeyEntry): void {
    const digest = Buffer.from(entry.digest.buffer, entry.digest.byteOffset, 16);
    const shard = shardOf(digest.readInt32LE(12));
    let region = Atomics.load(control, DIRECTORY + shard);
    const at = find(region, digest);
    if (entry.removed) {
      if (at === -1) return;
      setState(at, GONE);
      freeBlock(slots[at + REF] ?? 0);
      live[shard] = (live[shard] ?? 0) - 1;
      Atomics.sub(control, SIZE, 1);
      return;
    }
    const kind = entry.revoked ? REVOKED : LIVE;
    const ref = storeRecord(entry);
    if (at !== -1) {
      const before = slots[at + REF] ?? 0;
      // A reader between the two finds the new record under the old state, and looks again as soon as the state differs.
      Atomics.store(slots, at + REF, ref);
      setState(at, kind);
      freeBlock(before);
      return;
    }
    const capacity = region === 0 ? 0 : (slots[region * SLOT_WORDS] ?? 0);
    if ((occupied[shard] ?? 0) + 1 > capacity * FULL) region = growShard(shard);
    insert(region, digest, ref, kind, shard);
    live[shard] = (live[shard] ?? 0) + 1;
    Atomics.add(control, SIZE, 1);
  }

  function digestAt(at: number): Buffer {
    const digest = Buffer.alloc(16);
    for (let word = 0; word < 4; word += 1) digest.writeInt32LE(slots[at + word] ?? 0, word * 4);
    return digest;
  }

  /** First words of the slots in use. */
  function* used(): Generator<number> {
    for (let shard = 0; shard < SHARDS; shard += 1) {
      const region = Atomics.load(control, DIRECTORY + shard);
      if (region === 0) continue;
      const capacity = slots[region * SLOT_WORDS] ?? 0;
      for (let i = 0; i < capacity; i += 1) {
        // A shard that grew meanwhile leaves its old region as it was until another one needs it.
        const at = (region + 1 + i) * SLOT_WORDS;
        const kind = (slots[at + STATE] ?? 0) & KIND_MASK;
        if (kind === LIVE || kind === REVOKED) yield at;
      }
    }
  }

  function entryAt(at: number): KeyEntry {
    const own = decodeRecord(arena, (slots[at + REF] ?? 0) * BLOCK_BYTES);
    const start = own.profileRef * BLOCK_BYTES;
    const profile = profileOf(arena.toString('utf8', start + 4, start + 4 + arena.readUInt32LE(start)));
    const digest = digestAt(at);
    const { id, principal, labels, attributes, expiresAtSeconds } = own;
    const revoked = ((slots[at + STATE] ?? 0) & KIND_MASK) === REVOKED;
    return {
      digest,
      removed: false,
      id,
      principal,
      ...profile,
      labels,
      attributes,
      expiresAtSeconds,
      revoked,
    };
  }

  return {
    shared,
    apply,
    get size() {
      return Atomics.load(control, SIZE);
    },
    get(digest) {
      const bytes = Buffer.from(digest.buffer, digest.byteOffset, 16);
      const at = find(Atomics.load(control, DIRECTORY + shardOf(bytes.readInt32LE(12))), bytes);
      return at === -1 ? undefined : entryAt(at);
    },
    heard(agoMs) {
      Atomics.store(control, HEARD, toHeard(monotonicMs() - agoMs, shared.zeroMs));
    },
    *entries() {
      for (const at of used()) yield entryAt(at);
    },
    revoked() {
      const found: string[] = [];
      for (const at of used())
        if (((slots[at + STATE] ?? 0) & KIND_MASK) === REVOKED) found.push(digestAt(at).toString('hex'));
      return found;
    },
    get head() {
      return {
        size: Atomics.load(control, SIZE),
        slotsUsed,
        arenaUsed,
        garbage,
        regions: [...control.subarray(DIRECTORY, DIRECTORY + SHARDS)],
        occupied: [...occupied],
        profiles: [...profiles.values()],
      };
    },
    reserve(slotCount, arenaOctets) {
      growSlots(slotCount);
      growArena(arenaOctets);
    },
    adopt(head) {
      slotsUsed = head.slotsUsed;
      arenaUsed = head.arenaUsed;
      garbage = head.garbage;
      for (const ref of head.profiles) {
        const start = ref * BLOCK_BYTES;
        profiles.set(arena.toString('utf8', start + 4, start + 4 + arena.readUInt32LE(start)), ref);
      }
      for (const [shard, region] of head.regions.entries()) {
        occupied[shard] = head.occupied[shard] ?? 0;
        // Tombstones count as keys until the shard grows: it grows earlier, never too late.
        live[shard] = occupied[shard];
        Atomics.store(control, DIRECTORY + shard, region);
      }
      Atomics.store(control, SIZE, head.size);
    },
  };
}

/** The smallest size of region that has room for so many keys. */
function capacityFor(keys: number): number {
  let capacity = SMALLEST;
  while (capacity < keys) capacity = Math.ceil(capacity * GROWTH);
  return capacity;
}

function full(): PortolanError {
  return new PortolanError('KEY_LIMIT', 'the key table of this agent is full');
}
