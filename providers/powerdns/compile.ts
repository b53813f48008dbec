import type { Feature } from '../../src/plan/compile-report.ts';
import { type FeatureClaim, fixOf, judgeClaims } from '../../src/plan/losses.ts';
import type { Placement } from '../../src/plan/placement.ts';
import type { CompileInput, NativeCompilation } from '../contract.ts';
import { luaContent, NotInLua } from './lua.ts';

/** Columns for records hold 64,000 characters in MySQL's schema, the shortest. */
const MAX_CONTENT = 60_000;

/**
 * One set of LUA records at the hostname, one record for each type that it answers. What is left out of a record (health at the hub, steps of a
 * drain) the hub keeps true by writing the record anew.
 */
export function compile({ placement, spec }: CompileInput): NativeCompilation {
  const plain = (detail: string, fix?: string): NativeCompilation => ({
    outcome: 'no',
    features: judgeClaims(
      placement,
      placement.features.map((feature) => ({
        feature,
        kept: 'no',
        detail,
        ...(fix === undefined ? {} : { fix: `${fix} Or: ${fixOf(feature)}` }),
      })),
    ).features,
    reason: detail,
  });
  if (spec.powerdns?.lua !== true)
    return plain(
      'PowerDNS routes by LUA records only, and spec.powerdns.lua is not set.',
      'Set `enable-lua-records=yes` in pdns.conf and `spec.powerdns.lua: true`.',
    );
  if (placement.types.some(({ type }) => type === 'CNAME') && placement.types.length > 1)
    return plain('A name with LUA records for CNAME and for addresses at once answers neither reliably.');
  const checked = placement.decider !== 'portolan';
  const subdivisions = placement.types
    .flatMap(({ groups }) => groups.flatMap(({ places }) => places))
    .filter((place) => place.includes('-'));
  const sticky = placement.features.includes('sticky');
  let contents: readonly string[];
  try {
    contents = placement.types.map((type) => luaContent(type, { checked, sticky, subdivisions })).sort();
  } catch (thrown) {
    if (thrown instanceof NotInLua) return plain(thrown.message);
    throw thrown;
  }
  const longest = Math.max(0, ...contents.map((content) => content.length));
  if (longest > MAX_CONTENT)
    return plain(
      `The LUA record would have ${longest} characters; at most ${MAX_CONTENT} fit into the backend.`,
    );
  const { features, refused } = judgeClaims(placement, claimsOf(placement, checked));
  if (refused || contents.length === 0) return { outcome: 'no', features };
  return {
    outcome: 'native',
    sets: [
      {
        name: placement.hostname,
        type: 'LUA',
        setId: '',
        ttlSeconds: placement.ttlSeconds,
        values: [],
        native: { lua: contents },
      },
    ],
    aids: [],
    features,
    hubDown: checked
      ? 'PowerDNS goes on with its own checks while the hub is away: an address that is down leaves the answers.'
      : 'While the hub is away PowerDNS goes on to route as the record says; what goes down then stays in answers until the hub is back.',
  };
}

function claimsOf({ decider }: Placement, checked: boolean): readonly FeatureClaim[] {
  const native = (feature: Feature, detail: string): FeatureClaim => ({ feature, kept: 'native', detail });
  const computed = (feature: Feature, detail: string): FeatureClaim => ({
    feature,
    kept: 'computed',
    detail,
  });
  const no = (feature: Feature, detail: string): FeatureClaim => ({ feature, kept: 'no', detail });
  const byHub = decider === 'portolan' || decider === 'both';
  return [
    native(
      'geo',
      'The LUA record answers by the country of the client subnet, or of the resolver; it takes the GeoIP backend.',
    ),
    native('residency', 'The LUA record answers a located client with clusters of its place only.'),
    native('weights', 'Each answer is one member, drawn in proportion to its weight.'),
    native('sticky', 'The answer is drawn by a hash of the client network, so that it keeps its member.'),
    checked
      ? native(
          'failover',
          'PowerDNS checks each address itself: one that is down leaves the answers, and the next tier answers when all of a tier are down.',
        )
      : computed('failover', 'The hub writes the record anew when an endpoint goes down or comes back.'),
    checked
      ? native('panic', 'When every address is down, the first tier is answered as if it were up.')
      : computed('panic', 'The hub writes the record anew when too few are healthy.'),
    byHub
      ? computed('capacityFloor', 'The hub writes the record anew when a tier falls below its floor.')
      : no('capacityFloor', 'PowerDNS goes to the next tier only when the whole tier is down.'),
    computed('drainRamp', 'The hub writes the record anew with each step of a drain.'),
    no('nearest', 'Of the other endpoints, PowerDNS does not prefer those that are near.'),
    no('subnets', 'The LUA record is made from countries; networks are not in it.'),
    no('dynamicTtl', 'A LUA record has one TTL, near a change as well.'),
    no('maxAnswers', 'An answer holds the addresses of one member.'),
    no('mixedTypes', 'A CNAME beside addresses at one name is no valid zone.'),
  ];
}
