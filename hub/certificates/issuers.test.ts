import { randomBytes, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLeaf } from '../../src/certificates/chain.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { newPrivateKey } from '../../src/identity/private-key.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { type IssuerSpec, issuerSpec } from '../../src/resources/issuer.ts';
import { type FakeCa, problem, startFakeCa } from '../../test/fakes/acme-ca.ts';
import { containing, matching } from '../../test/support/matchers.ts';
import { until } from '../../test/support/until.ts';
import { createDevelopmentCa } from '../gateways/development-ca.ts';
import { systemProviderClock } from '../providers/clock.ts';
import { createOutboundGuard } from '../providers/outbound.ts';
import type { StoredCertificate } from '../store/contract.ts';
import { createIssuers, type IssuersOfHub } from './issuers.ts';
import { certificateRequest, chainProblem } from './request.ts';

const DAY_MS = 86_400_000;
const signal = new AbortController().signal;
let ca: FakeCa;
let issuers: IssuersOfHub;
let secrets: Record<string, Readonly<Record<string, string>>>;
let statusChanges: number;
/** Waits of what goes on by itself, each ended by `again`. */
let waits: { readonly ms: number; readonly end: () => void }[];

beforeEach(async () => {
  ca = await startFakeCa();
  secrets = { roots: { 'ca.crt': ca.serverCa } };
  statusChanges = 0;
  waits = [];
  issuers = createIssuers({
    store: memoryStore(),
    guard: createOutboundGuard({ allowedRanges: ['127.0.0.1/32'], resolve: async () => [] }),
    developmentCa: createDevelopmentCa({
      store: { hubUid: 'hub', getMeta: async () => undefined, putMeta: async () => undefined },
      sealing: { seal: (plain) => plain, open: (sealed) => sealed },
      randomBytes,
      wallMs: Date.now,
    }),
    version: '0.0.0',
    onStatus: () => {
      statusChanges += 1;
    },
    clock: {
      ...systemProviderClock,
      wait: (ms, ended) =>
        new Promise((resolve, reject) => {
          waits.push({ ms, end: resolve });
          ended.addEventListener('abort', () => reject(new Error('ended')), { once: true });
        }),
    },
    random: () => 0.5,
  });
});
afterEach(async () => {
  issuers.close();
  await ca[Symbol.asyncDispose]();
});

function memoryStore() {
  const rows = new Map<string, { row: StoredCertificate; values: Readonly<Record<string, string>> }>();
  return {
    epoch: 1,
    listCertificates: async () => [...rows.values()].map(({ row }) => row),
    certificateValues: async (key: StoredCertificate['key']) => rows.get(key.name)?.values ?? {},
    putCertificates: async (
      writes: readonly {
        readonly key: StoredCertificate['key'];
        readonly version: number;
        readonly state: string | null;
        readonly values?: Readonly<Record<string, string>>;
      }[],
    ) => {
      for (const { key, version, state, values = {} } of writes)
        rows.set(key.name, { row: { key, version, state: state ?? '' }, values });
    },
    secretData: async ({ name }: { readonly name: string }) => secrets[name],
  };
}

const issuer = (name: string, spec: unknown, generation = 1): Resource<'Issuer'> => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Issuer',
  metadata: {
    namespace: 'default',
    name,
    uid: `uid-${name}`,
    generation,
    resourceVersion: '1',
    creationTimestamp: '2030-01-01T00:00:00Z',
    labels: {},
    annotations: {},
    finalizers: [],
  },
  spec: issuerSpec.parse(spec),
});

const acme = (more: Partial<NonNullable<IssuerSpec['acme']>> = {}) => ({
  acme: {
    directory: ca.directory,
    termsOfServiceAgreed: true,
    caSecret: { name: 'roots', key: 'ca.crt' },
    ...more,
  },
});

function follow(...resources: readonly Resource<'Issuer'>[]): void {
  issuers.follow({
    Issuer: new Map(resources.map((one) => [`default/${one.metadata.name}`, one])),
    Secret: new Map(),
  });
}

const ready = (resource: Resource<'Issuer'>) =>
  issuers.status(resource, Date.UTC(2030, 0, 1))?.conditions.find(({ type }) => type === 'Ready');

