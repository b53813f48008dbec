import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import dnsPacket from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { parseRdata } from '../src/dns/records/catalogue.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { zoneSource } from '../src/dns/testing/zone-source.ts';
import { RCODE, TYPE } from '../src/dns/types.ts';
import { compileZoneOrThrow } from '../src/dns/zone.ts';
import { createNameServer, type NameServer, type NameServerOptions } from './server.ts';

const containing = (text: string): unknown => expect.stringContaining(text);

function tableWith(address: string): AnswerTable {
  const zone = compileZoneOrThrow(
    zoneSource({
      records: [
        { name: 'www', type: 'A', data: [address] },
        {
          name: 'big',
          type: 'TXT',
          data: Array.from({ length: 250 }, (_, i) => `"${String(i).padStart(200, 'x')}"`),
        },
      ],
      routed: [
        {
          name: parseName('api.example.test'),
          routed: {
            types: new Set([TYPE.A]),
            answer: ({ client }) => ({
              ttlSeconds: 20,
              ecsScope: 24,
              records: [parseRdata(TYPE.A, `198.51.100.${client.bytes[0]}`)],
            }),
          },
        },
        {
          name: parseName('broken.example.test'),
          routed: {
            types: new Set([TYPE.A]),
            answer: () => {
              throw new Error('a bug in routing');
            },
          },
        },
      ],
    }),
  );
  return new AnswerTable([zone]);
}

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

async function serve(
  options: Partial<NameServerOptions> = {},
): Promise<{ server: NameServer; port: number }> {
  const table = tableWith('192.0.2.1');
  const server = createNameServer({
    listen: [{ host: '127.0.0.1', port: 0 }],
    table: () => table,
    ...options,
  });
  const [bound] = await server.start();
  cleanUp.push(() => server.close());
  return { server, port: bound?.port ?? 0 };
}

const question = (name: string, type: dnsPacket.RecordType = 'A', id = 1): Buffer =>
  dnsPacket.encode({ type: 'query', id, questions: [{ name, type, class: 'IN' }] });

/** Sends datagrams and waits for the reply to the last one. */
function askUdp(
  port: number,
  datagrams: readonly Uint8Array[],
  host = '127.0.0.1',
): Promise<dnsPacket.DecodedPacket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  cleanUp.push(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  const last = datagrams.at(-1);
  return new Promise((resolve, reject) => {
    // The kernel may drop datagrams when its buffer is full; a client asks again.
    const again = setInterval(() => last !== undefined && socket.send(last, port, host), 2000);
    socket.on('close', () => clearInterval(again));
    socket.on('error', reject);
    socket.on('message', (bytes) => {
      if (last !== undefined && bytes.readUInt16BE(0) === Buffer.from(last).readUInt16BE(0))
        resolve(dnsPacket.decode(bytes));
    });
    for (const datagram of datagrams) socket.send(datagram, port, host);
  });
}

async function openTcp(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  cleanUp.push(() => void socket.destroy());
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** Collects framed messages until there are `count`. */
function framesOf(socket: Socket, count: number): Promise<readonly Buffer[]> {
  const frames: Buffer[] = [];
  let pending = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    socket.once('close', () => reject(new Error(`closed after ${frames.length} of ${count} answers`)));
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        frames.push(pending.subarray(2, 2 + pending.readUInt16BE(0)));
        pending = pending.subarray(2 + pending.readUInt16BE(0));
      }
      if (frames.length >= count) resolve(frames);
    });
  });
}

const framed = (message: Buffer): Buffer =>
  Buffer.concat([Buffer.of(message.length >> 8, message.length & 0xff), message]);
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));

