import { type DomainName, isAtOrBelow, parentOf, wildcardUnder } from '../dns/name.ts';

/*
 * A record brings every name above it into being (RFC 4592 section 2.2.2), and a wildcard answers only what is not there. So a text at
 * `_acme-challenge.www.example.com` would take `www.example.com` away from `*.example.com` for as long as it stands.
 */

/** Names that a wildcard would not answer any more. */
export interface Uncovered {
  readonly wildcard: DomainName;
  /** Outermost last; each with all that is below it. */
  readonly names: readonly DomainName[];
}

/**
 * What a record at `name` takes from a wildcard of the zone; `undefined`: nothing.
 * @param exists whether a name is in the zone now, also if only because of names below it
 * @param answers whether a wildcard name has records or routing
 */
export function uncoveredBy(
  name: DomainName,
  origin: DomainName,
  exists: (name: DomainName) => boolean,
  answers: (wildcard: DomainName) => boolean,
): Uncovered | undefined {
  const names: DomainName[] = [];
  for (
    let at = parentOf(name);
    at !== undefined && isAtOrBelow(at, origin) && at !== origin && !exists(at);
    at = parentOf(at)
  )
    names.push(at);
  const outermost = names.at(-1);
  if (outermost === undefined) return undefined;
  const encloser = parentOf(outermost);
  if (encloser === undefined) return undefined;
  const wildcard = wildcardUnder(encloser);
  return answers(wildcard) ? { wildcard, names } : undefined;
}

/** Every name at or above one of `names`, up to the origin. */
export function withAllAbove(names: Iterable<DomainName>, origin: DomainName): ReadonlySet<DomainName> {
  const all = new Set<DomainName>();
  for (const name of names)
    for (
      let at: DomainName | undefined = name;
      at !== undefined && isAtOrBelow(at, origin) && !all.has(at);
      at = parentOf(at)
    )
      all.add(at);
  return all;
}
