import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseName } from '../../../src/dns/name.ts';
import { CLASS, TYPE } from '../../../src/dns/types.ts';
import { decodeMessage, encodeMessage, makeQuery } from '../../../src/dns/wire/message.ts';
import { exchangeAll } from '../../integration/dns-differential/exchange.ts';
import { type NameServerProcess, startNameServerProcess } from '../../support/name-server-process.ts';
import { seededRandom } from '../../support/random.ts';
import { corpusOf } from './corpus.ts';
import { mutate } from './mutate.ts';

export interface SocketResult {
  readonly datagrams: number;
  readonly streams: number;
  /** Resident octets before and after. */
  readonly rss: readonly [number, number];
  readonly failure: { readonly message: string; readonly inputs: readonly string[] } | undefined;
}

const MAX_GROWTH = 200 * 1024 * 1024;
const DATAGRAMS = 400;
const STREAMS = 6;
const REMEMBERED = 400;
const STREAM_MS = 1000;
const WARM_UP = 3000;

const ZONE = {
  origin: 'fuzz.test.',
  serial: 1,
  nameServers: [{ name: 'ns.fuzz.test.', addresses: ['192.0.2.53'] }],
  soa: { refreshSeconds: 60, retrySeconds: 60, expireSeconds: 600, minimumSeconds: 60 },
  ttlSeconds: 60,
  records: [
    { name: 'www', type: 'A', data: ['192.0.2.1'] },
    { name: '*.wild', type: 'TXT', data: ['"w"'] },
    { name: 'alias', type: 'CNAME', data: ['www.fuzz.test.'] },
    { name: 'cut', type: 'NS', data: ['ns.cut.fuzz.test.'] },
    { name: 'ns.cut', type: 'A', data: ['192.0.2.2'] },
    { name: 'big', type: 'TXT', data: Array.from({ length: 200 }, (_, i) => `"${i} ${'x'.repeat(200)}"`) },
  ],
};

/**
 * Sends changed datagrams and streams (split, merged, cut off, half-closed) to a name server in a process of its own for so
 * many seconds, looking all the time whether it still answers a well-formed query over both, and in the end at its memory.
 */
export async function fuzzSockets(seed: number, seconds: number): Promise<SocketResult> {
  const random = seededRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'portolan-fuzz-'));
  const server = await startNameServerProcess([ZONE], folder);
  const socket = createSocket('udp4');
  socket.on('error', () => undefined); // a closed port is told by the process that ended
  const sent: Uint8Array[] = [];
  const remember = (input: Uint8Array): Uint8Array => {
    if (sent.push(input) > REMEMBERED) sent.shift();
    return input;
  };
  let datagrams = 0;
  let streams = 0;
  let before = 0;
  let after = 0;
  try {
    await new Promise<void>((resolve) => socket.connect(server.port, '127.0.0.1', resolve));
    for (let i = 0; i < WARM_UP; i += DATAGRAMS) {
      const well = Array.from({ length: DATAGRAMS }, () => ({ bytes: CANARY, transport: 'udp' as const }));
      await exchangeAll(server.port, well);
    }
    before = await server.rss();
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end) {
      for (let i = 0; i < DATAGRAMS; i += 1) {
        await send(socket, remember(changed(random)));
        datagrams += 1;
      }
      await Promise.all(
        Array.from({ length: STREAMS }, () => {
          streams += 1;
          return stream(server.port, remember(streamOf(random)), random);
        }),
      );
      await answers(server);
    }
    after = await server.rss();
    const grown = after - before;
    if (grown > MAX_GROWTH) throw new Error(`the process has grown by ${grown >> 20} MB`);
    return { datagrams, streams, rss: [before, after], failure: undefined };
  } catch (error) {
    const inputs = sent.map((input) => Buffer.from(input).toString('hex'));
    const message = error instanceof Error ? error.message : String(error);
    return { datagrams, streams, rss: [before, after], failure: { message, inputs } };
  } finally {
    socket.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const query = (
  name: string,
  type: number,
  ednsOptions: { code: number; data: Uint8Array }[] = [],
): Uint8Array =>
  encodeMessage(makeQuery(1, { name: parseName(name), type, class: CLASS.IN }, { ednsOptions }));
const CANARY = query('www.fuzz.test', TYPE.A);
const SEEDS: readonly Uint8Array[] = [
  CANARY,
  query('alias.fuzz.test', TYPE.A),
  query('x.wild.fuzz.test', TYPE.TXT),
  query('x.cut.fuzz.test', TYPE.AAAA),
  query('big.fuzz.test', TYPE.TXT),
  query('nope.fuzz.test', TYPE.HTTPS),
  query('fuzz.test', TYPE.ANY, [{ code: 8, data: Uint8Array.of(0, 1, 24, 0, 192, 0, 2) }]),
  query('fuzz.test', TYPE.AXFR),
  query('fuzz.test', TYPE.SOA, [{ code: 10, data: new Uint8Array(24) }]),
  ...corpusOf('query').map(({ input }) => input),
];

function changed(random: () => number): Uint8Array {
  const pick = (): Uint8Array => SEEDS[Math.floor(random() * SEEDS.length)] ?? CANARY;
  return random() < 0.05 ? pick() : mutate(pick(), pick(), random, 1400);
}

/** Several frames: some whole, some with a length that is wrong. */
function streamOf(random: () => number): Uint8Array {
  const frames = Array.from({ length: 1 + Math.floor(random() * 20) }, () => {
    const message = changed(random);
    const length = random() < 0.1 ? Math.floor(random() * 0x1_0000) : message.length;
    return Buffer.concat([Buffer.of(length >> 8, length & 0xff), message]);
  });
  return Buffer.concat(frames);
}

async function send(socket: Socket, input: Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => socket.send(input, () => resolve()));
}

/** One connection: the octets in pieces of any size, then an end of some kind. Resolves when it is closed. */
async function stream(port: number, bytes: Uint8Array, random: () => number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
  socket.on('error', () => socket.destroy());
  if (random() < 0.7) socket.resume(); // the others never read what they are answered
  const closed = once(socket, 'close');
  for (let at = 0; at < bytes.length && !socket.destroyed; ) {
    const length = 1 + Math.floor(random() * (random() < 0.5 ? 8 : 2000));
    await new Promise<void>((resolve) => socket.write(bytes.subarray(at, at + length), () => resolve()));
    at += length;
  }
  if (random() < 0.3) socket.destroy();
  else if (random() < 0.5) socket.resetAndDestroy();
  else {
    socket.resume();
    socket.end(); // half-closed: the server may still answer
    socket.setTimeout(STREAM_MS, () => socket.destroy());
    socket.on('end', () => socket.destroy());
  }
  await closed;
}

/** @throws Error when a well-formed query is not answered over UDP and TCP */
async function answers(server: NameServerProcess): Promise<void> {
  const transports = ['udp', 'tcp'] as const;
  const replies = await exchangeAll(
    server.port,
    transports.map((transport) => ({ bytes: CANARY, transport })),
  );
  transports.forEach((transport, i) => {
    const reply = replies[i];
    if (reply === undefined) throw new Error(`no answer over ${transport}`);
    const { rcode, answers: found } = decodeMessage(reply);
    if (rcode !== 0 || found.length !== 1) throw new Error(`a wrong answer over ${transport}: ${rcode}`);
  });
}
