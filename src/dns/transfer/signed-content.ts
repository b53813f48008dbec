import { typesAt } from '../dnssec/denial.ts';
import type { ZoneSigner } from '../dnssec/zone-signer.ts';
import { type DomainName, labelsOf } from '../name.ts';
import { momentaryRRset, type OwnedRRset } from '../rrset.ts';
import { TYPE } from '../types.ts';
import type { Zone, ZoneNode } from '../zone.ts';
import { copiedSets } from './zone-content.ts';

/** Names sorted or merged before the caller gets a chance to do something else. */
const SLICE = 2000;

/**
 * The names of a zone that have an NSEC record, in canonical order (RFC 4034 section 6.1): those with data that are not below a
 * delegation. The generator yields between slices.
 * @param glue gets the names with data below delegations
 */
export function* namesInOrder(
  zone: Zone,
  glue: DomainName[] = [],
): Generator<void, readonly DomainName[], undefined> {
  let runs: Keyed[][] = [];
  let run: Keyed[] = [];
  let seen = 0;
  for (const node of zone.nodes.values()) {
    seen += 1;
    if (seen % SLICE === 0) yield;
    if (!hasNsec(node)) {
      if (node.sets.length > 0) glue.push(node.name);
      continue;
    }
    run.push({ name: node.name, key: sortKey(node.name) });
    if (run.length < SLICE) continue;
    runs.push(run.sort(byKey));
    run = [];
  }
  runs.push(run.sort(byKey));
  while (runs.length > 1) {
    const longer: Keyed[][] = [];
    for (let i = 0; i < runs.length; i += 2) longer.push(yield* merged(runs[i] ?? NONE, runs[i + 1] ?? NONE));
    runs = longer;
  }
  return (runs[0] ?? NONE).map(({ name }) => name);
}

/**
 * Everything a copy of a signed zone has but for the SOA itself: sets with their signatures, and an NSEC chain, because a
 * copy cannot sign the compact denials that this server makes for each query. At a routed name the chain claims every type that
 * its policy can answer with, also those the fallback has not: no resolver may conclude that they do not exist.
 * @param names as `namesInOrder` gives them
 * @param glue the names below delegations, which it finds on the way: to look for them again takes a while without any result
 */
export function* signedContentOf(
  zone: Zone,
  signer: ZoneSigner,
  names: readonly DomainName[],
  glue: Iterable<DomainName> = glueOf(zone),
): Generator<OwnedRRset, void, undefined> {
  const { origin, soa } = zone;
  const nsecTtlSeconds = zone.negativeSoa.ttlSeconds; // RFC 9077
  yield { owner: origin, set: signer.signaturesForCopy(origin, soa) };
  for (const { set, signatures } of signer.presigned.values()) {
    yield { owner: origin, set };
    yield { owner: origin, set: signatures };
  }
  for (const [i, name] of names.entries()) {
    const node = zone.nodes.get(name);
    if (node === undefined) continue;
    for (const set of copiedSets(node)) {
      yield { owner: name, set };
      // Of a delegation only DS is ours to sign (RFC 4035 section 2.2).
      if (node.cut === undefined || set.type === TYPE.DS)
        yield { owner: name, set: signer.signaturesForCopy(name, set) };
    }
    const nsec = momentaryRRset(TYPE.NSEC, nsecTtlSeconds, [
      { type: 'NSEC', next: names[i + 1] ?? origin, types: typesAt(zone, node) },
    ]);
    yield { owner: name, set: nsec };
    yield { owner: name, set: signer.signaturesForCopy(name, nsec) };
  }
  for (const owner of glue) {
    for (const set of zone.nodes.get(owner)?.sets ?? []) yield { owner, set };
  }
}

function* glueOf(zone: Zone): Generator<DomainName, void, undefined> {
  for (const node of zone.nodes.values()) if (isBelowCut(node)) yield node.name;
}

const NONE: Keyed[] = [];

interface Keyed {
  readonly name: DomainName;
  readonly key: string;
}

function byKey(a: Keyed, b: Keyed): number {
  return a.key < b.key ? -1 : 1; // no two names are equal
}

function* merged(a: readonly Keyed[], b: readonly Keyed[]): Generator<void, Keyed[], undefined> {
  const all: Keyed[] = [];
  let next = 0;
  for (const left of a) {
    for (let right = b[next]; right !== undefined && right.key < left.key; right = b[next]) {
      all.push(right);
      next += 1;
    }
    all.push(left);
    if (all.length % SLICE === 0) yield;
  }
  for (const right of b.slice(next)) all.push(right);
  return all;
}

/** A text that sorts as the name does: labels from the right, each octet one higher so that 0 ends a label. */
function sortKey(name: DomainName): string {
  return labelsOf(name)
    .toReversed()
    .map((label) =>
      label.replace(/\\(\d{3})|[^\\]/g, (char, digits: string | undefined) =>
        String.fromCharCode((digits === undefined ? char.charCodeAt(0) : Number(digits)) + 1),
      ),
    )
    .join('\u0000');
}

function hasNsec(node: ZoneNode): boolean {
  return (node.sets.length > 0 || node.routed !== undefined) && !isBelowCut(node);
}

function isBelowCut(node: ZoneNode): boolean {
  return node.cut !== undefined && node.cut.name !== node.name;
}
