import { describe, expect, it } from 'vitest';
import type { ParsedInput } from '../../src/resources/validate.ts';
import type { AnyDesired } from '../api/services.ts';
import { create, desired, document, remove, update, worldOf, zone } from '../reconcile/testing.ts';
import { abandonedZones, providerSecretViolations, providerViolations } from './admission.ts';

const provider = (name: string, spec: object, namespace = 'shop'): ParsedInput =>
  document('DNSProvider', name, { zones: [{ origin: 'example.com.' }], ...spec }, namespace);
const powerdns = (url = 'https://ns1.example.net:8081') => ({ powerdns: { url, secret: 'api' } });
const secret = (name: string, namespace = 'shop'): ParsedInput =>
  document('Secret', name, { stringData: {} }, namespace);

function providerOf(input: ParsedInput): Extract<AnyDesired, { kind: 'DNSProvider' }> {
  const found = desired(input);
  if (found.kind !== 'DNSProvider') throw new Error('it is no DNSProvider');
  return found;
}

const judge = (input: ParsedInput, ...others: readonly ParsedInput[]) =>
  providerViolations(providerOf(input), worldOf(input, ...others), ['127.0.0.0/8']).map(
    ({ code, path }) => `${code} ${path}`,
  );

describe('a DNSProvider is admitted', () => {
  it('with the Secret that it names', () => {
    expect(judge(provider('main', powerdns()))).toEqual(['REFERENCE_NOT_FOUND spec.powerdns']);
    expect(judge(provider('main', powerdns()), secret('api'))).toEqual([]);
  });

  it.each([
    ['a metadata service', powerdns('http://169.254.169.254/'), 'ADDRESS_FORBIDDEN spec.powerdns.url'],
    ['no address at all', powerdns('http://0.0.0.0/'), 'ADDRESS_FORBIDDEN spec.powerdns.url'],
    [
      'loopback, IPv6',
      { rfc2136: { server: '::1', tsigSecret: 'api' } },
      'ADDRESS_FORBIDDEN spec.rfc2136.server',
    ],
    [
      'a link-local address to verify at',
      { ...powerdns(), verify: { servers: [{ address: '169.254.0.1' }] } },
      'ADDRESS_FORBIDDEN spec.verify.servers[0].address',
    ],
  ])('I32 not with %s', (_what, spec, expected) => {
    expect(judge(provider('main', spec), secret('api'))).toEqual([expected]);
  });

  it('with an address that the operator allows', () => {
    expect(judge(provider('main', powerdns('http://127.0.0.1:8081')), secret('api'))).toEqual([]);
  });

  it.each([
    ['AWS', { route53: {} }],
    ['Google', { google: { project: 'shop-1' } }],
    ['Azure', { azure: { subscriptionId: '00000000-0000-4000-8000-000000000001', resourceGroup: 'dns' } }],
  ])(
    "without a Secret, so with the hub's own identity at %s, only where the operator lets it",
    (_cloud, account) => {
      const allowing = (namespace: string, ownCredentials?: readonly string[]) => {
        const input = provider('main', account, namespace);
        return providerViolations(providerOf(input), worldOf(input), [], ownCredentials);
      };
      const [refused, ...more] = allowing('shop');
      expect(more).toEqual([]);
      expect(refused).toMatchObject({ code: 'PROVIDER_DENIED', path: `spec.${Object.keys(account)[0]}` });
      expect(refused?.message).toContain('namespace shop');
      expect(refused?.fix).toContain('providers.ownCredentials');
      expect(allowing('default')).toEqual([]);
      expect(allowing('default', ['platform'])).toHaveLength(1);
      expect(allowing('shop', ['platform', 'shop'])).toEqual([]);
      expect(allowing('shop', ['*'])).toEqual([]);
      const named = provider('main', powerdns());
      expect(providerViolations(providerOf(named), worldOf(named, secret('api')), [], [])).toEqual([]);
    },
  );

  it("not with a zone of another namespace's, be it a Zone or a DNSProvider", () => {
    const main = provider('main', powerdns());
    expect(judge(main, secret('api'), zone('z', 'example.com.', [], 'other'))).toEqual([
      'ZONE_CLAIMED spec.zones[0].origin',
    ]);
    expect(judge(main, secret('api'), provider('theirs', powerdns('https://b.example'), 'other'))).toEqual([
      'ZONE_CLAIMED spec.zones[0].origin',
    ]);
    expect(judge(main, secret('api'), zone('z', 'example.com.', [], 'shop'))).toEqual([]);
  });

  it('beside another one of its namespace with the same zone, but not with the same account', () => {
    const main = provider('main', powerdns());
    expect(judge(main, secret('api'), provider('second', powerdns('https://b.example')))).toEqual([]);
    expect(judge(main, secret('api'), provider('twin', powerdns()))).toEqual([
      'ZONE_CLAIMED spec.zones[0].origin',
    ]);
  });
});

describe('the credentials of a DNSProvider', () => {
  const store = (values: Readonly<Record<string, string>>) => ({ secretData: async () => values });
  const key = { name: 'portolan.', algorithm: 'hmac-sha256', secret: Buffer.alloc(32, 1).toString('base64') };

  it.each([
    ['powerdns', powerdns(), {}, ['VALIDATION_FAILED']],
    ['powerdns', powerdns(), { apiKey: 'k' }, []],
    ['route53', { route53: { secret: 'api' } }, { accessKeyId: 'a' }, ['VALIDATION_FAILED']],
    ['route53', { route53: { secret: 'api' } }, { accessKeyId: 'a', secretAccessKey: 'b' }, []],
    [
      'google',
      { google: { project: 'shop-1', secret: 'api' } },
      { 'credentials.json': '{' },
      ['VALIDATION_FAILED'],
    ],
    ['google', { google: { project: 'shop-1', secret: 'api' } }, { 'credentials.json': '{}' }, []],
    [
      'rfc2136',
      { rfc2136: { server: 'ns1.example.net', tsigSecret: 'api' } },
      { ...key, secret: '!' },
      ['TSIG_KEY_INVALID'],
    ],
    ['rfc2136', { rfc2136: { server: 'ns1.example.net', tsigSecret: 'api' } }, key, []],
  ])('for %s are what it needs', async (_type, spec, values, expected) => {
    const main = provider('main', spec);
    const changes = [create(main)];
    const found = await providerSecretViolations(changes, worldOf(main, secret('api')), store(values));
    expect(found.map(({ code }) => code)).toEqual(expected);
    for (const { message, fix } of found) expect(`${message}${fix}`).not.toContain(key.secret);
  });

  it('are judged at the change of the Secret, too', async () => {
    const main = provider('main', powerdns());
    const emptied = document('Secret', 'api', { stringData: { apiKey: null } }, 'shop');
    const changes = [update(emptied, secret('api'))];
    const found = await providerSecretViolations(
      changes,
      worldOf(main, secret('api')),
      store({ apiKey: 'k' }),
    );
    expect(found).toMatchObject([{ change: 0, path: 'spec.stringData' }]);
  });
});

it('a DNSProvider that is deleted says how many names stay behind', () => {
  const change = remove(provider('main', powerdns()));
  if (change.type !== 'delete' || change.current.kind !== 'DNSProvider') throw new Error('not that');
  const status = {
    conditions: [],
    observedGeneration: 1,
    zones: [{ origin: 'example.com.', id: 'Z', names: 2, held: [], verified: 'yes' as const }],
  };
  const [warning] = abandonedZones({ ...change, current: { ...change.current, status } });
  expect(warning).toMatch(/2 names in example\.com\. at shop\/main stay as they are/);
});
