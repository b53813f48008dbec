import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import type { RoutedPolicy } from '../src/routing/model.ts';

/** Policies as JSON in shared memory, for other threads to read those they need. Plain data, but for the buffers not copied. */
export interface PolicyImages {
  readonly segments: readonly SharedArrayBuffer[];
  /** PLACE words for each policy, in the order of the snapshot. */
  readonly places: Uint32Array;
}

/** The words of one policy in `PolicyImages.places`. */
export const PLACE = { id: 0, segment: 1, offset: 2, length: 3, words: 4 } as const;

interface Place {
  /** The same for equal content as long as it stays on the shelf. */
  readonly id: number;
  readonly segment: SharedArrayBuffer;
  readonly offset: number;
  readonly length: number;
}

/** Octets of policies that are gone, beyond which (and beyond those in use) everything is written anew. */
const TIDY_OCTETS = 1 << 20;

/**
 * Where the policies of a process lie for its threads. A change writes what is new into a segment of its own and leaves the rest
 * where it is. What threads made of a policy they find again by its id.
 */
export class PolicyShelf {
  #byContent = new Map<string, Place>();
  readonly #byPolicy = new WeakMap<RoutedPolicy, { readonly content: string }>();
  #lastId = 0;

  /** The policies of a table; what the last table had and this one has not is forgotten. */
  put(policies: readonly RoutedPolicy[]): PolicyImages {
    const contents = policies.map((policy) => this.#contentOf(policy));
    const kept = new Map<string, Place>();
    const fresh = new Map<string, Buffer>();
    let octets = 0;
    policies.forEach((policy, i) => {
      const content = contents[i] ?? '';
      const place = this.#byContent.get(content);
      if (place !== undefined) kept.set(content, place);
      else if (!fresh.has(content)) {
        const encoded = Buffer.from(JSON.stringify(policy));
        octets += encoded.length;
        fresh.set(content, encoded);
      }
    });
    if (fresh.size > 0) this.#write(fresh, octets, kept);
    this.#byContent = this.#tidied(kept);
    return imagesOf(contents.flatMap((content) => this.#byContent.get(content) ?? []));
  }

  /** The same text for policies of equal content; policies are immutable. */
  #contentOf(policy: RoutedPolicy): string {
    const known = this.#byPolicy.get(policy);
    if (known !== undefined) return known.content;
    const content = hash('sha256', JSON.stringify(policy), 'base64');
    this.#byPolicy.set(policy, { content });
    return content;
  }

  #write(fresh: ReadonlyMap<string, Uint8Array>, octets: number, into: Map<string, Place>): void {
    const segment = new SharedArrayBuffer(octets);
    const target = new Uint8Array(segment);
    let offset = 0;
    for (const [content, encoded] of fresh) {
      target.set(encoded, offset);
      this.#lastId += 1;
      into.set(content, { id: this.#lastId, segment, offset, length: encoded.length });
      offset += encoded.length;
    }
  }

  /** Everything in one segment, when more than half of what is held is garbage. */
  #tidied(places: Map<string, Place>): Map<string, Place> {
    let used = 0;
    const segments = new Set<SharedArrayBuffer>();
    for (const place of places.values()) {
      used += place.length;
      segments.add(place.segment);
    }
    let held = 0;
    for (const segment of segments) held += segment.byteLength;
    if (held <= 2 * used + TIDY_OCTETS) return places;
    const segment = new SharedArrayBuffer(used);
    const target = new Uint8Array(segment);
    const moved = new Map<string, Place>();
    let offset = 0;
    for (const [content, place] of places) {
      target.set(new Uint8Array(place.segment, place.offset, place.length), offset);
      moved.set(content, { ...place, segment, offset });
      offset += place.length;
    }
    return moved;
  }
}

function imagesOf(places: readonly Place[]): PolicyImages {
  const segments: SharedArrayBuffer[] = [];
  const numbers = new Map<SharedArrayBuffer, number>();
  const words = new Uint32Array(new SharedArrayBuffer(4 * PLACE.words * places.length));
  places.forEach(({ id, segment, offset, length }, i) => {
    let number = numbers.get(segment);
    if (number === undefined) {
      number = segments.push(segment) - 1;
      numbers.set(segment, number);
    }
    const at = i * PLACE.words;
    words[at + PLACE.id] = id;
    words[at + PLACE.segment] = number;
    words[at + PLACE.offset] = offset;
    words[at + PLACE.length] = length;
  });
  return { segments, places: words };
}
