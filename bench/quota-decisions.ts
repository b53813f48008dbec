import { machineMs, SupervisorClock, TableClock } from '../gateway/quota/table-clock.ts';
import { budgetOf, limitOf, quotaPartOf } from '../gateway/quota/testing/quota-world.ts';
import { createThreadQuota } from '../gateway/quota/thread-quota.ts';
import { CelContext, type CelRequestFacts } from '../src/policy/cel-context.ts';
import { createQuotaMemory, createTableWriter, createTaker, MAX_BANK_TOKENS } from '../src/quota/table.ts';
import { BANKS } from '../src/quota/table-contract.ts';
import { Counters } from '../src/telemetry/counters.ts';
import { type Figure, higherIsBetter, lowerIsBetter, percentile } from './figure.ts';

/* What a decision of a limit costs in one thread: by itself, and with expressions, key text and header fields around it. */

const ROUNDS = 5;
const DECISIONS = 1_000_000;
/** Timed together for the percentile: a single decision is shorter than a look at the clock. */
const BATCH = 16;
const MANY_KEYS = 1_000_000;
const FAR_MS = 2 ** 30;

export function run(): Promise<readonly Figure[]> {
  return Promise.resolve(inProcess());
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
      const began = cpuSeconds();
      const admitted = decide(round * count, (round + 1) * count);
      rates.push(admitted / (cpuSeconds() - began));
      if (admitted !== count) throw new Error(`${name}: ${admitted} of ${count} were admitted`);
    }
    const bench = { bench: 'quota', peerName: 'goal' };
    figures.push(
      higherIsBetter({ ...bench, case: name, ours: percentile(rates, 50), peer: goal, unit: '1/s' }),
    );
    const times: number[] = [];
    for (let n = 0; n < 10_000; n += 1) {
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

/** A second of one core, whatever else the machine does. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
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
    const began = cpuSeconds();
    for (let n = 0; n < 200_000; n += 1) {
      if (gate.decide(quota, new CelContext(facts), undefined).state !== 'admitted')
        throw new Error('a decision was not admitted');
    }
    if (round >= 2) rates.push(200_000 / (cpuSeconds() - began));
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
