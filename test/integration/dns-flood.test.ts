import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { askNameServer } from '../../nameserver/ask.ts';
import { parseName } from '../../src/dns/name.ts';
import { CLASS, EDNS_OPTION, TYPE } from '../../src/dns/types.ts';
import { encodeMessage, makeQuery } from '../../src/dns/wire/message.ts';
import { type NameServerProcess, startNameServerProcess } from '../support/name-server-process.ts';
import { seededRandom } from '../support/random.ts';
import { until } from '../support/until.ts';

/* What an attacker can do with one machine, against a name server in a process of its own whose memory is watched. */

const MIB = 1 << 20;
const ZONES = [
  {
    origin: 'example.test',
    serial: 1,
    nameServers: [{ name: 'ns.example.test', addresses: ['192.0.2.53'] }],
    soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
    ttlSeconds: 300,
    records: [
      { name: 'www', type: 'A', data: ['192.0.2.1'] },
      { name: '*.wild', type: 'A', data: ['192.0.2.2'] },
      { name: 'big', type: 'TXT', data: ['a', 'b', 'c', 'd', 'e'].map((l) => `"${l.repeat(200)}"`) },
      {
        name: 'huge',
        type: 'TXT',
        data: Array.from({ length: 250 }, (_, i) => `"${String(i).padStart(200, 'x')}"`),
      },
    ],
  },
];

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

async function start(settings: object = {}): Promise<NameServerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-flood-'));
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  const server = await startNameServerProcess(ZONES, folder, settings);
  cleanUp.push(() => server.stop());
  return server;
}

async function answers(server: NameServerProcess): Promise<void> {
  const question = {
    host: '127.0.0.1',
    port: server.port,
    name: parseName('www.example.test'),
    type: TYPE.A,
  };
  const reply = await askNameServer({ ...question, timeoutMs: 5000 });
  expect(reply.answers).toHaveLength(1);
}

/** Counts octets out and in, of floods from several addresses for a bounded time. */
async function flood(
  server: NameServerProcess,
  seconds: number,
  sources: readonly string[],
  make: (i: number) => Uint8Array,
): Promise<{
  readonly sent: number;
  readonly sentOctets: number;
  readonly got: number;
  readonly gotOctets: number;
}> {
  const sockets: UdpSocket[] = [];
  let got = 0;
  let gotOctets = 0;
  for (const source of sources) {
    const socket = createSocket({ type: 'udp4', recvBufferSize: MIB });
    socket.on('message', (bytes) => {
      got += 1;
      gotOctets += bytes.length;
    });
    await new Promise<void>((resolve) => socket.bind(0, source, resolve));
    sockets.push(socket);
  }
  let sent = 0;
  let sentOctets = 0;
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    for (const socket of sockets) {
      const bytes = make(sent);
      socket.send(bytes, server.port, '127.0.0.1');
      sent += 1;
      sentOctets += bytes.length;
      if (sent % 64 === 0) await nextTurn();
    }
  }
  let before = -1;
  const quiet = async (): Promise<boolean> => {
    const same = got === before;
    before = got;
    return same;
  };
  await until('the end of the answers', quiet, 10_000, 300);
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  return { sent, sentOctets, got, gotOctets };
}