describe('over UDP', () => {
  it('says SERVFAIL while it has nothing to answer from, and answers once it has', async () => {
    const table = tableWith('192.0.2.1');
    let ready = false;
    const { port } = await serve({ table: () => (ready ? table : undefined) });
    expect(await askUdp(port, [question('www.example.test')])).toMatchObject({ rcode: 'SERVFAIL' });
    ready = true;
    expect(await askUdp(port, [question('www.example.test', 'A', 2)])).toMatchObject({ rcode: 'NOERROR' });
  });

  it('answers', async () => {
    const { port } = await serve();
    const reply = await askUdp(port, [question('www.example.test')]);
    expect(reply.answers).toEqual([
      expect.objectContaining({ name: 'www.example.test', type: 'A', data: '192.0.2.1', ttl: 300 }),
    ]);
    expect(reply.flag_aa).toBe(true);
  });

  it('answers on IPv6', async () => {
    const { port } = await serve({ listen: [{ host: '::1', port: 0 }] });
    const reply = await askUdp(port, [question('www.example.test')], '::1');
    expect(reply.answers).toHaveLength(1);
  });

  it('truncates what TCP then gives in full', async () => {
    const { port, server } = await serve();
    const reply = await askUdp(port, [question('big.example.test', 'TXT')]);
    expect(reply).toMatchObject({ flag_tc: true, answers: [] });
    const socket = await openTcp(port);
    socket.write(framed(question('big.example.test', 'TXT')));
    const [frame] = await framesOf(socket, 1);
    expect(frame && dnsPacket.decode(frame).answers).toHaveLength(250);
    expect(server.stats().truncated).toBe(1);
  });

  it('I23 drops responses and scraps, answers FORMERR where a header can be read, and goes on', async () => {
    const { port, server } = await serve();
    const response = dnsPacket.encode({
      type: 'response',
      id: 9,
      questions: [{ name: 'www.example.test', type: 'A' }],
    });
    const scraps = [
      response,
      Buffer.from([1, 2, 3]),
      Buffer.alloc(0),
      Buffer.alloc(4000, 0xff),
      Buffer.alloc(11),
    ];
    const broken = question('www.example.test', 'A', 2).subarray(0, 20);
    expect(await askUdp(port, [...scraps, broken])).toMatchObject({ rcode: 'FORMERR', id: 2 });
    expect(await askUdp(port, [question('www.example.test', 'A', 3)])).toMatchObject({ rcode: 'NOERROR' });
    expect(server.stats().dropped.unanswerable).toBe(scraps.length);
  });

  it('I23 answers after ten thousand random datagrams', async () => {
    const { port } = await serve();
    let seed = 42;
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff;
      return seed >> 8;
    };
    for (let round = 0; round < 20; round += 1) {
      const noise = Array.from({ length: 500 }, () =>
        Uint8Array.from({ length: random() % 80 }, () => random() & 0xff),
      );
      const reply = await askUdp(port, [
        ...noise.filter((n) => n.length < 2 || n[0] !== 0x7e),
        question('www.example.test', 'A', 0x7e00 + round),
      ]);
      expect(reply).toMatchObject({ rcode: 'NOERROR' });
    }
  });

  it('answers SERVFAIL when routing fails, says why once, and counts it', async () => {
    const warnings: unknown[] = [];
    const { port, server } = await serve({ log: { warn: (details) => warnings.push(details.err) } });
    expect(await askUdp(port, [question('broken.example.test')])).toMatchObject({ rcode: 'SERVFAIL' });
    expect(await askUdp(port, [question('broken.example.test')])).toMatchObject({ rcode: 'SERVFAIL' });
    expect(warnings).toEqual([expect.objectContaining({ message: 'a bug in routing' })]);
    expect(server.stats().failures).toBe(2);
  });
});

it('I23 survives a mistake in what serves transfers', async () => {
  const { port } = await serve({
    transfers: () => {
      throw new Error('a bug');
    },
  });
  const query = question('example.test', 'A', 7);
  query.writeUInt16BE(TYPE.AXFR, query.length - 4);
  expect(await askUdp(port, [query])).toMatchObject({ rcode: 'SERVFAIL' });
  const socket = await openTcp(port);
  const replies = framesOf(socket, 1);
  socket.write(framed(query));
  const [reply] = await replies;
  expect((reply?.[3] ?? 0) & 15).toBe(RCODE.SERVFAIL);
});

describe('the answer table', () => {
  it('is read for each query, so a new one is served at once', async () => {
    let table = tableWith('192.0.2.1');
    const { port } = await serve({ table: () => table });
    expect((await askUdp(port, [question('www.example.test')])).answers).toMatchObject([
      { data: '192.0.2.1' },
    ]);
    table = tableWith('192.0.2.2');
    expect((await askUdp(port, [question('www.example.test')])).answers).toMatchObject([
      { data: '192.0.2.2' },
    ]);
  });
});

