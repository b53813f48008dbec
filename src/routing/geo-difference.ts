import { PortolanError } from '../errors/error.ts';
import type { GeoLookup } from './model.ts';

/** A country counts as moved when more than this share of its addresses lies elsewhere. */
const MOVED_COUNTRY_PERCENT = 5;
/** Above this share of moved countries, or of moved addresses, a person has to approve (I25). */
const APPROVAL_PERCENT = 5;
/** Networks compared between two breaths. */
const SLICE = 500;
/**
 * A network needs some octets of a file, so there are fewer of them than octets, also where parts of the tree stand for several
 * networks (6to4, Teredo). A tree that leads back into itself has as many as there are addresses.
 */
const LEAST_NETWORKS = 100_000;

export interface CountryDifference {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  /** Share of what was this country's in the old database and is another's, or nobody's, in the new one, 0 to 100. */
  readonly movedPercent: number;
  /** Where most of it went: a country, or `unknown`. */
  readonly mostlyTo: string;
}

/** What a new GeoIP database changes. Shares count IPv4 addresses and IPv6 /48s, each family for itself; the larger one is given. */
export interface GeoDifference {
  /** Countries the old database knows. */
  readonly countries: number;
  /** Those of which more than 5 % moved, the most moved first. */
  readonly moved: readonly CountryDifference[];
  /** Share of all located addresses that are elsewhere now. */
  readonly addressesMovedPercent: number;
  /** Countries that appear for the first time. */
  readonly added: readonly string[];
  /** Why a person has to approve; empty when nobody has to. */
  readonly approvalReasons: readonly string[];
}

interface Flow {
  total: number;
  /** Of `total`, by where it is now; what stayed is not in it. */
  readonly away: Map<string, number>;
}

type Family = 4 | 6;

/**
 * Compares two databases network by network. A generator, because it takes seconds: each `next` does a few milliseconds of it,
 * and the last one returns the difference.
 * @throws PortolanError GEO_DATABASE_INVALID for more networks than a file of that size can have
 */
export function* compareGeo(before: GeoLookup, after: GeoLookup): Generator<undefined, GeoDifference> {
  const flows = { 4: new Map<string, Flow>(), 6: new Map<string, Flow>() };
  const arrivals = new Set<string>();
  const most = LEAST_NETWORKS + (before.database?.length ?? 0) + (after.database?.length ?? 0);
  let steps = 0;
  for (const family of [4, 6] as const) {
    for (const { from, to, weight } of networks(before, after, family)) {
      steps += 1;
      if (steps > most) {
        throw new PortolanError(
          'GEO_DATABASE_INVALID',
          `The GeoIP database is damaged: it has more than ${most} networks`,
        );
      }
      if (steps % SLICE === 0) yield undefined;
      if (to !== undefined) arrivals.add(to);
      if (from === undefined || weight === 0) continue;
      let flow = flows[family].get(from);
      if (flow === undefined) {
        flow = { total: 0, away: new Map() };
        flows[family].set(from, flow);
      }
      flow.total += weight;
      if (to !== from) {
        const place = to ?? 'unknown';
        flow.away.set(place, (flow.away.get(place) ?? 0) + weight);
      }
    }
  }
  const known = new Set([...flows[4].keys(), ...flows[6].keys()]);
  const moved = [...known]
    .map((country) => {
      const shares = ([4, 6] as const).map((family) => movedOf(flows[family].get(country)));
      return shares.reduce((most, share) => (share.movedPercent > most.movedPercent ? share : most));
    })
    .map((share, at): CountryDifference => ({ country: [...known][at] ?? '', ...share }))
    .filter(({ movedPercent }) => movedPercent > MOVED_COUNTRY_PERCENT)
    .sort((a, b) => b.movedPercent - a.movedPercent || (a.country < b.country ? -1 : 1));
  const addressesMovedPercent = Math.max(...([4, 6] as const).map((f) => movedOverall(flows[f])));
  const reasons: string[] = [];
  if (moved.length * 100 > APPROVAL_PERCENT * known.size)
    reasons.push(
      `${moved.length} of ${known.size} countries moved (more than ${MOVED_COUNTRY_PERCENT} % of their addresses lie elsewhere)`,
    );
  if (addressesMovedPercent > APPROVAL_PERCENT)
    reasons.push(`${addressesMovedPercent.toFixed(1)} % of all located addresses lie elsewhere`);
  return {
    countries: known.size,
    moved,
    addressesMovedPercent,
    added: [...arrivals].filter((country) => !known.has(country)).sort(),
    approvalReasons: reasons,
  };
}

function movedOf(flow: Flow | undefined): { readonly movedPercent: number; readonly mostlyTo: string } {
  let away = 0;
  let most = 0;
  let mostlyTo = '';
  for (const [place, weight] of flow?.away ?? []) {
    away += weight;
    if (weight > most) {
      most = weight;
      mostlyTo = place;
    }
  }
  return { movedPercent: flow === undefined ? 0 : (away / flow.total) * 100, mostlyTo };
}

function movedOverall(flows: ReadonlyMap<string, Flow>): number {
  let total = 0;
  let away = 0;
  for (const flow of flows.values()) {
    total += flow.total;
    for (const weight of flow.away.values()) away += weight;
  }
  return total === 0 ? 0 : (away / total) * 100;
}

interface Part {
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** IPv4 addresses or IPv6 /48s. */
  readonly weight: number;
}

/** Every network, as large as both databases have one answer for. IPv6: global unicast, 2000::/3. */
function* networks(before: GeoLookup, after: GeoLookup, family: Family): Generator<Part> {
  const bits = family === 4 ? 32 : 128;
  const end = family === 4 ? 1n << 32n : 0x4000n << 112n;
  const bytes = new Uint8Array(bits / 8);
  let at = family === 4 ? 0n : 0x2000n << 112n;
  while (at < end) {
    let rest = at;
    for (let i = bytes.length - 1; i >= 0; i -= 1) {
      bytes[i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    const client = { family, bytes, prefixLength: bits, source: 'ecs' } as const;
    const old = before.locate(client);
    const now = after.locate(client);
    const prefixLength = Math.max(old.prefixLength, now.prefixLength, family === 4 ? 0 : 3);
    yield {
      from: old.location.country,
      to: now.location.country,
      weight: family === 4 ? 2 ** (32 - prefixLength) : prefixLength > 48 ? 0 : 2 ** (48 - prefixLength),
    };
    // The network may begin before `at` when the other database has a finer one there.
    const size = 1n << BigInt(bits - prefixLength);
    at = (at / size + 1n) * size;
  }
}
