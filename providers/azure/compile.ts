import { sha256Hex } from '../../src/identity/digest.ts';
import type { AidSpec } from '../../src/plan/aid.ts';
import { type FeatureClaim, judgeClaims } from '../../src/plan/losses.ts';
import type { NativeCompilation } from '../../src/plan/native-compilation.ts';
import type { Decider, Placement, TypePlacement } from '../../src/plan/placement.ts';
import { coverPlaces, type PlaceCover } from '../../src/plan/places.ts';
import type { Json, RecordSet } from '../../src/plan/record-set.ts';
import type { CompileInput } from '../contract.ts';
import { GEOGRAPHIC_CODES, GROUPING_OF } from './geography.ts';
import { type ProfileNode, type Tree, treeContent, treeOf } from './profile-tree.ts';
import { isReservedAddress } from './public-address.ts';

/** The content of an aid of ours, as `profiles.ts` reads it. */
export const PROFILE_AID = 'traffic-manager-profile';

/**
 * Pure. For each type a tree of Traffic Manager profiles, and an alias record set that leads to its root. A tree never changes: other content is
 * another tree with another key, and the alias is moved to it, on condition of its ETag, once it is complete. So there is no moment without an answer.
 *
 * A, AAAA and CNAME record sets can be aliases, A and AAAA at the apex, too (https://learn.microsoft.com/azure/dns/dns-alias).
 */
export function compileAzure({ placement, zone, spec }: CompileInput): NativeCompilation {
  const obstacle = obstacleOf(placement, zone, spec.azure?.trafficManager === true);
  if (obstacle !== undefined) return no(placement, obstacle);
  const listed = placement.types.flatMap(({ groups }) =>
    groups.flatMap(({ places }) => places.filter((place) => place.includes('-'))),
  );
  const made = placement.types.map((type) => {
    const cover = coverPlaces(type.groups, {
      // The hierarchy's own groupings, not our continents.
      continentOf: (country) => GROUPING_OF.get(country),
      hasCountry: (country) => GEOGRAPHIC_CODES.has(country),
      hasSubdivision: (subdivision) => GEOGRAPHIC_CODES.has(subdivision),
      listed,
    });
    const { ttlSeconds, decider } = placement;
    return { type, cover, tree: treeOf({ groups: type.groups, cover, ttlSeconds, decider }) };
  });
  const claims = claimsOf(
    placement,
    placesOf(
      placement,
      made.map(({ cover }) => cover),
    ),
    made.map(({ tree }) => tree),
  );
  const { features, refused } = judgeClaims(placement, claims);
  if (refused) return { outcome: 'no', features };
  const parts = made.map(({ type, tree }) => published(placement, type, tree.root));
  return {
    outcome: 'native',
    sets: parts.map(({ set }) => set),
    aids: parts.map(({ aid }) => aid),
    features,
    hubDown: HUB_DOWN[placement.decider],
  };
}

const HUB_DOWN: Readonly<Record<Decider, string>> = {
  portolan:
    'While the hub is away the profiles stay as they are, and Traffic Manager does not probe: what goes down then stays in answers until the hub is back.',
  native: 'Traffic Manager goes on probing and taking what is down out of answers, with the hub or without.',
  both: 'While the hub is away Traffic Manager goes on by its own probes: what goes down is still taken out of answers, only later.',
};

function published(
  { hostname }: Placement,
  { type }: TypePlacement,
  root: ProfileNode,
): { readonly set: RecordSet; readonly aid: AidSpec } {
  const key = sha256Hex(treeContent(hostname, type, root)).slice(0, 24);
  return {
    set: { name: hostname, type, setId: '', values: [], native: { targetResource: { $aid: key } } },
    aid: { key, kind: PROFILE_AID, spec: { hostname, type, root: asJson(root) } },
  };
}

/** Why no tree can be made at all. */
function obstacleOf(
  { types, hostname }: Placement,
  zone: CompileInput['zone'],
  trafficManager: boolean,
): string | undefined {
  if (!trafficManager)
    return 'Azure DNS itself routes nothing, and the account does without Traffic Manager (spec.azure.trafficManager).';
  if (zone.private) return 'Traffic Manager answers the public, and this zone is a private one.';
  if (types.length === 0) return 'There is nothing to answer with.';
  if (types.some(({ type }) => type === 'CNAME')) {
    if (types.length > 1)
      return 'An alias of type A or AAAA leads to addresses only, so a name is either a CNAME everywhere or has addresses everywhere.';
    if (hostname === zone.origin)
      return 'The apex of a zone cannot be a CNAME, and an alias of type A there leads to addresses only.';
  }
  const members = types.flatMap(({ groups }) =>
    groups.flatMap(({ tiers }) => tiers.flatMap((tier) => tier.members)),
  );
  const reserved = types.every(({ type }) => type === 'CNAME')
    ? undefined
    : members.flatMap(({ values }) => values).find(isReservedAddress);
  if (reserved !== undefined)
    return `Traffic Manager takes public addresses only, and ${reserved} is private or reserved.`;
  const big = types
    .flatMap(({ groups }) => groups.flatMap(({ tiers }) => tiers))
    .find((tier) => tier.members.flatMap(({ values }) => values).length > MAX_ENDPOINTS);
  if (big !== undefined)
    return `Traffic Manager takes ${MAX_ENDPOINTS} endpoints in a profile, and a tier has more.`;
  return undefined;
}

/** "Endpoints per profile: 200" */
const MAX_ENDPOINTS = 200;

function no(placement: Placement, detail: string): NativeCompilation {
  const claims = placement.features.map((feature): FeatureClaim => ({ feature, kept: 'no', detail }));
  return { outcome: 'no', features: judgeClaims(placement, claims).features, reason: detail };
}

