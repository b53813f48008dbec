import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { machineMs, SupervisorClock, TableClock } from '../gateway/quota/table-clock.ts';
import { budgetOf, limitOf, quotaPartOf } from '../gateway/quota/testing/quota-world.ts';
import { createThreadQuota } from '../gateway/quota/thread-quota.ts';
import { CelContext, type CelRequestFacts } from '../src/policy/cel-context.ts';
import { createQuotaMemory, createTableWriter, createTaker, MAX_BANK_TOKENS } from '../src/quota/table.ts';
import { BANKS } from '../src/quota/table-contract.ts';
import { Counters } from '../src/telemetry/counters.ts';
import { type Figure, higherIsBetter, lowerIsBetter, percentile } from './figure.ts';

/*
 * What a decision of a limit costs: in one thread, by itself and with everything around it, and through the gateway. Then the other
 * parts of the quota, each in a file of its own.
 */

const ROUNDS = 7;
const DECISIONS = 2_000_000;
/** Timed together for the percentile: a single decision is shorter than a look at the clock. */
const BATCH = 16;
const MANY_KEYS = 1_000_000;
const FAR_MS = 2 ** 30;
/** A decision through the gateway may add so many microseconds of CPU. */
const GOAL_GATEWAY_MICROSECONDS = 5;

export async function run(): Promise<readonly Figure[]> {
  const figures = [...inProcess(), ...(await throughGateway())];
  for (const part of ['quota-ledger', 'quota-accuracy', 'quota-rls']) {
    const file = new URL(`./${part}.ts`, import.meta.url);
    if (!existsSync(file)) continue;
    process.stderr.write(`bench quota: ${part}\n`);
    // Each has the shape of a bench.
    const module = (await import(file.href)) as { run(): Promise<readonly Figure[]> };
    figures.push(...(await module.run()));
  }
  return figures;
}

function inProcess(): readonly Figure[] {
  const clocks = { monotonicMs: () => performance.now(), machineMs, wallMs: () => Date.now() };
  const figures: Figure[] = [];
  const memory = createQuotaMemory({ capacity: MANY_KEYS, seeds: [11, 12], originMs: machineMs() });
  const writer = createTableWriter(memory);
  const supervisor = new SupervisorClock(memory, clocks);
  const clock = new TableClock(memory, clocks);
  const taker = createTaker(memory);
  const names = Array.from({ length: MANY_KEYS }, (_, at) => `customer-${at.toString(36)}`);
  for (const name of names) {
    const slot = writer.insert(0, name);
    writer.fill(slot, BANKS.even, MAX_BANK_TOKENS, 0, FAR_MS);
    writer.report(slot, { refuseUntilMs: 0, left: 0, limit: 100, resetMs: FAR_MS });
  }
  const decideBy =
    (key: (n: number) => string) =>
    (from: number, to: number): number => {
      let admitted = 0;
      for (let n = from; n < to; n += 1) {
        const now = clock.now();
        const slot = taker.find(0, key(n));
        if (now >= 0 && slot >= 0 && taker.take(slot, 1, now) === 0) admitted += 1;
      }
      return admitted;
    };
  const known = names[4711] ?? '';
  const order = zipf(MANY_KEYS, 1 << 20);
  const orderMask = order.length - 1;
  const cases: readonly [string, (from: number, to: number) => number, number, number][] = [
    ['decisions/s, one known key', decideBy(() => known), DECISIONS, 5_000_000],
    [
      'decisions/s, Zipf over 1,000,000 keys',
      decideBy((n) => names[order[n & orderMask] ?? 0] ?? ''),
      DECISIONS,
      1_000_000,
    ],
  ];
  for (const [name, decide, count, goal] of cases) {
    decide(0, 200_000);
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      supervisor.check();
      refill(writer, memory, round);
      const began = performance.now();
      const admitted = decide(round * count, (round + 1) * count);
      rates.push((admitted / (performance.now() - began)) * 1000);
      if (admitted !== count) throw new Error(`${name}: ${admitted} of ${count} were admitted`);
    }
    const bench = { bench: 'quota', peerName: 'goal' };
    figures.push(
      higherIsBetter({ ...bench, case: name, ours: percentile(rates, 50), peer: goal, unit: '1/s' }),
    );
    const times: number[] = [];
    for (let n = 0; n < 20_000; n += 1) {
      const began = process.hrtime.bigint();
      decide(n * BATCH, (n + 1) * BATCH);
      times.push(Number(process.hrtime.bigint() - began) / BATCH / 1000);
    }
    figures.push(
      lowerIsBetter({
        ...bench,
        case: `${name.replace('decisions/s', 'p99 of a decision')} (mean of ${BATCH})`,
        ours: percentile(times, 99),
        peer: 1e6 / goal,
        unit: 'µs',
      }),
    );
  }
  figures.push(wholePolicy());
  return figures;
}

