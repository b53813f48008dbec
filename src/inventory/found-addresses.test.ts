import { describe, expect, it } from 'vitest';
import type { FoundAddress } from '../resources/cluster.ts';
import { foundAddresses } from './found-addresses.ts';

const NOW = Date.parse('2026-11-22T09:00:00.000Z');
const MINUTE = 60_000;
const ip = (value: string) => ({ value, type: 'IPAddress' as const, from: 'Service a/lb' });
const name = (value: string) => ({ value, type: 'Hostname' as const, from: 'Service a/lb' });
const all = (): boolean => true;
const values = (addresses: readonly FoundAddress[]): readonly string[] => addresses.map(({ value }) => value);

describe('the addresses that an agent finds', () => {
  it('count at once when they are new', () => {
    expect(foundAddresses([], [ip('198.51.100.1')], NOW, all)).toEqual([ip('198.51.100.1')]);
  });

  it('I4 stay when none is told any more, for however long', () => {
    const gone = foundAddresses([ip('198.51.100.1')], [], NOW, all);
    expect(gone).toEqual([{ ...ip('198.51.100.1'), goneSince: '2026-11-22T09:00:00.000Z' }]);
    expect(values(foundAddresses(gone, [], NOW + 600 * MINUTE, all))).toEqual(['198.51.100.1']);
    expect(values(foundAddresses(gone, [name('lb.example.net')], NOW + 600 * MINUTE, all))).toEqual([
      'lb.example.net',
      '198.51.100.1',
    ]);
  });

  it('are used for five more minutes beside those that replace them', () => {
    const both = foundAddresses([ip('198.51.100.1')], [ip('198.51.100.2')], NOW, all);
    expect(values(both)).toEqual(['198.51.100.2', '198.51.100.1']);
    const told = [ip('198.51.100.2')];
    expect(values(foundAddresses(both, told, NOW + 4 * MINUTE, all))).toEqual([
      '198.51.100.2',
      '198.51.100.1',
    ]);
    expect(values(foundAddresses(both, told, NOW + 5 * MINUTE, all))).toEqual(['198.51.100.2']);
  });

  it('count from anew when they come back', () => {
    const gone = foundAddresses([ip('198.51.100.1')], [], NOW, all);
    expect(foundAddresses(gone, [ip('198.51.100.1')], NOW + MINUTE, all)).toEqual([ip('198.51.100.1')]);
  });

  it('I4 do not go for one that no answer may have', () => {
    const usable = (address: string): boolean => !address.startsWith('10.');
    expect(values(foundAddresses([ip('198.51.100.1')], [ip('10.0.0.1')], NOW, usable))).toEqual([
      '198.51.100.1',
    ]);
  });
});
