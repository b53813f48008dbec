import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import { type GatewayPart, NO_GATEWAY } from '../../src/policy/model.ts';
import { type TestAuthority, type TestCertificate, testAuthority } from '../../test/support/certificates.ts';
import { containing } from '../../test/support/matchers.ts';
import { createServedCheck, type ServedCertificate, type ServedCheck } from './served.ts';

const NAME = 'shop.example.com';
const POLICY = 'shop/web';
const CLUSTER = 'shop/fra';
let authority: TestAuthority;
let right: TestCertificate;
let other: TestCertificate;
let server: Server;
let shown: TestCertificate;
let handshakes: string[];
let certificates: readonly ServedCertificate[];
let announced: string[];
let applied: string;
let forbidden: boolean;
let nowMs: number;
let changes: number;
let check: ServedCheck;

const kept = ({ certificatePem }: TestCertificate, ...names: readonly string[]): ServedCertificate => ({
  names,
  sha256: sha256Hex(new X509Certificate(certificatePem).raw),
});
const part: GatewayPart = {
  ...NO_GATEWAY,
  ports: [
    {
      port: 443,
      protocol: 'https',
      edge: 'e',
      listeners: [
        {
          id: 'shop/gw/l',
          source: { kind: 'Gateway', name: 'shop/gw' },
          tls: { certificates: [`certificatepolicy/${POLICY}`] },
          hosts: [],
        },
      ],
    },
  ],
};

beforeAll(async () => {
  authority = await testAuthority();
  right = await authority.issue({ dns: [NAME, '*.shop.example.com'] });
  other = await authority.issue({ dns: [NAME] });
});
beforeEach(async () => {
  [shown, handshakes, forbidden, nowMs, changes, applied] = [right, [], false, Date.now(), 0, 'd1'];
  server = createServer({
    SNICallback(name, done) {
      handshakes.push(name);
      import('node:tls').then(
        ({ createSecureContext }) =>
          done(null, createSecureContext({ cert: shown.certificatePem, key: shown.keyPem })),
        done,
      );
    },
  });
  server.on('secureConnection', (socket) => socket.on('error', () => socket.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  announced = ['http://127.0.0.1:1', `https://127.0.0.1:${(server.address() as AddressInfo).port}`];
  certificates = [kept(right, NAME, '*.shop.example.com')];
  check = createServedCheck({
    policies: () => new Map([[POLICY, { clusters: [CLUSTER] }]]),
    certificates: () => certificates,
    gateways: () => new Map([[CLUSTER, { part, digest: 'd1' }]]),
    agentOf: () => ({
      applied: { version: 1, hash: '', sequence: 1, gateway: applied },
      gateways: announced,
    }),
    addressesOf: () => ['127.0.0.1'],
    guard: {
      check() {
        if (forbidden) throw new PortolanError('ADDRESS_FORBIDDEN', 'not there');
      },
      lookup: (_host, _options, done) => done(new Error('no names here'), []),
    },
    wallMs: () => nowMs,
    onChange: () => {
      changes += 1;
    },
  });
});
afterEach(async () => {
  await check.close();
  server.close();
});

describe('what gateways show, seen from outside', () => {
  it('is the certificate that they were given, for each of its names; once is enough for an hour', async () => {
    expect(check.of(POLICY, CLUSTER)).toBeUndefined();
    await check.look();
    await check.look();
    expect(check.of(POLICY, CLUSTER)).toEqual({ served: 'yes' });
    expect(handshakes.toSorted()).toEqual(['portolan-check.shop.example.com', NAME]);
    expect(changes).toBe(1);
    nowMs += 3_600_000;
    await check.look();
    expect([handshakes.length, changes]).toEqual([4, 1]);
  });

  it('another one is told, looked at again within a minute, and forgotten when it is right', async () => {
    shown = other;
    await check.look();
    expect(check.of(POLICY, CLUSTER)).toEqual({
      served: 'no',
      detail: containing('another certificate is shown'),
    });
    shown = right;
    nowMs += 60_000;
    await check.look();
    expect([check.of(POLICY, CLUSTER)?.served, changes]).toEqual(['yes', 2]);
  });

  it('one that has ended is told although it is the right one', async () => {
    nowMs += 40 * 86_400_000;
    await check.look();
    expect(check.of(POLICY, CLUSTER)).toEqual({ served: 'no', detail: containing('it ended at') });
  });

  it('is not looked at before the agent has confirmed it, and at once when it is renewed', async () => {
    applied = 'd0';
    await check.look();
    expect(handshakes).toEqual([]);
    applied = 'd1';
    await check.look();
    [shown, certificates] = [other, [kept(other, NAME)]];
    await check.look();
    expect(check.of(POLICY, CLUSTER)).toEqual({ served: 'yes' });
  });

  it('I32 nothing is contacted where nothing may be, and what is out of reach is no verdict', async () => {
    forbidden = true;
    await check.look();
    expect(check.of(POLICY, CLUSTER)).toEqual({ served: 'off', detail: containing('not there') });
    expect(handshakes).toEqual([]);
    [forbidden, announced] = [false, ['https://127.0.0.1:1']];
    await check.look();
    expect(check.of(POLICY, CLUSTER)).toEqual({ served: 'off', detail: containing('ECONNREFUSED') });
    announced = ['https://0.0.0.0:8443'];
    await check.look();
    // Then the address of the Cluster at the port of the Gateway.
    expect(check.of(POLICY, CLUSTER)?.detail).toContain('127.0.0.1:443');
  });
});
