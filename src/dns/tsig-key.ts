import { PortolanError } from '../errors/error.ts';
import { type DomainName, parseName, tryParseName } from './name.ts';

/** HMACs that TSIG may use here (RFC 8945 section 6); the weak ones of that table are refused. */
export const TSIG_ALGORITHMS = {
  'hmac-sha256': { digest: 'sha256', macOctets: 32 },
  'hmac-sha384': { digest: 'sha384', macOctets: 48 },
  'hmac-sha512': { digest: 'sha512', macOctets: 64 },
} as const;
export type TsigAlgorithm = keyof typeof TSIG_ALGORITHMS;

/** A secret that two servers share to sign their messages. */
export interface TsigKey {
  /** Both sides must call it the same. */
  readonly name: DomainName;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Uint8Array;
}

/** Keys by their name: different owners may have called theirs the same. */
export type TsigKeyring = ReadonlyMap<DomainName, readonly TsigKey[]>;

const WEAK = /^(hmac-md5|hmac-sha1|hmac-sha224|hmac-md5\.sig-alg\.reg\.int)\.?$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const MIN_SECRET_OCTETS = 16;

/**
 * A key from what a person writes: name, algorithm and the secret in base64 (as `tsig-keygen` and `keymgr -t` print it).
 * @throws PortolanError TSIG_KEY_INVALID; the message never holds the secret
 */
export function parseTsigKey(text: {
  readonly name: string;
  readonly algorithm: string;
  readonly secret: string;
}): TsigKey {
  const name = tryParseName(text.name);
  if (typeof name === 'object') return invalid(`its name is wrong: ${name.reason}`);
  const algorithm = text.algorithm.toLowerCase().replace(/\.$/, '');
  if (WEAK.test(algorithm)) {
    return invalid(
      `${algorithm} is too weak`,
      'Make a key for hmac-sha256, for example by `tsig-keygen -a hmac-sha256`.',
    );
  }
  if (!isTsigAlgorithm(algorithm)) {
    return invalid(
      `the algorithm "${algorithm}" is not known`,
      'Use hmac-sha256, hmac-sha384 or hmac-sha512.',
    );
  }
  const base64 = text.secret.replace(/\s+/g, '');
  if (!BASE64.test(base64)) return invalid('its secret is not base64');
  const secret = new Uint8Array(Buffer.from(base64, 'base64'));
  if (secret.length < MIN_SECRET_OCTETS) {
    return invalid(`its secret has ${secret.length} octets; at least ${MIN_SECRET_OCTETS} are needed`);
  }
  return { name, algorithm, secret };
}

/** The name of the algorithm as it stands in a TSIG record. */
export function algorithmName(algorithm: TsigAlgorithm): DomainName {
  return ALGORITHM_NAMES[algorithm];
}

const ALGORITHM_NAMES: Readonly<Record<TsigAlgorithm, DomainName>> = {
  'hmac-sha256': parseName('hmac-sha256'),
  'hmac-sha384': parseName('hmac-sha384'),
  'hmac-sha512': parseName('hmac-sha512'),
};

function isTsigAlgorithm(text: string): text is TsigAlgorithm {
  return Object.hasOwn(TSIG_ALGORITHMS, text);
}

function invalid(reason: string, fix?: string): never {
  throw new PortolanError(
    'TSIG_KEY_INVALID',
    `the TSIG key cannot be used: ${reason}`,
    fix === undefined ? {} : { fix },
  );
}
