import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_GATEWAY_SECRETS } from '../src/policy/model.ts';
import { ask } from './testing/clients.ts';
import { EDGE, partOf, type RunningGateway, ruleOf, startGateway } from './testing/gateway-fixture.ts';

const PATH = '/.well-known/acme-challenge/token-1';
const backend = http.createServer((req, res) => res.end(`the backend saw ${req.method} ${req.url}`));
let gateway: RunningGateway;

beforeAll(async () => {
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const { port } = backend.address() as AddressInfo;
  const toHttps = { type: 'redirect', scheme: 'https', statusCode: 301 } as const;
  const part = partOf(port, {
    // Nobody comes in here: all are sent to https, and every country is refused.
    rules: [ruleOf('all', { filters: [toHttps] })],
    edge: {
      ...EDGE,
      residency: {
        rules: [
          {
            region: 'EU',
            countries: ['DE'],
            unknown: 'restrict',
            inside: false,
            hostnames: ['shop.example'],
          },
        ],
      },
    },
  });
  gateway = await startGateway(part, {
    secrets: {
      ...NO_GATEWAY_SECRETS,
      challenges: { http: { 'token-1': 'token-1.thumbprint' }, tlsAlpn: {} },
    },
  });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  backend.closeAllConnections();
  backend.close();
});

describe('http-01', () => {
  it.each(['shop.example', 'nobody.example', 'shop.example:80'])(
    'is answered whatever the host (%s), before residency and redirects',
    async (host) => {
      const { status, headers, body } = await ask('HTTP/1.1', gateway.port(), {
        path: PATH,
        headers: { host },
      });
      expect([status, headers['content-type'], body]).toEqual([200, 'text/plain', 'token-1.thumbprint']);
    },
  );

  it('HEAD gets the head alone, and HTTP/2 is answered as well', async () => {
    const head = await ask('HTTP/1.1', gateway.port(), { path: PATH, method: 'HEAD' });
    expect([head.status, head.body]).toEqual([200, '']);
    expect((await ask('HTTP/2', gateway.port(), { path: PATH })).body).toBe('token-1.thumbprint');
  });

  it.each([
    ['another token', '/.well-known/acme-challenge/token-2', 'GET'],
    ['the folder', '/.well-known/acme-challenge/', 'GET'],
    ['more than the token', `${PATH}/x`, 'GET'],
    ['a query', `${PATH}?x`, 'GET'],
    ['another method', PATH, 'POST'],
  ])('%s goes the way of every request', async (_, path, method) => {
    const { status, body } = await ask('HTTP/1.1', gateway.port(), { path, method });
    expect(status).toBe(301);
    expect(body).not.toContain('thumbprint');
  });

  it('is over with the configuration that had it', async () => {
    const own = await startGateway(partOf((backend.address() as AddressInfo).port), {
      secrets: { ...NO_GATEWAY_SECRETS, challenges: { http: { 'token-1': 'x' }, tlsAlpn: {} } },
    });
    expect((await ask('HTTP/1.1', own.port(), { path: PATH })).body).toBe('x');
    await own.server.serve(partOf((backend.address() as AddressInfo).port), NO_GATEWAY_SECRETS);
    expect((await ask('HTTP/1.1', own.port(), { path: PATH })).body).toBe(`the backend saw GET ${PATH}`);
    await own[Symbol.asyncDispose]();
  });
});
