import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openAccountKey } from '../../hub/certificates/acme/account-key.ts';
import type { KeptAccount } from '../../hub/certificates/acme/account-shelf.ts';
import { createAccountShelf } from '../../hub/certificates/acme/account-shelf.ts';
import {
  type AcmeClientOptions,
  type ClosableAcmeClient,
  createAcmeClient,
} from '../../hub/certificates/acme/client.ts';
import { AcmeError, AcmeNoAnswer, acmeError } from '../../hub/certificates/acme/error.ts';
import { createAcmeHttp } from '../../hub/certificates/acme/http.ts';
import { createAcmeSession } from '../../hub/certificates/acme/session.ts';
import type { AcmeOrder, NewOrder } from '../../hub/certificates/contract.ts';
import { certificateRequest, chainProblem } from '../../hub/certificates/request.ts';
import { createOutboundGuard } from '../../hub/providers/outbound.ts';
import { openStore } from '../../hub/store/open.ts';
import { readLeaf } from '../../src/certificates/chain.ts';
import { challengeText } from '../../src/certificates/dns-challenge.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { newPrivateKey } from '../../src/identity/private-key.ts';
import { KEY_ALGORITHMS, type KeyAlgorithm } from '../../src/resources/certificate-policy.ts';
import { type AcmeFront, startAcmeFront } from '../support/acme-front.ts';
import { type ChallengeServer, startChallengeServer } from '../support/challenge-server.ts';
import { containing, matching } from '../support/matchers.ts';
import { type Pebble, requirePebble, startPebble } from '../support/pebble.ts';
import { until } from '../support/until.ts';

const SUITE = 'certificates of a real CA';
const available = await requirePebble(SUITE);

const EXTERNAL = {
  keyId: 'customer-1',
  hmacKey: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W',
};
const signal = new AbortController().signal;
const guard = createOutboundGuard({ allowedRanges: ['127.0.0.0/8'], resolve: async () => [] });

interface Memory {
  kept: KeptAccount | undefined;
  writes: number;
}

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

function clientOf(
  ca: Pick<Pebble | AcmeFront, 'directory' | 'serverCa'>,
  memory: Memory = { kept: undefined, writes: 0 },
  options: Partial<AcmeClientOptions> = {},
): ClosableAcmeClient {
  const client = createAcmeClient({
    directory: ca.directory,
    contact: 'ops@example.com',
    secrets: async () => ({ ca: ca.serverCa }),
    shelf: {
      read: async () => memory.kept,
      write: async (account) => {
        memory.kept = account;
        memory.writes += 1;
      },
    },
    guard,
    version: '0.0.0',
    nowMs: Date.now,
    ...options,
  });
  cleanUp.push(() => client.close());
  return client;
}

/** What it was refused with. */
async function refusal(work: Promise<unknown>): Promise<PortolanError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof PortolanError) return thrown;
  throw new Error('it was not refused', { cause: thrown });
}

async function problemOf(work: Promise<unknown>): Promise<AcmeError> {
  const error = await refusal(work);
  if (error instanceof AcmeError) return error;
  throw error;
}

