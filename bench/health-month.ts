import { pathToFileURL } from 'node:url';
import { type ProbeJob, TargetWatch } from '../prober/target-watch.ts';
import { createHealthBoard } from '../src/health/board.ts';
import { DEFAULT_QUORUM, type Target } from '../src/health/types.ts';
import { checkSpec } from '../src/resources/health-check.ts';
import type { Figure } from './figure.ts';

/*
 * False withdrawals of one healthy endpoint in a month of 30 days (mean of two simulated ones), when 5 % of all probes fail, each on its own: the shipped
 * check (1 s, fall 3, confirms at 300 and 600 ms), the real probe schedule and vote machine, the real board.
 *
 * Vantage points do not influence each other, so each one's DOWN spells are simulated alone and then laid over each other; the
 * board judges every stretch in which two or more coincide (with fewer it cannot say DOWN, I16). Stretches without a failed
 * probe are skipped by drawing their length: after a success the machine is where it was after any other one. Failed probes
 * fail at once (refused, reset); lost packets cost the timeout and make a DOWN less likely, because the next scheduled probe
 * answers first. What this does not model: failures that are not independent, such as an outage of a carrier that several
 * vantage points share. Those are what failure domains are for.
 */

const MONTH_MS = 30 * 86_400_000;
/** Endpoint-months simulated; figures are per month. */
const MONTHS = 2;
const SPAN_MS = MONTHS * MONTH_MS;
const LOSS = 0.05;
const VANTAGES = 5;
const DESIGN_PER_MONTH = 1 / (220 * 12);
const SEED = 20_261_121;
const LATENCY_MS = 20;

const CHECK = checkSpec.parse({ protocol: 'tcp', port: 80 });
const INTERVAL_MS = CHECK.intervalSeconds * 1000;
const TARGET: Target = {
  id: 'target',
  cluster: 'default/eu-1',
  failureDomain: 'eu-1',
  address: '192.0.2.1',
  port: 80,
  check: CHECK,
  defaultHost: 'www.example.com',
};

