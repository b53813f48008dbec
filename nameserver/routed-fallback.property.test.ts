import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRdata, type Rdata } from '../src/dns/records/catalogue.ts';
import { TYPE } from '../src/dns/types.ts';
import { compilePolicy } from '../src/routing/compiled.ts';
import { countriesOf } from '../src/routing/geography.ts';
import { typesOf } from '../src/routing/policy-types.ts';
import { policies, REGIONS } from '../src/routing/testing/arbitrary.ts';
import { routedFallback } from './routed-fallback.ts';

const RUNS = { numRuns: 300 };

describe('I5 what a copy of the zone has at a routed name', () => {
  it('is only what every residency rule admits, of types that the policy can answer with, and always the same', () => {
    let kept = 0;
    fc.assert(
      fc.property(fc.constantFrom('addresses' as const, 'mixed' as const).chain(policies), (policy) => {
        const texts = [
          ...policy.endpoints.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
          ...policy.residency.flatMap(({ onAllDown }) =>
            onAllDown.action === 'maintenance' ? onAllDown.addresses : [],
          ),
        ];
        const rdata = new Map<string, Rdata>();
        for (const text of texts) rdata.set(text, parseRdata(text.includes(':') ? TYPE.AAAA : TYPE.A, text));
        const compiled = compilePolicy(policy, REGIONS);
        const sets = routedFallback(compiled, REGIONS, rdata);
        expect(routedFallback(compilePolicy(policy, REGIONS), REGIONS, rdata)).toEqual(sets);

        const admitted = policy.endpoints.filter(({ country }) =>
          policy.residency.every(({ region }) => countriesOf(REGIONS, region)?.includes(country)),
        );
        if (admitted.length < policy.endpoints.length && sets.length > 0) kept += 1;
        const allowed = new Set<Rdata | string>([
          ...admitted.flatMap(({ addresses }) => addresses.map(({ address }) => rdata.get(address) ?? '')),
          ...admitted.flatMap(({ cname }) => (cname === undefined ? [] : [cname.name])),
        ]);
        const onlyMaintenance = admitted.length === 0;
        for (const { type, ttlSeconds, records } of sets) {
          expect(typesOf(compiled).has(type)).toBe(true);
          expect(ttlSeconds).toBe(policy.ttlSeconds);
          expect(records.length).toBeGreaterThan(0);
          if (type === TYPE.CNAME) expect([sets.length, records.length]).toEqual([1, 1]);
          if (onlyMaintenance) continue;
          for (const record of records)
            expect(allowed.has(record.type === 'CNAME' ? record.target : record)).toBe(true);
        }
      }),
      RUNS,
    );
    expect(kept).toBeGreaterThan(5); // the policies did have something to keep out
  });
});
