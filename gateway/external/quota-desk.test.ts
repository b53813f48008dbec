import { type ClientHttp2Session, connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiled, stored } from '../../src/policy/testing/gateway-objects.ts';
import {
  RateLimitRequestSchema,
  type RateLimitResponse,
  RateLimitResponse_Code,
  RateLimitResponseSchema,
} from '../../src/protocol/envoy/generated/envoy/service/ratelimit/v3/rls_pb.js';
import { matching } from '../../test/support/matchers.ts';
import { until } from '../../test/support/until.ts';
import { Networks } from '../client-address.ts';
import type { AuthorizationDesk } from './desk.ts';
import { createGrpcDesk } from './grpc-desk.ts';
import { createHttpDesk } from './http-desk.ts';
import { createQuotaDesk } from './quota-desk.ts';
import { quotaWorld } from './testing/quota-world.ts';

/** Seconds: an hour from when the window began. */
const SOON = /^3[56]\d\d$/;

const { part } = compiled(
  stored('RateLimitPolicy', 'envoy', {
    domain: 'envoy',
    rules: {
      limits: {
        'per-address': {
          rates: [{ limit: 3, window: '1h' }],
          counters: ["descriptors[0]['remote_address']"],
        },
      },
    },
  }),
  // What Kuadrant's wasm-shim sends: a scope as the domain, and per limit an entry that says it applies, beside its counters.
  stored('RateLimitPolicy', 'kuadrant', {
    domain: 'shop/toystore',
    rules: {
      limits: {
        alice: {
          rates: [{ limit: 2, window: '1h' }],
          when: ["'limit.alice__9c1b' in descriptors[0] && descriptors[0]['limit.alice__9c1b'] == '1'"],
          counters: ["descriptors[0]['auth.identity.userid']"],
        },
      },
    },
  }),
  stored('RateLimitPolicy', 'metered', {
    domain: 'metered',
    rules: {
      limits: {
        tokens: {
          rates: [
            { limit: 5, window: '1h' },
            { limit: 50, window: '24h' },
          ],
          counters: ["descriptors[0]['app']"],
          metric: 'tokens',
        },
      },
    },
  }),
);

const nobody: AuthorizationDesk = {
  serve: () => undefined,
  ready: true,
  decide: () => {
    throw new Error('nobody asks who may pass here');
  },
};
const trusted = new Networks(['127.0.0.0/8']);
if (part.quota === undefined) throw new Error('nothing is limited');
const world = quotaWorld(part.quota);
const grpc = createGrpcDesk(nobody, trusted, world.desk);
const unready = createGrpcDesk(
  nobody,
  trusted,
  createQuotaDesk({ gate: world.gate, usage: { count: () => undefined }, wallMs: Date.now }),
);
const http = createHttpDesk(nobody, trusted, world.desk);
let session: ClientHttp2Session;
let early: ClientHttp2Session;
let port = 0;

beforeAll(async () => {
  for (const server of [grpc, unready, http])
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  session = connect(`http://127.0.0.1:${(grpc.address() as AddressInfo).port}`);
  early = connect(`http://127.0.0.1:${(unready.address() as AddressInfo).port}`);
  port = (http.address() as AddressInfo).port;
});
afterAll(async () => {
  session.destroy();
  early.destroy();
  http.closeAllConnections();
  for (const server of [grpc, unready, http]) await new Promise((resolve) => server.close(resolve));
});

interface Reply {
  readonly status: string;
  readonly response: RateLimitResponse | undefined;
}
function call(request: MessageInitShape<typeof RateLimitRequestSchema>, over = session): Promise<Reply> {
  const body = toBinary(RateLimitRequestSchema, create(RateLimitRequestSchema, request));
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, body.length]), body]);
  return new Promise((resolve, reject) => {
    const stream = over.request({
      ':method': 'POST',
      ':path': '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let status = '';
    const chunks: Buffer[] = [];
    const heard = (fields: Record<string, unknown>): void => {
      if (fields['grpc-status'] !== undefined) status = String(fields['grpc-status']);
    };
    stream.on('response', heard);
    stream.on('trailers', heard);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      const all = Buffer.concat(chunks);
      resolve({
        status,
        response: all.length === 0 ? undefined : fromBinary(RateLimitResponseSchema, all.subarray(5)),
      });
    });
    stream.end(frame);
  });
}