interface Spell {
  readonly vantage: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export async function run(): Promise<Figure[]> {
  const random = generator(SEED);
  const spells: Spell[][] = [];
  for (let vantage = 0; vantage < VANTAGES; vantage += 1) spells.push(downSpells(vantage, random));
  const five = falseWithdrawals(spells) / MONTHS;
  const expected = analyticPerMonth(VANTAGES, spells);
  // The same months seen by three of the five: there two coincide often enough to see that they are counted.
  const trios = combinations(VANTAGES, 3);
  const counts = trios.map((trio) => falseWithdrawals(trio.map((index) => spells[index] ?? [])));
  if (counts.every((count) => count === 0)) {
    throw new Error(
      `no coincidence in ${MONTHS} months; ${analyticPerMonth(3, spells)} per month and trio were due`,
    );
  }
  return [
    {
      bench: 'failover',
      case: 'false-withdrawals-month-5pct-loss',
      ours: five,
      peerName: 'goal',
      peer: 0,
      ratio: five === 0 ? 1 : 0,
      unit: 'false withdrawals per endpoint-month, 5 vantage points, simulated',
    },
    {
      bench: 'failover',
      case: 'false-withdrawals-month-5pct-loss-expected',
      ours: expected,
      peerName: 'design: one in 220 years',
      peer: DESIGN_PER_MONTH,
      ratio: DESIGN_PER_MONTH / expected,
      unit: 'false withdrawals per endpoint-month, 5 vantage points, from the measured rate and length of DOWN votes',
    },
  ];
}

/** Every time one vantage point says DOWN. */
function downSpells(vantage: number, random: () => number): Spell[] {
  const spells: Spell[] = [];
  const phaseMs = random() * INTERVAL_MS;
  for (let slot = successes(random); slot * INTERVAL_MS < SPAN_MS; ) {
    const trouble = troubleFrom(random);
    const startMs = phaseMs + slot * INTERVAL_MS;
    for (const [from, to] of trouble.down)
      spells.push({ vantage, fromMs: startMs + from, toMs: startMs + to });
    slot += trouble.slots + successes(random);
  }
  return spells;
}

/** Successes in a row before the next failure: geometric. */
function successes(random: () => number): number {
  return Math.floor(Math.log(1 - random()) / Math.log(1 - LOSS));
}

/**
 * Plays the real schedule from a failed scheduled probe until a scheduled one has succeeded, the vote is UP and nothing is
 * pending: from there the next failure is drawn again.
 */
function troubleFrom(random: () => number): {
  readonly slots: number;
  readonly down: readonly (readonly [number, number])[];
} {
  let now = -INTERVAL_MS;
  let order = 0;
  let timers: { atMs: number; order: number; fn: () => void }[] = [];
  const setTimer = (fn: () => void, delayMs: number) => {
    order += 1;
    const timer = { atMs: now + delayMs, order, fn };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  };
  const down: [number, number][] = [];
  let downSince: number | undefined;
  let scheduled = 0;
  let pending = 0;
  let calm = false;
  const watch: TargetWatch = new TargetWatch(TARGET, 0, {
    clock: () => now,
    setTimer,
    takeConfirm: () => true,
    slotMissed: () => undefined,
    enqueue: (job: ProbeJob) => {
      const startedAtMs = now;
      if (job.kind === 'scheduled') scheduled += 1;
      // The first brings the machine to where a success leaves it, the second is the failure that was drawn.
      const ok = job.kind === 'scheduled' && scheduled <= 2 ? scheduled === 1 : random() >= LOSS;
      pending += 1;
      watch.started(job, startedAtMs);
      setTimer(() => {
        pending -= 1;
        const result = ok
          ? ({ kind: 'ok', latencyMs: LATENCY_MS } as const)
          : ({ kind: 'failed', detail: 'connection reset', latencyMs: LATENCY_MS } as const);
        watch.finished(job, result, { startedAtMs, finishedAtMs: now });
        const isDown = watch.state.verdict === 'down';
        if (isDown) downSince ??= now;
        else if (downSince !== undefined) {
          down.push([downSince, now]);
          downSince = undefined;
        }
        calm = ok && job.kind === 'scheduled' && scheduled > 2 && !isDown && pending === 0;
      }, LATENCY_MS);
    },
  });
  while (!calm) {
    let next = timers[0];
    for (const timer of timers) {
      if (
        next === undefined ||
        timer.atMs < next.atMs ||
        (timer.atMs === next.atMs && timer.order < next.order)
      )
        next = timer;
    }
    if (next === undefined) throw new Error('the schedule has stopped');
    const due = next;
    timers = timers.filter((other) => other !== due);
    now = due.atMs;
    due.fn();
  }
  watch.close();
  return { slots: scheduled - 1, down };
}

/** Shows the board every moment at which the votes change while two or more vantage points say DOWN, and counts its withdrawals. */
function falseWithdrawals(spells: readonly (readonly Spell[])[]): number {
  const edges = spells
    .flatMap((list, index) =>
      list.flatMap(({ fromMs, toMs }) => [
        { atMs: fromMs, index, by: 1 },
        { atMs: toMs, index, by: -1 },
      ]),
    )
    .toSorted((a, b) => a.atMs - b.atMs);
  const saysDown = spells.map(() => false);
  let withdrawn = 0;
  for (const { index, by } of edges) {
    saysDown[index] = by === 1;
    if (by === 1 && saysDown.filter(Boolean).length >= 2 && boardWithdraws(saysDown)) withdrawn += 1;
  }
  return withdrawn;
}

/** A board whose target is up and whose vantage points are all connected hears these votes. */
function boardWithdraws(saysDown: readonly boolean[]): boolean {
  const board = createHealthBoard({ config: DEFAULT_QUORUM });
  board.setTargets([TARGET], { nowMs: 0, wallMs: 0 });
  for (const second of [0, 1, 2, 3, 4]) {
    for (const [vantage, isDown] of saysDown.entries()) {
      const verdict = isDown && second === 4 ? 'down' : 'up';
      board.ingest(
        {
          vantage: `agent/${vantage}`,
          failureDomain: `domain-${vantage}`,
          incarnation: 'first',
          sequence: second,
          connectedAgeMs: 0,
          complete: true,
          votes: [{ targetId: TARGET.id, verdict, ageMs: 100, sinceMs: 0, detail: '' }],
        },
        second * 1_000,
      );
    }
    board.tick({ nowMs: second * 1_000, wallMs: 0 });
  }
  return board.tick({ nowMs: 4_100, wallMs: 0 }).states.get(TARGET.id)?.state === 'down';
}

/**
 * What to expect of `n` vantage points: each says DOWN at rate λ for d seconds (both as measured above), independently; the
 * board withdraws when one more turns DOWN while m − 1 others are, m the smallest majority of at least two.
 */
function analyticPerMonth(n: number, spells: readonly (readonly Spell[])[]): number {
  const all = spells.flat();
  const rate = all.length / spells.length / SPAN_MS;
  const share =
    (rate * all.reduce((sum, spell) => sum + spell.toMs - spell.fromMs, 0)) / Math.max(1, all.length);
  const m = Math.max(2, Math.floor(n / 2) + 1);
  const others = combinations(n - 1, m - 1).length;
  return n * rate * others * share ** (m - 1) * (1 - share) ** (n - m) * MONTH_MS;
}

function combinations(n: number, size: number): number[][] {
  if (size === 0) return [[]];
  return combinations(n, size - 1).flatMap((chosen) => {
    const first = (chosen.at(-1) ?? -1) + 1;
    return Array.from({ length: Math.max(0, n - first) }, (_, index) => [...chosen, first + index]);
  });
}

/** mulberry32: the same month on every machine. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const line of await run()) console.log(JSON.stringify(line));
}
