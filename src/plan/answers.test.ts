import { describe, expect, it } from 'vitest';
import { compilePolicy } from '../routing/compiled.ts';
import { regionTable } from '../routing/geography.ts';
import type { RoutedPolicy, StateView } from '../routing/model.ts';
import { policyOf, tier } from '../routing/testing/world.ts';
import { diffAnswers, PLACES, type Side, sharesAt } from './answers.ts';

const REGIONS = regionTable();

const endpoint = (name: string, country: string, address: string) => ({
  name,
  cluster: `default/${name}`,
  country,
  capacity: 1,
  kind: 'addresses' as const,
  addresses: [
    { address, family: address.includes(':') ? (6 as const) : (4 as const), targetId: `t-${name}` },
  ],
});

function policyWith(
  endpoints: readonly ReturnType<typeof endpoint>[],
  extra: Partial<RoutedPolicy> = {},
): RoutedPolicy {
  return policyOf({
    name: 'p',
    hostnames: [],
    endpoints,
    defaultTiers: [tier(...endpoints.map((e) => e.name))],
    ...extra,
  });
}

const state = (down: readonly string[] = []): StateView => ({
  target: (id) => ({ state: down.includes(id) ? 'down' : 'up', earliestChangeMs: 0 }),
  cluster: () => ({}),
  lastHealthy: () => [],
  staleForMs: 0,
});
const side = (policy: RoutedPolicy, view: StateView = state()): Side => ({
  policy: compilePolicy(policy, REGIONS),
  state: view,
});

const de = endpoint('de', 'DE', '198.51.100.1');
const us = endpoint('us', 'US', '198.51.100.2');
const nobody: Side = { policy: undefined, state: state() };

describe('who answers a place', () => {
  it('is shared by weight, and told with its cluster', () => {
    expect(sharesAt(side(policyWith([de, us])), 'DE')).toEqual([
      { endpoint: 'de', cluster: 'default/de', percent: 50 },
      { endpoint: 'us', cluster: 'default/us', percent: 50 },
    ]);
  });

  it('is nobody without a policy, and IPv6 where there is nothing else', () => {
    expect(sharesAt(nobody, 'DE')).toEqual([]);
    const six = endpoint('six', 'DE', '2a00:1450::1');
    expect(sharesAt(side(policyWith([six])), 'unknown').map((s) => s.endpoint)).toEqual(['six']);
  });

  it('is the maintenance address where that is what somebody asked for', () => {
    const residency = [
      {
        region: 'EU',
        unknownLocation: 'restrict' as const,
        onAllDown: { action: 'maintenance' as const, addresses: ['192.0.2.9'] },
      },
    ];
    const dead = side(policyWith([de, us], { residency }), state(['t-de']));
    expect(sharesAt(dead, 'FR')).toEqual([{ endpoint: 'maintenance 192.0.2.9', cluster: '', percent: 100 }]);
    expect(sharesAt(dead, 'US').map((s) => s.endpoint)).toEqual(['us']);
  });
});

describe('the difference of two sides', () => {
  it('groups the places that change alike, the largest group first, and leaves out those that do not', () => {
    const residency = [
      { region: 'EU', unknownLocation: 'restrict' as const, onAllDown: { action: 'panic' as const } },
    ];
    const differences = diffAnswers(
      side(policyWith([de, us], { residency })),
      side(policyWith([de, us], { residency }), state(['t-us'])),
    );
    // Inside the EU it was de before and stays de.
    expect(differences).toHaveLength(1);
    expect(differences[0]?.places).toContain('JP');
    expect(differences[0]?.places).not.toContain('DE');
    expect(differences[0]?.after).toEqual([{ endpoint: 'de', cluster: 'default/de', percent: 100 }]);
  });

  it('names every place when a policy comes or goes, the unknown one included', () => {
    const [gone] = diffAnswers(side(policyWith([de])), nobody);
    expect(gone?.places).toEqual(PLACES);
    expect(PLACES).toContain('unknown');
    expect(gone?.after).toEqual([]);
    expect(diffAnswers(side(policyWith([de])), side(policyWith([de])))).toEqual([]);
  });
});
