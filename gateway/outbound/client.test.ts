import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../test/support/until.ts';
import { createOutboundClient, type OutboundClient, type OutboundOptions } from './client.ts';
import { OutboundFailure } from './failure.ts';

const LOOPBACK = ['127.0.0.0/8'];

describe('calls in the name of a policy', () => {
  const servers: Server[] = [];
  const clients: OutboundClient[] = [];
  const serve = async (listener: RequestListener): Promise<{ port: number; server: Server }> => {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { port: (server.address() as AddressInfo).port, server };
  };
  const clientOf = (options: Partial<OutboundOptions> = {}): OutboundClient => {
    const client = createOutboundClient({ allowedRanges: LOOPBACK, ...options });
    clients.push(client);
    return client;
  };
  const reasonOf = async (call: Promise<unknown>): Promise<string> => {
    const thrown: unknown = await call.then(
      () => 'it was answered',
      (error: unknown) => error,
    );
    return thrown instanceof OutboundFailure ? `${thrown.reason}: ${thrown.message}` : String(thrown);
  };
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  it('are answered with status and body, on a connection that is kept, without asking for compression', async () => {
    const encodings = new Set<unknown>();
    let connections = 0;
    const { port, server } = await serve((request, response) => {
      encodings.add(request.headers['accept-encoding']);
      response.writeHead(request.method === 'POST' ? 201 : 404).end(`{"to":"${request.url}"}`);
    });
    server.on('connection', () => (connections += 1));
    const client = clientOf();
    const url = `http://127.0.0.1:${port}/x?y=1`;
    expect(await client.call({ url, timeoutMs: 5_000 })).toMatchObject({
      status: 404,
      body: '{"to":"/x?y=1"}',
    });
    const posted = await client.call({ url, method: 'POST', body: '{}', timeoutMs: 5_000 });
    expect(posted.status).toBe(201);
    expect([...encodings]).toEqual(['identity']);
    expect(connections).toBe(1);
  });

  it.each([
    ['http://127.0.0.1/'],
    ['http://0x7f000001/'],
    ['http://2130706433/'],
    ['http://127.1/'],
    ['http://[::1]/'],
    ['http://[::ffff:127.0.0.1]/'],
    ['http://[::ffff:a9fe:a9fe]/'],
    ['http://169.254.169.254/latest/meta-data/'],
    ['http://[fd00:ec2::254]/'],
    ['http://100.100.100.200/'],
    ['http://0.0.0.0/'],
    ['http://user:secret@192.0.2.1/'],
    ['file:///etc/passwd'],
    ['gopher://192.0.2.1/'],
    ['http://'],
    ['//no-scheme'],
  ])('I32 %s is refused without a connection', async (url) => {
    expect(await reasonOf(clientOf({ allowedRanges: [] }).call({ url, timeoutMs: 500 }))).toMatch(
      /^forbidden: /,
    );
  });

  it.each([
    [['127.0.0.1'], '127.0.0.1'],
    [['169.254.169.254'], '169.254.169.254'],
    [['192.0.2.7', '169.254.169.254'], '169.254.169.254'],
    [['::ffff:10.0.0.1', '::1'], '::1'],
  ])('I32 a name with the addresses %j is refused', async (addresses, named) => {
    let asked = 0;
    const client = clientOf({
      allowedRanges: [],
      resolve: async () => {
        asked += 1;
        return addresses;
      },
    });
    const why = await reasonOf(client.call({ url: 'http://issuer.example/', timeoutMs: 2_000 }));
    expect(why).toContain(`forbidden: issuer.example resolves to ${named}`);
    expect(asked).toBe(1);
  });

  it('I32 a resolver that changes its mind is asked once: the judged address is the one that is called', async () => {
    const { port } = await serve((_request, response) => response.end('first'));
    let asked = 0;
    const client = clientOf({
      // 127.0.0.1 stands for a public address here; what comes second is forbidden.
      allowedRanges: ['127.0.0.1/32'],
      resolve: async () => {
        asked += 1;
        return asked === 1 ? ['127.0.0.1'] : ['169.254.169.254'];
      },
    });
    const url = `http://rebinding.example:${port}/`;
    expect((await client.call({ url, timeoutMs: 5_000 })).body).toBe('first');
    expect(asked).toBe(1);
    const other = clientOf({ allowedRanges: ['127.0.0.1/32'], resolve: async () => ['169.254.169.254'] });
    expect(await reasonOf(other.call({ url, timeoutMs: 2_000 }))).toContain('forbidden');
  });

  it.each([301, 302, 303, 307, 308])('I32 a redirect (%i) to metadata is not followed', async (status) => {
    let asked = 0;
    const { port } = await serve((_request, response) => {
      asked += 1;
      response.writeHead(status, { location: 'http://169.254.169.254/latest/meta-data/' }).end();
    });
    expect(await reasonOf(clientOf().call({ url: `http://127.0.0.1:${port}/`, timeoutMs: 5_000 }))).toContain(
      'redirected: 127.0.0.1 redirects',
    );
    expect(asked).toBe(1);
  });

  it('stop reading a body that never ends, and close its connection', async () => {
    const { port, server } = await serve((_request, response) => {
      const pump = (): void => {
        while (!response.destroyed && response.write('y'.repeat(16_384)));
        response.once('drain', pump);
      };
      pump();
    });
    const url = `http://127.0.0.1:${port}/`;
    expect(await reasonOf(clientOf().call({ url, timeoutMs: 5_000, maxBodyBytes: 100_000 }))).toBe(
      'limit: the answer of 127.0.0.1 is longer than 100000 octets',
    );
    await until(
      'closed',
      async () =>
        await new Promise<boolean>((resolve) => server.getConnections((_e, count) => resolve(count === 0))),
      20_000,
    );
  });

  it('have one deadline for everything, also for a body that trickles', async () => {
    const { port } = await serve((_request, response) => {
      const timer = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(timer));
    });
    const url = `http://127.0.0.1:${port}/`;
    expect(await reasonOf(clientOf().call({ url, timeoutMs: 200 }))).toContain('timeout: ');
    const silent = clientOf({ resolve: () => new Promise(() => undefined) });
    expect(await reasonOf(silent.call({ url: 'http://slow.example/', timeoutMs: 100 }))).toContain('timeout');
  });

  it('refuse an answer that is compressed all the same', async () => {
    const { port } = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('\x1f\x8b');
    });
    expect(await reasonOf(clientOf().call({ url: `http://127.0.0.1:${port}/`, timeoutMs: 5_000 }))).toContain(
      'limit',
    );
  });

  it('are bounded in number', async () => {
    const { port } = await serve(() => undefined);
    const client = clientOf({ maxCalls: 2 });
    const call = (): Promise<string> =>
      reasonOf(client.call({ url: `http://127.0.0.1:${port}/`, timeoutMs: 150 }));
    const reasons = await Promise.all([call(), call(), call()]);
    expect(reasons.map((r) => r.split(':')[0])).toEqual(['timeout', 'timeout', 'overloaded']);
    expect((await call()).split(':')[0]).toBe('timeout');
  });

  it('are made anew when a kept connection turns out to be closed', async () => {
    const { port, server } = await serve((_request, response) => response.end('ok'));
    const client = clientOf();
    const url = `http://127.0.0.1:${port}/`;
    await client.call({ url, timeoutMs: 5_000 });
    // The next request on this connection meets a reset.
    server.once('request', (request) => request.socket.resetAndDestroy());
    server.prependOnceListener('request', (request) => request.socket.resetAndDestroy());
    expect((await client.call({ url, timeoutMs: 5_000 })).body).toBe('ok');
  });

  it('say host and error code of a failure, and nothing of what was sent', async () => {
    const { port, server } = await serve(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const call = clientOf().call({
      url: `http://127.0.0.1:${port}/path?token=canary`,
      headers: { authorization: 'Bearer canary' },
      timeoutMs: 2_000,
    });
    expect(await reasonOf(call)).toBe('network: 127.0.0.1 cannot be called (ECONNREFUSED)');
    const header = clientOf().call({
      url: `http://127.0.0.1:${port}/`,
      headers: { x: 'canary\r\nInjected: 1' },
      timeoutMs: 2_000,
    });
    const why = await reasonOf(header);
    expect(why).toContain('network');
    expect(why).not.toContain('canary');
  });
});
