import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseName } from '../dns/name.ts';
import { TYPE } from '../dns/types.ts';
import { compilePolicy } from '../routing/compiled.ts';
import { decide } from '../routing/decide.ts';
import { evaluate } from '../routing/evaluate.ts';
import { policies, REGIONS, worlds } from '../routing/testing/arbitrary.ts';
import { alias, geoRule, policyOf, seeded, stateOf, tier } from '../routing/testing/world.ts';
import { type ExpectedAnswer, expectedOf } from './expectation.ts';
import { locatedAt } from './place-classes.ts';
import type { Decider } from './placement.ts';
import { placementOf } from './placement-of.ts';
import type { RecordSet } from './record-set.ts';

const HOST = parseName('api.example.com');

function desiredOf(sets: readonly RecordSet[] | undefined) {
  return { name: HOST, resource: 'trafficpolicy/a/b', sets, types: ['A', 'AAAA', 'CNAME'], shared: false };
}

function routed(
  policy: ReturnType<typeof policyOf>,
  state: ReturnType<typeof stateOf>,
  decider: Decider = 'portolan',
): readonly ExpectedAnswer[] {
  const placement = placementOf({
    policy: compilePolicy(policy, REGIONS),
    hostname: HOST,
    state,
    decider,
    accepted: [],
    target: () => undefined,
  });
  return expectedOf({ desired: desiredOf([]), placement });
}

describe('what verifying may see', () => {
  const plain = (type: string, ...values: readonly string[]): RecordSet => ({
    name: HOST,
    type,
    setId: '',
    ttlSeconds: 30,
    values,
  });

  it('is exactly the values of plain records, and nothing of the other address type', () => {
    const desired = desiredOf([plain('A', '192.0.2.1', '192.0.2.2')]);
    expect(expectedOf({ desired, placement: undefined })).toEqual([
      { name: HOST, type: 'A', places: [], oneOf: [['192.0.2.1', '192.0.2.2']], ttlSeconds: 30 },
      { name: HOST, type: 'AAAA', places: [], oneOf: [[]] },
    ]);
  });

  it('is a CNAME, whatever a server adds of its target', () => {
    const desired = desiredOf([plain('CNAME', 'cdn.example.net.')]);
    expect(expectedOf({ desired, placement: undefined }).map(({ type }) => type)).toEqual(['CNAME']);
  });

  it('is nothing while nothing can be said', () => {
    expect(expectedOf({ desired: desiredOf(undefined), placement: undefined })).toEqual([]);
  });

  it('is some of the members of the place where the provider draws, and nothing for types without any', () => {
    const policy = policyOf({
      defaultTiers: [tier('iad', 'sin'), tier('par')],
      geo: [geoRule('eu', { countries: ['DE'] }, tier(['fra', 2], ['par', 1]))],
    });
    const [rest, germany, none] = routed(policy, stateOf());
    expect(germany).toMatchObject({ type: 'A', places: ['DE'], oneOf: [], ttlSeconds: 30 });
    expect(germany?.someOf).toHaveLength(2);
    expect(rest?.someOf).toHaveLength(2);
    expect(rest?.places).not.toContain('DE');
    expect(none).toEqual({ name: HOST, type: 'AAAA', places: [], oneOf: [[]] });
    // The provider may have failed over by itself.
    expect(routed(policy, stateOf(), 'both')[0]?.someOf).toHaveLength(4);
  });

  it('leaves out countries of which a part is answered otherwise, and address types where a CNAME may stand', () => {
    const policy = policyOf({
      endpoints: [...policyOf().endpoints, alias('cdn', 'US')],
      defaultTiers: [tier('fra')],
      geo: [geoRule('california', { subdivisions: ['US-CA'] }, tier('cdn'))],
    });
    const expected = routed(policy, stateOf());
    const [addresses, cname, nobody] = expected;
    expect(addresses?.places).toContain('DE');
    expect(addresses?.places).not.toContain('US');
    expect(cname).toMatchObject({ type: 'CNAME', places: ['US-CA'], someOf: ['cdn.cdn.test.'] });
    expect(nobody).toMatchObject({ type: 'AAAA', oneOf: [[]] });
    expect(nobody?.places).not.toContain('US-CA');
  });

  it('says nothing of a group of which nobody can be asked for: the rest of a country', () => {
    const policy = policyOf({
      defaultTiers: [tier('fra')],
      geo: [
        geoRule('us', { countries: ['US'] }, tier('iad')),
        geoRule('california', { subdivisions: ['US-CA'] }, tier('sin')),
      ],
    });
    const places = routed(policy, stateOf()).map((one) => [one.type, one.places.length]);
    expect(places).toEqual([
      ['A', 250],
      ['A', 1],
      ['AAAA', 0],
    ]);
  });

  it('holds for every answer that the embedded name servers draw', () => {
    let asked = 0;
    fc.assert(
      fc.property(policies('mixed'), worlds(), fc.integer(), (source, world, seed) => {
        const state = stateOf(world);
        const policy = { ...source, drainRampSeconds: 0 };
        const expected = routed(policy, state);
        for (const where of ['DE', 'SE', 'US', 'SG', 'unknown']) {
          for (const [type, qtype] of [
            ['A', TYPE.A],
            ['AAAA', TYPE.AAAA],
          ] as const) {
            const here = expected.filter(
              (one) => one.type === type && (one.places.length === 0 || one.places.includes(where)),
            );
            expect(here.length).toBeLessThanOrEqual(1);
            const [one] = here;
            if (one === undefined) continue;
            const compiled = compilePolicy(policy, REGIONS);
            const query = { qtype, located: locatedAt(where) };
            // Who is nearest is not in the table.
            if (evaluate(compiled, query, state).usedDistance) continue;
            const decision = decide(compiled, query, state, seeded(seed));
            const given = decision.answers.flatMap((a) => (a.kind === 'cname' ? [] : a.addresses));
            if (one.oneOf.length > 0) expect(given).toEqual([]);
            for (const value of given) expect(one.someOf).toContain(value);
            asked += 1;
          }
        }
      }),
      { numRuns: 100 },
    );
    expect(asked).toBeGreaterThan(50);
  });
});
