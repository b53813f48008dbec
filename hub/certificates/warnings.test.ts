import { describe, expect, it } from 'vitest';
import type { ParsedInput } from '../../src/resources/validate.ts';
import { containing } from '../../test/support/matchers.ts';
import { objectsOf } from '../reconcile/objects.ts';
import { desired, document, stored } from '../reconcile/testing.ts';
import { certificateWarnings } from './warnings.ts';

const ACME = document('Issuer', 'ca', {
  acme: { directory: 'https://acme.example/directory', termsOfServiceAgreed: true },
});
const INTERNAL = document('Issuer', 'dev', { internal: {} });
const ZONE = document('Zone', 'shop', {
  origin: 'example.com',
  nameServers: [{ name: 'ns.example.com', addresses: ['192.0.2.1'] }],
});
const policy = (spec: object) => document('CertificatePolicy', 'shop', spec);
const gateway = (...listeners: readonly object[]) =>
  document('Gateway', 'edge', { gatewayClassName: 'portolan', listeners });
const https = (hostname: string) => ({
  name: 'tls',
  port: 443,
  protocol: 'HTTPS',
  hostname,
  tls: { certificateRefs: [{ group: 'portolan.dev', kind: 'CertificatePolicy', name: 'shop' }] },
});
const HTTP = { name: 'web', port: 80, protocol: 'HTTP' };

/** Of the last document, in a world with all of them. */
function warningsOf(...documents: readonly ParsedInput[]): readonly string[] {
  const last = documents.at(-1);
  return last === undefined
    ? []
    : certificateWarnings(desired(last), objectsOf(documents.map((one) => stored(one))));
}

describe('warnings about certificates', () => {
  it('nothing is said of a policy whose names are held by a Zone and whose Issuer exists', () => {
    expect(warningsOf(ACME, ZONE, policy({ issuers: ['ca'], dnsNames: ['*.example.com'] }))).toEqual([]);
  });

  it.each([
    [
      'an Issuer that does not exist',
      [ZONE, policy({ issuers: ['ca'], dnsNames: ['example.com'] })],
      'there is no Issuer default/ca',
    ],
    [
      'a name in no Zone',
      [ACME, ZONE, policy({ issuers: ['ca'], dnsNames: ['shop.example.org'] })],
      'no Zone or DNSProvider of namespace default holds shop.example.org',
    ],
    [
      'http-01 without a listener',
      [ACME, ZONE, policy({ issuers: ['ca'], dnsNames: ['example.com'], challenge: 'http-01' })],
      'no Gateway has an HTTP listener on port 80',
    ],
    ['a policy that nothing names', [ACME, policy({ issuers: ['ca'] })], 'it wants no certificate yet'],
    [
      'a listener of another name',
      [ACME, ZONE, gateway(https('api.example.net')), policy({ issuers: ['ca'], dnsNames: ['example.com'] })],
      'serves api.example.net, which CertificatePolicy default/shop does not cover',
    ],
    [
      'a Gateway that names a policy which does not exist',
      [gateway(https('example.com'))],
      'names CertificatePolicy default/shop, which does not exist',
    ],
    [
      'a Gateway whose host the policy does not cover',
      [
        ACME,
        ZONE,
        policy({ issuers: ['ca'], dnsNames: ['*.example.com'] }),
        gateway(https('a.b.example.com')),
      ],
      'serves a.b.example.com',
    ],
    [
      'an Issuer whose Secret does not exist',
      [
        document('Issuer', 'own', {
          acme: {
            directory: 'https://acme.example/directory',
            termsOfServiceAgreed: true,
            caSecret: { name: 'root', key: 'ca.crt' },
          },
        }),
      ],
      'there is no Secret default/root',
    ],
  ])('are said of %s', (_what, documents, words) => {
    expect(warningsOf(...documents)).toEqual([containing(words)]);
  });

  it("a listener on port 80 is a way to prove a name in nobody's zone; for a wildcard it is none", () => {
    const world = [ACME, gateway(HTTP)];
    expect(warningsOf(...world, policy({ issuers: ['ca'], dnsNames: ['a.example.org'] }))).toEqual([]);
    expect(warningsOf(...world, policy({ issuers: ['ca'], dnsNames: ['*.example.org'] }))).toEqual([
      containing('holds *.example.org'),
    ]);
  });

  it('the internal CA asks for no proof', () => {
    expect(warningsOf(INTERNAL, policy({ issuers: ['dev'], dnsNames: ['anything.test'] }))).toEqual([]);
  });
});
