import { describe, expect, it } from 'vitest';
import type { RoutedPolicy } from '../routing/model.ts';
import { typesThatMayGo } from './may-empty.ts';

const endpoint = (...addresses: readonly string[]): RoutedPolicy['endpoints'][number] => ({
  name: addresses.join() || 'cname',
  cluster: 'default/de',
  country: 'DE',
  capacity: 1,
  kind: addresses.length === 0 ? 'cname' : 'addresses',
  addresses: addresses.map((address) => ({
    address,
    family: address.includes(':') ? 6 : 4,
    targetId: address,
  })),
});
const page = (...addresses: string[]): RoutedPolicy['residency'][number] => ({
  region: 'EU',
  unknownLocation: 'restrict',
  onAllDown: { action: 'maintenance', addresses },
});

describe('types that may lose their last record', () => {
  it('are those that no endpoint has an address of', () => {
    expect(typesThatMayGo({ endpoints: [endpoint('192.0.2.1')], residency: [] })).toEqual(['AAAA']);
    expect(typesThatMayGo({ endpoints: [endpoint('192.0.2.1', '2001:db8::1')], residency: [] })).toEqual([]);
    expect(typesThatMayGo({ endpoints: [endpoint()], residency: [] })).toEqual(['A', 'AAAA']);
  });

  it('are those that a maintenance page does not have', () => {
    const endpoints = [endpoint('192.0.2.1', '2001:db8::1')];
    expect(typesThatMayGo({ endpoints, residency: [page('192.0.2.9')] })).toEqual(['AAAA']);
    expect(typesThatMayGo({ endpoints, residency: [page('192.0.2.9', '2001:db8::9')] })).toEqual([]);
  });

  it('are none while a policy has no endpoints: its source may not have answered', () => {
    expect(typesThatMayGo({ endpoints: [], residency: [] })).toEqual([]);
  });
});
