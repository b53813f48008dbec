import type { OwnedRRset, RRset } from '../rrset.ts';
import { momentaryRRset } from '../rrset.ts';
import { TYPE } from '../types.ts';
import type { Zone, ZoneNode } from '../zone.ts';

const NONE: readonly RRset[] = [];

/**
 * What a copy of the zone has at one name: the static sets but for the SOA, and the fallback of a routed name. Glue and what
 * else lies below a delegation is part of it (RFC 5936 section 3.5).
 */
export function copiedSets(node: ZoneNode): readonly RRset[] {
  const fallback = node.routed?.fallback?.() ?? [];
  const hasSoa = node.sets.some((set) => set.type === TYPE.SOA);
  if (fallback.length === 0 && !hasSoa) return node.sets.length === 0 ? NONE : node.sets;
  return [
    ...node.sets.filter((set) => set.type !== TYPE.SOA),
    ...fallback.map((set) => momentaryRRset(set.type, set.ttlSeconds, set.records)),
  ];
}

/** Everything a copy of the zone has but for the SOA, node by node, as it is asked for. */
export function* contentOf(zone: Zone): Generator<OwnedRRset, void, undefined> {
  for (const node of zone.nodes.values()) {
    for (const set of copiedSets(node)) yield { owner: node.name, set };
  }
}
