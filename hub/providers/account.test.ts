import { describe, expect, it } from 'vitest';
import { dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { accountKeyOf, createAccount } from './account.ts';
import { createVirtualClock } from './virtual-clock.ts';

const live = new AbortController().signal;
const capabilities = { rate: { perSecond: 5, burst: 1 } };

const specOf = (account: Record<string, unknown>) =>
  dnsProviderSpec.parse({ zones: [{ origin: 'example.com.' }], ...account });

describe('an account', () => {
  it('has one budget for all DNSProviders that use it, and counts what each of them asked', async () => {
    const clock = createVirtualClock();
    const account = createAccount({ capabilities, clock, random: () => 0.5 });
    account.join('shop/a', undefined);
    account.join('shop/b', undefined);
    const sentAt: number[] = [];
    const [a, b] = [account.turn('shop/a'), account.turn('shop/b')];
    for (const turn of [a, b, a, b])
      void turn('ChangeResourceRecordSets', live).then(() => sentAt.push(clock.monotonicMs()));
    await clock.pass(1_000);
    expect(sentAt).toEqual([0, 200, 400, 600]);
    expect(account.requests).toEqual([
      { provider: 'shop/a', action: 'ChangeResourceRecordSets', count: 2 },
      { provider: 'shop/b', action: 'ChangeResourceRecordSets', count: 2 },
    ]);
  });

  it.each([
    { said: [undefined, 2], perSecond: 2 },
    { said: [1, 2], perSecond: 1 },
    { said: [20, undefined], perSecond: 5 },
    { said: [20, 10], perSecond: 10 },
  ])('keeps the lowest rate that somebody asks for: $said → $perSecond', async ({ said, perSecond }) => {
    const clock = createVirtualClock();
    const account = createAccount({ capabilities, clock, random: () => 0.5 });
    said.forEach((rate, i) => {
      account.join(`shop/${i}`, rate);
    });
    const turn = account.turn('shop/0');
    let sent = 0;
    for (let i = 0; i < 100; i += 1)
      void turn('x', live).then(
        () => (sent += 1),
        () => undefined,
      );
    await clock.pass(4_000);
    expect(sent).toBe(1 + 4 * perSecond);
  });

  it('takes turns by zone, whoever of its DNSProviders the zone belongs to', async () => {
    const clock = createVirtualClock();
    const account = createAccount({ capabilities, clock, random: () => 0.5 });
    const turn = account.turn('shop/a');
    const order: string[] = [];
    const ask = (zone: string) =>
      account.onBehalfOf(zone, async () => {
        await Promise.resolve();
        await turn('x', live);
        order.push(zone);
      });
    for (let i = 0; i < 4; i += 1) void ask('big');
    void ask('small');
    await clock.pass(2_000);
    expect(order.indexOf('small')).toBeLessThan(3);
    expect(order).toHaveLength(5);
  });

  it('pauses for as long as it is told, longer each time when it is told nothing, and forgets that after a success', () => {
    const account = createAccount({ capabilities, clock: createVirtualClock(), random: () => 0.5 });
    expect([1, 2, 3].map(() => account.throttled(undefined))).toEqual([500, 1_000, 2_000]);
    expect(account.throttled(30_000)).toBe(30_000);
    account.succeeded();
    expect(account.throttled(undefined)).toBe(500);
    expect(account.throttled(86_400_000)).toBe(300_000);
    expect(account.timesThrottled).toBe(6);
  });
});

describe('accounts are told apart as their provider counts', () => {
  const key = (account: Record<string, unknown>, secret = {}) =>
    accountKeyOf('shop', specOf(account), secret);

  it('Route 53 by the account that is written to', () => {
    const roleArn = 'arn:aws:iam::123456789012:role/dns';
    const other = 'arn:aws:iam::210987654321:role/dns';
    expect(key({ route53: { assumeRole: { roleArn } } }, { accessKeyId: 'a' })).toBe(
      key({ route53: { assumeRole: { roleArn } } }, { accessKeyId: 'b' }),
    );
    expect(key({ route53: { assumeRole: { roleArn } } })).not.toBe(
      key({ route53: { assumeRole: { roleArn: other } } }),
    );
    expect(key({ route53: {} }, { accessKeyId: 'a' })).not.toBe(key({ route53: {} }, { accessKeyId: 'b' }));
  });

  it.each([
    ['Route 53', { route53: {} }],
    ['Google', { google: { project: 'shop-1' } }],
    ['Azure', { azure: { subscriptionId: '00000000-0000-4000-8000-000000000001', resourceGroup: 'dns' } }],
    ['PowerDNS', { powerdns: { url: 'https://ns1.example.net:8081', secret: 'api' } }],
    ['RFC 2136', { rfc2136: { server: 'ns1.example.net', tsigSecret: 'key' } }],
  ])('by namespace, whoever names the same one of %s: nobody slows another tenant down', (_type, spec) => {
    const of = (namespace: string) => accountKeyOf(namespace, specOf(spec), {});
    expect(of('shop')).not.toBe(of('other'));
    expect(of('shop')).toBe(of('shop'));
  });

  it('servers by their address', () => {
    const server = { server: 'NS1.example.com', tsigSecret: 'key' };
    expect(key({ rfc2136: server })).toBe(
      key({ rfc2136: { ...server, server: 'ns1.example.com', tsigSecret: 'b' } }),
    );
    expect(key({ rfc2136: server })).not.toBe(key({ rfc2136: { ...server, port: 5353 } }));
    expect(key({ powerdns: { url: 'https://a.example:1', secret: 's' } })).not.toBe(
      key({ powerdns: { url: 'https://b.example:1', secret: 's' } }),
    );
  });
});
