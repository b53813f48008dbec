import { fork } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../cli/programs.ts';
import { CLASS, TYPE } from '../src/dns/types.ts';
import { encodeMessage, makeQuery } from '../src/dns/wire/message.ts';
import { dnsWorld } from './dns-world.ts';
import { type Figure, lowerIsBetter, percentile } from './figure.ts';

/*
 * A table with 10,000 routed names is swapped twenty times under load, each time with one policy changed and all serials grown: no
 * query may be lost or refused, and how long a swap takes. The client keeps a fixed number of queries under way; one that has no
 * answer after five seconds (the patience of dnsperf and of resolvers) counts as lost.
 */

const SWAPS = 20;
const UNDER_WAY = 64;
const LOST_AFTER_MS = 5_000;

/** What the server says of itself. */
export interface SwapMeasured {
  readonly swapMs: readonly number[];
}

export async function run(): Promise<readonly Figure[]> {
  const server = fileURLToPath(new URL('dns-swap-server.ts', import.meta.url));
  const child = fork(server, [String(SWAPS)], {
    execArgv: [...NODE_FLAGS],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const told = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      child.once('message', (message) => resolve(message as T));
      child.once('exit', (code) => reject(new Error(`the server ended with ${String(code)}`)));
    });
  const port = await told<number>();
  const load = await startLoad(port);
  const done = told<SwapMeasured>();
  child.send('swap');
  const { swapMs } = await done;
  const { answers, lost, refused, slowestMs } = await load.stop();
  child.kill('SIGKILL');
  process.stderr.write(
    `  ${answers} answers while ${SWAPS} tables were swapped, the slowest after ${Math.round(slowestMs)} ms\n`,
  );
  if (answers < SWAPS) throw new Error('there was no load');
  const figure = (name: string, ours: number, peer: number, unit: string): Figure =>
    lowerIsBetter({ bench: 'dns-swap', case: name, ours, peerName: 'goal', peer, unit });
  return [
    figure(
      'queries-lost',
      lost + refused,
      0,
      `queries without a good answer, ${SWAPS} swaps of 10,000 names`,
    ),
    figure('swap', percentile(swapMs, 50), 100, 'ms in the answering thread, one policy changed'),
  ];
}

interface Load {
  stop(): Promise<{
    readonly answers: number;
    readonly lost: number;
    readonly refused: number;
    readonly slowestMs: number;
  }>;
}

/** Keeps `UNDER_WAY` queries for all the names under way, each with an id of its own. */
async function startLoad(port: number): Promise<Load> {
  const queries = dnsWorld().names.map(({ name }) =>
    encodeMessage(makeQuery(0, { name, type: TYPE.A, class: CLASS.IN })),
  );
  const socket: Socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve));
  const sentAt = new Map<number, number>();
  let next = 0;
  let answers = 0;
  let lost = 0;
  let refused = 0;
  let slowestMs = 0;
  let stopping = false;
  const ask = (): void => {
    if (stopping) return;
    const query = Buffer.from(queries[next % queries.length] ?? new Uint8Array());
    const id = next & 0xffff;
    next += 1;
    query.writeUInt16BE(id, 0);
    sentAt.set(id, performance.now());
    socket.send(query);
  };
  socket.on('message', (reply) => {
    const at = sentAt.get(reply.readUInt16BE(0));
    if (at === undefined) return; // late, and counted as lost
    sentAt.delete(reply.readUInt16BE(0));
    slowestMs = Math.max(slowestMs, performance.now() - at);
    answers += 1;
    if (reply.readUInt16BE(2) % 16 !== 0 || reply.readUInt16BE(6) !== 1) refused += 1;
    ask();
  });
  const forgetLost = (): void => {
    for (const [id, at] of sentAt) {
      if (performance.now() - at < LOST_AFTER_MS) continue;
      sentAt.delete(id);
      lost += 1;
      ask();
    }
  };
  const watch = setInterval(forgetLost, 100);
  for (let i = 0; i < UNDER_WAY; i += 1) ask();
  return {
    async stop() {
      stopping = true;
      while (sentAt.size > 0) await new Promise((resolve) => setTimeout(resolve, 20));
      clearInterval(watch);
      socket.close();
      return { answers, lost, refused, slowestMs };
    },
  };
}
