import { createServer as createHttp, type RequestListener } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createTestAuthority } from '../../prober/testing/authority.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { containing } from '../../test/support/matchers.ts';
import type { OutboundGuard } from '../contract.ts';
import { type ApiEndpoint, requestApi } from './http.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** `ns1.example.com` is this machine; what is looked up is noted. */
function guardOf(looked: string[] = []): OutboundGuard {
  return {
    check: () => undefined,
    lookup: (host, options, done) => {
      looked.push(host);
      if (options.all === true) done(null, [{ address: '127.0.0.1', family: 4 }]);
      else done(null, '127.0.0.1', 4);
    },
  };
}
const endpoint = (url: string, more: Partial<ApiEndpoint> = {}): ApiEndpoint => ({
  url: new URL(url),
  apiKey: 'the-key',
  ca: undefined,
  guard: guardOf(),
  ...more,
});
const get = (at: ApiEndpoint, path = '/servers/localhost') =>
  requestApi(at, 'GET', path, undefined, AbortSignal.timeout(10_000));
const patch = (at: ApiEndpoint) => requestApi(at, 'PATCH', '/x', '{}', AbortSignal.timeout(10_000));

describe('a request to the API', () => {
  it('carries the key, keeps a path before /api, and resolves the host once by the guard', async () => {
    const seen: (string | undefined)[] = [];
    const looked: string[] = [];
    const port = await listen(
      createHttp((request, response) => {
        seen.push(request.url, String(request.headers['x-api-key']));
        response.end('{}');
      }),
    );
    const at = endpoint(`http://ns1.example.com:${port}/dns/`, { guard: guardOf(looked) });
    expect(await get(at)).toMatchObject({ status: 200, body: '{}' });
    expect(seen).toEqual(['/dns/api/v1/servers/localhost', 'the-key']);
    expect(looked).toEqual(['ns1.example.com']);
  });

  it('gives up an answer that never ends', async () => {
    let sent = 0;
    const port = await listen(
      createHttp((_request, response) => {
        const mebibyte = Buffer.alloc(1 << 20, 'a');
        const pump = (): void => {
          while (!response.destroyed && sent < 1024) {
            sent += 1;
            if (response.write(mebibyte)) continue;
            response.once('drain', pump);
            return;
          }
        };
        pump();
      }),
    );
    await expect(get(endpoint(`http://ns1.example.com:${port}/`))).rejects.toMatchObject({
      failure: 'transient',
      message: containing('too big'),
    });
    expect(sent).toBeLessThan(200);
  });

  it('I33 does not give on the key that a server sends back', async () => {
    const port = await listen(
      createHttp((request, response) => {
        response.statusCode = 404;
        response.end(JSON.stringify(request.headers));
      }),
    );
    const { body } = await get(endpoint(`http://ns1.example.com:${port}/`));
    expect(body).toContain('***');
    expect(body).not.toContain('the-key');
  });

  it('I32 follows no redirect, and connects to no address that the guard forbids', async () => {
    let requests = 0;
    const redirect: RequestListener = (_request, response) => {
      requests += 1;
      response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end();
    };
    const port = await listen(createHttp(redirect));
    expect(await get(endpoint(`http://127.0.0.1:${port}`))).toMatchObject({ status: 302 });
    expect(requests).toBe(1);
    const forbidden = new PortolanError('ADDRESS_FORBIDDEN', 'loopback');
    const guard: OutboundGuard = {
      check: () => {
        throw forbidden;
      },
      lookup: (_host, _options, done) => done(forbidden, '', 4),
    };
    const denied = { name: 'ProviderError', failure: 'denied', message: 'loopback' };
    await expect(get(endpoint(`http://127.0.0.1:${port}`, { guard }))).rejects.toMatchObject(denied);
    await expect(get(endpoint(`http://ns1.example.com:${port}`, { guard }))).rejects.toMatchObject(denied);
    expect(requests).toBe(1);
  });

  it('trusts the authority of caSecret, and names it when the certificate is not trusted', async () => {
    const authority = await createTestAuthority('API CA');
    const leaf = await authority.issue(['ns1.example.com']);
    const port = await listen(
      createHttps({ key: leaf.key, cert: leaf.cert }, (_request, response) => void response.end('{}')),
    );
    const url = `https://ns1.example.com:${port}`;
    expect(await get(endpoint(url, { ca: authority.ca }))).toMatchObject({ status: 200 });
    const untrusted = { failure: 'transient', fix: containing('caSecret') };
    await expect(patch(endpoint(url))).rejects.toMatchObject(untrusted);
    const other = `https://other.example.com:${port}`;
    await expect(get(endpoint(other, { ca: authority.ca }))).rejects.toMatchObject(untrusted);
  });

  it('tells a change that may have been made from one that was never sent', async () => {
    const port = await listen(
      createTcp((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', () => socket.destroy());
      }),
    );
    const at = endpoint(`http://127.0.0.1:${port}`);
    await expect(patch(at)).rejects.toMatchObject({ failure: 'ambiguous' });
    await expect(get(at)).rejects.toMatchObject({ failure: 'transient' });
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    await expect(patch(at)).rejects.toMatchObject({ failure: 'transient' });
  });

  it('ends at once when it is told to', async () => {
    const port = await listen(createTcp((socket) => void socket.on('error', () => undefined)));
    const controller = new AbortController();
    const asking = requestApi(
      endpoint(`http://127.0.0.1:${port}`),
      'GET',
      '/x',
      undefined,
      controller.signal,
    );
    controller.abort();
    await expect(asking).rejects.toMatchObject({ failure: 'transient' });
  });
});
