import type { AidSpec } from '../../src/plan/aid.ts';
import type { Feature } from '../../src/plan/compile-report.ts';
import { type FeatureClaim, judgeClaims } from '../../src/plan/losses.ts';
import type { NativeCompilation } from '../../src/plan/native-compilation.ts';
import type { Decider, Placement, TypePlacement } from '../../src/plan/placement.ts';
import type { CoverEntry, PlaceCover } from '../../src/plan/places.ts';
import type { RecordSet, SetChange } from '../../src/plan/record-set.ts';
import type { CompileInput } from '../contract.ts';
import { capabilities } from './capabilities.ts';
import { coverOf, NO_COUNTRY } from './cover.ts';
import { NotPossible, Pools } from './pool.ts';

/**
 * A placement in Route 53's routing, each type by itself: geolocation aliases at the hostname, each to its group's chain of failover aliases,
 * each link to the weighted records of a tier. Layers that say nothing are left out.
 *
 * Aliases by place do not evaluate the health of their target: a group has its own fallbacks in its tiers, and Route 53's (the next larger region)
 * would answer with clusters that a residency rule may forbid.
 */
export function compile(input: CompileInput): NativeCompilation {
  const { placement } = input;
  const obstacle = obstacleOf(input);
  if (obstacle !== undefined) return no(placement, obstacle);
  const covers = placement.types.map((type) => ({ type, cover: coverOf(type, placement.types) }));
  const places = placesClaims(
    covers.map(({ cover }) => cover),
    input,
  );
  const claims = [...places, ...claimsOf(placement)];
  const sets: RecordSet[] = [];
  const aids = new Map<string, AidSpec>();
  const differences = new Set<string>();
  let errorPercent = 0;
  try {
    for (const { type, cover } of covers) {
      const pools = new Pools(input, type.type);
      publish(input, type, cover, pools);
      sets.push(...pools.sets);
      for (const [key, aid] of pools.aids) aids.set(key, aid);
      for (const difference of pools.differences) differences.add(difference);
      errorPercent = Math.max(errorPercent, pools.errorPercent);
    }
    fits(sets);
  } catch (thrown) {
    if (!(thrown instanceof NotPossible)) throw thrown;
    return no(placement, thrown.message);
  }
  const told = withMeasures(claims, errorPercent, [...differences]);
  const judgement = judgeClaims(placement, told);
  if (judgement.refused || sets.length === 0) return { outcome: 'no', features: judgement.features };
  return {
    outcome: 'native',
    sets,
    aids: [...aids.values()],
    features: judgement.features,
    hubDown: HUB_DOWN[placement.decider],
  };
}

const HUB_DOWN: Readonly<Record<Decider, string>> = {
  portolan:
    'While the hub is away Route 53 goes on answering by place and weight; what goes down then stays in answers until the hub is back.',
  native: 'Nothing changes while the hub is away: Route 53 goes by its own health checks.',
  both: 'While the hub is away Route 53 goes by its own health checks, from the state in which the hub left the records.',
};

function publish(input: CompileInput, type: TypePlacement, cover: PlaceCover, pools: Pools): void {
  const { hostname } = input.placement;
  const groupOf = (id: string | undefined): TypePlacement['groups'][number] | undefined =>
    type.groups.find((group) => group.id === id);
  if (cover.entries.length === 0) {
    const everywhere = groupOf(cover.fallback);
    if (everywhere !== undefined) pools.group(hostname, everywhere);
    return;
  }
  const used = new Set([cover.fallback, ...cover.entries.map(({ group }) => group)]);
  for (const group of type.groups) if (used.has(group.id)) pools.group(pools.nameOf(`g-${group.id}`), group);
  const lead = (
    setId: string,
    group: string | undefined,
    GeoLocation: { readonly [key: string]: string },
  ): void => {
    if (group !== undefined) pools.alias(hostname, pools.nameOf(`g-${group}`), false, setId, { GeoLocation });
  };
  // "We recommend that you create a resource record set for which the value of CountryCode is *": else whoever is not located gets no answer.
  lead('default', cover.fallback, { CountryCode: '*' });
  for (const entry of cover.entries) lead(setIdOf(entry), entry.group, locationOf(entry));
}

function setIdOf({ kind, code }: CoverEntry): string {
  return kind === 'continent' ? `continent ${code}` : code;
}

function locationOf({ kind, code }: CoverEntry): { readonly [key: string]: string } {
  if (kind === 'continent') return { ContinentCode: code };
  if (kind === 'country') return { CountryCode: code };
  const [country = '', state = ''] = code.split('-');
  return { CountryCode: country, SubdivisionCode: state };
}

