import type { DomainName } from '../dns/name.ts';
import { canonicalJson } from '../identity/canonical-json.ts';

/** JSON as a provider's API spells it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * All records of one name and type at a DNS provider; where the provider routes by itself, those of one set identifier.
 * Two sets are the same exactly when `sameSet` says so, whichever provider they are of: a provider's `read` and `compile` must
 * spell the same thing alike.
 */
export interface RecordSet {
  readonly name: DomainName;
  /** Presentation form, upper case: `A`, `TXT`, `TYPE65280`; a provider's own kinds under their own name (`LUA`). */
  readonly type: string;
  /** Empty for a plain set; else what tells apart the sets of one name and type (Route 53's SetIdentifier). */
  readonly setId: string;
  /** Absent where the provider takes it from elsewhere (an alias). */
  readonly ttlSeconds?: number;
  /** Record data in canonical presentation form (`formatRdata` of `src/dns/records`), sorted, no duplicates; absolute names. */
  readonly values: readonly string[];
  /** The provider's own routing data; absent for plain records. Keys that equal the provider's default are left out. */
  readonly native?: { readonly [key: string]: Json };
}

/** What must be unique in a zone: one set each. */
export function setKey(set: Pick<RecordSet, 'name' | 'type' | 'setId'>): string {
  return `${set.name} ${set.type} ${set.setId}`;
}

/** Equal in everything a resolver or the provider's routing could tell apart. */
export function sameSet(a: RecordSet, b: RecordSet): boolean {
  if (a === b) return true;
  return (
    a.name === b.name &&
    a.type === b.type &&
    a.setId === b.setId &&
    a.ttlSeconds === b.ttlSeconds &&
    a.values.length === b.values.length &&
    a.values.every((value, i) => value === b.values[i]) &&
    (a.native === b.native || canonicalJson(a.native ?? null) === canonicalJson(b.native ?? null))
  );
}

/** The set as one canonical text: equal sets have equal texts. */
export function contentOf(set: RecordSet): string {
  return canonicalJson({
    name: set.name,
    type: set.type,
    setId: set.setId,
    ...(set.ttlSeconds === undefined ? {} : { ttlSeconds: set.ttlSeconds }),
    values: set.values,
    ...(set.native === undefined ? {} : { native: set.native }),
  });
}

/** A set created (`after` alone), replaced, or deleted (`before` alone). `before` is what was read: a precondition where the provider checks one. */
export type SetChange =
  | { readonly before?: undefined; readonly after: RecordSet }
  | { readonly before: RecordSet; readonly after: RecordSet }
  | { readonly before: RecordSet; readonly after?: undefined };

/**
 * What belongs together because a resolver or the next hub would see a half otherwise: the sets of one owned name, those it leans on, and
 * its ownership marker (I18). In the order in which a provider that cannot do all at once has to do them.
 */
export interface ChangeGroup {
  /** The owned name. */
  readonly name: DomainName;
  readonly changes: readonly SetChange[];
  /** A challenge of a certificate: no part of what people publish, so no generation keeps it. */
  readonly passing?: true;
}
