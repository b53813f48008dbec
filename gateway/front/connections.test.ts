import { createHash } from 'node:crypto';
import http from 'node:http';
import http2 from 'node:http2';
import net, { type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CompiledEdge, GatewayPart } from '../../src/policy/model.ts';
import { NO_GATEWAY, NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { type TestCertificate, testAuthority } from '../../test/support/certificates.ts';
import { until } from '../../test/support/until.ts';
import { ask, RawClient } from '../testing/clients.ts';
import {
  EDGE,
  matchOf,
  type PartChanges,
  partOf,
  type RunningGateway,
  ruleOf,
  startGateway,
} from '../testing/gateway-fixture.ts';

const held: http.ServerResponse[] = [];
let lastHeaders: http.IncomingHttpHeaders = {};
let begun = 0;

const backend = http.createServer((req, res) => {
  begun += 1;
  lastHeaders = req.headers;
  req.resume();
  if (req.url === '/hold') held.push(res);
  else req.on('end', () => res.end('ok'));
});
backend.on('upgrade', (req, socket: Duplex) => {
  const accept = createHash('sha1')
    .update(`${req.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  socket.on('error', () => {});
  if (req.url === '/no') {
    socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
    return;
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
  );
  socket.on('data', (chunk: Buffer) => socket.write(`echo ${chunk.toString()}`));
  socket.on('end', () => socket.end());
});

let port = 0;
let certificates: Record<'api' | 'shop', TestCertificate>;
let caPem = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  port = (backend.address() as AddressInfo).port;
  const authority = await testAuthority();
  caPem = authority.certificatePem;
  certificates = {
    api: await authority.issue({ dns: ['api.example'] }),
    shop: await authority.issue({ dns: ['shop.example'] }),
  };
});

afterAll(() => {
  backend.closeAllConnections();
  backend.close();
});

const limits = (changes: Partial<CompiledEdge['limits']>): Pick<CompiledEdge, 'limits'> => ({
  limits: { ...EDGE.limits, ...changes },
});
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

async function answered(client: RawClient, pattern: RegExp): Promise<void> {
  await until(
    `${pattern} in ${JSON.stringify(client.text)}`,
    async () => pattern.test(client.text),
    20_000,
    5,
  );
}

describe('PROXY protocol', () => {
  const proxied = (mode: 'accept' | 'require', trustedProxies: readonly string[]): PartChanges => ({
    edge: { clientAddress: { proxyProtocol: mode, trustedProxies } },
  });
  const v2 = Buffer.concat([
    Buffer.from('0d0a0d0a000d0a515549540a2111000ccb007107c0000201', 'hex'),
    Buffer.from([0x1f, 0x90, 0x00, 0x50]),
  ]);

  test.each([
    ['v1', Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 8080 80\r\n')],
    ['v2', v2],
  ])('%s says who the client is, also octet by octet', async (_version, header) => {
    await using gateway = await startGateway(partOf(port, proxied('require', ['127.0.0.1'])));
    const client = new RawClient(gateway.port());
    client.socket.setNoDelay(true);
    for (const octet of header) {
      client.socket.write(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n');
    await answered(client, /ok$/);
    // The load balancer passes octets on: it does not vouch for what the client wrote in them.
    expect(lastHeaders['x-forwarded-for']).toBe('203.0.113.7');
    expect(gateway.records[0]?.request?.source).toEqual({
      address: '203.0.113.7',
      port: 8080,
      peer: '127.0.0.1',
      trusted: false,
    });
    client.socket.destroy();
  });

  test('is HTTP/2 too', async () => {
    await using gateway = await startGateway(partOf(port, proxied('require', ['127.0.0.1'])));
    const socket = net.connect(gateway.port(), '127.0.0.1');
    socket.write('PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n');
    const client = http2.connect('http://a.example', { createConnection: () => socket });
    const stream = client.request({ ':path': '/' });
    const status = await new Promise((resolve) => stream.on('response', (head) => resolve(head[':status'])));
    expect(status).toBe(200);
    expect(lastHeaders['x-forwarded-for']).toBe('2001:db8::1');
    client.destroy();
  });

  test('nobody else may say who the client is', async () => {
    await using gateway = await startGateway(partOf(port, proxied('accept', ['192.0.2.1'])));
    const client = new RawClient(gateway.port(), `PROXY TCP4 203.0.113.7 192.0.2.1 8080 80\r\n${GET}`);
    await answered(client, /^HTTP\/1\.1 400/);
    expect((await ask('HTTP/1.1', gateway.port())).status).toBe(200);
  });

  test.each([
    ['missing', GET],
    ['cut', 'PROXY TCP4 203.0.113.7\r\n'],
    ['of another family', `PROXY TCP6 203.0.113.7 192.0.2.1 1 2\r\n${GET}`],
    ['endless', `PROXY ${'x'.repeat(200)}`],
  ])('where it is demanded, a connection whose header is %s is closed', async (_what, octets) => {
    await using gateway = await startGateway(partOf(port, proxied('require', ['127.0.0.1'])));
    const client = new RawClient(gateway.port(), octets);
    await until('the end', async () => client.closed, 20_000, 5);
    expect(client.text).toBe('');
  });
});

describe('I26 slow clients', () => {
  test('heads that trickle in are ended in time, and good clients are served meanwhile', async () => {
    await using gateway = await startGateway(partOf(port, { edge: limits({ headerTimeoutMs: 300 }) }));
    const slow = Array.from(
      { length: 50 },
      () => new RawClient(gateway.port(), 'GET / HTTP/1.1\r\nHost: a\r\nX'),
    );
    const preface = new RawClient(gateway.port(), 'PRI * HTT');
    const trickle = setInterval(() => {
      for (const { socket } of slow) if (!socket.destroyed) socket.write('x');
    }, 100);
    try {
      for (let round = 0; round < 10; round += 1)
        expect((await ask('HTTP/1.1', gateway.port())).status).toBe(200);
      await until('their end', async () => [preface, ...slow].every(({ closed }) => closed), 20_000);
    } finally {
      clearInterval(trickle);
    }
    expect(slow[0]?.text).toMatch(/^HTTP\/1\.1 408 /);
    expect(preface.text).toBe('');
  });

  test('a connection that brings no further request is closed, one whose answer is not there yet is not', async () => {
    await using gateway = await startGateway(partOf(port, { edge: limits({ keepAliveTimeoutMs: 200 }) }));
    const rests = new RawClient(gateway.port(), GET);
    const waits = new RawClient(gateway.port(), 'GET /hold HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('its end', async () => rests.closed, 20_000);
    expect(rests.text).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok$/);
    expect(waits.closed).toBe(false);
    held.pop()?.end('held');
    await answered(waits, /held$/);
    await until('its end too', async () => waits.closed, 20_000);
  });

  test('a body that stops arriving is ended, one that goes on slowly is not', async () => {
    await using gateway = await startGateway(partOf(port, { edge: limits({ bodyIdleTimeoutMs: 1500 }) }));
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n1';
    const stuck = new RawClient(gateway.port(), head);
    const slow = new RawClient(gateway.port(), head);
    const trickle = setInterval(() => slow.socket.write('2'), 300);
    try {
      await answered(stuck, /^HTTP\/1\.1 408 /);
      await answered(slow, /^HTTP\/1\.1 200 /);
    } finally {
      clearInterval(trickle);
    }
    expect(gateway.records.map(({ status }) => status)).toEqual([408, 200]);
    for (const { socket } of [stuck, slow]) socket.destroy();
  });

  test('more connections than allowed are closed at once', async () => {
    await using gateway = await startGateway(partOf(port, { edge: limits({ maxConnections: 2 }) }));
    const first = new RawClient(gateway.port(), GET);
    const second = new RawClient(gateway.port(), GET);
    await answered(first, /ok$/);
    await answered(second, /ok$/);
    const third = new RawClient(gateway.port(), GET);
    await until('its end', async () => third.closed, 20_000, 5);
    expect(third.text).toBe('');
    first.socket.write(GET);
    await answered(first, /ok[\s\S]*ok$/);
    for (const { socket } of [first, second]) socket.destroy();
  });

  test('a client that has closed its half is not waited for', async () => {
    await using gateway = await startGateway(partOf(port));
    const before = begun;
    const client = new RawClient(gateway.port(), 'GET /hold HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('the request', async () => begun > before, 20_000, 5);
    client.socket.end();
    await until('its record', async () => gateway.records.length === 1, 20_000, 5);
    expect(gateway.records[0]).toMatchObject({ status: 499, code: 'CLIENT_GONE' });
  });
});

describe('I26 HTTP/2 in bad faith', () => {
  test('what follows a request that is refused for its framing has no answer of its own', async () => {
    await using gateway = await startGateway(partOf(port));
    const refused = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n';
    const client = new RawClient(gateway.port(), refused);
    await until('it is closed', () => Promise.resolve(client.closed), 5000, 5);
    expect(client.text.match(/HTTP\/1\.1 400 /g)).toHaveLength(1);
  });

  test('empty lines now and then do not keep a connection that asks for nothing', async () => {
    const edge = limits({ keepAliveTimeoutMs: 300, headerTimeoutMs: 500 });
    await using gateway = await startGateway(partOf(port, { edge }));
    const client = new RawClient(gateway.port(), GET);
    const dripping = setInterval(() => client.socket.write('\r\n'), 50);
    try {
      await until('the answer is there', () => Promise.resolve(client.text.includes('200 OK')), 5000, 5);
      const { tookMs } = await until('it is closed', () => Promise.resolve(client.closed), 20_000, 10);
      expect(tookMs, 'not while it may ask again').toBeGreaterThan(250);
    } finally {
      clearInterval(dripping);
      client.socket.destroy();
    }
  });

  test('a client that opens and resets streams rapidly loses its connection; others notice nothing', async () => {
    await using gateway = await startGateway(partOf(port));
    const good = http2.connect(`http://127.0.0.1:${gateway.port()}`);
    const bad = http2.connect(`http://127.0.0.1:${gateway.port()}`);
    let ended = false;
    bad.on('error', () => {});
    bad.on('goaway', () => {
      ended = true;
    });
    bad.on('close', () => {
      ended = true;
    });
    await new Promise<void>((resolve) => bad.on('connect', () => resolve()));
    const before = begun;
    let opened = 0;
    while (!ended && opened < 5000) {
      for (let burst = 0; burst < 50 && !ended; burst += 1) {
        opened += 1;
        const stream = bad.request({ ':path': '/hold', ':authority': 'a' });
        stream.on('error', () => {});
        stream.close(http2.constants.NGHTTP2_CANCEL);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('its end', async () => ended, 20_000, 5);
    expect(opened).toBeLessThan(2000);
    // A reset stream costs the backend little more than nothing.
    expect(begun - before).toBeLessThan(1000);
    const status = await new Promise((resolve, reject) => {
      const stream = good.request({ ':path': '/', ':authority': 'a' });
      stream.on('response', (head) => resolve(head[':status']));
      stream.on('error', reject);
    });
    expect(status).toBe(200);
    good.destroy();
    bad.destroy();
  });

  test('a client that never takes an answer, however small, does not hold its stream for ever', async () => {
    await using gateway = await startGateway(partOf(port, { edge: limits({ bodyIdleTimeoutMs: 300 }) }));
    const client = http2.connect(`http://127.0.0.1:${gateway.port()}`, {
      settings: { initialWindowSize: 0 },
    });
    client.on('error', () => {});
    const stream = client.request({ ':path': '/', ':authority': 'a' });
    stream.on('error', () => {});
    await until('its record', async () => gateway.records.length === 1, 20_000);
    expect(gateway.records[0]).toMatchObject({ status: 200, code: 'REQUEST_TIMEOUT' });
    client.destroy();
  });

  test('a connection that was silent while its request rested is closed as idle afterwards', async () => {
    await using gateway = await startGateway(partOf(port, { edge: limits({ keepAliveTimeoutMs: 200 }) }));
    const client = http2.connect(`http://127.0.0.1:${gateway.port()}`);
    let closed = false;
    client.on('close', () => {
      closed = true;
    });
    const stream = client.request({ ':path': '/hold', ':authority': 'a' });
    stream.resume();
    await until('the request', async () => held.length > 0, 20_000, 5);
    const since = performance.now();
    await until('some silence', async () => performance.now() - since > 700, 20_000, 20);
    expect(closed).toBe(false);
    held.pop()?.end('held');
    await until('its end', async () => closed, 20_000, 20);
  });

  test('a head that is begun and never ended does not hold its connection for ever', async () => {
    await using gateway = await startGateway(partOf(port, { edge: limits({ keepAliveTimeoutMs: 200 }) }));
    // The preface, SETTINGS, and HEADERS of `:method: GET` without END_HEADERS.
    const client = new RawClient(
      gateway.port(),
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\0\0\0\0\x01\x82',
    );
    await until('its end', async () => client.closed, 20_000);
  });

  test('streams beyond the limit wait or are refused, never served at once', async () => {
    await using gateway = await startGateway(partOf(port, { edge: limits({ maxConcurrentStreams: 3 }) }));
    const client = http2.connect(`http://127.0.0.1:${gateway.port()}`);
    await new Promise<void>((resolve) => client.on('remoteSettings', () => resolve()));
    expect(client.remoteSettings.maxConcurrentStreams).toBe(3);
    client.destroy();
  });
});

describe('WebSocket', () => {
  test('octets pass both ways after an upgrade of HTTP/1.1', async () => {
    await using gateway = await startGateway(partOf(port));
    const client = new RawClient(
      gateway.port(),
      'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nearly',
    );
    await answered(client, /^HTTP\/1\.1 101 [\s\S]*s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=[\s\S]*echo early$/);
    client.socket.write('later');
    await answered(client, /echo later$/);
    client.socket.end();
    await until('its record', async () => gateway.records.length === 1, 20_000, 5);
    expect(gateway.records[0]).toMatchObject({ status: 101, code: '', received: 10, sent: 20 });
  });

  test('I26 an upgrade or CONNECT behind a request that is not answered yet never puts octets into its answer', async () => {
    await using gateway = await startGateway(partOf(port));
    const before = begun;
    const client = new RawClient(
      gateway.port(),
      'GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    await until('both requests', async () => begun === before + 2, 20_000, 5);
    held.pop()?.end('held');
    await answered(client, /^HTTP\/1\.1 200 [\s\S]*\r\n\r\nheldHTTP\/1\.1 200 [\s\S]*ok$/);
    client.socket.write('GET /hold HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('its end', async () => client.closed, 20_000, 5);
    expect(client.text).toMatch(/ok$/);
  });

  test('octets pass both ways in a stream of HTTP/2 (RFC 8441)', async () => {
    await using gateway = await startGateway(partOf(port));
    const client = http2.connect(`http://127.0.0.1:${gateway.port()}`);
    await new Promise<void>((resolve) => client.on('remoteSettings', () => resolve()));
    const stream = client.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/ws',
      ':authority': 'a',
      'sec-websocket-version': '13',
    });
    let text = '';
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const status = await new Promise((resolve) => stream.on('response', (head) => resolve(head[':status'])));
    expect(status).toBe(200);
    stream.write('hi');
    await until('the echo', async () => text === 'echo hi', 20_000, 5);
    stream.end();
    await until('its record', async () => gateway.records.length === 1, 20_000, 5);
    client.destroy();
  });

  test('I26 CONNECT for another protocol than WebSocket never gets to a backend', async () => {
    await using gateway = await startGateway(partOf(port));
    const client = http2.connect(`http://127.0.0.1:${gateway.port()}`);
    await new Promise<void>((resolve) => client.on('remoteSettings', () => resolve()));
    const stream = client.request({
      ':method': 'CONNECT',
      ':protocol': 'connect-udp',
      ':path': '/ws',
      ':authority': 'a',
    });
    const status = await new Promise((resolve) => stream.on('response', (head) => resolve(head[':status'])));
    expect(status).toBe(400);
    expect(gateway.records[0]).toMatchObject({ code: 'REQUEST_MALFORMED', backend: '' });
    client.destroy();
  });

  test('a backend that does not switch is heard', async () => {
    await using gateway = await startGateway(partOf(port));
    const client = new RawClient(
      gateway.port(),
      'GET /no HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n',
    );
    await answered(client, /^HTTP\/1\.1 403 [\s\S]*no$/);
    await until('the end', async () => client.closed, 20_000, 5);
  });

  test('other upgrades are ignored', async () => {
    await using gateway = await startGateway(partOf(port));
    const client = new RawClient(
      gateway.port(),
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    );
    await answered(client, /^HTTP\/1\.1 200 [\s\S]*ok$/);
    expect(lastHeaders.upgrade).toBeUndefined();
    client.socket.destroy();
  });
});

test('a client that asks whether to send its body is told so only when it may', async () => {
  await using gateway = await startGateway(
    partOf(port, {
      matches: [matchOf('all', { path: { type: 'prefix', value: '/ok' } })],
    }),
  );
  const head = (path: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`;
  const welcome = new RawClient(gateway.port(), head('/ok'));
  await answered(welcome, /^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  welcome.socket.write('hi');
  await answered(welcome, /HTTP\/1\.1 200 [\s\S]*ok$/);
  const refused = new RawClient(gateway.port(), head('/other'));
  await answered(refused, /^HTTP\/1\.1 404 /);
  for (const { socket } of [welcome, refused]) socket.destroy();
});

describe('TLS', () => {
  const secrets = (): typeof NO_GATEWAY_SECRETS => ({
    ...NO_GATEWAY_SECRETS,
    certificates: { 'default/api': certificates.api, 'default/shop': certificates.shop },
  });
  const listener = (name: 'api' | 'shop') => ({
    id: `default/gateway/${name}`,
    source: { kind: 'Gateway', name: 'default/gateway', sectionName: name },
    hostname: `${name}.example`,
    tls: { certificates: [`default/${name}`] },
    hosts: [{ hostname: `${name}.example`, matches: [matchOf(name)] }],
  });
  const part = (): GatewayPart =>
    partOf(port, {
      rules: [ruleOf('api'), ruleOf('shop')],
      ports: [{ port: 443, protocol: 'https', edge: 'edge', listeners: [listener('api'), listener('shop')] }],
    });

  test.each(['h2', 'http/1.1'])(
    '%s is spoken by ALPN, on the listener of the server name',
    async (protocol) => {
      await using gateway = await startGateway(part(), { secrets: secrets() });
      const socket = tls.connect({
        host: '127.0.0.1',
        port: gateway.port(443),
        servername: 'shop.example',
        ca: caPem,
        ALPNProtocols: [protocol],
      });
      await new Promise<void>((resolve, reject) => {
        socket.on('secureConnect', () => resolve());
        socket.on('error', reject);
      });
      expect(socket.alpnProtocol).toBe(protocol);
      let h2client: http2.ClientHttp2Session | undefined;
      const statusFor = async (host: string): Promise<number> => {
        if (protocol === 'h2') {
          h2client ??= http2.connect('https://shop.example', { createConnection: () => socket });
          const stream = h2client.request({ ':path': '/', ':authority': host });
          stream.resume();
          return new Promise((resolve) => stream.on('response', (head) => resolve(Number(head[':status']))));
        }
        let text = '';
        const gather = (chunk: Buffer): void => {
          text += chunk.toString();
        };
        socket.on('data', gather);
        socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        await until('an answer', async () => /(?:ok|\}\n)$/.test(text), 20_000, 5);
        socket.off('data', gather);
        return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
      };
      expect(await statusFor('shop.example')).toBe(200);
      expect(lastHeaders['x-forwarded-proto']).toBe('https');
      // Its certificate is another one: the client must look at that first (RFC 9110 §15.5.20).
      expect(await statusFor('api.example')).toBe(421);
      expect(gateway.records.map(({ rule, code }) => `${rule} ${code}`)).toEqual(['shop ', ' MISDIRECTED']);
      expect(gateway.records[0]?.request?.tls).toMatchObject({ serverName: 'shop.example' });
      h2client?.destroy();
      socket.destroy();
    },
  );

  test('a host that demands client certificates is not reached without its server name, nor by older connections', async () => {
    const withCa = (asked: boolean): GatewayPart => {
      const shop = listener('shop');
      const clientCa = { bundles: ['default/ca/ca.crt'], mode: 'require' as const };
      const guarded = { ...shop, tls: asked ? { ...shop.tls, clientCa } : shop.tls };
      return partOf(port, {
        rules: [ruleOf('api'), ruleOf('shop')],
        ports: [{ port: 443, protocol: 'https', edge: 'edge', listeners: [listener('api'), guarded] }],
      });
    };
    const known = { ...secrets(), bundles: { 'default/ca/ca.crt': caPem } };
    await using gateway = await startGateway(withCa(true), { secrets: known });
    const open = async (servername: string): Promise<tls.TLSSocket> => {
      const socket = tls.connect({
        host: '127.0.0.1',
        port: gateway.port(443),
        servername,
        ca: caPem,
        checkServerIdentity: () => undefined,
      });
      socket.on('error', () => {});
      await new Promise<void>((resolve) => socket.on('secureConnect', () => resolve()));
      return socket;
    };
    const statusOn = async (socket: tls.TLSSocket, host: string): Promise<string> => {
      const answer = new Promise<string>((resolve) => {
        socket.once('data', (chunk: Buffer) => resolve(chunk.toString().slice(9, 12)));
      });
      socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      return answer;
    };
    const unnamed = await open('');
    expect(await statusOn(unnamed, 'api.example')).toBe('200');
    expect(await statusOn(unnamed, 'shop.example')).toBe('421');
    await gateway.server.serve(withCa(false), known);
    const early = await open('shop.example');
    expect(await statusOn(early, 'shop.example')).toBe('200');
    await gateway.server.serve(withCa(true), known);
    expect(await statusOn(early, 'shop.example')).toBe('421');
    early.destroy();
    unnamed.destroy();
  });

  test('TLS that is not terminated goes to the backend of its server name', async () => {
    const inner = tls.createServer(
      { cert: certificates.api.certificatePem, key: certificates.api.keyPem },
      (socket) => {
        socket.on('error', () => {});
        socket.end('from inside');
      },
    );
    await new Promise<void>((resolve) => inner.listen(0, '127.0.0.1', resolve));
    const { port: innerPort } = inner.address() as AddressInfo;
    const passed: GatewayPart = partOf(innerPort, {
      ports: [
        {
          port: 443,
          protocol: 'tls',
          edge: 'edge',
          listeners: [
            {
              id: 'default/gateway/tls',
              source: { kind: 'Gateway', name: 'default/gateway' },
              hosts: [
                {
                  hostname: 'api.example',
                  matches: [],
                  passthrough: [{ backend: 'service', weight: 1, filters: [] }],
                },
              ],
            },
          ],
        },
      ],
    });
    await using gateway = await startGateway(passed);
    const through = (servername: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = tls.connect({ host: '127.0.0.1', port: gateway.port(443), servername, ca: caPem });
        let text = '';
        socket.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        socket.on('error', (error: Error) => resolve(error.message));
        socket.on('end', () => resolve(text));
      });
    expect(await through('api.example')).toBe('from inside');
    expect(await through('shop.example')).not.toContain('from inside');
    inner.close();
  });
});

describe('ports', () => {
  test('come and go with the configuration, and those that stay keep their connections', async () => {
    const two = partOf(port);
    const [only] = two.ports;
    if (only === undefined) throw new Error('a part without ports');
    const both = { ...two, ports: [only, { ...only, port: 81 }] };
    await using gateway = await startGateway(two);
    const kept = new RawClient(gateway.port(), GET);
    await answered(kept, /ok$/);
    expect((await gateway.server.serve(both, NO_GATEWAY_SECRETS)).size).toBe(0);
    expect((await ask('HTTP/1.1', gateway.port(81))).status).toBe(200);
    kept.socket.write(GET);
    await answered(kept, /ok[\s\S]*ok$/);
    const gone = gateway.port(81);
    await gateway.server.serve(two, NO_GATEWAY_SECRETS);
    await expect(ask('HTTP/1.1', gone)).rejects.toThrow(/ECONNREFUSED|ECONNRESET|socket hang up/);
    expect(kept.closed).toBe(false);
    await gateway.server.serve(NO_GATEWAY, NO_GATEWAY_SECRETS);
    await until('its end', async () => kept.closed, 20_000, 5);
    expect(gateway.server.bound).toEqual([]);
  });

  test('at the end requests may finish, and clients are told to go', async () => {
    const gateway: RunningGateway = await startGateway(partOf(port));
    const before = begun;
    const client = new RawClient(gateway.port(), 'GET /hold HTTP/1.1\r\nHost: a\r\n\r\n');
    const idle = new RawClient(gateway.port(), GET);
    await answered(idle, /ok$/);
    const session = http2.connect(`http://127.0.0.1:${gateway.port()}`);
    let goaway = false;
    session.on('goaway', () => {
      goaway = true;
    });
    const stream = session.request({ ':path': '/hold', ':authority': 'a' });
    const status = new Promise((resolve) => stream.on('response', (head) => resolve(head[':status'])));
    stream.resume();
    await until('the requests', async () => begun >= before + 3, 20_000, 5);
    const closing = gateway.server.close(10_000);
    await until('the idle one to end', async () => idle.closed, 20_000, 5);
    for (const res of held.splice(0)) res.end('late');
    await answered(client, /^HTTP\/1\.1 200 [\s\S]*connection: close[\s\S]*late$/i);
    expect(await status).toBe(200);
    await until('GOAWAY', async () => goaway, 20_000, 5);
    await closing;
    await expect(ask('HTTP/1.1', gateway.port())).rejects.toThrow();
    session.destroy();
  });

  test('what takes longer than the grace is cut', async () => {
    const gateway: RunningGateway = await startGateway(partOf(port));
    const before = begun;
    const client = new RawClient(gateway.port(), 'GET /hold HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('the request', async () => begun > before, 20_000, 5);
    await gateway.server.close(50);
    await until('the end', async () => client.closed, 20_000, 5);
    expect(client.text).toBe('');
    expect(gateway.records).toHaveLength(1);
  });
});

test('every request that began is recorded once, wherever its client breaks off', async () => {
  await using gateway = await startGateway(partOf(port));
  const request = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789';
  const whole = request.indexOf('\r\n\r\n') + 4;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: request.length }), fc.boolean(), async (cut, reset) => {
      const before = gateway.records.length;
      const client = new RawClient(gateway.port(), request.slice(0, cut));
      if (cut === request.length) await answered(client, /ok$/);
      else await until('it is sent', async () => client.socket.bytesWritten >= cut, 20_000, 1);
      // Its octets have arrived when those of a later connection were answered.
      await ask('HTTP/1.1', gateway.port());
      if (reset) client.socket.resetAndDestroy();
      else client.socket.destroy();
      await ask('HTTP/1.1', gateway.port());
      const expected = before + 2 + (cut >= whole ? 1 : 0);
      await until('the records', async () => gateway.records.length >= expected, 20_000, 1);
      // A head that was cut off may be told about, as what it is: no request.
      const more = gateway.records.slice(before).filter(({ request: known }) => known !== undefined);
      expect(more).toHaveLength(expected - before);
    }),
    { numRuns: 60 },
  );
});