describe.skipIf(!available.available)(SUITE, () => {
  let ca: Pebble;
  let front: AcmeFront;
  let names: ChallengeServer;
  let shared: ClosableAcmeClient;

  beforeAll(async () => {
    names = await startChallengeServer();
    ca = await startPebble({
      dnsServer: names.dns,
      nonceReject: 30,
      alternateRoots: 1,
      ordersPerPage: 2,
      blocked: ['blocked.example'],
    });
    front = await startAcmeFront(() => ca);
    shared = clientOf(front);
    cleanUp.length = 0;
  });
  afterAll(async () => {
    shared.close();
    await front.stop();
    await ca.stop();
    await names.stop();
  });

  async function settled(client: ClosableAcmeClient, url: string, from: string): Promise<AcmeOrder> {
    const { value } = await until(
      `the order is no longer ${from}`,
      async () => {
        const order = await client.order(url, signal);
        return order.status !== from && order;
      },
      15_000,
    );
    return value;
  }

  async function prove(client: ClosableAcmeClient, order: AcmeOrder): Promise<AcmeOrder> {
    for (const url of order.authorizations) {
      const { name, status, challenges } = await client.authorization(url, signal);
      const challenge = challenges.find(({ type }) => type === 'dns-01');
      if (status !== 'pending' || challenge === undefined) continue;
      await names.setTxt(
        `_acme-challenge.${name}`,
        challengeText(await client.keyAuthorization(challenge.token)),
      );
      await client.answer(challenge.url, signal);
    }
    return settled(client, order.url, 'pending');
  }

  async function issue(
    client: ClosableAcmeClient,
    request: NewOrder,
    algorithm: KeyAlgorithm = 'ECDSA-P256',
    preferredChain?: string,
  ): Promise<{ readonly chain: string; readonly keyPem: string; readonly order: AcmeOrder }> {
    const order = await client.newOrder(request, signal);
    await prove(client, order);
    const keyPem = await newPrivateKey(algorithm);
    await client.finalize(order.finalizeUrl, await certificateRequest(keyPem, request.names), signal);
    const done = await settled(client, order.url, 'processing');
    const chain = await client.certificate(done.certificateUrl ?? '', preferredChain, signal);
    return { chain, keyPem, order: done };
  }

  it('I22 come for every kind of key, with 30 % of nonces rejected and a real challenge for each name', async () => {
    for (const algorithm of KEY_ALGORITHMS) {
      const label = algorithm.toLowerCase();
      const wanted = [`*.${label}.example.com`, `${label}.example.com`];
      const { chain, keyPem, order } = await issue(
        shared,
        { names: [wanted[1] ?? ''], profile: 'default' },
        algorithm,
      );
      expect(order).toMatchObject({ status: 'valid', names: [wanted[1]] });
      expect(chainProblem(chain, keyPem, [wanted[1] ?? ''], Date.now())).toBeUndefined();
      expect(chainProblem(chain, keyPem, wanted, Date.now())).toBe(`it lacks ${wanted[0]}`);
      expect(chainProblem(chain, await newPrivateKey('ECDSA-P256'), wanted, Date.now())).toBe(
        'it is for another key',
      );
    }
    const ended = (action: string): readonly (number | undefined)[] =>
      front.requests.filter((request) => request.action === action).map(({ status }) => status);
    expect(front.requests.filter(({ status }) => status === 400).length).toBeGreaterThan(0);
    for (const action of ['newOrder', 'finalize'])
      expect(ended(action).filter((status) => status !== 400)).toHaveLength(KEY_ALGORITHMS.length);
    expect(ended('newNonce').length).toBeLessThan(5);
  });

  it('are of the profile that was asked for, and one that there is not is refused in the words of the CA', async () => {
    expect((await shared.directory(signal)).profiles).toMatchObject({ shortlived: containing('518400') });
    const { chain } = await issue(shared, { names: ['*.short.example.com'], profile: 'shortlived' });
    const leaf = readLeaf(chain);
    expect(leaf?.names).toEqual(['*.short.example.com']);
    expect(Math.round(((leaf?.notAfterMs ?? 0) - (leaf?.notBeforeMs ?? 0)) / 3_600_000)).toBe(144);
    const error = await problemOf(shared.newOrder({ names: ['a.example.com'], profile: 'eternal' }, signal));
    expect(error).toMatchObject({
      code: 'ISSUER_REFUSED',
      message: containing('"eternal"'),
      fix: containing('spec.acme.profile'),
      problem: { type: 'invalidProfile', status: 400 },
    });
  });

  it('lead to the root that is preferred, where the CA offers it', async () => {
    const [first, other] = [await ca.root(0), await ca.root(1)].map((pem) => new X509Certificate(pem));
    const nameOf = (root: X509Certificate | undefined): string => root?.subject.replace('CN=', '') ?? '';
    const topOf = (chain: string): string =>
      new X509Certificate(chain.split(/(?=-----BEGIN)/).at(-1) ?? '').issuer.replace('CN=', '');
    const { chain, order } = await issue(
      shared,
      { names: ['chains.example.com'] },
      'ECDSA-P256',
      nameOf(other),
    );
    expect(topOf(chain)).toBe(nameOf(other));
    const url = order.certificateUrl ?? '';
    expect(topOf(await shared.certificate(url, undefined, signal))).toBe(nameOf(first));
    expect(topOf(await shared.certificate(url, 'Nobody Root', signal))).toBe(nameOf(first));
  });

  it('are replaced once: the CA says when, and does not take a second replacement', async () => {
    const first = await issue(shared, { names: ['renewed.example.com'], profile: 'default' });
    const leaf = readLeaf(first.chain);
    const info = await shared.renewalInfo(leaf?.ariId ?? '', signal);
    expect(info).toMatchObject({ retryAfterMs: 6 * 3_600_000 });
    expect(info?.startMs).toBeGreaterThan(Date.now());
    expect(info?.endMs).toBeLessThan(leaf?.notAfterMs ?? 0);
    const startMs = Date.now() - 60_000;
    await ca.setRenewalInfo(first.chain, { startMs, endMs: startMs + 1000 });
    expect(await shared.renewalInfo(leaf?.ariId ?? '', signal)).toMatchObject({ startMs });
    const replaces = leaf?.ariId ?? '';
    await issue(shared, { names: ['renewed.example.com'], replaces });
    const error = await problemOf(shared.newOrder({ names: ['renewed.example.com'], replaces }, signal));
    expect(error).toMatchObject({
      code: 'ISSUER_REFUSED',
      problem: { type: 'alreadyReplaced', status: 409 },
    });
  });

  it('are revoked, also when they were already', async () => {
    const { chain } = await issue(shared, { names: ['gone.example.com'] });
    const leaf = new X509Certificate(chain);
    expect(await ca.isRevoked(leaf.serialNumber)).toBe(false);
    await shared.revoke(leaf.raw, 4, signal);
    await shared.revoke(leaf.raw, 4, signal);
    expect(await ca.isRevoked(leaf.serialNumber)).toBe(true);
    const info = await shared.renewalInfo(readLeaf(chain)?.ariId ?? '', signal);
    expect(info?.endMs).toBeLessThanOrEqual(Date.now());
  });

  it('belong to orders that the CA lists, page by page', async () => {
    const made = [];
    for (const label of ['one', 'two', 'three'])
      made.push((await shared.newOrder({ names: [`${label}.example.com`] }, signal)).url);
    expect(await shared.orders(signal)).toEqual(expect.arrayContaining(made));
  });

  it('are not given for a name that the CA refuses, nor for another key or name than was asked for', async () => {
    const rejected = await problemOf(shared.newOrder({ names: ['www.blocked.example'] }, signal));
    expect(rejected).toMatchObject({
      code: 'ISSUER_REFUSED',
      problem: { type: 'rejectedIdentifier', detail: containing('blocked.example') },
      fix: containing('Remove the name'),
    });
    const order = await shared.newOrder({ names: ['mine.example.com'] }, signal);
    const csr = await certificateRequest(await newPrivateKey('ECDSA-P256'), ['mine.example.com']);
    expect(await problemOf(shared.finalize(order.finalizeUrl, csr, signal))).toMatchObject({
      code: 'ISSUER_REFUSED',
      problem: { type: 'orderNotReady' },
    });
    await prove(shared, order);
    const other = await certificateRequest(await newPrivateKey('ECDSA-P256'), ['yours.example.com']);
    expect(await problemOf(shared.finalize(order.finalizeUrl, other, signal))).toMatchObject({
      code: 'ISSUER_REFUSED',
      problem: { type: 'unauthorized' },
    });
  });

  it('say what the CA saw where the challenge was not there', async () => {
    const order = await shared.newOrder({ names: ['absent.example.com'] }, signal);
    const [url = ''] = order.authorizations;
    front.limits = { failuresPerName: { count: 1, windowMs: 3_600_000 } };
    const found = await shared.authorization(url, signal);
    const challenge = found.challenges.find(({ type }) => type === 'dns-01');
    await names.setTxt('_acme-challenge.absent.example.com', 'something else');
    await shared.answer(challenge?.url ?? '', signal);
    expect(await settled(shared, order.url, 'pending')).toMatchObject({ status: 'invalid' });
    const failed = await shared.authorization(url, signal);
    const problem = failed.challenges.find(({ type }) => type === 'dns-01')?.problem;
    expect(failed.status).toBe('invalid');
    expect(problem).toMatchObject({ type: 'unauthorized' });
    if (problem === undefined) return;
    expect(acmeError(problem, { host: 'ca.example', asked: 'challenge' })).toMatchObject({
      code: 'CHALLENGE_FAILED',
      fix: containing('another ACME client'),
    });
    const limited = await problemOf(shared.newOrder({ names: ['absent.example.com'] }, signal));
    front.limits = {};
    expect(limited).toMatchObject({ code: 'ISSUER_RATE_LIMITED', message: matching(/ask again in 60 min$/) });
  });

  it('need no authorization that was given up', async () => {
    const { authorizations } = await shared.newOrder({ names: ['given-up.example.com'] }, signal);
    const [url = ''] = authorizations;
    await shared.deactivate(url, signal);
    expect(await shared.authorization(url, signal)).toMatchObject({ status: 'deactivated' });
  });

  describe('the account', () => {
    it('has its key saved before the CA hears of it, and is found again by it', async () => {
      const own: Memory = { kept: undefined, writes: 0 };
      const order: string[] = [];
      const shelf = {
        read: async () => own.kept,
        write: async (account: KeptAccount) => {
          order.push(account.url === undefined ? 'key' : 'url');
          own.kept = account;
        },
      };
      const url = await clientOf(ca, own, { shelf }).account(signal);
      expect(order).toEqual(['key', 'url']);
      // As after a crash before the URL was saved.
      own.kept = { keyPem: own.kept?.keyPem ?? '' };
      expect(await clientOf(ca, own, { shelf }).account(signal)).toBe(url);
      expect(own.kept).toMatchObject({ url, contact: 'ops@example.com' });
    });

    it('is made once, however many ask for it at once', async () => {
      const own: Memory = { kept: undefined, writes: 0 };
      const client = clientOf(ca, own);
      const urls = await Promise.all(Array.from({ length: 10 }, () => client.account(signal)));
      expect(new Set(urls).size).toBe(1);
      expect(own.writes).toBe(2);
    });

    it('is told of another email', async () => {
      const own: Memory = { kept: undefined, writes: 0 };
      const url = await clientOf(ca, own).account(signal);
      expect(await clientOf(ca, own, { contact: 'new@example.com' }).account(signal)).toBe(url);
      expect(own.kept?.contact).toBe('new@example.com');
      const refused = await problemOf(clientOf(ca, own, { contact: 'x@example..com' }).account(signal));
      expect(refused).toMatchObject({ code: 'ISSUER_REFUSED', fix: containing('spec.acme.email') });
    });
  });
});

