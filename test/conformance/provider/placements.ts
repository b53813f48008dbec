import { createHash } from 'node:crypto';
import type { ClientAddress } from '../../../src/dns/client.ts';
import type { DomainName } from '../../../src/dns/name.ts';
import type { Target } from '../../../src/health/types.ts';
import type { Feature } from '../../../src/plan/compile-report.ts';
import type {
  Decider,
  PlacedMember,
  PlaceGroup,
  Placement,
  TypePlacement,
} from '../../../src/plan/placement.ts';
import { checkSpec } from '../../../src/resources/health-check.ts';
import { COUNTRIES } from '../../../src/routing/countries.ts';
import type { Running } from '../provider-harness.ts';

/** One network in each of some countries, by the packaged GeoIP database; `unknown` is a private network. */
export const CLIENTS: Readonly<Record<string, ClientAddress>> = {
  DE: network(85, 214, 0),
  FR: network(194, 2, 0),
  US: network(8, 8, 8),
  JP: network(133, 11, 0),
  BR: network(200, 147, 3),
  unknown: network(10, 0, 0),
};

function network(...octets: readonly [number, number, number]): ClientAddress {
  return { family: 4, bytes: Uint8Array.of(...octets, 0), prefixLength: 24, source: 'ecs' };
}

/** Shares by weight, one member each `n`-th address; `also` is another address of the same member. */
type Tier = readonly { readonly n: number; readonly weight: number; readonly also?: number }[];

export interface PlacementPlan {
  readonly features: readonly Feature[];
  readonly decider?: Decider;
  /** Groups by the places in them; `rest` has everything else, and `unknown` where no other has it. */
  readonly groups: Readonly<Record<string, readonly Tier[]>>;
  /** AAAA records beside A. */
  readonly dual?: boolean;
  /** CNAME endpoints in place of addresses. */
  readonly aliases?: boolean;
}

/** A placement as the hub would compute it. */
export function placementOf(running: Running, hostname: DomainName, plan: PlacementPlan): Placement {
  const listed = new Set(Object.keys(plan.groups).flatMap((places) => places.split(' ')));
  const rest = ['unknown', ...COUNTRIES.keys()].filter((place) => !listed.has(place));
  const hasUnknown = (places: string): boolean =>
    places.split(' ').includes('unknown') || (places === 'rest' && rest.includes('unknown'));
  const groupsOf = (type: PlacedType): readonly PlaceGroup[] =>
    Object.entries(plan.groups)
      .sort(([a], [b]) => Number(hasUnknown(b)) - Number(hasUnknown(a)))
      .map(([places, tiers]) => ({
        id: createHash('sha256')
          .update(`${type} ${places} ${JSON.stringify(tiers.map((tier) => tier.map(({ n }) => n)))}`)
          .digest('hex')
          .slice(0, 10),
        places: places === 'rest' ? [...rest].sort() : places.split(' ').sort(),
        tiers: tiers.map((tier) => ({ members: tier.map((one) => member(running, type, one)) })),
      }));
  return {
    hostname,
    policy: 'conformance/www',
    ttlSeconds: 30,
    decider: plan.decider ?? 'portolan',
    types: [
      plan.aliases === true
        ? { type: 'CNAME', groups: groupsOf('CNAME') }
        : { type: 'A', groups: groupsOf('A') },
      ...(plan.dual === true ? [{ type: 'AAAA' as const, groups: groupsOf('AAAA') }] : []),
    ],
    // The groups by name are those that a rule binds.
    ...(plan.features.includes('residency') ? { unbound: rest } : {}),
    features: plan.features,
    accepted: [],
  };
}

type PlacedType = TypePlacement['type'];

export function addressOf(running: Running, type: 'A' | 'AAAA', n: number): string {
  if (type === 'A') return running.address?.(n) ?? `192.0.2.${n}`;
  return running.address6?.(n) ?? `2001:db8::${n.toString(16)}`;
}

function answerOf(running: Running, type: PlacedType, n: number): string {
  return type === 'CNAME' ? `e${n}.aliases.example.` : addressOf(running, type, n);
}

function member(running: Running, type: PlacedType, { n, weight, also }: Tier[number]): PlacedMember {
  const values = [n, ...(also === undefined ? [] : [also])].map((one) => answerOf(running, type, one)).sort();
  const cluster = `conformance/c${n}`;
  const targets = values.map(
    (address): Target => ({
      id: createHash('sha256').update(address).digest('hex'),
      cluster,
      failureDomain: `c${n}`,
      address,
      port: 443,
      check: checkSpec.parse({ protocol: 'tcp', port: 443 }),
      defaultHost: 'www.example.com',
    }),
  );
  return { endpoint: `e${n}`, cluster, weight, values, targets };
}
