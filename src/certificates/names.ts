import { createHash } from 'node:crypto';
import { getDomain } from 'tldts';
import { tryParseName } from '../dns/name.ts';
import type { NameSet } from './model.ts';

/** What a certificate can hold: LDH labels, a wildcard as the whole left-most label, no dot at the end. */
const CERTIFIABLE = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** RFC 5280's upper bound of a common name does not apply to SANs; what does is DNS's own, without the final dot. */
const MAX_NAME = 253;

/** A name as certificates spell it: lower case, A-labels, no dot at the end; or why it is none. */
export function certificateName(text: string): string | { readonly reason: string } {
  const name = tryParseName(text);
  if (typeof name === 'object') return name;
  const spelt = name.slice(0, -1);
  if (spelt.length > MAX_NAME) return { reason: `"${text}" is longer than ${MAX_NAME} characters` };
  if (!CERTIFIABLE.test(spelt)) return { reason: `"${text}" is no host name that a certificate can be for` };
  return spelt;
}

/** Lower case, sorted, none twice. @param names as `certificateName` spells them */
export function nameSet(names: Iterable<string>): NameSet {
  return [...new Set(names)].sort();
}

/** @param a sorted, as is b */
export function sameNames(a: NameSet, b: NameSet): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

/** Equal for equal sets, 16 hex digits: what CAs count "exactly the same names" by. */
export function nameSetKey(names: NameSet): string {
  return createHash('sha256').update(nameSet(names).join(' ')).digest('hex').slice(0, 16);
}

/** Whether a certificate for `pattern` is valid for `name`: a wildcard stands for exactly one label, and for no other wildcard but itself. */
export function covers(pattern: string, name: string): boolean {
  if (pattern === name) return true;
  if (!pattern.startsWith('*.') || name.startsWith('*.')) return false;
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot) === pattern.slice(1);
}

/** The name whose `_acme-challenge` proves it. */
export function withoutWildcard(name: string): string {
  return name.startsWith('*.') ? name.slice(2) : name;
}

/**
 * What CAs count certificates by: the label below the public suffix, suffixes of companies (the list's private part, such as `github.io`)
 * included. A name that is a suffix itself, or of no known one, counts for itself.
 */
export function registeredDomain(name: string): string {
  const bare = withoutWildcard(name);
  return getDomain(bare, { allowPrivateDomains: true, validateHostname: false }) ?? bare;
}

/** Registered domains of a set, sorted, none twice. */
export function registeredDomains(names: NameSet): readonly string[] {
  return nameSet(names.map(registeredDomain));
}