describe.skipIf(!available.available)('the account at a CA that binds it to a customer', () => {
  let ca: Pebble;
  beforeAll(async () => {
    ca = await startPebble({
      externalAccounts: { [EXTERNAL.keyId]: EXTERNAL.hmacKey },
      nonceReject: 30,
      alwaysValid: true,
    });
  });
  afterAll(() => ca.stop());

  const bound = (hmacKey: string, keyId = EXTERNAL.keyId): Partial<AcmeClientOptions> => ({
    secrets: async () => ({ ca: ca.serverCa, externalAccount: { keyId, hmacKey } }),
  });

  it('is refused without the key, with a wrong one, and with what is none; each says what to do', async () => {
    expect(await refusal(clientOf(ca).account(signal))).toMatchObject({
      code: 'ISSUER_REFUSED',
      message: containing('customers only'),
      fix: containing('externalAccountBinding'),
    });
    const wrong = randomBytes(48).toString('base64url');
    expect(await problemOf(clientOf(ca, undefined, bound(wrong)).account(signal))).toMatchObject({
      code: 'ISSUER_REFUSED',
      problem: { type: 'unauthorized' },
      fix: containing('externalAccountBinding'),
    });
    expect(await refusal(clientOf(ca, undefined, bound('not a key!')).account(signal))).toMatchObject({
      code: 'ISSUER_REFUSED',
      message: containing('base64url'),
    });
  });

  it('I33 is made with the right one, and no error, log or file at rest has the keys in it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'acme-'));
    cleanUp.push(() => rm(folder, { recursive: true, force: true }));
    const store = await openStore(
      { kind: 'sqlite', file: join(folder, 'hub.db') },
      { kek: randomBytes(32), wallClock: Date.now, random: randomBytes },
    );
    const shelf = createAccountShelf({
      store,
      issuer: 'default/bound',
      directory: ca.directory,
      externalAccount: EXTERNAL.keyId,
    });
    const client = clientOf(ca, undefined, { ...bound(EXTERNAL.hmacKey), shelf });
    expect(await client.account(signal)).toContain('/my-account/');
    const kept = await shelf.read();
    const secret = kept?.keyPem.split('\n')[1] ?? '';
    expect(secret).toHaveLength(64);
    const wrong = randomBytes(48).toString('base64url');
    const errors = await Promise.all([
      refusal(clientOf(ca, undefined, bound(wrong)).account(signal)),
      refusal(client.newOrder({ names: ['-.example'], profile: 'none' }, signal)),
      refusal(client.order(`${ca.directory}/none`, signal)),
      refusal(
        clientOf(ca, {
          kept: { keyPem: `${kept?.keyPem ?? ''}x`.replace('-----END', 'x-----END') },
          writes: 0,
        }).account(signal),
      ),
    ]);
    await store.close();
    const said = [
      ca.said(),
      ...errors.map((error) =>
        JSON.stringify([error.toProblem(), error.message, error.stack, String(error.cause)]),
      ),
    ].join('\n');
    const files = await readdir(folder);
    expect(files.length).toBeGreaterThan(0);
    const rest = await Promise.all(files.map((file) => readFile(join(folder, file), 'latin1')));
    for (const canary of [secret, EXTERNAL.hmacKey, wrong])
      for (const text of [said, ...rest]) expect(text.includes(canary)).toBe(false);
    expect(rest.join('')).toContain('/my-account/');
  });
});

