import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import type { PlacedTier, Placement } from '../../src/plan/placement.ts';
import { dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { route } from '../../test/fakes/google-dns/answers.ts';
import { resourceRecordSet } from '../../test/fakes/google-dns/schema.ts';
import { compileGoogle } from './compile.ts';
import { writeRecordSet } from './records.ts';

const spec = dnsProviderSpec.parse({
  zones: [{ origin: 'example.com' }],
  google: { project: 'p-1234', healthCheck: 'projects/p-1234/global/healthChecks/web' },
});
const ZONE = { origin: parseName('example.com.'), id: 'example-com', private: false, nameServers: [] };
/** Draws, evenly over [0, 1): shares are exact but for the borders of items. */
const DRAWS = 400;

function compile(tiers: readonly PlacedTier[], decider: Placement['decider']) {
  const compiled = compileGoogle({
    placement: {
      hostname: parseName('www.example.com.'),
      policy: 'shop/www',
      ttlSeconds: 30,
      decider,
      types: [{ type: 'A', groups: [{ id: '0123456789', places: ['unknown'], tiers }] }],
      features: ['failover', 'weights'],
      accepted: ['weights'],
    },
    zone: ZONE,
    spec,
    poolSuffix: parseName('www._pool._portolan.example.com.'),
  });
  if (compiled.outcome === 'no') return undefined;
  const [set] = compiled.sets;
  if (set === undefined) throw new Error('there is a set');
  const { routingPolicy } = resourceRecordSet.parse(writeRecordSet(set));
  if (routingPolicy === undefined) throw new Error('it is routed');
  return routingPolicy;
}

/** How often each answer comes, by Google's own semantics. */
function answers(policy: NonNullable<ReturnType<typeof compile>>, down: ReadonlySet<string>) {
  const counts = new Map<string, number>();
  for (let draw = 0; draw < DRAWS; draw += 1) {
    const random = () => (draw + 0.5) / DRAWS;
    const values = route(policy, { isUp: (address) => !down.has(address), random, at: undefined });
    const key = [...values].sort().join(',');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

const member = (least: number) => fc.integer({ min: least, max: 100 });
const addressOf = (tier: number, index: number): string => `192.0.2.${tier * 20 + index + 1}`;
const tiersOf = (weights: readonly (readonly number[])[]): readonly PlacedTier[] =>
  weights.map((ofTier, tier) => ({
    members: ofTier.map((weight, index) => ({
      endpoint: `e${tier}-${index}`,
      cluster: 'shop/c',
      weight,
      values: [addressOf(tier, index)],
      targets: [],
    })),
  }));

describe('a placement, answered by Google', () => {
  it('draws every member in proportion to its weight, and nobody else', () => {
    fc.assert(
      fc.property(fc.array(member(1), { minLength: 1, maxLength: 6 }), (weights) => {
        const policy = compile(tiersOf([weights]), 'portolan');
        if (policy === undefined) throw new Error('weights are native');
        const counts = answers(policy, new Set());
        const whole = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [index, weight] of weights.entries()) {
          const share = ((counts.get(addressOf(0, index)) ?? 0) / DRAWS) * whole;
          expect(Math.abs(share - weight)).toBeLessThanOrEqual((2 * whole) / DRAWS);
        }
        expect(
          [...counts.keys()].every((key) => weights.some((_, index) => addressOf(0, index) === key)),
        ).toBe(true);
      }),
    );
  });

  it('answers only with what Google finds up, from the first tier that has something, and never with nothing', () => {
    const tier = fc.array(member(0), { minLength: 1, maxLength: 4 }).filter((ws) => ws.some((w) => w > 0));
    const tiers = fc.array(tier, { minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(tiers, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (weights, health) => {
        const policy = compile(tiersOf(weights), 'native');
        if (policy === undefined) return;
        const flat = weights.flatMap((ofTier, tier) =>
          ofTier.map((weight, index) => ({ tier, weight, address: addressOf(tier, index) })),
        );
        const down = new Set(flat.filter((_, i) => health[i] === false).map(({ address }) => address));
        const up = flat.filter(({ address }) => !down.has(address));
        // Who may answer: the healthy ones of the first tier that has any; in it those of weight 0 only when no other is up.
        const rankOf = ({ tier, weight }: (typeof flat)[number]): number => 2 * tier + (weight > 0 ? 0 : 1);
        const first = up.length === 0 ? undefined : Math.min(...up.map(rankOf));
        for (const key of answers(policy, down).keys()) {
          expect(key).not.toBe('');
          if (first === undefined) continue;
          for (const address of key.split(',')) {
            expect(down.has(address), `${address} is down`).toBe(false);
            expect(flat.filter((one) => one.address === address).map(rankOf)).toEqual([first]);
          }
        }
      }),
    );
  });
});
