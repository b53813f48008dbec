import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** What a session value says, once its seal holds. Wall-clock seconds. */
export interface Session {
  readonly backend: string;
  readonly endpoint: string;
  /** When the session began, and when it was last seen. */
  readonly sinceS: number;
  readonly seenS: number;
}

const VERSION = 1;
const NAME_OCTETS = 8;
const MAC_OCTETS = 16;
const LENGTH = 1 + NAME_OCTETS + 4 + 4;

/**
 * Values of session cookies and headers: `version ‖ digest of rule, backend and endpoint ‖ since ‖ seen ‖ HMAC`, base64url. Nobody without the key makes
 * one up, and none tells an address. They are bound to one gateway cluster by its key, not to a client.
 */
export class SessionValues {
  readonly #key: Uint8Array;
  readonly #names = new Map<string, Buffer>();

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /**
   * @param scope the rule the session belongs to
   * @param sinceS @param seenS wall-clock seconds since 1970
   */
  seal(scope: string, backend: string, endpoint: string, sinceS: number, seenS: number): string {
    const sealed = Buffer.alloc(LENGTH + MAC_OCTETS);
    sealed[0] = VERSION;
    this.#nameOf(scope, backend, endpoint).copy(sealed, 1);
    sealed.writeUInt32BE(sinceS >>> 0, 1 + NAME_OCTETS);
    sealed.writeUInt32BE(seenS >>> 0, 1 + NAME_OCTETS + 4);
    this.#mac(sealed.subarray(0, LENGTH)).copy(sealed, LENGTH);
    return sealed.toString('base64url');
  }

  /**
   * @param candidates endpoints the session may lead to
   * @returns undefined when it was not made with this key or for another rule, or leads to none of them
   */
  open(
    scope: string,
    value: string,
    candidates: Iterable<readonly [backend: string, endpoint: string]>,
  ): Session | undefined {
    if (value.length !== Math.ceil(((LENGTH + MAC_OCTETS) * 4) / 3)) return undefined;
    const sealed = Buffer.from(value, 'base64url');
    if (sealed.length !== LENGTH + MAC_OCTETS || sealed[0] !== VERSION) return undefined;
    if (!timingSafeEqual(this.#mac(sealed.subarray(0, LENGTH)), sealed.subarray(LENGTH))) return undefined;
    const name = sealed.subarray(1, 1 + NAME_OCTETS);
    for (const [backend, endpoint] of candidates) {
      if (!this.#nameOf(scope, backend, endpoint).equals(name)) continue;
      const sinceS = sealed.readUInt32BE(1 + NAME_OCTETS);
      return { backend, endpoint, sinceS, seenS: sealed.readUInt32BE(1 + NAME_OCTETS + 4) };
    }
    return undefined;
  }

  #nameOf(scope: string, backend: string, endpoint: string): Buffer {
    const text = `${scope}\n${backend}\n${endpoint}`;
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const name = createHash('sha256').update(text).digest().subarray(0, NAME_OCTETS);
    this.#names.set(text, name);
    return name;
  }

  #mac(data: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(data).digest().subarray(0, MAC_OCTETS);
  }
}