describe.skipIf(!available.available)('a CA that loses its memory, or an account that was given up', () => {
  it('gets the account again, and the order that was asked for is made once', async () => {
    const first = await startPebble({ alwaysValid: true });
    const own: Memory = { kept: undefined, writes: 0 };
    const client = clientOf(first, own);
    const before = await client.account(signal);
    const { keyPem } = own.kept ?? {};
    await first.stop();
    const second = await startPebble({ alwaysValid: true, again: first });
    cleanUp.push(() => second.stop());
    expect((await client.newOrder({ names: ['again.example.com'] }, signal)).status).toBe('pending');
    expect(await client.orders(signal)).toHaveLength(1);
    expect(own.kept?.url).not.toBe(before);
    expect(own.kept?.keyPem).toBe(keyPem);
    expect((await client.account(signal)).startsWith(second.directory.replace('/dir', ''))).toBe(true);
  });

  it('gets another account, with another key, for one that somebody gave up there', async () => {
    const ca = await startPebble({ alwaysValid: true });
    cleanUp.push(() => ca.stop());
    const own: Memory = { kept: undefined, writes: 0 };
    const client = clientOf(ca, own);
    const accountUrl = await client.account(signal);
    const given = own.kept?.keyPem ?? '';
    const http = createAcmeHttp({ guard, ca: ca.serverCa, version: '0.0.0' });
    cleanUp.push(() => http.close());
    const session = createAcmeSession({ directoryUrl: ca.directory, http, nowMs: Date.now });
    const signer = { key: await openAccountKey(given), accountUrl };
    const payload = { status: 'deactivated' };
    await session.post({ url: accountUrl, payload, signer, asked: 'account' }, signal);
    expect((await client.newOrder({ names: ['after.example.com'] }, signal)).status).toBe('pending');
    expect(await client.account(signal)).not.toBe(accountUrl);
    expect(own.kept?.keyPem).not.toBe(given);
  });
});