/** What is to be said about places. Kosovo alone is not worth a refusal: where it is told apart from Serbia at all is up to Route 53. */
function placesClaims(
  covers: readonly PlaceCover[],
  { placement, zone }: CompileInput,
): readonly FeatureClaim[] {
  const unnamed = [...new Set(covers.flatMap((cover) => cover.unnamed))].sort();
  const nameless = unnamed.filter((place) => place !== NO_COUNTRY);
  const silent = covers.flatMap(({ entries }) => entries.filter(({ group }) => group === undefined));
  const why =
    nameless.length > 0
      ? `Route 53 tells apart countries and states of the United States, but not ${nameless.join(', ')}.`
      : silent.length > 0
        ? `Route 53 has no empty answer for one place (${silent.map(({ code }) => code).join(', ')}) while others have one.`
        : undefined;
  if (why !== undefined) {
    return [
      { feature: 'geo', kept: 'no', detail: why },
      { feature: 'residency', kept: 'no', detail: why },
    ];
  }
  // "Route 53 responds based on the AWS Region of the VPC that the query originated from."
  const located = zone.private
    ? 'in a private zone by the AWS region of the VPC'
    : 'by the client subnet that a resolver sends, else by the resolver';
  return [
    {
      feature: 'geo',
      kept: 'native',
      detail: `Route 53 answers by country, ${located}${unnamed.length > 0 ? '; it does not know Kosovo (XK)' : ''}.`,
    },
    unnamed.length > 0 && placement.unbound?.includes(NO_COUNTRY) !== true
      ? {
          feature: 'residency',
          kept: 'no',
          detail: 'Route 53 does not know Kosovo (XK), which a residency rule binds.',
        }
      : {
          feature: 'residency',
          kept: 'native',
          detail: `Every country has records of its own clusters only, ${located}.`,
        },
  ];
}

function claimsOf({ decider }: Placement): readonly FeatureClaim[] {
  const computed = decider === 'native' ? 'no' : 'computed';
  return [
    { feature: 'subnets', kept: 'no', detail: 'CIDR collections of Route 53 are not made.' },
    { feature: 'weights', kept: 'native', detail: 'Route 53 picks a weighted record for each query.' },
    decider === 'portolan'
      ? {
          feature: 'failover',
          kept: 'computed',
          detail: 'The hub changes the records when a tier goes down.',
        }
      : {
          feature: 'failover',
          kept: 'native',
          detail: 'Route 53 fails over by its own health checks, tier by tier.',
        },
    { feature: 'sticky', kept: 'no', detail: 'Route 53 picks anew for each query of a resolver.' },
    { feature: 'dynamicTtl', kept: 'no', detail: 'Records always have the TTL of the policy.' },
    {
      feature: 'panic',
      kept: computed,
      detail:
        decider === 'native'
          ? 'Route 53 serves all only when every one is down.'
          : 'The hub serves all below the threshold.',
    },
    {
      feature: 'capacityFloor',
      kept: computed,
      detail:
        decider === 'native'
          ? 'Route 53 joins no tiers; the next one answers when all of a tier is down.'
          : 'The hub joins the next tier.',
    },
    { feature: 'drainRamp', kept: 'computed', detail: 'The hub lowers the weight in steps.' },
    {
      feature: 'nearest',
      kept: 'no',
      detail: 'When nobody in the rules is healthy, the others are served together, not by distance.',
    },
    { feature: 'maxAnswers', kept: 'no', detail: 'Each answer holds the addresses of one member.' },
    { feature: 'mixedTypes', kept: 'computed', detail: 'All places have the same type now.' },
  ];
}

/** What was found out while compiling belongs to the sentences about it. */
function withMeasures(
  claims: readonly FeatureClaim[],
  errorPercent: number,
  differences: readonly string[],
): readonly FeatureClaim[] {
  return claims.map((claim) => {
    if (claim.feature === 'weights' && errorPercent >= 0.01) {
      return {
        ...claim,
        detail: `${claim.detail} Weights go up to 255: shares are off by at most ${errorPercent.toFixed(2)} percentage points.`,
      };
    }
    if (claim.feature === 'failover' && differences.length > 0)
      return { ...claim, detail: `${claim.detail} Unlike ours, ${differences.join(', ')}.` };
    return claim;
  });
}

/** What keeps Route 53 from routing it at all, whatever the places are. */
function obstacleOf({ placement, zone }: CompileInput): string | undefined {
  if (zone.private && placement.decider !== 'portolan')
    return 'In a private zone Route 53 has no health checks of addresses: its checkers are on the internet.';
  const mixed = placement.types.length > 1 && placement.types.some(({ type }) => type === 'CNAME');
  return mixed ? 'A name at Route 53 has either a CNAME or addresses, for everybody.' : undefined;
}

/** None of the routing is possible, for one reason. */
function no(placement: Placement, why: string): NativeCompilation {
  const reason = `${why.charAt(0).toUpperCase()}${why.slice(1)}${why.endsWith('.') ? '' : '.'}`;
  const routed: readonly Feature[] = ['geo', 'weights', 'failover', 'residency', 'mixedTypes'];
  const claims = routed.map((feature): FeatureClaim => ({ feature, kept: 'no', detail: reason }));
  return { outcome: 'no', features: judgeClaims(placement, claims).features, reason };
}

/** Room for the marker and the fence. */
const BESIDE = { changes: 8, octets: 2_000 };

/** A name and what it leans on change together, in one request: everything deleted and created again must fit. @throws NotPossible */
function fits(sets: readonly RecordSet[]): void {
  let changes = BESIDE.changes;
  let octets = BESIDE.octets;
  for (const set of sets) {
    const cost = capabilities.batch.cost({ before: set, after: set } satisfies SetChange);
    changes += cost.changes;
    octets += cost.octets;
  }
  if (changes <= capabilities.batch.maxChanges && octets <= capabilities.batch.maxOctets) return;
  throw new NotPossible(
    `its ${sets.length} record sets do not fit into one change of Route 53 (${capabilities.batch.maxChanges} records, ${capabilities.batch.maxOctets} characters)`,
  );
}
