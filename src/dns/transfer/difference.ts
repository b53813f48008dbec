import type { DomainName } from '../name.ts';
import { PackedTable } from '../packed/table.ts';
import { type OwnedRRset, type RRset, rdataKey, wireSizeOf } from '../rrset.ts';
import type { Zone, ZoneNode } from '../zone.ts';
import { copiedSets } from './zone-content.ts';

/** What changed between two versions of a zone, but for the SOA (RFC 1995 section 4). */
export interface ZoneDifference {
  readonly from: { readonly serial: number; readonly soa: RRset };
  readonly to: { readonly serial: number; readonly soa: RRset };
  readonly removed: readonly OwnedRRset[];
  readonly added: readonly OwnedRRset[];
  /** About how much memory and wire it takes. */
  readonly octets: number;
}

/** The nodes that may differ: a zone that was only revised has the same static records, in the same memory. */
function nodesToCompare(
  { nodes: before }: Zone,
  { nodes: after }: Zone,
): { readonly before: Iterable<ZoneNode>; readonly after: Iterable<ZoneNode> } {
  if (before instanceof PackedTable && after instanceof PackedTable && before.buffer === after.buffer)
    return { before: [], after: after.routedNodes() };
  return { before: before.values(), after: after.values() };
}

/** True when both are encoded, and equal; the TTL is part of that. */
function sameWire({ wire: a }: RRset, { wire: b }: RRset): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}

/** Names compared before the caller gets a chance to do something else. */
const SLICE = 500;
/** Each record's owner and what objects cost. */
const RECORD_OVERHEAD_OCTETS = 64;

/**
 * Compares two versions of a zone in slices: the generator yields between them and returns the difference, or `undefined` as soon
 * as it is beyond `maxOctets`.
 */
export function* differenceOf(
  before: Zone,
  after: Zone,
  maxOctets: number,
): Generator<void, ZoneDifference | undefined, undefined> {
  const removed: OwnedRRset[] = [];
  const added: OwnedRRset[] = [];
  let octets = 0;
  const note = (into: OwnedRRset[], owner: DomainName, set: RRset): void => {
    octets += wireSizeOf(set.records) + RECORD_OVERHEAD_OCTETS * set.records.length;
    into.push({ owner, set });
  };
  let seen = 0;
  const candidates = nodesToCompare(before, after);
  for (const node of candidates.after) {
    seen += 1;
    if (seen % SLICE === 0) yield;
    const old = before.nodes.get(node.name);
    const oldSets = old === undefined ? [] : copiedSets(old);
    const newSets = copiedSets(node);
    for (const set of newSets) {
      const was = oldSets.find(({ type }) => type === set.type);
      if (was === undefined) note(added, node.name, set);
      else compareSets(was, set, node.name);
    }
    for (const set of oldSets) {
      if (!newSets.some(({ type }) => type === set.type)) note(removed, node.name, set);
    }
    if (octets > maxOctets) return undefined;
  }
  for (const node of candidates.before) {
    seen += 1;
    if (seen % SLICE === 0) yield;
    if (after.nodes.get(node.name) !== undefined) continue;
    for (const set of copiedSets(node)) note(removed, node.name, set);
    if (octets > maxOctets) return undefined;
  }
  return {
    from: { serial: before.serial, soa: before.soa },
    to: { serial: after.serial, soa: after.soa },
    removed,
    added,
    octets,
  };

  function compareSets(was: RRset, is: RRset, owner: DomainName): void {
    if (was === is || sameWire(was, is)) return;
    if (was.ttlSeconds !== is.ttlSeconds) {
      // A set has one TTL: every record of it changes.
      note(removed, owner, was);
      note(added, owner, is);
      return;
    }
    const oldKeys = new Set(was.records.map(rdataKey));
    const newKeys = new Set(is.records.map(rdataKey));
    const gone = was.records.filter((rdata) => !newKeys.has(rdataKey(rdata)));
    const come = is.records.filter((rdata) => !oldKeys.has(rdataKey(rdata)));
    if (gone.length > 0) note(removed, owner, { ...was, records: gone, wire: undefined });
    if (come.length > 0) note(added, owner, { ...is, records: come, wire: undefined });
  }
}
