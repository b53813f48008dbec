import type { CryptoKey, createLocalJWKSet, JSONWebKeySet, JWSHeaderParameters } from 'jose';
import type { OutboundClient } from '../outbound/client.ts';
import { OutboundFailure } from '../outbound/failure.ts';
import { callForObject, isObject } from '../outbound/json.ts';

/** The keys cannot be had: neither yes nor no may be said about a token. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

/** The issuer has no key that fits the token's header. */
export class KeyUnknown extends Error {
  override readonly name = 'KeyUnknown';
}

/** The keys of one token issuer. */
export interface KeySource {
  /** Changes whenever the keys do, and is never that of other keys: what was verified with older ones is verified again. */
  readonly generation: number;
  /**
   * Keys that fit the header's `alg` and `kid`; without a `kid` there may be several.
   * @throws KeysUnavailable, KeyUnknown
   */
  keysFor(header: JWSHeaderParameters): Promise<readonly CryptoKey[]>;
}

export interface JwksLimits {
  /** After this long the set is read again, beside the requests. */
  readonly refreshMs: number;
  /** A token with an unknown key makes the set be read again, at most once in this time (I28). */
  readonly unknownKeyMs: number;
  /** How long keys work while their issuer cannot be reached. */
  readonly maxStaleMs: number;
}

export const JWKS_LIMITS: JwksLimits = {
  refreshMs: 600_000,
  unknownKeyMs: 30_000,
  maxStaleMs: 86_400_000,
};

export interface JwksSettings {
  /** Reads the set. */
  readonly load: () => Promise<Readonly<Record<string, unknown>>>;
  readonly limits: JwksLimits;
  readonly monotonicMs: () => number;
  /** Never the same number twice. */
  readonly nextGeneration: () => number;
  readonly failed: (reason: string) => void;
}

/** More than one key without a `kid`: that many are tried. */
const MAX_CANDIDATES = 4;
const MAX_KEYS = 100;
/** Before the first success: 1 s, doubled up to `unknownKeyMs`. */
const FIRST_RETRY_MS = 1_000;

type LocalSet = ReturnType<typeof createLocalJWKSet>;

/**
 * A key set that is read from its issuer when first needed, again from time to time, and again for a key that is not in it. While the
 * issuer is away the known keys go on for `maxStaleMs`. One reading at a time; nobody waits for one when the key is known.
 */
