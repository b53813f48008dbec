import { describe, expect, it } from 'vitest';
import { answersAt, type Place } from './resolve.ts';
import type { ApiSet } from './sets.ts';

const record = (Value: string, more: Partial<ApiSet>): ApiSet => ({
  Name: 'www.example.com.',
  Type: 'A',
  TTL: 60,
  ResourceRecords: [{ Value }],
  ...more,
});
const alias = (DNSName: string, evaluate: boolean, more: Partial<ApiSet>): ApiSet => ({
  Name: 'www.example.com.',
  Type: 'A',
  AliasTarget: { HostedZoneId: 'Z1', DNSName, EvaluateTargetHealth: evaluate },
  ...more,
});

/** Shares of the answers, with these health checks failing. */
function answers(
  sets: readonly ApiSet[],
  down: readonly string[] = [],
  place: Place = {},
): Record<string, number> {
  const world = { sets, healthy: (id: string) => !down.includes(id) };
  const shares: Record<string, number> = {};
  for (const { values, probability } of answersAt(world, 'www.example.com', 'A', place)) {
    const key = values.join();
    shares[key] = (shares[key] ?? 0) + probability;
  }
  return shares;
}

describe('the strict Route 53 answers', () => {
  const weighted = [
    record('1', { SetIdentifier: 'a', Weight: 3, HealthCheckId: 'a' }),
    record('2', { SetIdentifier: 'b', Weight: 1, HealthCheckId: 'b' }),
    record('3', { SetIdentifier: 'c', Weight: 0, HealthCheckId: 'c' }),
  ];

  it.each<[string, readonly string[], Record<string, number>]>([
    ['by weight', [], { 1: 0.75, 2: 0.25 }],
    ['without what is down', ['a'], { 2: 1 }],
    ['with weight 0 only when all others are down', ['a', 'b'], { 3: 1 }],
    ['as if all were healthy when none is', ['a', 'b', 'c'], { 1: 0.75, 2: 0.25 }],
  ])('weighted records %s', (_, down, shares) => {
    expect(answers(weighted, down)).toEqual(shares);
  });

  const failover = [
    record('1', { SetIdentifier: 'p', Failover: 'PRIMARY', HealthCheckId: 'p' }),
    record('2', { SetIdentifier: 's', Failover: 'SECONDARY', HealthCheckId: 's' }),
  ];
  it.each<[string, readonly string[], string]>([
    ['the primary', [], '1'],
    ['the secondary when the primary is down', ['p'], '2'],
    ['the primary when both are down', ['p', 's'], '1'],
  ])('failover records with %s', (_, down, value) => {
    expect(answers(failover, down)).toEqual({ [value]: 1 });
  });

  const geo = [
    record('state', { SetIdentifier: '1', GeoLocation: { CountryCode: 'US', SubdivisionCode: 'CA' } }),
    record('country', { SetIdentifier: '2', GeoLocation: { CountryCode: 'US' }, HealthCheckId: 'us' }),
    record('continent', { SetIdentifier: '3', GeoLocation: { ContinentCode: 'NA' } }),
    record('default', { SetIdentifier: '4', GeoLocation: { CountryCode: '*' } }),
  ];
  it.each<[Place, readonly string[], string]>([
    [{ country: 'US', continent: 'NA', state: 'CA' }, [], 'state'],
    [{ country: 'US', continent: 'NA', state: 'NY' }, [], 'country'],
    [{ country: 'US', continent: 'NA' }, ['us'], 'continent'],
    [{ country: 'CA', continent: 'NA' }, [], 'continent'],
    [{ country: 'DE', continent: 'EU' }, [], 'default'],
    [{}, [], 'default'],
  ])('%o (down: %o) with the smallest place that is healthy', (place, down, value) => {
    expect(answers(geo, down, place)).toEqual({ [value]: 1 });
  });

  it('nothing where no place matches and there is no default', () => {
    expect(answers(geo.slice(0, 3), [], { country: 'DE', continent: 'EU' })).toEqual({});
  });

  it('with all healthy values of a multivalue group, up to eight', () => {
    const many = Array.from({ length: 10 }, (_, i) =>
      record(`${i}`, { SetIdentifier: `${i}`, MultiValueAnswer: true, HealthCheckId: `${i}` }),
    );
    expect(answers(many)).toEqual({ '0,1,2,3,4,5,6,7': 1 });
    expect(answers(many, ['0', '2'])).toEqual({ '1,3,4,5,6,7,8,9': 1 });
    expect(answers(many.slice(0, 2), ['0', '1'])).toEqual({ '0,1': 1 });
  });

  it('through aliases, by the health of what they lead to only where they evaluate it', () => {
    const pool = [
      record('1', { Name: 'pool.example.com.', SetIdentifier: 'a', Weight: 1, HealthCheckId: 'a' }),
      record('9', { Name: 'spare.example.com.' }),
    ];
    const both = (evaluate: boolean): readonly ApiSet[] => [
      ...pool,
      alias('pool.example.com.', evaluate, { SetIdentifier: 'x', Weight: 1 }),
      alias('spare.example.com.', evaluate, { SetIdentifier: 'y', Weight: 1 }),
    ];
    expect(answers(both(true), ['a'])).toEqual({ 9: 1 });
    expect(answers(both(false), ['a'])).toEqual({ 1: 0.5, 9: 0.5 });
  });
});
