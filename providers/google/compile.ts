import { type FeatureClaim, judgeClaims } from '../../src/plan/losses.ts';
import type { PlacedMember, PlacedTier, Placement, TypePlacement } from '../../src/plan/placement.ts';
import type { Json, RecordSet } from '../../src/plan/record-set.ts';
import type { CompileInput, NativeCompilation } from '../contract.ts';
import { canonicalLink } from './records.ts';

/**
 * Where the one set of backup targets is said to be. `primaryBackup` has its backup in a geo policy, which answers with the nearest location:
 * with a single one that is this one, wherever the client is.
 */
const BACKUP_LOCATION = 'us-east1';

/** "Items per routing policy: 100" (https://cloud.google.com/dns/quotas). */
const MAX_ITEMS = 100;

const DELEGATE =
  'Delegate the name to the embedded name servers (`spec.delegation` of a Zone), which route by country, network and weight together.';

/** The routing of one type, or the claim that says why there is none. */
type Routing = { readonly policy: { readonly [key: string]: Json } } | { readonly cannot: FeatureClaim };

/**
 * A record set has exactly one routing policy, `wrr`, `geo` or `primaryBackup`
 * (https://cloud.google.com/dns/docs/routing-policies-overview, RRSetRoutingPolicy of the API's discovery document):
 *
 *     everybody alike, weights, decider portolan       wrr, an item for each member
 *     everybody alike, one tier, health checks         wrr, an item for each address
 *     everybody alike, two tiers, health checks        primaryBackup: the first tier, behind it the second
 *     everybody alike, no weights, decider portolan    no: plain records say the same
 *     places told apart; three tiers or CNAME, checked no
 *
 * `geo` is never used: it has Google Cloud regions in place of countries, the nearest one wins, and no item is for everybody else. Health
 * checks are those of `spec.google.healthCheck`, of Internet addresses, in public zones. Where they cannot be had, or would cost weights that
 * the author does not give up, decider `both` is as `portolan`: the hub takes out what is down.
 */
export function compileGoogle(input: CompileInput): NativeCompilation {
  const { placement } = input;
  const apart = placesClaims(placement);
  if (apart.length > 0) return no(placement, apart);
  if (placement.decider === 'portolan')
    return made(placement, placement.types.map(weighted(placement)), 'hub');

  const unchecked = noChecks(input);
  const routings = unchecked === undefined ? placement.types.map(checked(input)) : [{ cannot: unchecked }];
  const cannot = routings.flatMap((routing) =>
    routing !== undefined && 'cannot' in routing ? [routing.cannot] : [],
  );
  if (placement.decider === 'native')
    return cannot.length === 0 ? made(placement, routings, 'google') : no(placement, cannot);
  const byGoogle = cannot.length === 0 ? made(placement, routings, 'google') : undefined;
  if (byGoogle?.outcome === 'native') return byGoogle;
  // What the health checks would cost and nobody accepts, weights behind a failover, the hub keeps by itself.
  const byHub = made(placement, placement.types.map(weighted(placement)), 'hub');
  return byHub.outcome === 'native' ? byHub : (byGoogle ?? byHub);
}

function made(
  placement: Placement,
  routings: readonly (Routing | undefined)[],
  judge: 'hub' | 'google',
): NativeCompilation {
  const sets: RecordSet[] = [];
  const claims: FeatureClaim[] = [];
  for (const [index, type] of placement.types.entries()) {
    const routing = routings[index];
    if (routing === undefined) return no(placement, []);
    if ('cannot' in routing) return no(placement, [routing.cannot]);
    if ('primaryBackup' in routing.policy) claims.push(weightsBehindFailover(type));
    sets.push({
      name: placement.hostname,
      type: type.type,
      setId: '',
      ttlSeconds: placement.ttlSeconds,
      values: [],
      native: { routingPolicy: routing.policy },
    });
  }
  if (sets.length === 0) return no(placement, []);
  const { features, refused } = judgeClaims(placement, [...claims, ...claimsOf(judge)]);
  if (refused) return { outcome: 'no', features };
  return { outcome: 'native', sets, aids: [], features, hubDown: HUB_DOWN[judge] };
}

const HUB_DOWN = {
  hub: 'While the hub is away, Google goes on drawing by the last weights among the members that were healthy then.',
  google: 'While the hub is away, Google goes on checking every address, and leaves out those that are down.',
} as const;