export function remoteKeys(settings: JwksSettings): KeySource {
  const { load, limits, monotonicMs, nextGeneration, failed } = settings;
  let set: LocalSet | undefined;
  let text = '';
  let generation = 0;
  let readMs = Number.NEGATIVE_INFINITY;
  let triedMs = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let reading: Promise<void> | undefined;

  function read(): Promise<void> {
    triedMs = monotonicMs();
    reading ??= load()
      .then(async (document) => {
        const now = JSON.stringify(document);
        if (now !== text) {
          set = await localSet(publicKeys(document));
          text = now;
          generation = nextGeneration();
        }
        readMs = monotonicMs();
        failures = 0;
      })
      .catch((error: unknown) => {
        failures += 1;
        failed(error instanceof OutboundFailure ? error.message : 'its key set is not one');
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  }

  const usable = (): LocalSet | undefined =>
    monotonicMs() - readMs <= limits.refreshMs + limits.maxStaleMs ? set : undefined;

  return {
    get generation() {
      return generation;
    },
    async keysFor(header) {
      const sinceTry = monotonicMs() - triedMs;
      if (usable() === undefined) {
        const wait = failures === 0 ? 0 : Math.min(limits.unknownKeyMs, FIRST_RETRY_MS * 2 ** (failures - 1));
        if (reading !== undefined || sinceTry >= wait) await (reading ?? read());
      } else if (monotonicMs() - readMs > limits.refreshMs && sinceTry >= limits.unknownKeyMs) {
        void read();
      }
      const known = usable();
      if (known === undefined) throw new KeysUnavailable();
      const found = await fitting(known, header);
      if (found.length > 0) return found;
      if (reading !== undefined || monotonicMs() - triedMs >= limits.unknownKeyMs) {
        await (reading ?? read());
        const again = await fitting(usable() ?? known, header);
        if (again.length > 0) return again;
      }
      // Where the last reading failed the key may be a new one.
      throw failures > 0 ? new KeysUnavailable() : new KeyUnknown();
    },
  };
}

/** Keys that the operator gave. @throws TypeError when the text is no key set */
export function fixedKeys(text: string): KeySource {
  const document: unknown = JSON.parse(text);
  if (!isObject(document)) throw new TypeError('the key set is no JSON object');
  const keys = publicKeys(document);
  let set: Promise<LocalSet> | undefined;
  return {
    generation: 1,
    async keysFor(header) {
      set ??= localSet(keys);
      const found = await fitting(await set, header);
      if (found.length === 0) throw new KeyUnknown();
      return found;
    },
  };
}

/** Where the keys of an issuer are. @throws OutboundFailure */
export async function discoverJwksUri(
  client: OutboundClient,
  issuer: string,
  call: { readonly timeoutMs: number; readonly ca: readonly string[] },
): Promise<{ readonly jwksUri: string; readonly userinfo: string | undefined }> {
  // OpenID Connect Discovery 1.0 section 4.1: the path is appended, a terminating slash is removed first.
  const url = `${issuer.endsWith('/') ? issuer.slice(0, -1) : issuer}/.well-known/openid-configuration`;
  const document = await callForObject(client, { url, ...call });
  // Section 4.3: exactly the issuer that was asked, else one issuer could speak for another.
  if (document.issuer !== issuer) {
    throw new OutboundFailure('answer', 'the discovery document names another issuer');
  }
  const jwksUri = document.jwks_uri;
  if (typeof jwksUri !== 'string' || !staysSecure(issuer, jwksUri)) {
    throw new OutboundFailure('answer', 'the discovery document has no usable jwks_uri');
  }
  const userinfo = document.userinfo_endpoint;
  return {
    jwksUri,
    userinfo: typeof userinfo === 'string' && staysSecure(issuer, userinfo) ? userinfo : undefined,
  };
}

/** What an https issuer names is https as well. */
function staysSecure(issuer: string, url: string): boolean {
  return url.startsWith('https://') || (issuer.startsWith('http://') && url.startsWith('http://'));
}

/** Only public keys for signatures: a symmetric one in a public set would let everybody sign. */
function publicKeys(document: Readonly<Record<string, unknown>>): JSONWebKeySet {
  const { keys } = document;
  if (!Array.isArray(keys)) throw new TypeError('a key set has an array of keys');
  return { keys: keys.filter(isPublicKey).slice(0, MAX_KEYS) };
}

/** Loads the library with the first tokens: most gateways need it never, and it takes memory in every thread. */
async function localSet(keys: JSONWebKeySet): Promise<LocalSet> {
  const jose = await import('jose');
  return jose.createLocalJWKSet(keys);
}

function isPublicKey(key: unknown): key is JSONWebKeySet['keys'][number] {
  return isObject(key) && typeof key.kty === 'string' && key.kty !== 'oct' && !('d' in key);
}

async function fitting(set: LocalSet, header: JWSHeaderParameters): Promise<readonly CryptoKey[]> {
  const wanted: JWSHeaderParameters = {
    ...(header.alg === undefined ? {} : { alg: header.alg }),
    ...(header.kid === undefined ? {} : { kid: header.kid }),
  };
  const { errors } = await import('jose');
  try {
    return [await set(wanted)];
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) {
      const found: CryptoKey[] = [];
      for await (const key of error) {
        found.push(key);
        if (found.length === MAX_CANDIDATES) break;
      }
      return found;
    }
    // A key of the set that cannot be used is as one that is not there.
    return [];
  }
}