describe.skipIf(!available.available)('I22 a CA behind a network that fails', () => {
  let ca: Pebble;
  let front: AcmeFront;
  beforeAll(async () => {
    ca = await startPebble({ alwaysValid: true, authorizationReuse: 100 });
    front = await startAcmeFront(() => ca);
  });
  afterAll(async () => {
    await front.stop();
    await ca.stop();
  });
  afterEach(() => {
    front.fault = () => undefined;
    front.limits = {};
    front.renewalWindow = undefined;
  });
  const ordersAsked = (): number => front.requests.filter(({ action }) => action === 'newOrder').length;

  it('is not asked for a second order when the answer to the first is lost, which is found in its list', async () => {
    const client = clientOf(front);
    expect(await client.orders(signal)).toEqual([]);
    front.fault = ({ action }) => (action === 'newOrder' ? { kind: 'drop', when: 'after' } : undefined);
    const before = ordersAsked();
    const error = await refusal(client.newOrder({ names: ['lost.example.com'] }, signal));
    expect(error).toBeInstanceOf(AcmeNoAnswer);
    expect(error).toMatchObject({ code: 'ISSUER_UNAVAILABLE', mayBeDone: true });
    expect(ordersAsked()).toBe(before + 1);
    const [url = ''] = (await client.orders(signal)) ?? [];
    expect(await client.order(url, signal)).toMatchObject({ names: ['lost.example.com'], url });
  });

  it('uses an authorization again: the next order for the name is ready at once', async () => {
    const client = clientOf(front);
    const request = { names: ['reused.example.com'] };
    const first = await client.newOrder(request, signal);
    const { challenges } = await client.authorization(first.authorizations[0] ?? '', signal);
    await client.answer(challenges[0]?.url ?? '', signal);
    await until(
      'it is ready',
      async () => (await client.order(first.url, signal)).status === 'ready',
      10_000,
    );
    const second = await client.newOrder(request, signal);
    expect(second).toMatchObject({ status: 'ready', authorizations: first.authorizations });
    expect(second.url).not.toBe(first.url);
  });

  it('counts as unavailable when it says so, and as long as it says', async () => {
    const client = clientOf(front);
    await client.account(signal);
    front.fault = ({ action }) =>
      action === 'newOrder' ? { kind: 'answer', status: 503, retryAfterSeconds: 120 } : undefined;
    const error = await problemOf(client.newOrder({ names: ['busy.example.com'] }, signal));
    expect(error).toMatchObject({
      code: 'ISSUER_UNAVAILABLE',
      problem: { retryAfterMs: 120_000, status: 503 },
    });
    front.fault = () => ({ kind: 'delay', ms: 3_000 });
    const slow = await refusal(clientOf(front, undefined, { timeoutMs: 200 }).account(signal));
    expect(slow).toMatchObject({ code: 'ISSUER_UNAVAILABLE', message: containing('0.2 s') });
  });

  it('says which of its limits an order would pass, and when it may be asked again', async () => {
    const client = clientOf(front);
    const windowMs = 7 * 86_400_000;
    const one = { count: 1, windowMs };
    const names = ['limited.example.net'];
    const order = await client.newOrder({ names }, signal);
    for (const url of order.authorizations) {
      const { challenges } = await client.authorization(url, signal);
      await client.answer(challenges[0]?.url ?? '', signal);
    }
    await until(
      'it is ready',
      async () => (await client.order(order.url, signal)).status === 'ready',
      10_000,
    );
    const keyPem = await newPrivateKey('ECDSA-P256');
    await client.finalize(order.finalizeUrl, await certificateRequest(keyPem, names), signal);
    const { value: done } = await until(
      'it is valid',
      async () => {
        const looked = await client.order(order.url, signal);
        return looked.status === 'valid' && looked;
      },
      10_000,
    );
    const replaces = readLeaf(await client.certificate(done.certificateUrl ?? '', undefined, signal))?.ariId;

    front.limits = { certificatesPerNameSet: one };
    const error = await problemOf(client.newOrder({ names }, signal));
    expect(error).toMatchObject({
      code: 'ISSUER_RATE_LIMITED',
      message: matching(/too many certificates.*exact set.*ask again in 168 h/),
      problem: { type: 'rateLimited', status: 429 },
    });
    expect(error.problem.retryAfterMs).toBeGreaterThan(windowMs - 60_000);
    expect((await client.newOrder({ names: ['other.example.net'] }, signal)).status).toBe('pending');

    front.limits = { certificatesPerDomain: one, ordersPerAccount: { count: 4, windowMs } };
    const perDomain = await problemOf(client.newOrder({ names: ['third.example.net'] }, signal));
    expect(perDomain.message).toContain('already issued for "example.net"');
    // A renewal of the same names counts against neither, and one that says what it replaces against nothing.
    expect((await client.newOrder({ names }, signal)).status).toBe('ready');
    await client.newOrder({ names: ['a.example.org'] }, signal);
    const perAccount = await problemOf(client.newOrder({ names: ['b.example.org'] }, signal));
    expect(perAccount.message).toContain('too many new orders from this account');
    front.limits = { certificatesPerNameSet: one, certificatesPerDomain: one, ordersPerAccount: one };
    expect((await client.newOrder({ names, replaces: replaces ?? '' }, signal)).status).toBe('ready');
  });

  it('suggests windows that are taken as they are, within bounds for the next look', async () => {
    const [startMs, endMs] = [1_900_000_000_000, 1_900_000_600_000];
    front.renewalWindow = () => ({
      startMs,
      endMs,
      explanationUrl: 'https://ca.example/why',
      retryAfterSeconds: 1,
    });
    expect(await clientOf(front).renewalInfo('AAAA.AAAA', signal)).toEqual({
      startMs,
      endMs,
      explanationUrl: 'https://ca.example/why',
      retryAfterMs: 60_000,
    });
  });

  it('I32 is not connected to on a forbidden address, unless the operator allows its range', async () => {
    const strict = createOutboundGuard({ allowedRanges: [], resolve: async () => ['127.0.0.1'] });
    const before = front.requests.length;
    expect(await refusal(clientOf(front, undefined, { guard: strict }).account(signal))).toMatchObject({
      code: 'ADDRESS_FORBIDDEN',
    });
    const named = clientOf({ ...front, directory: `https://ca.example:${front.port}/dir` }, undefined, {
      guard: strict,
    });
    expect(await refusal(named.account(signal))).toMatchObject({
      code: 'ADDRESS_FORBIDDEN',
      message: containing('ca.example resolves to 127.0.0.1'),
    });
    expect(front.requests.length).toBe(before);
  });
});
