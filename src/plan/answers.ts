import { TYPE } from '../dns/types.ts';
import type { CompiledPolicy } from '../routing/compiled.ts';
import { COUNTRIES } from '../routing/countries.ts';
import { distribution } from '../routing/decide.ts';
import { countryLocation, parseClient, UNLOCATED } from '../routing/location.ts';
import type { ClientAddress, Located, StateView } from '../routing/model.ts';
import { typesOf } from '../routing/policy-types.ts';

/** Who answers a place, in which proportion. Empty: nobody does. */
export interface Share {
  readonly endpoint: string;
  /** `namespace/name`; empty for a maintenance address. */
  readonly cluster: string;
  /** 0 to 100, rounded to a tenth. */
  readonly percent: number;
}

/** Places whose answer changes in the same way: "DE, FR: eu-1 70 → 100 %". */
export interface AnswerDifference {
  /** Country codes in order, `unknown` for a location nobody knows, then subdivisions and networks that rules name. */
  readonly places: readonly string[];
  readonly before: readonly Share[];
  readonly after: readonly Share[];
}

/** A policy in the state of a moment; `undefined` when there is none. */
export interface Side {
  readonly policy: CompiledPolicy | undefined;
  readonly state: StateView;
  /** Where a client is, for places that are networks; without it nobody knows. */
  readonly locate?: (client: ClientAddress) => Located;
}

/** Every country, and the unknown place: what a plan compares. */
export const PLACES: readonly string[] = [...[...COUNTRIES.keys()].sort(), 'unknown'];

/** `PLACES`, and every subdivision and network that a rule of these policies tells apart. */
export function placesOf(policies: readonly (CompiledPolicy | undefined)[]): readonly string[] {
  const named = policies
    .flatMap((p) => p?.source.geo ?? [])
    .flatMap((rule) => [...rule.subdivisions, ...rule.cidrs]);
  return named.length === 0 ? PLACES : [...PLACES, ...new Set(named)];
}

/** What `policy` answers in `place`: a country, a subdivision (`US-CA`), a network (`203.0.113.0/24`) or `unknown`. */
export function sharesAt(side: Side, place: string): readonly Share[] {
  const { policy, state } = side;
  if (policy === undefined) return [];
  const types = typesOf(policy);
  const qtype = types.has(TYPE.A) || types.has(TYPE.CNAME) ? TYPE.A : TYPE.AAAA;
  const result = distribution(policy, { qtype, ...queryFrom(place, side) }, state);
  if (result.maintenance.length > 0) {
    const percent = round(100 / result.maintenance.length);
    return result.maintenance.map((address) => ({
      endpoint: `maintenance ${address}`,
      cluster: '',
      percent,
    }));
  }
  const merged = new Map<string, number>();
  for (const { endpoint, percent } of result.shares)
    merged.set(endpoint, (merged.get(endpoint) ?? 0) + percent);
  return [...merged]
    .map(([endpoint, percent]) => ({
      endpoint,
      cluster: policy.endpoints.find((e) => e.name === endpoint)?.cluster ?? '',
      percent: round(percent),
    }))
    .filter((s) => s.percent > 0)
    .sort((a, b) => b.percent - a.percent || (a.endpoint < b.endpoint ? -1 : 1));
}

/** Compares what two policies (or one in two states) answer in each of `places`, grouped by the same change. */
export function diffAnswers(
  before: Side,
  after: Side,
  places: readonly string[] = placesOf([before.policy, after.policy]),
): readonly AnswerDifference[] {
  const groups = new Map<string, { places: string[]; before: readonly Share[]; after: readonly Share[] }>();
  for (const place of places) {
    const was = sharesAt(before, place);
    const will = sharesAt(after, place);
    const key = `${textOf(was)} → ${textOf(will)}`;
    if (textOf(was) === textOf(will)) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { places: [place], before: was, after: will });
    else group.places.push(place);
  }
  return [...groups.values()].sort((a, b) => b.places.length - a.places.length);
}

function queryFrom(
  place: string,
  side: Side,
): { readonly client?: ClientAddress; readonly located: Located } {
  if (place.includes('/')) {
    const client = parseClient(place);
    return { client, located: side.locate?.(client) ?? UNLOCATED };
  }
  const known = place === 'unknown' ? {} : countryLocation(place.slice(0, 2));
  const location = place.includes('-') ? { ...known, subdivision: place } : known;
  return { located: { location, prefixLength: 0, exact: true } };
}

const textOf = (shares: readonly Share[]): string =>
  shares.map((s) => `${s.endpoint} ${s.percent}`).join(', ');
const round = (percent: number): number => Math.round(percent * 10) / 10;
