import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compilePolicy } from './compiled.ts';
import { decide } from './decide.ts';
import {
  endpoint,
  FRA,
  fromClient,
  IAD,
  PAR,
  policyOf,
  SIN,
  seeded,
  stateOf,
  tier,
} from './testing/world.ts';

const STICKY = { mode: 'sticky' as const, maxAnswers: 1, ipv4PrefixLength: 24, ipv6PrefixLength: 48 };
const STATE = stateOf();

/** Who answers client number `n`, each in a /24 of its own. */
function homeOf(
  members: readonly (readonly [string, number])[],
  n: number,
  down: readonly string[] = [],
): string {
  const policy = compilePolicy(
    policyOf({ endpoints: [FRA, PAR, IAD, SIN], defaultTiers: [tier(...members)], selection: STICKY }),
    {},
  );
  return homes(policy, [n], down)[0] ?? '';
}

function homes(
  policy: ReturnType<typeof compilePolicy>,
  clients: readonly number[],
  down: readonly string[] = [],
): string[] {
  const state = stateOf({ down });
  return clients.map((n) => {
    const client = `10.${(n >> 8) & 255}.${n & 255}.7`;
    const [answer] = decide(policy, fromClient(client), state, seeded(n)).answers;
    return answer?.kind === 'addresses' ? answer.endpoint : '';
  });
}

function policyWith(...members: readonly (readonly [string, number])[]) {
  return compilePolicy(policyOf({ defaultTiers: [tier(...members)], selection: STICKY }), {});
}

const CLIENTS = Array.from({ length: 20_000 }, (_, n) => n);

describe('weighted', () => {
  test.each([[[1, 1, 1, 1]], [[70, 20, 9, 1]]])('random picks follow the weights %j', (weights) => {
    const names = ['fra', 'par', 'iad', 'sin'];
    const policy = compilePolicy(
      policyOf({ defaultTiers: [tier(...names.map((name, i) => [name, weights[i] ?? 0] as const))] }),
      {},
    );
    const random = seeded(7);
    const counts = new Map<string, number>();
    const draws = 40_000;
    for (let i = 0; i < draws; i += 1) {
      const [answer] = decide(policy, fromClient('192.0.2.1'), STATE, random).answers;
      if (answer?.kind === 'addresses') counts.set(answer.endpoint, (counts.get(answer.endpoint) ?? 0) + 1);
    }
    const sum = weights.reduce((a, b) => a + b, 0);
    const chiSquare = names.reduce((total, name, i) => {
      const expected = (draws * (weights[i] ?? 0)) / sum;
      return total + ((counts.get(name) ?? 0) - expected) ** 2 / expected;
    }, 0);
    // 3 degrees of freedom: above 16.3 once in a thousand.
    expect(chiSquare).toBeLessThan(16.3);
  });

  test('several answers are drawn without replacement, each first in proportion to its weight', () => {
    const policy = compilePolicy(
      policyOf({
        defaultTiers: [tier(['fra', 3], ['par', 1])],
        selection: { mode: 'weighted', maxAnswers: 2 },
      }),
      {},
    );
    const random = seeded(3);
    let fraFirst = 0;
    for (let i = 0; i < 10_000; i += 1) {
      const names = decide(policy, fromClient('192.0.2.1'), STATE, random).answers.map(
        (a) => a.kind === 'addresses' && a.endpoint,
      );
      expect(new Set(names)).toEqual(new Set(['fra', 'par']));
      if (names[0] === 'fra') fraFirst += 1;
    }
    expect(fraFirst / 10_000).toBeCloseTo(0.75, 1);
  });
});

