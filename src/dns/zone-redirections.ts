import type { FieldViolation } from '../errors/error.ts';
import { type DomainName, isAtOrBelow, isWildcard, parentOf } from './name.ts';
import { TYPE } from './types.ts';
import { conflict } from './zone-conflict.ts';
import type { ReadSet, ReadZone } from './zone-source.ts';

/** What keeps DNAME records from being followed: RFC 6672 sections 2.3, 2.4 and 3.3. */
export function* redirections(zone: ReadZone): Iterable<FieldViolation> {
  const redirected = new Set(zone.sets.filter((set) => set.type === TYPE.DNAME).map((set) => set.owner));
  if (redirected.size === 0) return;
  for (const set of zone.sets) {
    if (set.type === TYPE.DNAME) yield* redirection(set, zone);
    const above = nearestAbove(set.owner, redirected);
    if (above !== undefined) yield shadowed(set.path, set.owner, above);
  }
  for (const { name, path } of zone.routed) {
    const above = nearestAbove(name, redirected);
    if (above !== undefined) yield shadowed(path, name, above);
  }
}

function* redirection(set: ReadSet, zone: ReadZone): Iterable<FieldViolation> {
  const { owner, path, records } = set;
  if (records.length > 1) {
    yield conflict(path, `${owner} has ${records.length} DNAME records; one can be followed`, 'Keep one.');
  }
  if (isWildcard(owner)) {
    yield conflict(
      path,
      'what a DNAME at a wildcard means is not defined (RFC 6672 section 3.3)',
      'Give each name a DNAME of its own, or use a CNAME at the wildcard.',
    );
  }
  if (owner !== zone.origin && zone.sets.some((other) => other.owner === owner && other.type === TYPE.NS)) {
    yield conflict(
      path,
      `${owner} has a DNAME beside a delegation; its names are either ours to redirect or another server's`,
      'Remove one of the two.',
    );
  }
  for (const { rdata, path: recordPath } of records) {
    if (rdata.type === 'DNAME' && isAtOrBelow(rdata.target, owner)) {
      yield conflict(
        recordPath,
        `the DNAME of ${owner} leads back below itself`,
        'Redirect to a name that lies elsewhere.',
      );
    }
  }
}

function nearestAbove(name: DomainName, owners: ReadonlySet<DomainName>): DomainName | undefined {
  for (let at = parentOf(name); at !== undefined; at = parentOf(at)) if (owners.has(at)) return at;
  return undefined;
}

function shadowed(path: string, name: DomainName, above: DomainName): FieldViolation {
  return conflict(
    path,
    `${name} lies below the DNAME of ${above}, which redirects all names there (RFC 6672 section 2.4)`,
    'Put it where the DNAME leads, or remove the DNAME.',
  );
}
