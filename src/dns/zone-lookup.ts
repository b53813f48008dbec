import type { AnswerPart } from './dnssec/signed-sections.ts';
import type { DomainName } from './name.ts';
import type { Rdata } from './records/catalogue.ts';
import type { RRset } from './rrset.ts';
import { TYPE } from './types.ts';
import { findSet, type Zone, type ZoneNode } from './zone.ts';

/** How a set is signed that stands at this node, under a name of its own or one that its wildcard stands for. */
export function signingOf(node: ZoneNode, owner: DomainName): AnswerPart['signing'] {
  return owner === node.name ? 'zone' : 'fleeting';
}

/** A set that the zone does not sign: a delegation, glue. */
export function unsignedPart(owner: DomainName, set: RRset): AnswerPart {
  return { owner, set, originalTtlSeconds: set.ttlSeconds, signing: 'none' };
}

/** The DNAME at a node, if there is one. */
export function redirectionAt(node: ZoneNode): AnswerPart | undefined {
  const set = findSet(node, TYPE.DNAME);
  if (set === undefined) return undefined;
  return { owner: node.name, set, originalTtlSeconds: set.ttlSeconds, signing: 'zone' };
}

/**
 * The nearest name above that exists (RFC 4592 section 3.3.1); the apex always does.
 * @param name below the zone's origin, and not there itself
 */
export function closestEncloser(zone: Zone, name: DomainName): ZoneNode {
  const above = name.indexOf('.') + 1;
  // Above a name of one label is the root; that the name is below the origin makes it the apex.
  const near = above < name.length ? zone.nodes.get(name.slice(above) as DomainName) : zone.apex;
  if (near !== undefined) return near;
  // Whatever stands above a name that exists exists, too: halving takes seven looks for the longest name, not one for each label.
  const starts: number[] = [];
  const last = name.length - (zone.origin === '.' ? 1 : zone.origin.length);
  for (let at = name.indexOf('.') + 1; at < last; at = name.indexOf('.', at) + 1) starts.push(at);
  let found = zone.apex;
  let missing = 0;
  let existing = starts.length;
  while (existing - missing > 1) {
    const middle = (missing + existing) >> 1;
    const node = zone.nodes.get(name.slice(starts[middle]) as DomainName);
    if (node === undefined) missing = middle;
    else {
      existing = middle;
      found = node;
    }
  }
  return found;
}

/** An alias does not stand for these types: its own name has them in a signed zone (RFC 4035 section 2.5). */
export function standsBesideAliases(type: number): boolean {
  return type === TYPE.NSEC || type === TYPE.RRSIG;
}

/** Where a CNAME leads. */
export function aliasTarget(records: readonly Rdata[]): DomainName | undefined {
  return records.find((rdata) => rdata.type === 'CNAME')?.target;
}

/** Static addresses this zone has for the servers of an NS set. */
export function addressesOf(zone: Zone, servers: RRset): readonly AnswerPart[] {
  const found: AnswerPart[] = [];
  for (const { target } of servers.records.filter((rdata) => rdata.type === 'NS')) {
    const node = zone.nodes.get(target);
    if (node === undefined) continue;
    for (const set of node.sets) {
      if (set.type !== TYPE.A && set.type !== TYPE.AAAA) continue;
      const glue = unsignedPart(node.name, set); // below a delegation it is the child that signs
      found.push(node.cut === undefined ? { ...glue, signing: 'zone' } : glue);
    }
  }
  return found;
}
