import { describe, expect, it } from 'vitest';
import { dnsProviderSpec } from '../../src/resources/dns-provider.ts';
import { capabilityLines } from './capability-lines.ts';
import { findingsOf } from './check-findings.ts';
import { memoryProvider } from './zone-worker-fixture.ts';

const zones = [{ origin: 'example.com.' }];
const pdns = (more: object = {}) =>
  dnsProviderSpec.parse({
    zones,
    powerdns: { url: 'https://ns1.example.com:8081', secret: 'pdns', ...more },
  });
const TABLE = 'Wait: it is tried again with growing pauses. `portolan provider check` shows what it says.';

describe('findings of a check', () => {
  it('say a bad credential once, where the provider met it, and a zone once', () => {
    const denied = { ok: false, message: '401 unauthorized', fix: 'Correct apiKey.' };
    const zone = { subject: 'zone example.com.', ok: true };
    const found = [
      { subject: 'API key', ...denied },
      { subject: 'zones', ...denied },
    ];
    expect(findingsOf([{ subject: 'zone example.net.', ...denied }], found, pdns())).toEqual([found[0]]);
    expect(
      findingsOf([{ ...zone, message: 'it is there' }], [{ ...zone, message: 'Native' }], pdns()),
    ).toEqual([{ ...zone, message: 'Native' }]);
  });

  it.each([
    ['getaddrinfo ENOTFOUND ns1.example.com', /Correct the host in `spec\.powerdns\.url`/],
    ['unable to verify the first certificate', /authority in `spec\.powerdns\.caSecret`/],
    [
      'connect ECONNREFUSED 192.0.2.1:8081',
      /Correct the host in `spec\.powerdns\.url`, or see that the server runs/,
    ],
    ['it answered 500', /Correct `spec\.powerdns` and the Secret/],
  ])('name what to correct and never the check itself: %s', (message, fix) => {
    const [finding] = findingsOf([{ subject: 'connection', ok: false, message, fix: TABLE }], [], pdns());
    expect(finding?.fix).toMatch(fix);
    expect(finding?.fix).not.toContain('provider check');
  });

  it('keep the fix of the provider, but where it says nothing of a wrong host', () => {
    const fix = 'See that PowerDNS runs.';
    const fixOf = (message: string) =>
      findingsOf([], [{ subject: 'API', ok: false, message, fix }], pdns())[0]?.fix;
    expect(fixOf('it answered 404')).toBe(fix);
    expect(fixOf('getaddrinfo ENOTFOUND ns1')).toContain('`spec.powerdns.url`');
  });
});

describe('capabilities', () => {
  const capabilities = {
    ...memoryProvider().kind.capabilities,
    routing: [{ feature: 'geo', native: true, reason: 'A LUA record decides.' }] as const,
    healthChecks: { native: true } as const,
    unsupportedTypes: ['RRSIG', 'NSEC'].map((type) => ({ type, reason: 'It signs itself.' })),
  };

  it('are those of the spec: what is not switched on is not done by the provider', () => {
    const geo = (more?: object) =>
      capabilityLines(capabilities, pdns(more)).find(({ subject }) => subject === 'geo');
    expect(geo({ lua: true })).toMatchObject({ native: true, reason: 'A LUA record decides.' });
    expect(geo()).toMatchObject({ native: false });
    expect(geo()?.reason).toContain('`spec.powerdns.lua` is not set');
  });

  it('tell types that are not written on one line for each reason', () => {
    const types = capabilityLines(capabilities, pdns()).filter(({ about }) => about === 'types');
    expect(types.map(({ subject }) => subject)).toEqual(['records that are not written (RRSIG, NSEC)']);
  });
});
