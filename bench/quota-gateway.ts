import { type ChildProcess, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { type Figure, lowerIsBetter, percentile } from './figure.ts';

/* What a limit adds to a request through the gateway. */

/** A decision through the gateway may add so many microseconds of CPU. */
const GOAL_GATEWAY_MICROSECONDS = 5;
const CONNECTIONS = 10;
const GATEWAY_ROUNDS = 6;
const ROUND_MS = 1500;

/** CPU of the gateway's process for a request with a limit, less that for one without. */
export async function run(): Promise<readonly Figure[]> {
  const child = spawn(process.execPath, [new URL('./quota-gateway-server.ts', import.meta.url).pathname], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<number> => {
      const { value } = await lines.next();
      return Number(value);
    };
    const cpuSeconds = (): Promise<number> => {
      child.stdin.write('cpu\n');
      return next();
    };
    let port = 0;
    while (!(port > 0)) port = await next();
    const micros: Record<'plain' | 'limited', number[]> = { plain: [], limited: [] };
    for (let round = -1; round < GATEWAY_ROUNDS; round += 1) {
      for (const arm of ['plain', 'limited'] as const) {
        const before = await cpuSeconds();
        const requests = await load(port, `/${arm}`, ROUND_MS);
        const used = (((await cpuSeconds()) - before) / requests) * 1e6;
        if (round >= 0) micros[arm].push(used);
      }
    }
    const plain = percentile(micros.plain, 50);
    const limited = percentile(micros.limited, 50);
    return [
      lowerIsBetter({
        bench: 'quota',
        case: `CPU that a limit adds to a request through the gateway (${plain.toFixed(1)} µs without, ${limited.toFixed(1)} µs with, backend included)`,
        ours: Math.max(0.1, limited - plain),
        peer: GOAL_GATEWAY_MICROSECONDS,
        peerName: 'goal',
        unit: 'µs',
      }),
    ];
  } finally {
    await stopped(child);
  }
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.stdin?.end();
  });
}

/** @returns answers; each 200 */
async function load(port: number, path: string, ms: number): Promise<number> {
  const until = performance.now() + ms;
  const counts = await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, at) => one(port, path, `customer-${at}`, until)),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

function one(port: number, path: string, customer: string, until: number): Promise<number> {
  const asked = `GET ${path} HTTP/1.1\r\nhost: shop.example\r\nx-customer: ${customer}\r\n\r\n`;
  return new Promise((resolve, reject) => {
    let answers = 0;
    let text = '';
    const socket: Socket = connect(port, '127.0.0.1', () => socket.write(asked));
    socket.setNoDelay(true);
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      const whole =
        length === undefined ? text.endsWith('0\r\n\r\n') : text.length >= head + 4 + Number(length);
      if (!whole) return;
      if (!text.startsWith('HTTP/1.1 200')) {
        reject(new Error(`an answer is not 200: ${text.slice(0, 200)}`));
        socket.destroy();
        return;
      }
      answers += 1;
      text = '';
      if (performance.now() < until) socket.write(asked);
      else {
        socket.destroy();
        resolve(answers);
      }
    });
  });
}