const from = (address: string, more: object = {}) => ({
  domain: 'envoy',
  descriptors: [{ entries: [{ key: 'remote_address', value: address }], ...more }],
});
const codeOf = async (reply: Promise<Reply>): Promise<string | undefined> => {
  const { response } = await reply;
  return response === undefined ? undefined : RateLimitResponse_Code[response.overallCode];
};
const fieldsOf = ({ response }: Reply): Readonly<Record<string, string>> =>
  Object.fromEntries((response?.responseHeadersToAdd ?? []).map(({ key, value }) => [key, value]));

describe('ShouldRateLimit of Envoy', () => {
  it('counts each key by itself, and tells what is left in fields for the client', async () => {
    const first = await call(from('192.0.2.1'));
    expect(first.status).toBe('0');
    expect(first.response?.statuses.map(({ code }) => code)).toEqual([RateLimitResponse_Code.OK]);
    expect(fieldsOf(first)).toMatchObject({
      ratelimit: matching(/^"per-address";r=2;t=3[56]\d\d$/),
      'x-ratelimit-limit': '3',
    });
    expect(await codeOf(call(from('192.0.2.1')))).toBe('OK');
    expect(await codeOf(call(from('192.0.2.1')))).toBe('OK');
    const over = await call(from('192.0.2.1'));
    expect(over.response?.overallCode).toBe(RateLimitResponse_Code.OVER_LIMIT);
    expect(fieldsOf(over)).toMatchObject({ 'x-ratelimit-remaining': '0', 'retry-after': matching(SOON) });
    expect(await codeOf(call(from('192.0.2.2')))).toBe('OK');
  });

  it('takes hits_addend, of the request and of a descriptor, and nothing for none or less', async () => {
    expect(await codeOf(call({ ...from('192.0.2.3'), hitsAddend: 3 }))).toBe('OK');
    expect(await codeOf(call(from('192.0.2.3')))).toBe('OVER_LIMIT');
    expect(await codeOf(call(from('192.0.2.3', { hitsAddend: 0n })))).toBe('OK');
    expect(await codeOf(call(from('192.0.2.4', { hitsAddend: 4n })))).toBe('OVER_LIMIT');
    expect(await codeOf(call(from('192.0.2.4', { hitsAddend: 3n, isNegativeHits: true })))).toBe('OK');
    expect(await codeOf(call({ ...from('192.0.2.4', { hitsAddend: 3n }), hitsAddend: 9 }))).toBe('OK');
    expect(await codeOf(call(from('192.0.2.4')))).toBe('OVER_LIMIT');
  });

  it('charges what a stream cost when it is over, of a key that is not in use here, too', async () => {
    const [{ entries } = { entries: [] }] = from('192.0.2.20').descriptors;
    const over = { key: 'portolan.charge', value: '1' };
    const done = { domain: 'envoy', descriptors: [{ entries: [...entries, over] }], hitsAddend: 3 };
    expect(await codeOf(call(done))).toBe('OK');
    await until(
      'it is charged',
      async () => (await codeOf(call(from('192.0.2.20')))) === 'OVER_LIMIT',
      5_000,
    );
    expect(await codeOf(call(done))).toBe('OK');
  });

  it('holds the policy’s limit whatever limit a descriptor asks for', async () => {
    const own = { limit: { requestsPerUnit: 1000, unit: 1 } };
    for (let i = 0; i < 3; i += 1) await call(from('192.0.2.5', own));
    expect(await codeOf(call(from('192.0.2.5', own)))).toBe('OVER_LIMIT');
  });

  it('limits nothing under a domain that no policy has, and answers nothing without a domain or a configuration', async () => {
    expect(await codeOf(call({ ...from('192.0.2.1'), domain: 'else' }))).toBe('OK');
    expect((await call({ ...from('192.0.2.1'), domain: '' })).status).toBe('3');
    expect((await call(from('192.0.2.1'), early)).status).toBe('14');
  });

  it('understands what Kuadrant’s wasm-shim says', async () => {
    const said = (userid: string, limit: string) => ({
      domain: 'shop/toystore',
      descriptors: [
        {
          entries: [
            { key: limit, value: '1' },
            { key: 'auth.identity.userid', value: userid },
          ],
        },
      ],
      hitsAddend: 1,
    });
    const asked = async (userid: string, limit = 'limit.alice__9c1b') => codeOf(call(said(userid, limit)));
    expect([await asked('a'), await asked('a'), await asked('a')]).toEqual(['OK', 'OK', 'OVER_LIMIT']);
    expect(await asked('b')).toBe('OK');
    expect(await asked('a', 'limit.other__1')).toBe('OK');
  });

  it('I34 accounts what a limit with a metric admitted, once for all of its rates, and nothing of what it refused', async () => {
    const said = { domain: 'metered', descriptors: [{ entries: [{ key: 'app', value: 'billing' }] }] };
    expect(await codeOf(call({ ...said, hitsAddend: 4 }))).toBe('OK');
    expect(await codeOf(call({ ...said, hitsAddend: 2 }))).toBe('OVER_LIMIT');
    expect(await codeOf(call(said))).toBe('OK');
    const account = ['shop', 'billing', 'shop/metered', 'tokens'];
    expect(
      world.usage.map(({ namespace, principal, route, metric, amount }) => [
        ...[namespace, principal, route, metric],
        amount,
      ]),
    ).toEqual([
      [...account, 4],
      [...account, 1],
    ]);
  });

  it('lets hits that come at once be no more than the limit', async () => {
    const codes = await Promise.all(Array.from({ length: 20 }, () => codeOf(call(from('192.0.2.9')))));
    expect(codes.filter((code) => code === 'OK')).toHaveLength(3);
  });
});