/** What no routing policy of Google can say: places that are told apart. The hub asks again with a placement that is the same everywhere. */
function placesClaims({ features, types }: Placement): readonly FeatureClaim[] {
  const claims = CANNOT_TELL_PLACES.filter(({ feature }) => features.includes(feature));
  if (claims.length > 0) return claims;
  if (types.some(({ groups }) => groups.length > 1)) return CANNOT_TELL_PLACES.slice(0, 1);
  return types.length > 1 && types.some(({ type }) => type === 'CNAME') ? CANNOT_TELL_PLACES.slice(-1) : [];
}

const CANNOT_TELL_PLACES: readonly FeatureClaim[] = [
  claim(
    'geo',
    'Google routes by the nearest Google Cloud region, not by country, and a name with regions cannot have weights.',
    `Write \`accept: [geo]\` below spec.dns, or: ${DELEGATE}`,
  ),
  claim(
    'subnets',
    'Google has no routing by client network.',
    `Write \`accept: [subnets]\` below spec.dns, or: ${DELEGATE}`,
  ),
  claim('residency', 'Google cannot keep clients of a country away from an answer.', DELEGATE),
  claim(
    'mixedTypes',
    'A name has either a CNAME or addresses, for every client.',
    `Write \`accept: [mixedTypes]\` below spec.dns, or: ${DELEGATE}`,
  ),
];

/** Why Google cannot check anything in this zone. */
function noChecks({ spec, zone }: CompileInput): FeatureClaim | undefined {
  if (spec.google?.healthCheck === undefined)
    return claim(
      'failover',
      'Without a health check Google does not know what is down.',
      'Name a health check in spec.google.healthCheck of the DNSProvider, or write `decider: portolan` below spec.dns.',
    );
  if (!zone.private) return undefined;
  return claim(
    'failover',
    'In a private zone Google checks only internal load balancers of its own.',
    'Write `decider: portolan` below spec.dns.',
  );
}

/** The members that are up now, by weight. `undefined` where plain records say the same. */
const weighted =
  (placement: Placement) =>
  (type: TypePlacement): Routing | undefined => {
    const [tier] = tiersOf(type);
    if (tier === undefined || tier.members.length === 0) return undefined;
    if (!asksForWeights(placement)) return undefined;
    const { length } = tier.members;
    if (length > MAX_ITEMS)
      return {
        cannot: claim(
          'weights',
          `Google takes ${MAX_ITEMS} items in a routing policy, and ${placement.hostname} has ${length} members.`,
        ),
      };
    return {
      policy: { wrr: { items: tier.members.map(({ weight, values }) => ({ weight, rrdatas: values })) } },
    };
  };

/** Also while only one member is up, or none is drained: the form of a name should not change with its health. All types have one form. */
function asksForWeights({ features, types }: Placement): boolean {
  if (features.includes('weights') || features.includes('drainRamp')) return true;
  return types.some((type) => new Set(tiersOf(type)[0]?.members.map(({ weight }) => weight)).size > 1);
}

/** Addresses that Google checks. */
const checked =
  ({ placement, spec }: CompileInput) =>
  (type: TypePlacement): Routing | undefined => {
    if (type.type === 'CNAME')
      return {
        cannot: claim(
          'failover',
          'Google checks addresses, not the targets of a CNAME.',
          'Write `decider: portolan` below spec.dns.',
        ),
      };
    const tiers = withoutIdle(tiersOf(type));
    const [first, second] = tiers;
    if (first === undefined || first.members.length === 0) return undefined;
    const healthCheck = canonicalLink(spec.google?.healthCheck ?? '');
    if (second === undefined) {
      const items = first.members.flatMap(checkedItems);
      return items.length <= MAX_ITEMS
        ? { policy: { wrr: { items }, healthCheck } }
        : {
            cannot: claim(
              'failover',
              `Google checks ${MAX_ITEMS} addresses in a routing policy, and ${placement.hostname} has ${items.length}.`,
              'Write `decider: portolan` below spec.dns.',
            ),
          };
    }
    if (tiers.length > 2)
      return {
        cannot: claim(
          'failover',
          `Google has one set of addresses and one behind it; ${placement.hostname} has ${tiers.length} tiers.`,
          `Write \`decider: portolan\` below spec.dns, or: ${DELEGATE}`,
        ),
      };
    return {
      policy: {
        primaryBackup: {
          primaryTargets: { externalEndpoints: addressesOf(first) },
          backupGeoTargets: {
            // "if all targets are unhealthy, we don't failover to the next nearest bucket; instead, we return all the items in the current
            // bucket" (RRSetRoutingPolicyGeoPolicy.enableFencing): the name never gets empty.
            enableFencing: true,
            items: [
              { location: BACKUP_LOCATION, healthCheckedTargets: { externalEndpoints: addressesOf(second) } },
            ],
          },
        },
        healthCheck,
      },
    };
  };

