import { z } from 'zod';
import { PortolanError } from '../errors/error.ts';
import { objectName } from '../resources/metadata.ts';
import { sha256Hex } from './digest.ts';

const PREFIX = 'ptl1.';
const ID_BYTES = 16;
const SECRET_BYTES = 32;
/** A token with its eight URLs is under 2 kB; what is longer was not made by us. */
const MAX_TOKEN_CHARACTERS = 8_192;

/** What a join token says: which cluster, which hub, and by which CA to know it. */
export interface JoinToken {
  readonly clusterUid: string;
  readonly cluster: { readonly namespace: string; readonly name: string };
  /** `https://host:port` of the join listeners. */
  readonly urls: readonly string[];
  /** 32 hex digits. */
  readonly id: string;
  /** 64 hex digits; the hub keeps only `joinSecretSha256` of it. */
  readonly secret: string;
  /** SHA-256 (hex) of the public keys (SPKI) of the CAs the hub may present. */
  readonly caSpkiSha256: readonly string[];
}

const uid = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
const base64url = (bytes: number) =>
  z.string().refine((text) => decode(text)?.length === bytes, { error: `${bytes} bytes in base64url` });
const joinUrl = z.string().refine(isJoinUrl, { error: 'https://host:port without path or credentials' });

const tokenPayload = z.object({
  v: z.literal(1),
  cluster: uid,
  namespace: objectName,
  name: objectName,
  urls: z.array(joinUrl).min(1).max(8),
  id: base64url(ID_BYTES),
  secret: base64url(SECRET_BYTES),
  pins: z.array(base64url(32)).min(1).max(8),
});

/** A new id and secret from `randomBytes` (the system's CSPRNG), as hex. */
export function newJoinSecret(randomBytes: (count: number) => Uint8Array): {
  readonly id: string;
  readonly secret: string;
} {
  return {
    id: Buffer.from(randomBytes(ID_BYTES)).toString('hex'),
    secret: Buffer.from(randomBytes(SECRET_BYTES)).toString('hex'),
  };
}

/** What the hub stores and compares instead of the secret. */
export function joinSecretSha256(secretHex: string): string {
  return sha256Hex(Buffer.from(secretHex, 'hex'));
}

/** `ptl1.` + base64url(JSON). */
export function formatJoinToken(token: JoinToken): string {
  const payload: z.input<typeof tokenPayload> = {
    v: 1,
    cluster: token.clusterUid,
    namespace: token.cluster.namespace,
    name: token.cluster.name,
    urls: [...token.urls],
    id: hexToBase64url(token.id),
    secret: hexToBase64url(token.secret),
    pins: token.caSpkiSha256.map(hexToBase64url),
  };
  return PREFIX + Buffer.from(JSON.stringify(payload), 'utf8').toString('base64url');
}

/**
 * Reads what a person pasted; white space around it and line breaks a terminal put inside are forgiven.
 * @throws PortolanError JOIN_TOKEN_INVALID with what is wrong, never with the token's text
 */
export function parseJoinToken(text: string): JoinToken {
  const compact = text.replace(/\s+/g, '');
  if (compact === '') throw invalid('it is empty');
  if (compact.length > MAX_TOKEN_CHARACTERS)
    throw invalid(`it is longer than ${MAX_TOKEN_CHARACTERS} characters`);
  if (!compact.startsWith(PREFIX)) {
    const version = /^ptl(\d+)\./.exec(compact)?.[1];
    if (version !== undefined) throw invalid(`it has format ${version}, this program reads format 1`);
    throw invalid(`it does not start with "${PREFIX}"`);
  }
  const bytes = decode(compact.slice(PREFIX.length));
  if (bytes === undefined) throw invalid('it is cut off or has characters that are not base64url');
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw invalid('it is cut off or damaged');
  }
  const parsed = tokenPayload.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw invalid(`its field "${issue?.path.join('.') ?? ''}" is not valid`);
  }
  const payload = parsed.data;
  return {
    clusterUid: payload.cluster,
    cluster: { namespace: payload.namespace, name: payload.name },
    urls: payload.urls.map((url) => new URL(url).origin),
    id: base64urlToHex(payload.id),
    secret: base64urlToHex(payload.secret),
    caSpkiSha256: payload.pins.map(base64urlToHex),
  };
}

function isJoinUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const bare = url.pathname === '/' && url.search === '' && url.hash === '';
  return url.protocol === 'https:' && url.username === '' && url.password === '' && bare;
}

/** Buffer.from skips what is not base64url; here it is an error, or two texts would mean one token. */
function decode(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

const hexToBase64url = (hex: string): string => Buffer.from(hex, 'hex').toString('base64url');
const base64urlToHex = (text: string): string => Buffer.from(text, 'base64url').toString('hex');

function invalid(reason: string): PortolanError {
  return new PortolanError('JOIN_TOKEN_INVALID', `the join token cannot be used: ${reason}`);
}
