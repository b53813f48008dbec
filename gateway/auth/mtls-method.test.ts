import { beforeAll, describe, expect, it } from 'vitest';
import type { AuthenticationMethod } from '../../src/policy/model.ts';
import type { ConnectionTls, GatewayRequest } from '../request.ts';
import { pathLengthOf } from './certificate-chain.ts';
import { alternativeNames } from './certificate-names.ts';
import type { AuthDecision } from './contract.ts';
import { CLIENT_AUTH, type Issued, issued, SERVER_AUTH } from './testing/chains.ts';
import { authWorld, policyOf, requestOf, shortly, TRUSTED_PROXY, wayOf } from './testing/world.ts';

type Mtls = Extract<AuthenticationMethod, { type: 'mtls' }>;

const SPIFFE = 'spiffe://example.org/ns/shop/sa/billing';
let root: Issued;
let other: Issued;
let middle: Issued;
let leaf: Issued;
let through: Issued;

beforeAll(async () => {
  [root, other] = await Promise.all([
    issued({ subject: [{ CN: ['root'] }], ca: true, pathLength: 1 }),
    issued({ subject: [{ CN: ['root'] }], ca: true }),
  ]);
  middle = await issued({ subject: [{ CN: ['middle'] }], by: root, ca: true, pathLength: 0 });
  const subject = [{ O: ['Example, Inc.'] }, { CN: ['billing'] }];
  const names = [
    { type: 'dns', value: 'billing.shop.example.com' },
    { type: 'url', value: SPIFFE },
  ] as const;
  [leaf, through] = await Promise.all([
    issued({ subject, by: root, names, usages: [CLIENT_AUTH] }),
    issued({ subject, by: middle, names }),
  ]);
});

function mtls(given: Partial<Mtls> = {}) {
  return policyOf({
    authentication: [
      wayOf({
        type: 'mtls',
        bundles: ['shop/ca/ca.crt'],
        subjects: [],
        spiffeIds: [],
        dnsNames: [],
        principal: 'commonName',
        ...given,
      }),
    ],
  });
}

const tlsOf = (...chain: readonly Issued[]): ConnectionTls => ({
  serverName: undefined,
  protocol: 'TLSv1.3',
  peerChain: () => chain.map((one) => one.certificate.raw),
});

function decided(policy: ReturnType<typeof mtls>, given: Parameters<typeof requestOf>[0]): AuthDecision {
  const world = authWorld(undefined, {
    values: { bundles: { 'shop/ca/ca.crt': root.pem, 'shop/other/ca.crt': other.pem } },
  });
  const decision = world.authorizer.decide(policy, requestOf({ wallMs: Date.now(), ...given }));
  if (decision instanceof Promise) throw new Error('certificates need no promise');
  return decision;
}
const tried = (policy: ReturnType<typeof mtls>, given: Parameters<typeof requestOf>[0]): string =>
  shortly(decided(policy, given));