describe('POST /v1/quota/take', () => {
  const take = (body: unknown, method = 'POST') =>
    fetch(`http://127.0.0.1:${port}/v1/quota/take`, {
      method,
      ...(method === 'POST' ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {}),
    });

  it('answers 200 while the limit lasts and 429 with Retry-After then', async () => {
    const question = { domain: 'envoy', descriptors: { remote_address: '198.51.100.1' }, hits: 2 };
    const first = await take(question);
    expect([first.status, await first.json()]).toEqual([200, { admitted: true }]);
    expect(first.headers.get('ratelimit')).toMatch(/^"per-address";r=1;t=3[56]\d\d$/);
    const over = await take({ ...question, descriptors: [question.descriptors] });
    expect(over.status).toBe(429);
    expect(over.headers.get('retry-after')).toMatch(SOON);
    expect(await over.json()).toMatchObject({ code: 'QUOTA_EXCEEDED' });
    expect((await take({ ...question, hits: 1 })).status).toBe(200);
  });

  it('charges what was served already, whatever is left, and tells those who come after', async () => {
    const question = { domain: 'envoy', descriptors: { remote_address: '198.51.100.7' } };
    expect((await take(question)).status).toBe(200);
    expect((await take({ ...question, hits: 9 })).status).toBe(429);
    const charged = await take({ ...question, hits: 9, charge: true });
    expect([charged.status, await charged.json()]).toEqual([200, { admitted: true }]);
    expect((await take(question)).status).toBe(429);
  });

  it('shares its counts with Envoy', async () => {
    await call({ ...from('198.51.100.2'), hitsAddend: 3 });
    const descriptors = { remote_address: '198.51.100.2' };
    expect((await take({ domain: 'envoy', descriptors })).status).toBe(429);
  });

  it.each([
    ['no JSON', '{', 400],
    ['no domain', {}, 400],
    ['a descriptor that is no text', { domain: 'envoy', descriptors: { a: 1 } }, 400],
    ['hits below zero', { domain: 'envoy', hits: -1 }, 400],
    ['a long body', 'x'.repeat(70_000), 413],
  ])('refuses %s', async (_what, body, status) => {
    const answer = await take(body);
    expect([answer.status, await answer.json()]).toEqual([status, expect.objectContaining({ status })]);
  });

  it('refuses to be read', async () => {
    expect((await take(undefined, 'GET')).status).toBe(405);
  });
});