/**
 * One address in each item: "if health checked targets are provided for DNSSEC enabled zones, there's a restriction of 1 IP address per item"
 * (RRSetRoutingPolicyWrrPolicyWrrPolicyItem.signatureRrdatas). A member's share is spread evenly over its addresses.
 */
function checkedItems({ weight, values }: PlacedMember): readonly { readonly [key: string]: Json }[] {
  return values.map((address) => ({
    weight: weight / values.length,
    healthCheckedTargets: { externalEndpoints: [address] },
  }));
}

/**
 * A member of weight 0 answers only when every other one is down. Google never draws an item of weight 0 ("proportional to its weight
 * relative to the sum"), not even when all others are down, so such members become a tier behind the others, which then have no weights
 * among them.
 */
function withoutIdle(tiers: readonly PlacedTier[]): readonly PlacedTier[] {
  return tiers.flatMap((tier) => {
    const idle = tier.members.filter(({ weight }) => weight === 0);
    const active = tier.members.filter(({ weight }) => weight > 0);
    if (idle.length === 0) return [tier];
    if (active.length === 0) return [{ members: idle.map((member) => ({ ...member, weight: 1 })) }];
    return [{ members: active }, { members: idle }];
  });
}

function tiersOf({ groups }: TypePlacement): readonly PlacedTier[] {
  return groups[0]?.tiers ?? [];
}

function addressesOf({ members }: PlacedTier): readonly string[] {
  return [...new Set(members.flatMap(({ values }) => values))].sort();
}

function weightsBehindFailover(type: TypePlacement): FeatureClaim {
  const unequal = tiersOf(type).some(
    ({ members }) => new Set(members.filter(({ weight }) => weight > 0).map(({ weight }) => weight)).size > 1,
  );
  if (unequal)
    return claim(
      'weights',
      'Behind a failover Google answers with all healthy addresses at once, whatever their weights.',
      `Write \`accept: [weights]\` or \`decider: portolan\` below spec.dns, or: ${DELEGATE}`,
    );
  return {
    feature: 'weights',
    kept: 'native',
    detail:
      'Google answers with all healthy addresses of a tier at once, an equal share each; members of weight 0 are the tier behind the others.',
  };
}

/** What a routed name keeps; the first claim of a feature counts. */
function claimsOf(judge: 'hub' | 'google'): readonly FeatureClaim[] {
  const native = judge === 'google';
  const byHub = (feature: FeatureClaim['feature'], computed: string, lost: string): FeatureClaim =>
    native ? { feature, kept: 'no', detail: lost } : { feature, kept: 'computed', detail: computed };
  return [
    {
      feature: 'weights',
      kept: 'native',
      detail: native
        ? 'Google draws one address for each query, in proportion to the weights.'
        : 'Google draws one member for each query, in proportion to the weights; one of weight 0 is not drawn before the hub finds all others down.',
    },
    {
      feature: 'failover',
      kept: native ? 'native' : 'computed',
      detail: native
        ? 'Google checks every address from three regions and answers with those that are up.'
        : 'The hub takes members that are down out of the record set.',
    },
    claim('nearest', 'Google does not know the distance to a cluster.'),
    claim('sticky', 'Google draws a new member for every query.'),
    claim('dynamicTtl', 'The TTL stays the same near a change.'),
    claim(
      'maxAnswers',
      'Google decides how many addresses an answer holds: one member, or all of a failover set.',
    ),
    byHub(
      'panic',
      'The hub writes all members when too few are healthy.',
      'Google has no threshold: it leaves out what is down, and gives all only when nothing is up.',
    ),
    byHub(
      'capacityFloor',
      'The hub adds the next tier to the record set.',
      'Google adds no second tier to a first one that is weak.',
    ),
    {
      feature: 'drainRamp',
      kept: 'computed',
      detail: 'The hub lowers the weight of a drained member in steps.',
    },
  ];
}

function claim(feature: FeatureClaim['feature'], detail: string, fix?: string): FeatureClaim {
  return { feature, kept: 'no', detail, ...(fix === undefined ? {} : { fix }) };
}

/** Nothing of Google's routing is used: why, for the features that stand in the way and for those that fall with them. */
function no(placement: Placement, claims: readonly FeatureClaim[]): NativeCompilation {
  const [first] = claims;
  const why =
    first === undefined
      ? 'plain records say the same.'
      : `${first.detail.charAt(0).toLowerCase()}${first.detail.slice(1)}`;
  const others = placement.features.map((feature) =>
    claim(feature, `No routing of Google is used for this name: ${why}`),
  );
  return {
    outcome: 'no',
    features: judgeClaims(placement, [...claims, ...others]).features,
    ...(first === undefined ? {} : { reason: first.detail }),
  };
}