describe('the certificate of the connection', () => {
  it('names the principal', () => {
    const name = (principal: Mtls['principal']) => tried(mtls({ principal }), { tls: tlsOf(leaf) });
    expect(name('commonName')).toBe('200 billing');
    expect(name('subject')).toBe('200 CN=billing,O=Example\\, Inc.');
    expect(name('spiffe')).toBe(`200 ${SPIFFE}`);
    expect(name('dns')).toBe('200 billing.shop.example.com');
  });

  it('may come with intermediates, in any order', () => {
    expect(tried(mtls(), { tls: tlsOf(through, middle) })).toBe('200 billing');
    expect(tried(mtls(), { tls: tlsOf(through, other, leaf, middle) })).toBe('200 billing');
    expect(tried(mtls(), { tls: tlsOf(through) })).toBe('401 CREDENTIALS_INVALID');
  });

  it.each([
    ['none', () => undefined, '401 CREDENTIALS_MISSING'],
    ['an empty chain', () => tlsOf(), '401 CREDENTIALS_MISSING'],
    [
      'one of another authority of the same name',
      async () => tlsOf(await issued({ subject: [{ CN: ['x'] }], by: other })),
      '401 CREDENTIALS_INVALID',
    ],
    [
      'a self-signed one',
      async () => tlsOf(await issued({ subject: [{ CN: ['x'] }] })),
      '401 CREDENTIALS_INVALID',
    ],
    ['an authority itself', () => tlsOf(root), '401 CREDENTIALS_INVALID'],
    [
      'one for servers',
      async () => tlsOf(await issued({ subject: [{ CN: ['x'] }], by: root, usages: [SERVER_AUTH] })),
      '401 CREDENTIALS_INVALID',
    ],
    [
      'one that has ended',
      async () => tlsOf(await issued({ subject: [{ CN: ['x'] }], by: root, toMs: -1_000 })),
      '401 CREDENTIALS_EXPIRED',
    ],
    [
      'one that has not begun',
      async () => tlsOf(await issued({ subject: [{ CN: ['x'] }], by: root, fromMs: 60_000 })),
      '401 CREDENTIALS_EXPIRED',
    ],
    [
      'one below a leaf',
      async () => tlsOf(await issued({ subject: [{ CN: ['x'] }], by: leaf }), leaf),
      '401 CREDENTIALS_INVALID',
    ],
    [
      'one below an authority that may have none below',
      async () => {
        const deep = await issued({ subject: [{ CN: ['deep'] }], by: middle, ca: true });
        return tlsOf(await issued({ subject: [{ CN: ['x'] }], by: deep }), deep, middle);
      },
      '401 CREDENTIALS_INVALID',
    ],
    [
      'one below an intermediate that has ended',
      async () => {
        const old = await issued({ subject: [{ CN: ['old'] }], by: root, ca: true, toMs: -1_000 });
        return tlsOf(await issued({ subject: [{ CN: ['x'] }], by: old }), old);
      },
      '401 CREDENTIALS_EXPIRED',
    ],
    [
      'one below an intermediate with constraints that are not judged',
      async () => {
        const bound = await issued({ subject: [{ CN: ['b'] }], by: root, ca: true, nameConstraints: true });
        return tlsOf(await issued({ subject: [{ CN: ['x'] }], by: bound }), bound);
      },
      '401 CREDENTIALS_INVALID',
    ],
  ])('%s is refused', async (_what, tls, expected) => {
    expect(tried(mtls(), { tls: await tls() })).toBe(expected);
  });

  it.each<[Partial<Mtls>, string]>([
    [{ subjects: ['CN=billing,O=Example\\, Inc.'] }, '200'],
    [{ subjects: ['CN=billing'] }, '401'],
    [{ spiffeIds: [SPIFFE] }, '200'],
    [{ spiffeIds: ['spiffe://example.org/ns/shop/*'] }, '200'],
    [{ spiffeIds: ['spiffe://example.org/ns/sh/*', 'spiffe://example.org/ns/shop'] }, '401'],
    [{ dnsNames: ['*.shop.example.com'] }, '200'],
    [{ dnsNames: ['BILLING.shop.example.com'] }, '200'],
    [{ dnsNames: ['*.example.com'] }, '401'],
    [{ bundles: ['shop/other/ca.crt'] }, '401'],
    [{ bundles: ['shop/other/ca.crt', 'shop/ca/ca.crt'] }, '200'],
  ])('with %j gives %s', (given, status) => {
    expect(tried(mtls(given), { tls: tlsOf(leaf) }).split(' ')[0]).toBe(status);
  });

  it('with two URI names is no SPIFFE identity', async () => {
    const names = [SPIFFE, 'spiffe://example.org/admin'].map((value) => ({ type: 'url' as const, value }));
    const two = await issued({ subject: [{ CN: ['x'] }], by: root, names });
    expect(tried(mtls({ spiffeIds: [SPIFFE] }), { tls: tlsOf(two) })).toBe('401 CREDENTIALS_INVALID');
  });
});

