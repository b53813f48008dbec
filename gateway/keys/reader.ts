import { createKeyDigest } from '../../src/identity/api-key.ts';
import type { KeyAnswer, KeyRecord, KeyTable } from './contract.ts';
import { differenceAt } from './digest-words.ts';
import { KnownDigests } from './known-digests.ts';
import {
  BLOCK_BYTES,
  DIRECTORY,
  EMPTY,
  GONE,
  HEARD,
  heardAgoMs,
  KIND_MASK,
  REF,
  REVOKED,
  type SharedKeys,
  SIZE,
  SLOT_BYTES,
  SLOT_WORDS,
  STATE,
  shardOf,
  sharedClockMs,
} from './layout.ts';
import { decodeRecord, type Profile, profileOf } from './record.ts';

export interface KeyReaderOptions {
  /** 32 octets each; of `GatewaySecrets.peppers`. */
  readonly peppers: { readonly hub: Uint8Array; readonly cluster: Uint8Array };
  /** Records this thread keeps decoded; default 4,096. */
  readonly cached?: number;
  /** The clock all threads share; default `process.hrtime`. */
  readonly monotonicMs?: () => number;
}

/** A decoded record, good as long as slot, state and place are the same. */
interface Decoded {
  readonly d0: number;
  readonly d1: number;
  readonly d2: number;
  readonly d3: number;
  readonly state: number;
  readonly ref: number;
  /** Milliseconds since 1970; infinite: never. */
  readonly expiresAtMs: number;
  readonly known: KeyAnswer;
  readonly expired: KeyAnswer;
}

const UNKNOWN: KeyAnswer = { type: 'unknown' };
const CACHED = 4_096;
/** Each further look means that the writer changed this very shard meanwhile. */
const MAX_LOOKS = 1_000;

/**
 * A thread's view of the shared keys. `find` never waits: it reads the slot, and looks again in the rare case that the writer
 * changed it meanwhile. State is read for every request, so a revocation counts from the next one on.
 */