describe('a query', () => {
  it('with a client subnet is decided for that client', async () => {
    const { port } = await serve();
    const additionals: dnsPacket.Answer[] = [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 1232,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [
          {
            code: 8,
            type: 'CLIENT_SUBNET',
            family: 1,
            sourcePrefixLength: 24,
            scopePrefixLength: 0,
            ip: '203.0.113.0',
          },
        ],
      },
    ];
    const query = dnsPacket.encode({
      type: 'query',
      id: 5,
      questions: [{ name: 'api.example.test', type: 'A' }],
      additionals,
    });
    expect((await askUdp(port, [query])).answers).toMatchObject([{ data: '198.51.100.203' }]);
  });

  it('is counted by zone, code and transport', async () => {
    const { port, server } = await serve();
    await askUdp(port, [question('www.example.test')]);
    await askUdp(port, [question('nope.example.test')]);
    await askUdp(port, [question('www.example.net')]);
    const socket = await openTcp(port);
    socket.write(framed(question('www.example.test')));
    await framesOf(socket, 1);
    expect(server.stats().responses).toEqual([
      { zone: 'example.test.', transport: 'udp', rcode: 'NOERROR', count: 1 },
      { zone: 'example.test.', transport: 'udp', rcode: 'NXDOMAIN', count: 1 },
      { zone: '', transport: 'udp', rcode: 'REFUSED', count: 1 },
      { zone: 'example.test.', transport: 'tcp', rcode: 'NOERROR', count: 1 },
    ]);
    expect(server.stats().tcpConnections).toBe(1);
  });
});

