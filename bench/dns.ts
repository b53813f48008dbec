import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { parseName } from '../src/dns/name.ts';
import { CLASS, TYPE } from '../src/dns/types.ts';
import { encodeMessage, makeQuery } from '../src/dns/wire/message.ts';
import { type Figure, higherIsBetter, percentile } from './figure.ts';

/*
 * Queries a second of the embedded name server (one thread, routed name with GeoIP and weights, UDP over loopback) beside a bare
 * `dgram` answerer that copies the query back: the most that Node's sockets give. Rounds in turns, medians. Client and server
 * share the machine, so both figures are lower than those of a server alone.
 */

const ROUNDS = 5;
const ROUND_MS = 2_000;
const WINDOW = 64;

export async function run(): Promise<readonly Figure[]> {
  const server = fileURLToPath(new URL('dns-server.ts', import.meta.url));
  const rates: Record<'portolan' | 'bare', number[]> = { portolan: [], bare: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of ['portolan', 'bare'] as const) {
      const child = fork(server, [kind], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
      const port = await new Promise<number>((resolve, reject) => {
        child.once('message', (message) => resolve(Number(message)));
        child.once('exit', (code) => reject(new Error(`the ${kind} server ended with ${String(code)}`)));
      });
      rates[kind].push(await rateOf(port));
      child.kill('SIGKILL');
    }
  }
  return [
    higherIsBetter({
      bench: 'dns',
      case: 'udp-routed-one-thread',
      ours: percentile(rates.portolan, 50),
      peerName: 'a bare dgram answerer in the same run',
      peer: percentile(rates.bare, 50),
      unit: `queries/s over loopback, median of ${ROUNDS} rounds in turns`,
    }),
  ];
}

/** Keeps `WINDOW` queries under way for `ROUND_MS`; answers a second. */
function rateOf(port: number): Promise<number> {
  const query = Buffer.from(
    encodeMessage(makeQuery(7, { name: parseName('www.dns.example'), type: TYPE.A, class: CLASS.IN })),
  );
  const socket = createSocket('udp4');
  return new Promise((resolve, reject) => {
    let answers = 0;
    let startMs = 0;
    const warmUpMs = 500;
    socket.on('message', (reply) => {
      // A reply that says anything but NOERROR is no answer.
      if (((reply[3] ?? 15) & 15) !== 0) reject(new Error('the server refuses'));
      answers += 1;
      socket.send(query);
    });
    socket.once('error', reject);
    socket.connect(port, '127.0.0.1', () => {
      for (let i = 0; i < WINDOW; i += 1) socket.send(query);
      setTimeout(() => {
        answers = 0;
        startMs = performance.now();
      }, warmUpMs);
      setTimeout(() => {
        const rate = (answers / (performance.now() - startMs)) * 1_000;
        socket.close();
        if (answers === 0) reject(new Error('the server does not answer'));
        else resolve(rate);
      }, warmUpMs + ROUND_MS);
    });
  });
}
