import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../test/support/until.ts';
import { ask } from './testing/clients.ts';
import { backendAt, EDGE, partOf, startGateway } from './testing/gateway-fixture.ts';

/** More than the gateway and the kernel hold of one answer. */
const BIG = Buffer.alloc(8_000_000, 'x');
let open = 0;
const backend = http.createServer((req, res) => {
  open += 1;
  res.on('close', () => {
    open -= 1;
  });
  res.end(req.url === '/big' ? BIG : 'small');
});
let port = 0;

beforeAll(async () => {
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  port = (backend.address() as AddressInfo).port;
});

afterAll(() => {
  backend.closeAllConnections();
  backend.close();
});

/** A client that asks and grants no window: nothing of an answer may be sent to it. */
class Refuser {
  readonly #client: http2.ClientHttp2Session;
  ended = 0;

  constructor(at: number, requests: number) {
    this.#client = http2.connect(`http://127.0.0.1:${at}`, { settings: { initialWindowSize: 0 } });
    this.#client.on('error', () => {});
    for (let n = 0; n < requests; n += 1) {
      const stream = this.#client.request({ ':path': '/big', ':authority': 'a.example' });
      stream.on('error', () => {});
      stream.on('close', () => {
        this.ended += 1;
      });
    }
  }

  close(): void {
    this.#client.destroy();
  }
}

const soon = (what: string, look: () => boolean, ms = 8000) =>
  until(what, () => Promise.resolve(look()), ms, 10);

test('I26 what is held of answers that nobody takes is bounded: those of the greediest connection are ended', async () => {
  const maxUntakenOctets = 1_000_000;
  await using gateway = await startGateway(partOf(port), { maxUntakenOctets });
  const at = gateway.port();
  const modest = new Refuser(at, 2);
  await soon('the modest one waits', () => open === 2);
  const greedy = new Refuser(at, 40);
  try {
    // At most 128 KiB of each, so that seven to fifteen fit.
    await soon('most of its answers are ended', () => greedy.ended >= 20 && open <= 18);
    expect(greedy.ended).toBeLessThan(40);
    expect(modest.ended, 'who holds little keeps it').toBe(0);
    // Small answers pass at any time.
    expect((await ask('HTTP/1.1', at)).body).toBe('small');
    expect((await ask('HTTP/2', at)).body).toBe('small');
  } finally {
    greedy.close();
    modest.close();
  }
  await soon('nothing is left', () => open === 0);
  // What was held is given back: a big answer passes whole.
  expect((await ask('HTTP/2', at, { path: '/big' })).body).toHaveLength(BIG.length);
});

test('I26 who holds many answers that it does not take keeps nobody else from the backend for long', async () => {
  const limits = { ...EDGE.limits, bodyIdleTimeoutMs: 300_000 };
  await using gateway = await startGateway(
    partOf(port, {
      edge: { limits },
      backends: { service: backendAt(port, { limits: { maxConnections: 16, maxPendingRequests: 100 } }) },
    }),
  );
  const refuser = new Refuser(gateway.port(), 16);
  try {
    await soon('all connections are held', () => open === 16);
    const begun = performance.now();
    expect((await ask('HTTP/1.1', gateway.port())).body).toBe('small');
    expect(performance.now() - begun).toBeLessThan(8000);
  } finally {
    refuser.close();
  }
}, 30_000);

test('I26 a connection to the backend that others wait for is not held for as long as one that nobody needs', async () => {
  const limits = { ...EDGE.limits, bodyIdleTimeoutMs: 300_000 };
  await using gateway = await startGateway(
    partOf(port, {
      edge: { limits },
      backends: { service: backendAt(port, { limits: { maxConnections: 2, maxPendingRequests: 10 } }) },
    }),
  );
  const refuser = new Refuser(gateway.port(), 2);
  try {
    await soon('both connections are held', () => open === 2);
    const answer = await ask('HTTP/1.1', gateway.port());
    expect(answer.body).toBe('small');
    await soon('its answers are ended', () => refuser.ended > 0);
  } finally {
    refuser.close();
  }
}, 30_000);