function claimsOf(
  { decider, ttlSeconds }: Placement,
  places: Places,
  trees: readonly Tree[],
): readonly FeatureClaim[] {
  const probed = decider !== 'portolan';
  const error = Math.max(0, ...trees.map((tree) => tree.largestErrorPercent));
  const lost = [...new Set(trees.flatMap((tree) => tree.monitorLoses))];
  const byProbes = `Traffic Manager probes every 10 or 30 s and goes to the next tier by itself${lost.length === 0 ? '' : `; ${lost.join(', ')}`}.`;
  const swapped = (what: string): string => `The hub moves the alias to other profiles ${what}.`;
  return [
    {
      feature: 'geo',
      ...(places.problem === undefined
        ? {
            kept: 'native',
            detail: `A Geographic profile answers by the country or state of the client${places.aside.length === 0 ? '' : `; it has no code for ${some(places.aside)}, where clients are answered as those of unknown location`}.`,
          }
        : { kept: 'no', detail: places.problem }),
    },
    {
      feature: 'residency',
      ...((places.problem ?? places.breach) === undefined
        ? {
            kept: 'native',
            detail:
              'A place has its own profile, with nobody from outside in it, and Traffic Manager does not fail over out of a place.',
          }
        : { kept: 'no', detail: places.problem ?? places.breach ?? '' }),
    },
    {
      feature: 'weights',
      kept: 'native',
      detail: `Each answer is drawn by weight${error < 0.05 ? '' : `, to within ${error.toFixed(1)} percentage points`}.`,
    },
    probed
      ? { feature: 'failover', kept: 'native', detail: byProbes }
      : { feature: 'failover', kept: 'computed', detail: swapped('when a tier goes down or comes back') },
    probed
      ? {
          feature: 'panic',
          kept: 'native',
          detail: 'When all endpoints of a place are degraded, all are answered.',
        }
      : { feature: 'panic', kept: 'computed', detail: swapped('when too few endpoints are healthy') },
    probed
      ? {
          feature: 'capacityFloor',
          kept: 'no',
          detail:
            'Traffic Manager leaves a tier when all of it is down; it does not fill it up from the next.',
        }
      : { feature: 'capacityFloor', kept: 'computed', detail: swapped('when a tier falls below its floor') },
    { feature: 'drainRamp', kept: 'computed', detail: swapped('with each step of a drain') },
    {
      feature: 'subnets',
      kept: 'no',
      detail: 'Traffic Manager routes a profile by geography or by subnets, not by both.',
    },
    {
      feature: 'sticky',
      kept: 'no',
      detail: 'Traffic Manager draws anew for each query; a resolver keeps an answer for its TTL.',
    },
    { feature: 'dynamicTtl', kept: 'no', detail: `Answers always have a TTL of ${ttlSeconds} s.` },
    { feature: 'maxAnswers', kept: 'no', detail: 'An answer holds one address.' },
    { feature: 'mixedTypes', kept: 'no', detail: 'An alias of type A or AAAA leads to addresses only.' },
  ];
}

interface Places {
  /** What Traffic Manager would answer to the wrong people. */
  readonly problem: string | undefined;
  /** The same, where only a residency rule minds. */
  readonly breach: string | undefined;
  /** Countries without a code that nobody singled out: not worth giving up the routing of all others. */
  readonly aside: readonly string[];
}

function placesOf({ types, unbound }: Placement, covers: readonly PlaceCover[]): Places {
  const unnamed = [...new Set(covers.flatMap((cover) => cover.unnamed))];
  const isAside = (place: string): boolean =>
    !place.includes('-') &&
    types.every(({ groups }) =>
      groups.every(
        ({ places }) => !places.includes(place) || places.some((other) => !unnamed.includes(other)),
      ),
    );
  const aside = unnamed.filter(isAside);
  const missed = unnamed.filter((place) => !aside.includes(place));
  const bound = aside.filter((place) => unbound?.includes(place) !== true);
  const noCode = (codes: readonly string[]): string =>
    `Traffic Manager has no code for ${some(codes)}, where clients would be answered as those around them.`;
  // Below a region that is mapped nothing can be left out, and WORLD is above all.
  const empty = covers.flatMap(({ entries }) => entries.filter(({ group }) => group === undefined));
  const problem =
    missed.length > 0
      ? noCode(missed)
      : empty.length > 0
        ? `Nobody may answer ${some(empty.map(({ code }) => code))}, and Traffic Manager would answer with whatever the region above has.`
        : undefined;
  return { problem, breach: bound.length > 0 ? noCode(bound) : undefined, aside };
}

function some(codes: readonly string[]): string {
  return codes.length <= 6
    ? codes.join(', ')
    : `${codes.slice(0, 6).join(', ')} and ${codes.length - 6} more`;
}

/** The tree as plain JSON: members that are `undefined` are not in it. */
function asJson({ method, ttlSeconds, monitor, endpoints }: ProfileNode): Json {
  const { customHeaders, expectedStatusCodeRanges, ...probe } = monitor;
  return {
    method,
    ttlSeconds,
    monitor: {
      ...probe,
      ...(customHeaders === undefined ? {} : { customHeaders: customHeaders.map((h) => ({ ...h })) }),
      ...(expectedStatusCodeRanges === undefined
        ? {}
        : { expectedStatusCodeRanges: expectedStatusCodeRanges.map((r) => ({ ...r })) }),
    },
    endpoints: endpoints.map(({ child, geoMapping, ...endpoint }) => ({
      ...endpoint,
      ...(geoMapping === undefined ? {} : { geoMapping }),
      ...(child === undefined ? {} : { child: asJson(child) }),
    })),
  };
}
