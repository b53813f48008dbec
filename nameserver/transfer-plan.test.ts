import { describe, expect, it } from 'vitest';
import { resolverAddress } from '../src/dns/client.ts';
import { parseName } from '../src/dns/name.ts';
import type { RoutingPart } from '../src/protocol/snapshot.ts';
import type { ZoneTransfers } from '../src/resources/zone-transfers.ts';
import { mayTransfer, transferPlan } from './transfer-plan.ts';

const ORIGIN = parseName('example.test');
const key = (fill: number, name = 'same.name') => ({
  name,
  algorithm: 'hmac-sha256' as const,
  secret: Buffer.alloc(32, fill).toString('base64'),
});
const zone = (
  transfers: Partial<ZoneTransfers> | undefined,
  namespace = 'ours',
): RoutingPart['zones'][number] => ({
  namespace,
  name: 'zone',
  spec: {
    origin: ORIGIN,
    nameServers: [],
    soa: { refreshSeconds: 1, retrySeconds: 1, expireSeconds: 1, minimumSeconds: 1 },
    ttlSeconds: 1,
    records: [],
    ...(transfers === undefined ? {} : { transfers: { allow: [], notify: [], ...transfers } }),
  },
});
const from = (address: string) => resolverAddress(address);

describe('who may copy a zone', () => {
  it('is nobody without a rule', () => {
    for (const plan of [transferPlan([zone(undefined)], undefined), transferPlan([zone({})], {})])
      expect(mayTransfer(plan, ORIGIN, from('127.0.0.1'), undefined)).toBe(false);
  });

  it('is who comes from a range, in IPv4, IPv6 and mapped spelling', () => {
    const plan = transferPlan([zone({ allow: [{ ranges: ['192.0.2.0/25', '2001:db8::/33'] }] })], {});
    const may = (address: string) => mayTransfer(plan, ORIGIN, from(address), undefined);
    expect(['192.0.2.127', '2001:db8:7fff::1', '::ffff:192.0.2.1'].map(may)).toEqual([true, true, true]);
    expect(['192.0.2.128', '2001:db8:8000::1', '::1', 'nonsense'].map(may)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it('is who has the key itself, not one that another namespace gave the same name', () => {
    const keys = { 'ours/copies': key(1), 'theirs/copies': key(2) };
    const plan = transferPlan([zone({ allow: [{ tsigSecret: 'copies' }] })], keys);
    const [ours, theirs] = plan.keys.get(parseName('same.name')) ?? [];
    expect([ours?.secret[0], theirs?.secret[0]]).toEqual([1, 2]);
    expect(mayTransfer(plan, ORIGIN, undefined, ours)).toBe(true);
    expect(mayTransfer(plan, ORIGIN, undefined, theirs)).toBe(false);
    expect(mayTransfer(plan, ORIGIN, undefined, undefined)).toBe(false);
  });

  it('may have the same key by two Secrets', () => {
    const keys = { 'ours/a': key(1), 'ours/b': key(1) };
    const plan = transferPlan([zone({ allow: [{ tsigSecret: 'b' }] })], keys);
    const held = plan.keys.get(parseName('same.name')) ?? [];
    expect(held).toHaveLength(1);
    expect(mayTransfer(plan, ORIGIN, undefined, held[0])).toBe(true);
  });

  it('is nobody by a rule whose Secret is not there, and nobody is told without its signature', () => {
    const allow = [{ ranges: ['0.0.0.0/0'], tsigSecret: 'gone' }];
    const notify = [{ address: '192.0.2.1', port: 53, tsigSecret: 'gone' }];
    const plan = transferPlan([zone({ allow, notify })], { 'theirs/gone': key(1) });
    const [stolen] = plan.keys.get(parseName('same.name')) ?? [];
    expect(mayTransfer(plan, ORIGIN, from('192.0.2.1'), stolen)).toBe(false);
    expect(plan.zones.get(ORIGIN)).toEqual({ allow: [], notify: [] });
  });

  it('is nobody by a key that cannot be used', () => {
    const weak = { ...key(1), secret: 'dG9vIHNob3J0' };
    const plan = transferPlan([zone({ allow: [{ tsigSecret: 'copies' }] })], { 'ours/copies': weak });
    expect([plan.keys.size, plan.zones.get(ORIGIN)?.allow]).toEqual([0, []]);
  });

  it('stays the same when the plan crosses to another thread', () => {
    const plan = structuredClone(
      transferPlan([zone({ allow: [{ tsigSecret: 'copies' }] })], { 'ours/copies': key(1) }),
    );
    const [held] = plan.keys.get(parseName('same.name')) ?? [];
    expect(mayTransfer(plan, ORIGIN, undefined, held)).toBe(true);
  });
});
