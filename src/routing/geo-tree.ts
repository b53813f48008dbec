/** What a MaxMind DB 2.0 file says of its search tree, in its metadata. */
export interface GeoTreeShape {
  readonly nodeCount: number;
  /** Bits of one record: 24, 28 or 32. */
  readonly recordSize: number;
  readonly ipVersion: number;
}

/** The first so many bits of an IPv4 address are looked up at once. */
const STRIDE = 16;

/**
 * The search tree of a MaxMind DB: from the octets of an address to the record that holds for it, without making a text or any other
 * object of it. IPv4 networks lie below ::/96 of an IPv6 tree.
 */
export class GeoTree {
  readonly #octets: Uint8Array;
  readonly #nodeCount: number;
  readonly #recordSize: number;
  readonly #nodeOctets: number;
  /** For the first `STRIDE` bits of an IPv4 address: the node or record they lead to, and how many of them were needed. */
  readonly #strides = new Uint32Array(1 << STRIDE);
  readonly #strideDepths = new Uint8Array(1 << STRIDE);
  /** Of the last `find`: a number for the record found; 0: there is none. Equal for addresses of one record. */
  record = 0;
  /** Of the last `find`: bits of the largest network around the address all of which has that record (or none). */
  prefixLength = 0;

  constructor(octets: Uint8Array, shape: GeoTreeShape) {
    this.#octets = octets;
    this.#nodeCount = shape.nodeCount;
    this.#recordSize = shape.recordSize;
    this.#nodeOctets = shape.recordSize / 4;
    let root = 0;
    if (shape.ipVersion === 6)
      for (let i = 0; i < 96 && root < shape.nodeCount; i += 1) root = this.#left(root);
    this.#stride(root, 0, 0);
  }

  /** Looks an address of 4 or 16 octets up; the answer is in `record` and `prefixLength`. 16 need an IPv6 tree. */
  find(bytes: Uint8Array): void {
    let node = 0;
    let depth = 0;
    if (bytes.length === 4) {
      const at = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
      node = this.#strides[at] ?? 0;
      depth = this.#strideDepths[at] ?? 0;
    }
    const count = this.#nodeCount;
    const bits = 8 * bytes.length;
    for (; depth < bits && node < count; depth += 1) {
      const bit = ((bytes[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1;
      node = bit === 0 ? this.#left(node) : this.#right(node);
    }
    this.record = node > count ? node : 0;
    this.prefixLength = depth;
  }

  #stride(node: number, depth: number, prefix: number): void {
    if (depth === STRIDE || node >= this.#nodeCount) {
      const first = prefix << (STRIDE - depth);
      const after = (prefix + 1) << (STRIDE - depth);
      this.#strides.fill(node, first, after);
      this.#strideDepths.fill(depth, first, after);
      return;
    }
    this.#stride(this.#left(node), depth + 1, 2 * prefix);
    this.#stride(this.#right(node), depth + 1, 2 * prefix + 1);
  }

  #left(node: number): number {
    const octets = this.#octets;
    const at = node * this.#nodeOctets;
    const three = ((octets[at] ?? 0) << 16) | ((octets[at + 1] ?? 0) << 8) | (octets[at + 2] ?? 0);
    if (this.#recordSize === 24) return three;
    const fourth = octets[at + 3] ?? 0;
    return this.#recordSize === 28 ? ((fourth & 0xf0) << 20) | three : ((three << 8) | fourth) >>> 0;
  }

  #right(node: number): number {
    const octets = this.#octets;
    const at = node * this.#nodeOctets + (this.#recordSize === 24 ? 3 : 4);
    const three = ((octets[at] ?? 0) << 16) | ((octets[at + 1] ?? 0) << 8) | (octets[at + 2] ?? 0);
    if (this.#recordSize === 24) return three;
    if (this.#recordSize === 28) return (((octets[at - 1] ?? 0) & 0x0f) << 24) | three;
    return ((three << 8) | (octets[at + 3] ?? 0)) >>> 0;
  }
}
