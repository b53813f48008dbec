import { once } from 'node:events';
import { ClientRequest } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { expect } from 'vitest';
import { until } from '../../support/until.ts';
import type { Behaviours, Show } from './behaviour.ts';
import { echoOf, type Site } from './world.ts';

const NO_LIMIT_MS = 10_000;
/** Buffers of the sockets on both sides, and no more: what lies between writer and reader is the gateway's and the kernel's. */
const HELD_OCTETS = 30_000_000;

/** Waits until `value` is above zero and stands. */
async function standing(what: string, value: () => number): Promise<number> {
  let before = -1;
  await until(
    what,
    async () => {
      const still = value() > 0 && value() === before;
      before = value();
      return still;
    },
    NO_LIMIT_MS,
    100,
  );
  return before;
}

/** Reads until `wanted` is there. */
async function read(from: Readable, wanted: string): Promise<void> {
  let text = '';
  from.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await until(`"${wanted}"`, async () => text.endsWith(wanted), NO_LIMIT_MS, 2).catch((error: unknown) => {
    throw new Error(`${String(error)}; there was "${text}"`);
  });
  from.removeAllListeners('data');
}

const trailers: Show = async (world) => {
  const headers = { 'x-do': 'trailers', te: 'trailers' };
  expect((await world.ask('streams', { headers })).trailers).toMatchObject({ 'x-sum': '42' });
};

const both: Show = async (world) => {
  await world.each(async (site) => {
    const exchange = site.open('streams', { method: 'POST', headers: { 'x-do': 'duplex' } });
    exchange.out.on('error', () => {});
    try {
      exchange.out.write('one');
      const { status, body } = await exchange.answer;
      expect(status).toBe(200);
      await read(body, '>one');
      exchange.out.write('two');
      await read(body, '>two');
      exchange.out.end();
      await read(body, '.');
    } finally {
      exchange.close();
    }
  });
};

const clientGone: Show = async (world) => {
  await world.each(async ({ open, trace }) => {
    const exchange = open('streams', { method: 'POST', headers: { 'x-do': 'hang' } });
    exchange.out.on('error', () => {});
    exchange.out.write('x');
    await until('the request at the backend', async () => trace.arrived === 1, NO_LIMIT_MS, 5);
    expect(trace.broken).toBe(false);
    exchange.cancel();
    await until('the backend to hear of it', async () => trace.broken, NO_LIMIT_MS, 5);
    exchange.close();
  });
};

/** How an answer that has begun ends: whole, or broken off. */
async function endOf({ open }: Site, headers: Readonly<Record<string, string>>): Promise<'whole' | 'broken'> {
  const exchange = open('streams', { headers });
  exchange.out.on('error', () => {});
  exchange.out.end();
  try {
    const { body } = await exchange.answer;
    body.resume();
    await once(body, 'end');
    return 'complete' in body && body.complete === false ? 'broken' : 'whole';
  } catch {
    return 'broken';
  } finally {
    exchange.close();
  }
}

const brokenOff: Show = async (world) => {
  expect(await world.each((site) => endOf(site, { 'x-do': 'broken' }))).toBe('broken');
  expect(await world.each((site) => endOf(site, { 'x-do': 'big' }))).toBe('whole');
};

const slowReader: Show = async (world) => {
  await world.each(async ({ open, trace }) => {
    const exchange = open('streams', { headers: { 'x-do': 'flood' } });
    exchange.out.on('error', () => {});
    exchange.out.end();
    try {
      const { body } = await exchange.answer;
      const written = await standing('the backend to wait', () => trace.written);
      expect(written).toBeLessThan(HELD_OCTETS);
      // It was the reader that it waited for.
      body.on('error', () => {});
      body.resume();
      await until('the backend to go on', async () => trace.written > written, NO_LIMIT_MS, 5);
    } finally {
      exchange.close();
    }
    await until('the backend to hear of the end', async () => trace.broken, NO_LIMIT_MS, 5);
  });
};

/** Writes for as long as somebody takes it. @returns octets so far */
function fill(out: Writable): () => number {
  const chunk = Buffer.alloc(65_536, 'x');
  let given = 0;
  out.on('error', () => {});
  const more = (): void => {
    for (let full = false; !full && !out.destroyed; given += chunk.length) full = !out.write(chunk);
  };
  out.on('drain', more);
  more();
  return () => given;
}

const slowBackend: Show = async (world) => {
  await world.each(async ({ open, trace }) => {
    const exchange = open('streams', { method: 'POST', headers: { 'x-do': 'hang' } });
    try {
      const given = await standing('the client to wait', fill(exchange.out));
      expect(trace.arrived).toBe(1);
      expect(given).toBeLessThan(HELD_OCTETS);
    } finally {
      exchange.close();
    }
  });
};

