import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PortolanError } from '../../../src/errors/error.ts';
import { type FakeAnswer, type FakeCa, problem, startFakeCa } from '../../../test/fakes/acme-ca.ts';
import { containing } from '../../../test/support/matchers.ts';
import { createOutboundGuard } from '../../providers/outbound.ts';
import type { KeptAccount } from './account-shelf.ts';
import { type AcmeClientOptions, type ClosableAcmeClient, createAcmeClient } from './client.ts';
import { AcmeError, AcmeNoAnswer } from './error.ts';

const NOW_MS = 1_800_000_000_000;
const signal = new AbortController().signal;
let ca: FakeCa;
let client: ClosableAcmeClient;
let written: KeptAccount[];

beforeEach(async () => {
  ca = await startFakeCa();
  written = [];
  client = open();
});
afterEach(async () => {
  client.close();
  await ca[Symbol.asyncDispose]();
});

function open(options: Partial<AcmeClientOptions> = {}): ClosableAcmeClient {
  return createAcmeClient({
    directory: ca.directory,
    secrets: async () => ({ ca: ca.serverCa }),
    shelf: {
      read: async () => written.at(-1),
      write: async (account) => void written.push(account),
    },
    guard: createOutboundGuard({ allowedRanges: ['127.0.0.1/32'], resolve: async () => [] }),
    version: '0.0.0',
    nowMs: () => NOW_MS,
    timeoutMs: 2_000,
    ...options,
  });
}

async function refusal(work: Promise<unknown>): Promise<PortolanError> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof PortolanError) return thrown;
  throw new Error('it was not refused', { cause: thrown });
}

const order = (overrides: object = {}): FakeAnswer => ({
  status: 201,
  headers: { Location: ca.at('/order/1') },
  body: {
    status: 'pending',
    identifiers: [{ type: 'dns', value: 'a.example' }],
    authorizations: [ca.at('/authz/1')],
    finalize: ca.at('/finalize/1'),
    ...overrides,
  },
});
const asked = (path: string): number => ca.requests.filter((request) => request.path === path).length;
const newOrder = (): Promise<unknown> => client.newOrder({ names: ['a.example'] }, signal);