describe('over TCP', () => {
  it('answers pipelined queries in order, however they are cut', async () => {
    const { port } = await serve();
    const socket = await openTcp(port);
    const stream = Buffer.concat(
      Array.from({ length: 20 }, (_, i) => framed(question('www.example.test', 'A', i))),
    );
    const replies = framesOf(socket, 20);
    for (let at = 0; at < stream.length; at += 7) {
      await new Promise<void>((resolve) => socket.write(stream.subarray(at, at + 7), () => resolve()));
    }
    expect((await replies).map((frame) => frame.readUInt16BE(0))).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
  });

  it('answers what a few connections have queued in small portions, so that others have their turn', async () => {
    const fixed = tableWith('192.0.2.1');
    let clock = 0;
    let inTurn = 0;
    let most = 0;
    const { port } = await serve({
      now: () => {
        clock += 0.2; // five looks at the clock are a millisecond
        return clock;
      },
      table() {
        if (inTurn === 0) {
          setImmediate(() => {
            inTurn = 0;
          });
        }
        inTurn += 1;
        most = Math.max(most, inTurn);
        return fixed;
      },
    });
    const ids = Array.from({ length: 200 }, (_, i) => i);
    const stream = Buffer.concat(ids.map((id) => framed(question('www.example.test', 'A', id))));
    await Promise.all(
      [1, 2, 3].map(async () => {
        const socket = await openTcp(port);
        const replies = framesOf(socket, ids.length);
        socket.write(stream);
        expect((await replies).map((frame) => frame.readUInt16BE(0))).toEqual(ids);
      }),
    );
    expect(most).toBeLessThan(20); // all of a connection's 200 without a bound
  });

  it('drops a frame that deserves no answer and reads on', async () => {
    const { port } = await serve();
    const socket = await openTcp(port);
    socket.write(
      Buffer.concat([
        framed(Buffer.alloc(0)),
        framed(Buffer.alloc(5)),
        framed(question('www.example.test', 'A', 8)),
      ]),
    );
    const [frame] = await framesOf(socket, 1);
    expect(frame?.readUInt16BE(0)).toBe(8);
  });

  it('waits for a client that does not read instead of buffering its answers', async () => {
    const { port, server } = await serve();
    const socket = await openTcp(port);
    const count = 400; // answers of 53 kB: far more than the kernel's buffers hold
    const replies = framesOf(socket, count);
    socket.pause();
    socket.write(
      Buffer.concat(Array.from({ length: count }, (_, i) => framed(question('big.example.test', 'TXT', i)))),
    );
    const answered = (): number => server.stats().responses[0]?.count ?? 0;
    let before = -1;
    await expect
      .poll(() => {
        const stalled = answered() > 0 && answered() === before;
        before = answered();
        return stalled;
      })
      .toBe(true);
    expect(answered()).toBeLessThan(count);
    socket.resume();
    const ids = (await replies).map((frame) => frame.readUInt16BE(0));
    expect(ids).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  it('closes a connection that sends nothing complete in time, even if it drips', async () => {
    const { port, server } = await serve({ tcp: { idleMs: 60 } });
    const socket = await openTcp(port);
    const drip = setInterval(() => socket.writable && socket.write(Buffer.of(0x10)), 5); // a frame of 4,112 octets, one at a time
    await closed(socket);
    clearInterval(drip);
    expect(server.stats().dropped.tcpIdle).toBe(1);
    await expect.poll(() => server.stats().tcpConnections).toBe(0);
  });

  it('keeps a connection that goes on asking, and no longer', async () => {
    let clock = 0;
    let readings = 0;
    const now = (): number => {
      readings += 1;
      return clock;
    };
    const { port, server } = await serve({ tcp: { idleMs: 40 }, now });
    const socket = await openTcp(port);
    const lookedAfter = async (): Promise<void> => {
      const before = readings; // without traffic only the watch over idle connections reads the clock
      await expect.poll(() => readings).toBeGreaterThan(before);
    };
    for (let i = 0; i < 5; i += 1) {
      socket.write(framed(question('www.example.test', 'A', i)));
      await framesOf(socket, 1);
      clock += 30;
      await lookedAfter();
    }
    expect(server.stats()).toMatchObject({ tcpConnections: 1, dropped: { tcpIdle: 0 } });
    clock += 30;
    await closed(socket);
    expect(server.stats().dropped.tcpIdle).toBe(1);
  });

  it('limits connections of one source and of all', async () => {
    const { port, server } = await serve({ tcp: { connectionsPerSource: 2, connections: 10 } });
    const held = [await openTcp(port), await openTcp(port)];
    await expect.poll(() => server.stats().tcpConnections).toBe(2);
    await closed(await openTcp(port));
    expect(server.stats().dropped.tcpLimit).toBe(1);
    held[0]?.destroy();
    await expect.poll(() => server.stats().tcpConnections).toBe(1);
    const next = await openTcp(port);
    next.write(framed(question('www.example.test')));
    expect(await framesOf(next, 1)).toHaveLength(1);
  });

  it('survives clients that vanish in the middle', async () => {
    const { port, server } = await serve();
    for (let i = 0; i < 20; i += 1) {
      const socket = await openTcp(port);
      socket.write(framed(question('big.example.test', 'TXT')));
      socket.resetAndDestroy();
    }
    await expect.poll(() => server.stats().tcpConnections).toBe(0);
    expect(await askUdp(port, [question('www.example.test')])).toMatchObject({ rcode: 'NOERROR' });
  });
});

describe('start and close', () => {
  it('says which address is in use', async () => {
    const { port } = await serve();
    const table = tableWith('192.0.2.1');
    const second = createNameServer({
      listen: [
        { host: '127.0.0.1', port: 0 },
        { host: '127.0.0.1', port },
      ],
      table: () => table,
    });
    await expect(second.start()).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: containing(`127.0.0.1:${port}`),
    });
    await second.close();
  });

  it('says when an address is not of this machine', async () => {
    const table = tableWith('192.0.2.1');
    const server = createNameServer({ listen: [{ host: '192.0.2.200', port: 0 }], table: () => table });
    await expect(server.start()).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('sends the answers under way before it closes', async () => {
    const { server, port } = await serve();
    const socket = await openTcp(port);
    socket.pause();
    // Answers of 53 kB, more than the kernel takes at once; queries not begun before the close are not answered.
    for (let i = 0; i < 200; i += 1) socket.write(framed(question('big.example.test', 'TXT', i)));
    await expect.poll(() => server.stats().responses[0]?.count).toBeGreaterThanOrEqual(3);
    const answered = server.stats().responses[0]?.count ?? 0;
    const closing = server.close();
    const finished = framesOf(socket, answered);
    socket.resume();
    const frames = await finished;
    await closing;
    for (const frame of frames) expect(dnsPacket.decode(frame).answers).toHaveLength(250);
  });

  it('shares its port with others that ask for it', async () => {
    const options = { reusePort: true, listen: [{ host: '127.0.0.1', port: 0 }] };
    const { port } = await serve(options);
    const other = await serve({ ...options, listen: [{ host: '127.0.0.1', port }] });
    expect(other.port).toBe(port);
    for (let i = 0; i < 8; i += 1) {
      expect(await askUdp(port, [question('www.example.test', 'A', i)])).toMatchObject({ rcode: 'NOERROR' });
    }
  });

  it('frees its ports, also with connections open', async () => {
    const { server, port } = await serve();
    const socket = await openTcp(port);
    await expect.poll(() => server.stats().tcpConnections).toBe(1);
    await server.close();
    await closed(socket);
    const { port: again } = await serve({ listen: [{ host: '127.0.0.1', port }] });
    expect(again).toBe(port);
  });
});
