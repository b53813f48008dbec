import type { DomainName } from '../name.ts';
import { sortedTypes } from '../records/type-bitmap.ts';
import { momentaryRRset, type RRset } from '../rrset.ts';
import { TYPE } from '../types.ts';
import type { Zone, ZoneNode } from '../zone.ts';
import { successorOf } from './successor.ts';

const NONE_EXISTS: readonly number[] = [TYPE.RRSIG, TYPE.NSEC, TYPE.NXNAME];

/**
 * The NSEC record that denies everything but `types` at `name`, and no other name (RFC 9824): compact denial of existence
 * needs one signature for a name that does not exist, and tells nobody which names do.
 */
export function nsecAt(
  name: DomainName,
  zone: Pick<Zone, 'origin'>,
  types: readonly number[],
  ttlSeconds: number,
): RRset {
  return momentaryRRset(TYPE.NSEC, ttlSeconds, [
    { type: 'NSEC', next: successorOf(name, zone.origin), types },
  ]);
}

/**
 * The types that a denial says there are at a node; `undefined` is a name that does not exist (RFC 9824 section 3.1). At a
 * routed name these are all that its policy can answer with, whatever it answers now.
 * @param absent a type that this answer says is not there: neither it nor an alias may be in the bitmap beside that
 */
export function typesAt(zone: Zone, node: ZoneNode | undefined, absent?: number): readonly number[] {
  if (node === undefined) return NONE_EXISTS;
  const types: number[] = [TYPE.RRSIG, TYPE.NSEC];
  const delegated = node.cut !== undefined;
  for (const { type } of node.sets) {
    // Of a delegation the zone has NS and DS; addresses there are glue (RFC 4035 section 2.3).
    if (!delegated || type === TYPE.NS || type === TYPE.DS) types.push(type);
  }
  if (node.routed !== undefined) types.push(...node.routed.types);
  if (node.name === zone.origin) types.push(...(zone.signer?.presigned.keys() ?? []));
  return sortedTypes(
    types.filter((type) => absent === undefined || (type !== absent && type !== TYPE.CNAME)),
  );
}