describe('a flood of queries', () => {
  it('I24 of random names, subnets, cookies and sources takes bounded memory, and the server answers afterwards', async () => {
    const server = await start({ rateLimit: { exempt: [] } });
    const random = seededRandom(7);
    const below = (n: number): number => Math.floor(random() * n);
    const octets = (n: number): Uint8Array => Uint8Array.from({ length: n }, () => below(256));
    const names = ['www.example.test', 'big.example.test', 'x.wild.example.test', 'example.org'];
    const make = (i: number): Uint8Array => {
      const fixed = names[below(8)];
      const name = fixed ?? `${below(2 ** 31).toString(36)}.${below(2) === 0 ? 'wild.' : ''}example.test`;
      const subnet = Uint8Array.of(0, 1, 24, 0, below(256), below(256), below(256));
      const ednsOptions = [
        ...(below(2) === 0 ? [{ code: EDNS_OPTION.CLIENT_SUBNET, data: subnet }] : []),
        ...(below(2) === 0 ? [{ code: EDNS_OPTION.COOKIE, data: octets(below(2) === 0 ? 8 : 24) }] : []),
        ...(below(8) === 0 ? [{ code: below(65_536), data: octets(below(40)) }] : []),
      ];
      const type = [TYPE.A, TYPE.TXT, TYPE.ANY, TYPE.AAAA][below(4)] ?? TYPE.A;
      return encodeMessage(
        makeQuery(i & 0xffff, { name: parseName(name), type, class: CLASS.IN }, { ednsOptions }),
      );
    };
    const sources = Array.from({ length: 200 }, (_, i) => `127.${1 + (i % 100)}.${i}.1`);
    await flood(server, 2, sources, make); // the heap finds its size
    const before = await server.rss();
    const { sent, got } = await flood(server, 6, sources, make);
    const after = await server.rss();
    console.log(
      `flood: ${sent} queries, ${got} answers, ${Math.round((after - before) / 1024)} KiB more (${Math.round(after / MIB)} MiB)`,
    );
    expect(sent).toBeGreaterThan(3_000); // 30,000 and more on a machine that does nothing else
    expect(after - before).toBeLessThan(48 * MIB);
    await answers(server);
  });

  it('I24 from one network for a large record: many times less comes back with limits than without', async () => {
    const message = makeQuery(1, { name: parseName('big.example.test'), type: TYPE.TXT, class: CLASS.IN });
    const bytes = encodeMessage(message);
    const factor = async (mode: string): Promise<number> => {
      const server = await start({ rateLimit: { mode, exempt: [] } });
      const seen = await flood(server, 3, ['127.1.1.1'], () => bytes);
      console.log(`amplification with limits ${mode}: ${seen.sentOctets} octets in, ${seen.gotOctets} out`);
      return seen.gotOctets / seen.sentOctets;
    };
    const off = await factor('off');
    expect(off).toBeGreaterThan(5);
    // What passes in the first second is the same however fast the flood is, so a slow machine sees a larger share of it.
    expect(await factor('on')).toBeLessThan(off / 5);
  });
});

describe('many connections', () => {
  const open = async (server: NameServerProcess, count: number): Promise<readonly Socket[]> => {
    const sockets = Array.from({ length: count }, () => {
      const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true });
      socket.on('error', () => undefined);
      cleanUp.push(() => void socket.destroy());
      return socket;
    });
    await until('the connections', async () => sockets.every((s) => !s.connecting), 10_000);
    return sockets;
  };

  it('I24 with parts of frames, octet by octet: bounded memory, and UDP answers meanwhile', async () => {
    const server = await start();
    const sockets = await open(server, 900);
    const before = await server.rss();
    for (const socket of sockets) socket.write(Buffer.of(0xff, 0xff)); // announces 65,535 octets
    const end = performance.now() + 5000;
    let written = 0;
    while (performance.now() < end) {
      for (const socket of sockets) {
        if (!socket.destroyed && socket.writable) socket.write(Buffer.of(written & 0xff));
        written += 1;
        if (written % 256 === 0) await nextTurn();
      }
    }
    const after = await server.rss();
    console.log(`partial frames: ${written} octets apart, ${Math.round((after - before) / 1024)} KiB more`);
    expect(written).toBeGreaterThan(5_000);
    expect(after - before).toBeLessThan(96 * MIB);
    await answers(server);
  });

  it('I24 that ask for large answers and read none: bounded memory', async () => {
    const server = await start();
    const sockets = await open(server, 500);
    const before = await server.rss();
    const message = encodeMessage(
      makeQuery(1, { name: parseName('huge.example.test'), type: TYPE.TXT, class: CLASS.IN }),
    );
    const frame = Buffer.concat([Buffer.of(message.length >> 8, message.length & 0xff), message]);
    const many = Buffer.concat(Array.from({ length: 200 }, () => frame)); // 10 MB of answers each
    for (const socket of sockets) {
      socket.pause();
      socket.write(many);
    }
    let last = -1;
    let most = before;
    await until(
      'no further growth',
      async () => {
        const now = await server.rss();
        most = Math.max(most, now);
        const settled = Math.abs(now - last) < MIB;
        last = now;
        return settled;
      },
      20_000,
      500,
    );
    console.log(`unread answers: ${Math.round((most - before) / MIB)} MiB more`);
    expect(most - before).toBeLessThan(160 * MIB); // 500 × (64 KiB + one answer of 53 KB), and the kernel's buffers are its own
    await answers(server);
  });
});