export function readKeyTable(shared: SharedKeys, options: KeyReaderOptions): KeyTable {
  const { peppers, cached = CACHED, monotonicMs = sharedClockMs } = options;
  const digestOf = createKeyDigest(peppers);
  const control = new Int32Array(shared.control);
  let slots: Int32Array = new Int32Array(0);
  let arena: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  let recent = new Map<number, Decoded>();
  let older = new Map<number, Decoded>();
  const profiles = new Map<number, Profile>();
  const digests = new KnownDigests();

  /** Views of fixed length are as fast as those of any array; they are made anew when the buffer has grown past them. */
  const slotsTo = (words: number): boolean => {
    if (words <= slots.length) return true;
    slots = new Int32Array(shared.slots, 0, Math.floor(shared.slots.byteLength / SLOT_BYTES) * SLOT_WORDS);
    return words <= slots.length;
  };

  const remember = (slot: number, decoded: Decoded): void => {
    if (recent.size >= cached / 2) {
      older = recent;
      recent = new Map();
    }
    recent.set(slot, decoded);
  };

  const decode = (digest: string, state: number, ref: number): Decoded | undefined => {
    try {
      const at = ref * BLOCK_BYTES;
      if (arena.length < shared.arena.byteLength)
        arena = Buffer.from(shared.arena, 0, shared.arena.byteLength);
      const own = decodeRecord(arena, at);
      let profile = profiles.get(own.profileRef);
      if (profile === undefined) {
        const start = own.profileRef * BLOCK_BYTES;
        profile = profileOf(arena.toString('utf8', start + 4, start + 4 + arena.readUInt32LE(start)));
        if (profiles.size >= cached) profiles.clear();
        profiles.set(own.profileRef, profile);
      }
      const { id, principal, labels, attributes, expiresAtSeconds } = own;
      const { namespace, roles, plan } = profile;
      const record: KeyRecord = {
        id,
        namespace,
        principal,
        roles,
        ...(plan === '' ? {} : { plan }),
        labels,
        attributes,
      };
      const revoked = (state & KIND_MASK) === REVOKED;
      return {
        d0: wordOf(digest, 0),
        d1: wordOf(digest, 4),
        d2: wordOf(digest, 8),
        d3: wordOf(digest, 12),
        state,
        ref,
        expiresAtMs: expiresAtSeconds === 0 ? Number.POSITIVE_INFINITY : expiresAtSeconds * 1000,
        known: revoked ? { type: 'revoked', id } : { type: 'known', record },
        expired: revoked ? { type: 'revoked', id } : { type: 'expired', id },
      };
    } catch {
      return undefined; // the block was used again while it was read
    }
  };

  /** Undefined: the writer came between. */
  const look = (digest: string, wallMs: number): KeyAnswer | undefined => {
    const d0 = wordOf(digest, 0);
    const d1 = wordOf(digest, 4);
    const d2 = wordOf(digest, 8);
    const d3 = wordOf(digest, 12);
    const place = DIRECTORY + shardOf(d3);
    const region = Atomics.load(control, place);
    if (region === 0) return UNKNOWN;
    if (!slotsTo((region + 1) * SLOT_WORDS)) return undefined;
    const capacity = slots[region * SLOT_WORDS] ?? 0;
    if (capacity <= 0 || !slotsTo((region + 1 + capacity) * SLOT_WORDS)) return undefined;
    let index = (d0 >>> 0) % capacity;
    for (let probes = 0; probes <= capacity; probes += 1) {
      const slot = region + 1 + index;
      const at = slot * SLOT_WORDS;
      const state = Atomics.load(slots, at + STATE);
      if ((state & KIND_MASK) === EMPTY) break;
      if (differenceAt(slots, at, d0, d1, d2, d3) === 0 && (state & KIND_MASK) !== GONE) {
        const ref = Atomics.load(slots, at + REF);
        let hit = recent.get(slot) ?? older.get(slot);
        if (hit === undefined || !isStill(hit, state, ref, d0, d1, d2, d3)) {
          hit = decode(digest, state, ref);
          if (hit === undefined) return undefined;
          if (Atomics.load(slots, at + STATE) !== state || Atomics.load(slots, at + REF) !== ref)
            return undefined;
          if (Atomics.load(control, place) !== region) return undefined;
          remember(slot, hit);
        } else if (Atomics.load(control, place) !== region) return undefined;
        return hit.expiresAtMs <= wallMs ? hit.expired : hit.known;
      }
      index += 1;
      if (index === capacity) index = 0;
    }
    return Atomics.load(control, place) === region ? UNKNOWN : undefined;
  };

  return {
    find(key, pairId, wallMs) {
      const before = pairId === undefined ? digests.of(key) : undefined;
      const digest = before ?? digestOf(key, pairId);
      for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
        const answer = look(digest, wallMs);
        if (answer === undefined) continue;
        if (answer.type === 'known') {
          if (before === undefined && pairId === undefined) digests.add(key, digest);
        } else if (before !== undefined) digests.delete(key);
        return answer;
      }
      return UNKNOWN;
    },
    staleMs: () => heardAgoMs(Atomics.load(control, HEARD), shared.zeroMs, monotonicMs()),
    get size() {
      return Atomics.load(control, SIZE);
    },
  };
}

function isStill(
  hit: Decoded,
  state: number,
  ref: number,
  d0: number,
  d1: number,
  d2: number,
  d3: number,
): boolean {
  return (
    hit.state === state && hit.ref === ref && hit.d0 === d0 && hit.d1 === d1 && hit.d2 === d2 && hit.d3 === d3
  );
}

/** Four octets, the lowest first. */
function wordOf(digest: string, at: number): number {
  return (
    digest.charCodeAt(at) |
    (digest.charCodeAt(at + 1) << 8) |
    (digest.charCodeAt(at + 2) << 16) |
    (digest.charCodeAt(at + 3) << 24)
  );
}
