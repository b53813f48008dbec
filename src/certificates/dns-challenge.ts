import { createHash } from 'node:crypto';
import { type DomainName, tryParseName } from '../dns/name.ts';

/** Below it the CA looks for the texts of a name (RFC 8555 section 8.4). */
const CHALLENGE_LABEL = '_acme-challenge';

/** Of challenge records: short, so that a resolver that looked too early looks again soon. */
export const CHALLENGE_TTL_SECONDS = 60;

/** Texts that have to stand at one name as TXT records, one record each. */
export interface WantedText {
  /** Of the policies that want it: only zones of this namespace may hold it. */
  readonly namespace: string;
  /** Where `_acme-challenge` of the names leads. */
  readonly name: DomainName;
  /** Sorted, none twice: two certificates of one name, or a name and its wildcard, have one each. */
  readonly values: readonly string[];
}

/** `_acme-challenge.shop.example.com.` of `shop.example.com` and of `*.shop.example.com`; `undefined` for what leaves no room for it. */
export function tryChallengeName(name: string): DomainName | undefined {
  const found = tryParseName(`${CHALLENGE_LABEL}.${withoutWildcard(name)}.`.replace(/\.\.$/, '.'));
  return typeof found === 'string' ? found : undefined;
}

const withoutWildcard = (name: string): string => (name.startsWith('*.') ? name.slice(2) : name);

/** What the TXT record says: the digest of the key authorization, as base64url without padding. */
export function challengeText(keyAuthorization: string): string {
  return createHash('sha256').update(keyAuthorization, 'ascii').digest('base64url');
}

/** A text that `challengeText` can have made: 256 bits. Nothing else is ever removed as one. */
export function isChallengeText(text: string): boolean {
  return /^[A-Za-z0-9_-]{43}$/.test(text);
}
