import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { readCounters } from './backends.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const read = (port: number, timeoutMs = 5_000) =>
  readCounters(
    { endpoint: 'a', address: '127.0.0.1', port, path: '/metrics', requests: 'requests', errors: 'errors' },
    timeoutMs,
  );

it('reads both counters; errors that were never counted are none', async () => {
  const port = await listen((_request, response) => response.end('requests{code="200"} 7\nrequests 1\n'));
  expect(await read(port)).toEqual({ requests: 8, errors: 0 });
});

it('I32 follows no redirect: the address that was admitted is the only one that is asked', async () => {
  let elsewhere = 0;
  const target = await listen((_request, response) => {
    elsewhere += 1;
    response.end('requests 1\n');
  });
  const port = await listen((_request, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:${target}/` });
    response.end('requests 1\n');
  });
  expect(await read(port)).toBeUndefined();
  expect(elsewhere).toBe(0);
});

it('stops reading a body that is larger than a mebibyte', async () => {
  let closed: () => void = () => undefined;
  const cut = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const port = await listen((_request, response) => {
    response.on('close', closed);
    const more = (): void => {
      while (response.write('requests 1\n'.repeat(10_000)));
      response.once('drain', more);
    };
    more();
  });
  expect(await read(port)).toBeUndefined();
  await cut;
});

it('gives up on an endpoint that is silent, dribbles, or is not there', async () => {
  const silent = await listen(() => undefined);
  expect(await read(silent, 50)).toBeUndefined();
  const dribbling = await listen((_request, response) => void response.write('requests 1\n'));
  expect(await read(dribbling, 50)).toBeUndefined();
  const gone = await listen(() => undefined);
  servers.pop()?.close();
  expect(await read(gone, 500)).toBeUndefined();
});