const backendGone: Show = async (world) => {
  // Whether it is an end or a reset that the gateway sees of it is the system's choice, and the detail of the refusal says which.
  const code = await world.each(async ({ ask }) => {
    const { body, headers } = await ask('streams', {
      headers: { 'x-do': 'gone' },
      method: 'POST',
      body: 'x',
    });
    if (world.protocol === 'gRPC')
      return `${String(headers['grpc-status'])} ${String(headers['grpc-message']).split(':')[0]}`;
    const problem: unknown = JSON.parse(body);
    expect(problem).toMatchObject({ status: 502, code: 'BACKEND_BROKEN' });
    return 'BACKEND_BROKEN';
  });
  expect(code).toBe(world.protocol === 'gRPC' ? '14 BACKEND_BROKEN' : 'BACKEND_BROKEN');
};

const bodies: Show = async (world) => {
  const body = 'z'.repeat(200_000);
  for (const streamed of [false, true])
    expect(echoOf(await world.ask('streams', { method: 'PUT', body, streamed })).body).toBe(body);
  expect((await world.ask('streams', { headers: { 'x-do': 'big' } })).body).toHaveLength(300_000);
};

export const STREAMING: Behaviours = {
  'stream.bodies': {
    title: 'passes large bodies both ways, with and without a length',
    http: bodies,
    grpc: async (world) => {
      const body = 'z'.repeat(200_000);
      expect(echoOf(await world.ask('streams', { body })).body).toBe(body);
      expect((await world.ask('streams', { headers: { 'x-do': 'big' } })).body).toHaveLength(300_000);
    },
  },
  'stream.both': { title: 'streams both ways at once', http: both, grpc: both },
  'stream.trailers': {
    title: 'passes trailers to those who take them',
    http: async (world) => {
      await trailers(world);
      expect((await world.ask('streams', { headers: { 'x-do': 'trailers' } })).trailers).toEqual({});
    },
    grpc: async (world) => {
      await trailers(world);
      expect((await world.ask('streams')).trailers).toMatchObject({
        'grpc-status': '0',
        'grpc-message': 'fine',
      });
      const failed = await world.ask('streams', { headers: { 'x-do': 'fail' } });
      expect(failed.headers).toMatchObject({ 'grpc-status': '5', 'grpc-message': 'no such order' });
    },
  },
  'stream.clientGone': {
    title: 'tells the backend of a client that went away',
    http: clientGone,
    grpc: clientGone,
  },
  'stream.brokenOff': {
    title: 'shows an answer that broke off as broken off',
    http: brokenOff,
    grpc: brokenOff,
  },
  'stream.backendGone': {
    title: 'answers for a backend that goes away without a word',
    http: backendGone,
    grpc: backendGone,
  },
  'stream.slowReader': {
    title: 'makes the backend wait for a client that does not read',
    http: slowReader,
    grpc: slowReader,
  },
  'stream.slowBackend': {
    title: 'makes the client wait for a backend that does not read',
    http: slowBackend,
    grpc: slowBackend,
  },
  'http.head': {
    title: 'answers HEAD with fields and no body',
    http: async (world) => {
      const answer = await world.ask('plain', { method: 'HEAD' });
      expect(answer).toMatchObject({ status: 200, body: '' });
      expect(answer.headers['content-type']).toBe('application/json');
    },
    grpc: 'Every call of gRPC is a POST.',
  },
  'http.informational': {
    title: 'passes early hints, and lets clients continue',
    http: async (world) => {
      const hints = await world.ask('plain', { headers: { 'x-do': 'hints' } });
      expect(hints).toMatchObject({ status: 200, informational: [103] });
      await world.each(async ({ open }) => {
        const exchange = open('plain', {
          method: 'POST',
          headers: { expect: '100-continue', 'content-length': '5' },
        });
        exchange.out.on('error', () => {});
        if (exchange.out instanceof ClientRequest) exchange.out.flushHeaders();
        try {
          await until('100', async () => exchange.informational.includes(100), NO_LIMIT_MS, 5);
          exchange.out.end('hello');
          const { status, body } = await exchange.answer;
          body.resume();
          expect(status).toBe(200);
        } finally {
          exchange.close();
        }
      });
    },
    grpc: 'gRPC has no informational answers.',
  },
  'http.websocket': {
    title: 'carries WebSockets',
    http: async (world) => {
      await world.each(({ upgrade }) => upgrade('streams', 'ping through the gateway'));
    },
    http2: async (world) => {
      await world.each(async ({ open }) => {
        const exchange = open('streams', {
          method: 'CONNECT',
          headers: { ':protocol': 'websocket', ':scheme': 'https', 'sec-websocket-version': '13' },
        });
        exchange.out.on('error', () => {});
        try {
          const { status, body } = await exchange.answer;
          expect(status).toBe(200);
          exchange.out.write('ping');
          await read(body, 'ping');
        } finally {
          exchange.close();
        }
      });
    },
    grpc: 'A WebSocket is no call of gRPC.',
  },
};
