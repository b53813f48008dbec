import { sha256Hex } from './digest.ts';

const PREFIX = 'ptk1.';
const ID_BYTES = 8;
const SECRET_BYTES = 32;

/** An API token as its owner holds it: `ptk1.<id>.<secret>`. The id may be shown and logged, the secret never. */
export interface ApiToken {
  /** 16 hex digits. */
  readonly id: string;
  /** SHA-256 (hex) of the secret: what the store keeps and compares in constant time. */
  readonly secretSha256: string;
}

/** A new token (256 bits of secret) from `randomBytes`, the system's CSPRNG. `text` is shown once. */
export function newApiToken(
  randomBytes: (count: number) => Uint8Array,
): ApiToken & { readonly text: string } {
  const id = Buffer.from(randomBytes(ID_BYTES)).toString('hex');
  const secret = Buffer.from(randomBytes(SECRET_BYTES)).toString('base64url');
  return { id, secretSha256: sha256Hex(secret), text: `${PREFIX}${id}.${secret}` };
}

/** `undefined` for anything that is not one of our tokens; the secret leaves this function only as its hash. */
export function parseApiToken(text: string): ApiToken | undefined {
  const match = /^ptk1\.([0-9a-f]{16})\.([A-Za-z0-9_-]{43})$/.exec(text);
  const [, id, secret] = match ?? [];
  if (id === undefined || secret === undefined) return undefined;
  return { id, secretSha256: sha256Hex(secret) };
}