describe('Issuers', () => {
  it('are the same as long as nothing of them changes, and gone with their object', async () => {
    const resource = issuer('le', acme());
    follow(resource);
    const open = await issuers.open('default/le');
    expect(open).toMatchObject({ directory: ca.directory, internal: false });
    follow(resource);
    expect(await issuers.open('default/le')).toBe(open);
    follow(issuer('le', acme({ profile: 'shortlived' }), 2));
    expect(await issuers.open('default/le')).toMatchObject({ profile: 'shortlived' });
    await expect(open.client.account(signal)).rejects.toThrow('the Issuer was changed');
    follow();
    await expect(issuers.open('default/le')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(ca.requests).toHaveLength(0);
  });

  it('have their account made once the hub has started, and say so', async () => {
    const resource = issuer('le', acme());
    follow(resource);
    expect(ready(resource)).toMatchObject({ status: 'Unknown', reason: 'Checking' });
    issuers.start();
    await until('it is ready', async () => ready(resource)?.status === 'True', 5_000, 5);
    expect(issuers.status(resource, 0)).toMatchObject({
      account: ca.at('/account/1'),
      observedGeneration: 1,
    });
    expect(waits.map(({ ms }) => ms)).toEqual([6 * 3_600_000]);
    expect(statusChanges).toBeGreaterThan(0);
    expect(ready(issuer('le', acme()))).toMatchObject({ reason: 'Registered' });
    // What is stored stays while nothing is known, as after a restart.
    issuers.close();
    follow(resource);
    expect(
      issuers.status({ ...resource, status: { conditions: [], observedGeneration: 1 } }, 0),
    ).toBeUndefined();
  });

  it('say what is wrong, with what to do, and look again', async () => {
    const resource = issuer('le', acme());
    ca.answers.set('/new-account', problem('externalAccountRequired', 'customers only', 403));
    follow(resource);
    issuers.start();
    await until('it was refused', async () => ready(resource)?.reason === 'Refused', 5_000, 5);
    expect(ready(resource)).toMatchObject({
      status: 'False',
      message: matching(/^ISSUER_REFUSED: .*customers only\. Put the key id/),
    });
    ca.answers.delete('/new-account');
    await until('it waits', async () => waits.length === 1, 5_000, 5);
    expect(waits[0]?.ms).toBe(60_000);
    waits[0]?.end();
    await until('it is ready', async () => ready(resource)?.status === 'True', 5_000, 5);
  });

  it('whose Secret is not there, or whose CA cannot be reached, say which', async () => {
    const lost = issuer('lost', acme({ caSecret: { name: 'none', key: 'ca.crt' } }));
    const down = issuer('down', acme({ directory: 'https://127.0.0.1:1/dir' }));
    const odd = issuer('odd', acme({ caSecret: { name: 'odd', key: 'ca.crt' } }));
    secrets.odd = { 'ca.crt': 'no PEM' };
    follow(lost, down, odd);
    issuers.start();
    await until(
      'all failed',
      async () => [lost, down, odd].every((one) => ready(one)?.status === 'False'),
      5_000,
      5,
    );
    expect(ready(lost)).toMatchObject({ reason: 'Refused', message: containing('no Secret default/none') });
    expect(ready(odd)).toMatchObject({ reason: 'Refused', message: containing('no PEM certificates') });
    expect(ready(down)).toMatchObject({
      reason: 'Unavailable',
      message: containing('127.0.0.1:1 does not answer'),
    });
  });

  it('are unavailable as soon as an order meets that, and available again as soon as one does not', async () => {
    const resource = issuer('le', acme());
    follow(resource);
    issuers.start();
    await until('it is ready', async () => ready(resource)?.status === 'True', 5_000, 5);
    const { client } = await issuers.open('default/le');
    ca.answers.set('/order/1', { status: 502, body: '<html>' });
    await expect(client.order(ca.at('/order/1'), signal)).rejects.toThrow(PortolanError);
    expect(ready(resource)).toMatchObject({ status: 'False', reason: 'Unavailable' });
    expect(issuers.status(resource, 0)?.account).toBe(ca.at('/account/1'));
    await client.answer(ca.at('/challenge/1'), signal);
    expect(ready(resource)).toMatchObject({ status: 'True' });
    ca.answers.set('/order/1', problem('malformed'));
    await expect(client.order(ca.at('/order/1'), signal)).rejects.toThrow(PortolanError);
    expect(ready(resource)).toMatchObject({ status: 'True' });
  });

  it('with a profile that the CA does not offer say which it does', async () => {
    ca.answers.set('/dir', {
      body: {
        newNonce: ca.at('/new-nonce'),
        newAccount: ca.at('/new-account'),
        newOrder: ca.at('/new-order'),
        revokeCert: ca.at('/revoke'),
        meta: { profiles: { classic: 'The usual', shortlived: 'Six days' } },
      },
    });
    const resource = issuer('le', acme({ profile: 'short' }));
    follow(resource);
    issuers.start();
    await until('it is known', async () => ready(resource)?.reason === 'ProfileUnknown', 5_000, 5);
    expect(ready(resource)?.message).toContain('classic, shortlived');
    expect(issuers.status(resource, 0)?.profiles).toEqual({ classic: 'The usual', shortlived: 'Six days' });
  });

  it('try orders at a staging directory: their own, or the one of the CA that everybody knows', async () => {
    follow(
      issuer('own', acme({ staging: ca.at('/staging') })),
      issuer('le', acme({ directory: 'https://acme-v02.api.letsencrypt.org/directory' })),
      issuer('none', acme()),
    );
    const own = await issuers.openStaging('default/own');
    expect(own.directory).toBe(ca.at('/staging'));
    expect(await issuers.openStaging('default/own')).toBe(own);
    expect((await issuers.openStaging('default/le')).directory).toContain('acme-staging-v02');
    await expect(issuers.openStaging('default/none')).rejects.toMatchObject({
      code: 'ISSUER_REFUSED',
      fix: containing('spec.acme.staging'),
    });
  });
});

describe('the internal Issuer', () => {
  const open = async (spec: unknown = { internal: { lifetimeDays: 7 } }) => {
    const resource = issuer('dev', spec);
    follow(resource);
    expect(ready(resource)).toMatchObject({ status: 'True', reason: 'Internal' });
    return issuers.open('default/dev');
  };

  it('gives a certificate for the names and key of an order, at once, for servers and clients', async () => {
    const { client, internal, directory } = await open();
    expect({ internal, directory }).toEqual({ internal: true, directory: 'internal:' });
    const names = ['*.dev.example', 'dev.example'];
    for (const algorithm of ['ECDSA-P256', 'ECDSA-P384', 'RSA-2048'] as const) {
      const keyPem = await newPrivateKey(algorithm);
      const order = await client.newOrder({ names }, signal);
      expect(order).toMatchObject({ status: 'ready', authorizations: [], names });
      const done = await client.finalize(order.finalizeUrl, await certificateRequest(keyPem, names), signal);
      expect(done).toMatchObject({ status: 'valid', url: order.url });
      const chain = await client.certificate(done.certificateUrl ?? '', undefined, signal);
      expect(chainProblem(chain, keyPem, names, Date.now())).toBeUndefined();
      const leaf = readLeaf(chain);
      expect(Math.round(((leaf?.notAfterMs ?? 0) - Date.now()) / DAY_MS)).toBe(7);
      expect(new X509Certificate(chain).keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    }
  });

  it('goes on with an order after a restart: all of it stands in its URL', async () => {
    const { url } = await (await open()).client.newOrder({ names: ['dev.example'] }, signal);
    const again = await open({ internal: { lifetimeDays: 8 } });
    expect(await again.client.order(url, signal)).toMatchObject({ status: 'ready', names: ['dev.example'] });
    await expect(again.client.order('internal:x', signal)).rejects.toMatchObject({ code: 'ISSUER_REFUSED' });
  });

  it('signs no request that is damaged', async () => {
    const { client } = await open();
    const order = await client.newOrder({ names: ['dev.example'] }, signal);
    const request = await certificateRequest(await newPrivateKey('ECDSA-P256'), order.names);
    request[request.length - 1] = (request.at(-1) ?? 0) ^ 1;
    await expect(client.finalize(order.finalizeUrl, request, signal)).rejects.toMatchObject({
      code: 'CSR_INVALID',
    });
  });
});
