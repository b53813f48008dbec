import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Budget } from '../src/quota/budget.ts';
import { createLedger } from '../src/quota/ledger.ts';
import type { EntryReport, HoldingReport, QuotaReply, QuotaRequest } from '../src/quota/messages.ts';
import { type Figure, lowerIsBetter } from './figure.ts';

/*
 * The hub's ledger under 1,000 agents with 1,000 active keys each, all at the interval that it asks them to keep. The agents are as simple
 * as can be (spend what they were granted, want as much again): what is measured is the ledger with its pages, in a process of its own.
 */

const AGENTS = 1_000;
const KEYS = 1_000;
/** Intervals that are played after one to warm up. */
const ROUNDS = 3;
const START_MS = 1_800_000_000_000;

const budget: Budget = {
  id: 'shop/p/l/60s',
  scope: 'shop',
  algorithm: 'fixed-window',
  limit: 600_000,
  window: { type: 'length', ms: 60_000 },
  floorShare: 0.1,
  allocation: 'proportional',
  waits: false,
};

interface Measured {
  /** Of one core, while the ledger serves all agents in real time. */
  readonly cores: number;
  /** Resident after a full collection, with the process around it. */
  readonly megabytes: number;
  /** Resident before it. */
  readonly workingMegabytes: number;
  readonly pageBytesPerSecond: number;
  readonly exchangeMs: number;
}

export function run(): Promise<readonly Figure[]> {
  const { stdout, status } = spawnSync(
    process.execPath,
    ['--expose-gc', fileURLToPath(import.meta.url), 'measure'],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (status !== 0) throw new Error('the bench of the ledger ended early');
  const measured = JSON.parse(stdout) as Measured;
  const figure = (name: string, ours: number, peer: number, unit: string): Figure =>
    lowerIsBetter({ bench: 'quota-ledger', case: name, ours, peerName: 'goal', peer, unit });
  return Promise.resolve([
    figure('1,000 agents × 1,000 keys', measured.cores, 1, 'cores'),
    figure('1,000 agents × 1,000 keys, kept (resident after a collection)', measured.megabytes, 500, 'MB'),
    figure('1,000 agents × 1,000 keys, resident before it', measured.workingMegabytes, 500, 'MB'),
    figure('an exchange of 1,000 keys', measured.exchangeMs, 5, 'ms CPU'),
    figure('pages to store', measured.pageBytesPerSecond / 1e6, 20, 'MB/s'),
  ]);
}

function measure(): Measured {
  const ledger = createLedger({ epoch: 1, nowMs: START_MS, newId: () => 'bench' });
  ledger.setBudgets(new Map([[budget.id, budget]]), 1, START_MS);
  ledger.setAgents(new Map(Array.from({ length: AGENTS }, (_, at) => [`agent-${at}`, ['shop']])), START_MS);
  // Granted so far, for each agent and key; what agents know, kept small so that it does not count.
  const granted = new Float64Array(AGENTS * KEYS);
  const windows = new Float64Array(AGENTS * KEYS);
  let nowMs = START_MS;
  let intervalMs = 5_000;
  let bytes = 0;
  let cpuMs = 0;
  let simulatedMs = 0;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const beganMs = nowMs;
    const played = intervalMs;
    for (let agent = 0; agent < AGENTS; agent += 1) {
      nowMs = beganMs + (played * agent) / AGENTS;
      const request = requestOf(agent, round, nowMs, granted, windows);
      const before = process.cpuUsage();
      const reply = ledger.exchange(`agent-${agent}`, request, nowMs);
      // Commits are made for a handful of agents together.
      const changes = agent % 10 === 9 ? ledger.takeChanges() : [];
      if (agent % 100 === 99) ledger.sweep(nowMs);
      const used = process.cpuUsage(before);
      if (round > 0) {
        cpuMs += (used.user + used.system) / 1_000;
        for (const { content } of changes) bytes += content?.length ?? 0;
      }
      learn(agent, reply, granted, windows);
      ({ intervalMs } = reply);
    }
    nowMs = beganMs + played;
    if (round > 0) simulatedMs += played;
  }
  const { rss: working } = process.memoryUsage();
  // What the ledger keeps, not what the engine has not collected yet.
  globalThis.gc?.({ execution: 'sync', flavor: 'last-resort', type: 'major' });
  const { rss } = process.memoryUsage();
  if (ledger.sizes.entries !== AGENTS * KEYS) throw new Error('not all keys are known');
  return {
    cores: cpuMs / simulatedMs,
    megabytes: rss / 1e6,
    workingMegabytes: working / 1e6,
    pageBytesPerSecond: (bytes * 1_000) / simulatedMs,
    exchangeMs: cpuMs / (AGENTS * ROUNDS),
  };
}

function requestOf(
  agent: number,
  round: number,
  nowMs: number,
  granted: Float64Array,
  windows: Float64Array,
): QuotaRequest {
  const entries: EntryReport[] = [];
  for (let id = 0; id < KEYS; id += 1) {
    const at = agent * KEYS + id;
    const holdings: HoldingReport[] =
      round === 0 ? [] : [{ startMs: windows[at] ?? 0, returned: 0, spent: granted[at] ?? 0 }];
    entries.push({ id, demand: 2, waiting: 0, holdings });
  }
  return {
    session: `process-of-${agent}`,
    sentMs: nowMs,
    ledger: round === 0 ? '' : 'bench',
    budgets: 1,
    waiver: { sinceMs: 0, untilMs: nowMs + 6_000 },
    shares: round === 0 ? [] : [{ scope: 'shop', millionths: 1_000 }],
    names:
      round === 0
        ? Array.from({ length: KEYS }, (_, id) => ({ id, budget: budget.id, key: `customer-${id}` }))
        : [],
    entries,
  };
}

function learn(agent: number, reply: QuotaReply, granted: Float64Array, windows: Float64Array): void {
  for (const { id, holdings } of reply.entries) {
    const at = agent * KEYS + id;
    granted[at] = holdings[0]?.granted ?? 0;
    windows[at] = holdings[0]?.startMs ?? 0;
  }
}

if (process.argv[2] === 'measure') process.stdout.write(JSON.stringify(measure()));