describe('a certificate in a header', () => {
  const clientCert = (one: Issued): string => `:${one.certificate.raw.toString('base64')}:`;
  const xfcc = (...chain: readonly Issued[]): string =>
    `Hash=00;Chain="${encodeURIComponent(chain.map((one) => one.pem).join(''))}";Subject="CN=root;x,y"`;
  const withHeader = (
    header: Mtls['header'],
    headers: Record<string, string>,
    rest: Partial<GatewayRequest> = {},
  ): string =>
    tried(mtls(header === undefined ? {} : { header }), { headers, source: TRUSTED_PROXY, ...rest });

  it('is believed from a trusted proxy (RFC 9440 and XFCC)', () => {
    expect(withHeader('client-cert', { 'client-cert': clientCert(leaf) })).toBe('200 billing');
    expect(
      withHeader('client-cert', {
        'client-cert': clientCert(through),
        'client-cert-chain': `${clientCert(middle)}, ${clientCert(root)}`,
      }),
    ).toBe('200 billing');
    expect(withHeader('x-forwarded-client-cert', { 'x-forwarded-client-cert': xfcc(through, middle) })).toBe(
      '200 billing',
    );
  });

  it('counts for nothing from anybody else, or where the policy names none', () => {
    const headers = { 'client-cert': clientCert(leaf), 'x-forwarded-client-cert': xfcc(leaf) };
    const untrusted = { ...TRUSTED_PROXY, trusted: false };
    expect(withHeader('client-cert', headers, { source: untrusted })).toBe('401 CREDENTIALS_MISSING');
    expect(withHeader('x-forwarded-client-cert', headers, { source: untrusted })).toBe(
      '401 CREDENTIALS_MISSING',
    );
    expect(withHeader(undefined, headers)).toBe('401 CREDENTIALS_MISSING');
  });

  it('is not made up for by the certificate of the proxy itself', () => {
    expect(withHeader('client-cert', {}, { tls: tlsOf(leaf) })).toBe('401 CREDENTIALS_MISSING');
  });

  it('of several proxies is the one that the nearest saw', async () => {
    const wrong = await issued({ subject: [{ CN: ['root'] }], by: other });
    const field = (first: Issued, last: Issued) => `${xfcc(first)},${xfcc(last)}`;
    const header = 'x-forwarded-client-cert';
    expect(withHeader(header, { [header]: field(wrong, leaf) })).toBe('200 billing');
    expect(withHeader(header, { [header]: field(leaf, wrong) })).toBe('401 CREDENTIALS_INVALID');
  });

  it.each([
    ['client-cert', 'nonsense'],
    ['client-cert', ':AAAA:'],
    ['client-cert', '::'],
    ['client-cert', ''],
    ['x-forwarded-client-cert', 'By=spiffe://a;Hash=00;URI=spiffe://example.org/admin'],
    ['x-forwarded-client-cert', 'Cert="%zz"'],
    ['x-forwarded-client-cert', 'Cert="abc'],
    ['x-forwarded-client-cert', 'Cert=a;Cert=b'],
    ['x-forwarded-client-cert', ';;,,=='],
  ] as const)('%s: %s is refused', (header, value) => {
    expect(withHeader(header, { [header]: value })).toBe('401 CREDENTIALS_INVALID');
  });

  it('twice is refused', () => {
    const request = {
      fields: ['client-cert', clientCert(leaf), 'client-cert', clientCert(leaf)],
      source: TRUSTED_PROXY,
    };
    expect(tried(mtls({ header: 'client-cert' }), request)).toBe('401 CREDENTIALS_INVALID');
  });
});

describe('names in a certificate', () => {
  it.each([
    [undefined, []],
    ['DNS:a.example, URI:spiffe://x/y', ['DNS a.example', 'URI spiffe://x/y']],
    ['URI:"spiffe://x/a, URI:spiffe://admin"', ['URI spiffe://x/a, URI:spiffe://admin']],
    ['DNS:"a\\"b", IP Address:192.0.2.1', ['DNS a"b', 'IP Address 192.0.2.1']],
    ['DNS:a,b', []],
    ['DNS:"a', []],
  ])('of the form %s are %j', (text, names) => {
    expect(alternativeNames(text).map((name) => `${name.type} ${name.value}`)).toEqual(names);
  });

  it('lie below authorities of a certain depth', () => {
    expect([root, middle, other].map((one) => pathLengthOf(one.certificate))).toEqual([
      1,
      0,
      Number.POSITIVE_INFINITY,
    ]);
  });
});
