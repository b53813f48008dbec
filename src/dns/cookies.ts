import { type SipKey, sipHash24, sipKey } from './siphash.ts';

/** Octets of a client cookie, of the server cookie we make, and of both together (RFC 7873 section 4, RFC 9018 section 4). */
export const CLIENT_COOKIE_OCTETS = 8;
export const SERVER_COOKIE_OCTETS = 16;
export const COOKIE_OCTETS = CLIENT_COOKIE_OCTETS + SERVER_COOKIE_OCTETS;
export const COOKIE_SECRET_OCTETS = 16;

/** How long a server cookie is good for, and how far clocks of servers that share a secret may differ (RFC 9018 section 4.3). */
const LIFETIME_SECONDS = 3600;
const CLOCK_SKEW_SECONDS = 300;
/** From this age on the client gets a new one. */
const RENEW_AFTER_SECONDS = 1800;

const VERSION = 1;
const INPUT_OCTETS = CLIENT_COOKIE_OCTETS + 8 + 16; // client cookie, the head of the server cookie, an address

/** Whether octets may be the data of a COOKIE option: 8, or 16 to 40 of them (RFC 7873 section 5.2.2). */
export function isCookieLength(octets: number): boolean {
  return octets === CLIENT_COOKIE_OCTETS || (octets >= 16 && octets <= 40);
}

export interface CookieSecrets {
  /** Makes new cookies. */
  readonly current: SipKey;
  /** Accepted as well, while the secret of servers that share it is changed (RFC 9018 section 5). */
  readonly others: readonly SipKey[];
}

/**
 * Server cookies that any server with the same secret and clock accepts (RFC 9018). It keeps nothing of any client, and
 * allocates nothing.
 */
export class CookieJar {
  readonly #nowSeconds: () => number;
  #secrets: CookieSecrets;
  readonly #input = new Uint8Array(INPUT_OCTETS);
  readonly #hash = new Uint8Array(8);
  /** After `open`: the data of the COOKIE option of the answer. Overwritten by the next. */
  readonly reply = new Uint8Array(COOKIE_OCTETS);

  /** @param nowSeconds seconds since 1970: the cookies hold a time that other servers compare */
  constructor(secrets: CookieSecrets, nowSeconds: () => number) {
    this.#secrets = secrets;
    this.#nowSeconds = nowSeconds;
  }

  /** New secrets, from the next query on. */
  change(secrets: CookieSecrets): void {
    this.#secrets = secrets;
  }

  /**
   * Checks the COOKIE option in `bytes[at..at + length)`, whose length `isCookieLength` accepts, and prepares `reply`.
   * @param address the client's 4 or 16 octets
   * @returns whether its server cookie shows that the client receives at this address
   */
  open(bytes: Uint8Array, at: number, length: number, address: Uint8Array): boolean {
    const now = this.#nowSeconds() >>> 0;
    const reply = this.reply;
    for (let i = 0; i < CLIENT_COOKIE_OCTETS; i += 1) reply[i] = bytes[at + i] ?? 0;
    const serverAt = at + CLIENT_COOKIE_OCTETS;
    if (length === COOKIE_OCTETS && bytes[serverAt] === VERSION) {
      const issued =
        (((bytes[serverAt + 4] ?? 0) << 24) |
          ((bytes[serverAt + 5] ?? 0) << 16) |
          ((bytes[serverAt + 6] ?? 0) << 8) |
          (bytes[serverAt + 7] ?? 0)) >>>
        0;
      const age = (now - issued) | 0; // serial number arithmetic (RFC 1982): the field ends in 2106
      if (age <= LIFETIME_SECONDS && age >= -CLOCK_SKEW_SECONDS) {
        for (let i = 0; i < 8; i += 1) reply[CLIENT_COOKIE_OCTETS + i] = bytes[serverAt + i] ?? 0;
        if (this.#matches(this.#secrets.current, bytes, serverAt + 8, address)) {
          if (age > RENEW_AFTER_SECONDS) this.#issue(now, address);
          else for (let i = 0; i < 8; i += 1) reply[16 + i] = bytes[serverAt + 8 + i] ?? 0;
          return true;
        }
        for (const secret of this.#secrets.others) {
          if (!this.#matches(secret, bytes, serverAt + 8, address)) continue;
          this.#issue(now, address);
          return true;
        }
      }
    }
    this.#issue(now, address);
    return false;
  }

  #issue(now: number, address: Uint8Array): void {
    const reply = this.reply;
    reply[8] = VERSION;
    reply[9] = 0;
    reply[10] = 0;
    reply[11] = 0;
    reply[12] = now >>> 24;
    reply[13] = now >>> 16;
    reply[14] = now >>> 8;
    reply[15] = now;
    this.#mac(this.#secrets.current, address, reply, 16);
  }

  /** Compares in constant time, so that nobody can guess a hash octet by octet. */
  #matches(secret: SipKey, bytes: Uint8Array, at: number, address: Uint8Array): boolean {
    this.#mac(secret, address, this.#hash, 0);
    let difference = 0;
    for (let i = 0; i < 8; i += 1) difference |= (this.#hash[i] ?? 0) ^ (bytes[at + i] ?? 0);
    return difference === 0;
  }

  /** RFC 9018 section 4.4: over the client cookie, version, reserved, time and the address; the first four stand in `reply`. */
  #mac(secret: SipKey, address: Uint8Array, into: Uint8Array, at: number): void {
    const input = this.#input;
    for (let i = 0; i < 16; i += 1) input[i] = this.reply[i] ?? 0;
    for (let i = 0; i < address.length; i += 1) input[16 + i] = address[i] ?? 0;
    sipHash24(secret, input, 16 + address.length, into, at);
  }
}

/**
 * The secrets in the text of a file: one or two lines of 32 hexadecimal digits, the first in use. `undefined` when it is
 * anything else.
 */
export function parseCookieSecrets(text: string): CookieSecrets | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines
    .filter((line) => line !== '')
    .map((line) => (/^[0-9a-fA-F]{32}$/.test(line) ? line : ''));
  const [current, ...others] = keys;
  if (current === undefined || others.length > 1 || keys.includes('')) return undefined;
  const keyOf = (hex: string): SipKey => sipKey(Buffer.from(hex, 'hex'));
  return { current: keyOf(current), others: others.map(keyOf) };
}