/** So that a bank never runs out in the middle of a round. */
function refill(
  writer: ReturnType<typeof createTableWriter>,
  memory: SharedArrayBuffer,
  round: number,
): void {
  const taker = createTaker(memory);
  for (const name of ['customer-3mv', 'customer-0', 'customer-1', 'customer-2']) {
    const slot = taker.find(0, name);
    if (slot >= 0) writer.fill(slot, round % 2 === 0 ? BANKS.even : BANKS.odd, MAX_BANK_TOKENS, 0, FAR_MS);
  }
}

/** With expressions, key text and header fields, as the gateway and other proxies decide. */
function wholePolicy(): Figure {
  const clocks = { monotonicMs: () => performance.now(), machineMs, wallMs: () => Date.now() };
  const memory = createQuotaMemory({ capacity: 1000, seeds: [1, 2], originMs: machineMs() });
  const writer = createTableWriter(memory);
  const supervisor = new SupervisorClock(memory, clocks);
  const gate = createThreadQuota({
    ...clocks,
    counters: new Counters(),
    ask: () => undefined,
    paused: () => undefined,
    after: () => () => undefined,
    soon: () => undefined,
  });
  const part = quotaPartOf(
    [budgetOf('bench', 2 ** 40)],
    [limitOf('per-customer', [0], { counters: ["request.headers['x-customer']"] })],
  );
  const quota = gate.open(part, { memory, numbers: [0] }).get('policy');
  if (quota === undefined) throw new Error('the policy is missing');
  const facts: CelRequestFacts = {
    ...{ id: 'id', method: 'GET', scheme: 'https', host: 'shop.example', path: '/items', query: '' },
    fields: ['accept', '*/*', 'user-agent', 'bench', 'x-customer', 'customer-17'],
    httpVersion: '1.1',
    source: { address: '192.0.2.1', port: 1 },
    tls: undefined,
    wallMs: 0,
  };
  const slot = writer.insert(0, 'customer-17');
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS + 2; round += 1) {
    supervisor.check();
    writer.fill(slot, BANKS.even, MAX_BANK_TOKENS, 0, FAR_MS);
    writer.report(slot, { refuseUntilMs: 0, left: 5, limit: 100, resetMs: FAR_MS });
    const began = performance.now();
    for (let n = 0; n < 300_000; n += 1) {
      if (gate.decide(quota, new CelContext(facts), undefined).state !== 'admitted')
        throw new Error('a decision was not admitted');
    }
    if (round >= 2) rates.push((300_000 / (performance.now() - began)) * 1000);
  }
  return higherIsBetter({
    bench: 'quota',
    case: 'decisions/s with CEL counter, key and header fields, one known key',
    ours: percentile(rates, 50),
    peer: 500_000,
    peerName: 'goal',
    unit: '1/s',
  });
}

/** Places drawn by Zipf's law with exponent 1. */
function zipf(keys: number, length: number): Int32Array {
  const cumulated = new Float64Array(keys);
  let sum = 0;
  for (let at = 0; at < keys; at += 1) {
    sum += 1 / (at + 1);
    cumulated[at] = sum;
  }
  let state = 88172645;
  return Int32Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const wanted = ((state >>> 0) / 2 ** 32) * sum;
    let low = 0;
    let high = keys - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

const CONNECTIONS = 10;
const GATEWAY_ROUNDS = 6;
const ROUND_MS = 1500;

/** CPU of the gateway's process for a request with a limit, less that for one without. */
async function throughGateway(): Promise<readonly Figure[]> {
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
