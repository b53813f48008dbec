import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COUNTRY_OF, GROUPING_OF } from '../../providers/azure/geography.ts';
import { azure } from '../../providers/azure/provider.ts';
import type { Provider } from '../../providers/contract.ts';
import { parseName } from '../../src/dns/name.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import type { Decider, PlacedMember, PlaceGroup, Placement } from '../../src/plan/placement.ts';
import { checkSpec } from '../../src/resources/health-check.ts';
import { COUNTRIES } from '../../src/routing/countries.ts';
import { evaluate } from '../fakes/azure/evaluate.ts';
import { azureSpec, openAzure } from '../fakes/azure/open.ts';
import { type AzureFake, startAzure } from '../fakes/azure/server.ts';

const ORIGIN = parseName('example.com');
const PLACES = ['unknown', ...COUNTRIES.keys(), ...COUNTRY_OF.keys()].sort();
const ADDRESSES = Array.from({ length: 12 }, (_, n) => `20.50.1.${n + 1}`);
const never = new AbortController().signal;

let fake: AzureFake;
let provider: Provider;

beforeAll(async () => {
  fake = await startAzure();
  fake.addZone(ORIGIN);
  provider = await openAzure(fake, azureSpec(fake, ORIGIN, true));
});
afterAll(async () => {
  await provider.close();
  await fake.close();
});

function member(n: number, weight: number): PlacedMember {
  const address = ADDRESSES[n] ?? '';
  const target = {
    id: sha256Hex(address),
    cluster: 'shop/x',
    failureDomain: 'x',
    address,
    port: 443,
    check: checkSpec.parse(n % 5 === 0 ? { protocol: 'http' } : { protocol: 'tcp', port: 443 }),
    defaultHost: 'www.example.com',
  };
  return { endpoint: `e${n}`, cluster: 'shop/x', weight, values: [address], targets: [target] };
}

const tier = fc
  .uniqueArray(fc.integer({ min: 0, max: 11 }), { minLength: 1, maxLength: 3 })
  .chain((numbers) =>
    fc
      .array(fc.integer({ min: 0, max: 5000 }), { minLength: numbers.length, maxLength: numbers.length })
      .map((weights) => numbers.map((n, at) => ({ n, weight: weights[at] ?? 1 }))),
  );

const plan = fc.record({
  decider: fc.constantFrom<Decider>('portolan', 'native', 'both'),
  groups: fc.array(fc.array(tier, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }),
  /** Of whole groupings, then of single places: which group they are in. */
  groupings: fc.dictionary(fc.constantFrom(...new Set(GROUPING_OF.values())), fc.nat(3)),
  places: fc.dictionary(fc.constantFrom(...PLACES), fc.nat(3), { maxKeys: 12 }),
  down: fc.subarray(ADDRESSES),
});

/** What a client may be answered, by the table alone. */
function expected(group: PlaceGroup, decider: Decider, down: ReadonlySet<string>): readonly string[] {
  const levels = group.tiers.flatMap(({ members }) => [
    members.filter(({ weight }) => weight > 0),
    members.filter(({ weight }) => weight === 0),
  ]);
  const values = levels
    .map((members) => members.flatMap((m) => m.values))
    .filter((level) => level.length > 0);
  if (decider === 'portolan') return values[0] ?? [];
  const up = values
    .map((level) => level.filter((value) => !down.has(value)))
    .find((level) => level.length > 0);
  return up ?? values.flat();
}

it('every country, state and unknown place is answered as the table has it, whatever is down', async () => {
  let natives = 0;
  await fc.assert(
    fc.asyncProperty(plan, async ({ decider, groups, groupings, places, down }) => {
      const groupAt = (place: string): number => {
        const own = places[place] ?? places[COUNTRY_OF.get(place) ?? ''];
        const grouping = groupings[GROUPING_OF.get(COUNTRY_OF.get(place) ?? place) ?? ''];
        return Math.min(groups.length - 1, own ?? grouping ?? 0);
      };
      const table: readonly PlaceGroup[] = groups
        .map((tiers, index) => ({
          id: `g${index}`,
          places: PLACES.filter((place) => groupAt(place) === index),
          tiers: (decider === 'portolan' ? tiers.slice(0, 1) : tiers).map((members) => ({
            members: members.map(({ n, weight }) => member(n, decider === 'portolan' ? weight + 1 : weight)),
          })),
        }))
        .filter((group) => group.places.length > 0)
        .sort((a, b) => Number(b.places.includes('unknown')) - Number(a.places.includes('unknown')));
      const placement: Placement = {
        hostname: parseName('www.example.com'),
        policy: 'shop/www',
        ttlSeconds: 20,
        decider,
        types: [{ type: 'A', groups: table }],
        features: ['geo', 'weights', 'failover'],
        accepted: ['geo'],
      };
      const made = azure.compile({
        placement,
        zone: { origin: ORIGIN, id: 'z', private: false, nameServers: [] },
        spec: azureSpec(fake, ORIGIN, true),
        poolSuffix: parseName('www._pool._portolan.example.com'),
      });
      if (made.outcome === 'no' || provider.aids === undefined) throw new Error('it was not compiled');
      natives += 1;
      // The test server checks every profile that is made, so that the tree is also one that the service would take.
      fake.trafficManager.profiles.clear();
      const ids = await provider.aids.ensure(made.aids, never);
      const root = fake.trafficManager.byId([...ids.values()][0] ?? '');
      if (root === undefined) throw new Error('no profile was made');
      fake.trafficManager.down.clear();
      for (const address of down) fake.trafficManager.down.add(address);
      for (const place of PLACES) {
        // Traffic Manager has no code for it, which is the loss that was accepted.
        const seenAs = place === 'EH' ? 'unknown' : place;
        const group = table.find((one) => one.places.includes(seenAs));
        if (group === undefined) throw new Error(`${place} is in no group`);
        const answer = evaluate(root, fake.trafficManager, place === 'unknown' ? undefined : place);
        expect(expected(group, decider, new Set(down)), place).toContain(answer);
      }
    }),
    { numRuns: 60 },
  );
  expect(natives).toBeGreaterThanOrEqual(60);
});