describe('a CA that does not do as RFC 8555 has it', () => {
  it('is unavailable, with the place that is wrong, when an answer has another shape', async () => {
    ca.answers.set('/new-order', order({ identifiers: [{ type: 'ip', value: 7 }] }));
    expect(await refusal(newOrder())).toMatchObject({
      code: 'ISSUER_UNAVAILABLE',
      message: containing('is no order of ACME: identifiers.0'),
      mayBeDone: true,
    });
    ca.answers.set('/new-order', { status: 201, body: '<html>' });
    expect(await refusal(newOrder())).toMatchObject({ message: containing('it is no JSON') });
    ca.answers.set('/new-order', { ...order(), headers: {} });
    expect(await refusal(newOrder())).toMatchObject({ message: containing('it has no Location') });
    ca.answers.set('/dir', { body: { newNonce: 'http://127.0.0.1/' } });
    const other = open();
    expect(await refusal(other.directory(signal))).toMatchObject({
      message: containing('newNonce: is no https URL'),
    });
    other.close();
  });

  it('is left alone as long as it says, also by the page of a proxy', async () => {
    const page = (retryAfter: string) => ({
      status: 503,
      headers: { 'content-type': 'text/html', 'retry-after': retryAfter },
      body: '<html>down for maintenance</html>',
    });
    ca.answers.set('/new-order', page('3600'));
    expect(await refusal(newOrder())).toMatchObject({ code: 'ISSUER_UNAVAILABLE', retryAfterMs: 3_600_000 });
    ca.answers.set('/new-order', page('soon'));
    expect(await refusal(newOrder())).toMatchObject({ retryAfterMs: undefined });
  });

  it('cannot fill the memory, nor keep us waiting', async () => {
    ca.answers.set('/new-order', {
      write(out) {
        const part = Buffer.alloc(1 << 16, 'x');
        const more = (): void => void (out.destroyed || out.write(part, () => setImmediate(more)));
        more();
      },
    });
    expect(await refusal(newOrder())).toMatchObject({
      code: 'ISSUER_UNAVAILABLE',
      message: containing('more than 1048576 octets'),
    });
    ca.answers.set('/new-order', { write: (out) => void out.write('{') });
    client.close();
    client = open({ timeoutMs: 300 });
    expect(await refusal(newOrder())).toMatchObject({ message: containing('no answer within 0.3 s') });
  });

  it('is not sent a request a second time, but with another nonce, twelve times at most', async () => {
    ca.answers.set('/new-order', problem('serverInternal', 'oops', 500));
    expect(await refusal(newOrder())).toMatchObject({ code: 'ISSUER_UNAVAILABLE' });
    expect(asked('/new-order')).toBe(1);
    ca.answers.set('/new-order', { write: (out) => void out.destroy() });
    expect(await refusal(newOrder())).toBeInstanceOf(AcmeNoAnswer);
    expect(asked('/new-order')).toBe(2);
    ca.answers.set('/new-order', problem('badNonce'));
    expect(await refusal(newOrder())).toMatchObject({
      problem: { type: 'badNonce' },
      code: 'ISSUER_UNAVAILABLE',
    });
    expect(asked('/new-order')).toBe(14);
    const nonces = ca.requests.flatMap(({ header }) => header.nonce ?? []);
    expect(new Set(nonces).size).toBe(nonces.length);
    expect(asked('/new-nonce')).toBeLessThanOrEqual(2);
  });

  it('says nothing to a terminal but text, and not too much of it', async () => {
    ca.answers.set('/new-order', problem('caa', `\u001b[2J${'no '.repeat(2000)}\u202e\n`));
    const error = await refusal(newOrder());
    expect(error.message).toMatch(/^127\.0\.0\.1:\d+ refuses the order: caa: \[2Jno no/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
    expect(error.message).not.toMatch(/[\u0000-\u001f\u202e]/);
    expect(error.message.length).toBeLessThan(1_200);
  });

  it('names no token that is more than a token, and no key in a chain', async () => {
    const challenge = {
      type: 'http-01',
      url: ca.at('/chall/1'),
      status: 'pending',
      token: '../../etc/passwd',
    };
    const authz = (challenges: readonly object[]): FakeAnswer => ({
      body: { status: 'pending', identifier: { type: 'dns', value: 'A.example' }, challenges },
    });
    ca.answers.set('/authz/1', authz([challenge]));
    expect(await refusal(client.authorization(ca.at('/authz/1'), signal))).toMatchObject({
      message: containing('is no challenge of ACME: token'),
    });
    ca.answers.set(
      '/authz/1',
      authz([
        { type: 'new-01', color: 'red' },
        { ...challenge, token: 'abc_-9' },
      ]),
    );
    expect(await client.authorization(ca.at('/authz/1'), signal)).toMatchObject({
      name: 'a.example',
      challenges: [{ type: 'http-01', token: 'abc_-9' }],
    });
    ca.answers.set('/cert/1', {
      body: `${ca.serverCa}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`,
    });
    expect(await refusal(client.certificate(ca.at('/cert/1'), undefined, signal))).toMatchObject({
      code: 'ISSUER_UNAVAILABLE',
      message: containing('no chain of PEM certificates'),
    });
  });

  it('is not believed when it asks to wait for ever', async () => {
    ca.answers.set('/new-order', {
      ...problem('rateLimited', 'too many', 429),
      headers: { 'Retry-After': '99999999999' },
    });
    const limited = await refusal(newOrder());
    expect(limited).toMatchObject({ code: 'ISSUER_RATE_LIMITED', problem: { retryAfterMs: 7 * 86_400_000 } });
    ca.answers.set('/new-order', {
      ...order(),
      headers: { ...order().headers, 'Retry-After': '99999999999' },
    });
    expect(await newOrder()).toMatchObject({ retryAfterMs: 3_600_000 });
    ca.answers.set('/renewal-info/a.b', {
      headers: { 'Retry-After': '99999999999' },
      body: { suggestedWindow: { start: '2030-01-01T00:00:00Z', end: '2030-01-02T00:00:00Z' } },
    });
    expect(await client.renewalInfo('a.b', signal)).toMatchObject({ retryAfterMs: 86_400_000 });
    ca.answers.set('/renewal-info/a.b', {
      body: { suggestedWindow: { start: '2030-01-02T00:00:00Z', end: '2030-01-01T00:00:00Z' } },
    });
    expect(await refusal(client.renewalInfo('a.b', signal))).toMatchObject({
      message: containing('the window ends before it begins'),
    });
  });

  it('I32 leads to no forbidden address by its URLs or redirects, and signed requests are not redirected at all', async () => {
    const metadata = 'https://169.254.169.254/latest';
    ca.answers.set('/new-order', order({ authorizations: [metadata] }));
    const { authorizations } = await client.newOrder({ names: ['a.example'] }, signal);
    expect(await refusal(client.authorization(authorizations[0] ?? '', signal))).toMatchObject({
      code: 'ADDRESS_FORBIDDEN',
    });
    expect(await refusal(client.order('http://127.0.0.1/', signal))).toMatchObject({
      message: containing('not plain https'),
    });
    ca.answers.set('/renewal-info/a.b', { status: 302, headers: { Location: metadata } });
    expect(await refusal(client.renewalInfo('a.b', signal))).toMatchObject({ code: 'ADDRESS_FORBIDDEN' });
    ca.answers.set('/renewal-info/a.b', { status: 302, headers: { Location: '/renewal-info/a.b' } });
    expect(await refusal(client.renewalInfo('a.b', signal))).toMatchObject({ code: 'ISSUER_UNAVAILABLE' });
    expect(asked('/renewal-info/a.b')).toBe(5);
    ca.answers.set('/new-order', { status: 307, headers: { Location: ca.at('/elsewhere') } });
    expect(await refusal(newOrder())).toMatchObject({ code: 'ISSUER_UNAVAILABLE' });
    expect(asked('/elsewhere')).toBe(0);
  });

  it('is not spoken with when it does not show a certificate that we trust', async () => {
    const trusting = open({ secrets: async () => ({}) });
    expect(await refusal(trusting.account(signal))).toMatchObject({
      code: 'ISSUER_UNAVAILABLE',
      message: containing('certificate'),
      mayBeDone: false,
      fix: containing('spec.acme.caSecret'),
    });
    trusting.close();
    const old = await startFakeCa({ days: -1 });
    const late = open({ directory: old.directory, secrets: async () => ({ ca: old.serverCa }) });
    expect(await refusal(late.account(signal))).toMatchObject({
      message: containing('expired'),
      fix: containing('clock'),
    });
    late.close();
    expect([...ca.requests, ...old.requests]).toHaveLength(0);
    await old[Symbol.asyncDispose]();
    const named = open({ directory: 'https://nobody.example/dir' });
    expect(await refusal(named.account(signal))).toMatchObject({
      message: containing('nobody.example has no address'),
      fix: containing('spec.acme.directory'),
    });
    named.close();
  });
});

describe('the account', () => {
  const refusedUntil = (kid: string, type: string): void =>
    void ca.answers.set('/new-order', ({ header }) =>
      header.kid === ca.at(kid) ? order() : problem(type, '', 401),
    );
  const accountsFrom = (first: number): void => {
    let n = first;
    ca.answers.set('/new-account', () => {
      n += 1;
      return { status: 201, headers: { Location: ca.at(`/account/${n}`) }, body: { status: 'valid' } };
    });
  };

  it('that the CA does not know any more is made again with its key, for an order that is made once', async () => {
    accountsFrom(0);
    refusedUntil('/account/2', 'accountDoesNotExist');
    expect(await newOrder()).toMatchObject({ url: ca.at('/order/1') });
    expect(written.map(({ url }) => url)).toEqual([
      undefined,
      ca.at('/account/1'),
      undefined,
      ca.at('/account/2'),
    ]);
    expect(new Set(written.map(({ keyPem }) => keyPem)).size).toBe(1);
  });

  it('that was given up is replaced by one with another key', async () => {
    accountsFrom(0);
    refusedUntil('/account/2', 'unauthorized');
    ca.answers.set('/account/1', { body: { status: 'deactivated' } });
    await newOrder();
    expect(new Set(written.map(({ keyPem }) => keyPem)).size).toBe(2);
    expect(written.at(-1)?.url).toBe(ca.at('/account/2'));
  });

  it('that the CA has ended, or that is good, stays: what the CA said is passed on', async () => {
    refusedUntil('/nobody', 'unauthorized');
    for (const status of ['revoked', 'valid']) {
      ca.answers.set('/account/1', { body: { status } });
      expect(await refusal(newOrder())).toMatchObject({
        code: 'ISSUER_REFUSED',
        problem: { type: 'unauthorized' },
      });
    }
    expect(written).toHaveLength(2);
  });

  it('is not made again and again for a CA that knows none', async () => {
    accountsFrom(0);
    refusedUntil('/nobody', 'accountDoesNotExist');
    expect(await refusal(newOrder())).toBeInstanceOf(AcmeError);
    expect(asked('/new-account')).toBe(2);
    expect(asked('/new-order')).toBe(2);
  });

  it('goes on being made for others when the one who asked first gives up', async () => {
    let answer: ((out: FakeAnswer) => void) | undefined;
    ca.answers.set('/new-account', {
      status: 201,
      headers: { Location: ca.at('/account/1') },
      write(out) {
        answer = () => void out.end('{"status":"valid"}');
      },
    });
    const first = new AbortController();
    const givenUp = refusal(client.account(first.signal));
    const other = client.account(signal);
    while (answer === undefined) await new Promise((resolve) => setImmediate(resolve));
    first.abort(new PortolanError('CONFLICT', 'enough'));
    expect(await givenUp).toMatchObject({ code: 'CONFLICT' });
    answer({});
    expect(await other).toBe(ca.at('/account/1'));
    expect(asked('/new-account')).toBe(1);
  });

  it('of a closed client is asked for nothing', async () => {
    client.close();
    await expect(client.account(signal)).rejects.toThrow('the Issuer was changed');
    expect(ca.requests).toHaveLength(0);
  });
});