describe('sticky', () => {
  test('a client network keeps its endpoint, whatever the random numbers and the host', () => {
    fc.assert(
      fc.property(fc.nat(65_535), fc.nat(255), fc.nat(255), fc.integer(), (net, host, otherHost, seed) => {
        const policy = policyWith(['fra', 1], ['par', 2], ['iad', 3]);
        const at = (h: number, s: number) =>
          decide(policy, fromClient(`10.${net >> 8}.${net & 255}.${h}`), STATE, seeded(s)).answers;
        expect(at(host, seed)).toEqual(at(otherHost, seed + 1));
      }),
    );
  });

  test('networks spread in proportion to the weights', () => {
    const found = homes(policyWith(['fra', 70], ['par', 20], ['iad', 10]), CLIENTS);
    const share = (name: string) => found.filter((home) => home === name).length / CLIENTS.length;
    expect(Math.abs(share('fra') - 0.7)).toBeLessThan(0.015);
    expect(Math.abs(share('par') - 0.2)).toBeLessThan(0.015);
    expect(Math.abs(share('iad') - 0.1)).toBeLessThan(0.015);
  });

  test('a member that fails moves only its own clients, and they come back to it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 4, maxLength: 4 }),
        fc.constantFrom('fra', 'par', 'iad', 'sin'),
        fc.array(fc.nat(65_535), { minLength: 50, maxLength: 50 }),
        ([a = 1, b = 1, c = 1, d = 1], failing, clients) => {
          const policy = policyWith(['fra', a], ['par', b], ['iad', c], ['sin', d]);
          const before = homes(policy, clients);
          const during = homes(policy, clients, [failing]);
          before.forEach((home, i) => {
            if (home !== failing) expect(during[i]).toBe(home);
            else expect(during[i]).not.toBe(failing);
          });
        },
      ),
      { numRuns: 200 },
    );
  });

  test('a heavier weight moves only the proportional share, and only to that member', () => {
    const before = homes(policyWith(['fra', 1], ['par', 1], ['iad', 2]), CLIENTS);
    const after = homes(policyWith(['fra', 1], ['par', 1], ['iad', 4]), CLIENTS);
    const moved = before.flatMap((home, i) => (home === after[i] ? [] : [after[i]]));
    expect(new Set(moved)).toEqual(new Set(['iad']));
    // From 2/4 to 4/6 of the clients.
    expect(Math.abs(moved.length / CLIENTS.length - (4 / 6 - 2 / 4))).toBeLessThan(0.015);
  });

  test('a new member takes clients from all others and gives none between them', () => {
    const before = homes(policyWith(['fra', 1], ['par', 1]), CLIENTS);
    const after = homes(policyWith(['fra', 1], ['par', 1], ['sin', 1]), CLIENTS);
    const moved = before.flatMap((home, i) => (home === after[i] ? [] : [after[i]]));
    expect(new Set(moved)).toEqual(new Set(['sin']));
    expect(Math.abs(moved.length / CLIENTS.length - 1 / 3)).toBeLessThan(0.015);
  });

  test('several answers: the first is the one of a single answer', () => {
    const single = compilePolicy(policyOf({ selection: STICKY }), {});
    const double = compilePolicy(policyOf({ selection: { ...STICKY, maxAnswers: 2 } }), {});
    for (const n of CLIENTS.slice(0, 200)) expect(homes(double, [n])).toEqual(homes(single, [n]));
  });

  test('the mapping is the same in every version: these networks stay where they are', () => {
    const members = [
      ['fra', 1],
      ['par', 1],
      ['iad', 1],
      ['sin', 1],
    ] as const;
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((n) => homeOf(members, n))).toMatchInlineSnapshot(`
      [
        "iad",
        "iad",
        "sin",
        "fra",
        "fra",
        "sin",
        "fra",
        "par",
      ]
    `);
  });

  test('endpoint names differing in one letter are independent', () => {
    const endpoints = ['c-1', 'c-2', 'c-3'].map((name) => endpoint(name, 'DE'));
    const policy = compilePolicy(
      policyOf({ endpoints, defaultTiers: [tier('c-1', 'c-2', 'c-3')], selection: STICKY }),
      {},
    );
    const found = homes(policy, CLIENTS);
    for (const { name } of endpoints) {
      expect(Math.abs(found.filter((home) => home === name).length / CLIENTS.length - 1 / 3)).toBeLessThan(
        0.015,
      );
    }
  });
});
