import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { QuotaRequest } from '../../src/quota/messages.ts';
import type { SpokeMemory } from '../../src/quota/spoke-contract.ts';
import { HEADER } from '../../src/quota/table-layout.ts';
import { Counters } from '../../src/telemetry/counters.ts';
import type { QuotaSettled } from './contract.ts';
import { createQuotaSupervisor, type QuotaSettings } from './supervisor.ts';
import { budgetOf, limitOf, quotaPartOf } from './testing/quota-world.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function start(settings: QuotaSettings = {}, clock = { wallMs: 0 }) {
  const counters = new Counters();
  const requests: QuotaRequest[] = [];
  const warnings: string[] = [];
  let sessions = 0;
  const supervisor = createQuotaSupervisor({
    monotonicMs: () => performance.now(),
    machineMs: () => performance.now() + 1000,
    wallMs: () => Date.now() + clock.wallMs,
    after: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    newSession() {
      sessions += 1;
      return `session-${sessions}`;
    },
    seed: () => 7,
    counters,
    log: { warn: (_, message) => warnings.push(message) },
    exchange: (request) => requests.push(request),
    maxKeys: 10,
    ...settings,
  });
  const value = (name: string): number | undefined =>
    counters.samples.find(({ metric }) => metric.name === name)?.counter.value;
  return { supervisor, requests, warnings, value };
}

const PART = quotaPartOf([budgetOf('a', 5), budgetOf('b', 5)], [limitOf('both', [0, 1])]);

describe('the supervisor of the quota', () => {
  it('has no memory and no timers while nothing is limited', () => {
    const { supervisor } = start();
    expect(supervisor.configure(undefined)).toBeUndefined();
    supervisor.applied();
    expect([supervisor.describe(), vi.getTimerCount()]).toEqual([undefined, 0]);
    let settled: readonly QuotaSettled[] = [];
    supervisor.want([{ ticket: 3, budget: 0, key: '', hits: 1, waitMs: 10 }], (list) => {
      settled = list;
    });
    expect(settled).toEqual([{ ticket: 3, outcome: 'away' }]);
  });

  it('has a table for policies without limits too: their routes are served', () => {
    const { supervisor } = start();
    expect(supervisor.configure(quotaPartOf([], []))).toMatchObject({ numbers: [] });
    supervisor.close();
  });

  it('numbers budgets once and for ever, so that threads of two configurations never mean two by one number', () => {
    const { supervisor } = start();
    const first = supervisor.configure(PART);
    expect(first?.numbers).toEqual([0, 1]);
    const next = quotaPartOf([budgetOf('b', 5), budgetOf('c', 5)], []);
    expect(supervisor.configure(next)?.numbers).toEqual([1, 2]);
    supervisor.applied();
    expect(supervisor.configure(PART)).toEqual({ memory: first?.memory, numbers: [0, 1] });
    supervisor.close();
  });

  it('asks the hub at once when somebody waits, and ends the wait in time when nothing comes back', () => {
    const { supervisor, requests } = start();
    supervisor.configure(PART);
    supervisor.applied();
    vi.advanceTimersByTime(30_000);
    expect(requests).toEqual([]);
    const settled: QuotaSettled[] = [];
    supervisor.want([{ ticket: 9, budget: 1, key: 'k', hits: 2, waitMs: 200 }], (list) =>
      settled.push(...list),
    );
    expect(requests).toMatchObject([{ names: [{ budget: 'b', key: 'k' }], entries: [{ waiting: 2 }] }]);
    vi.advanceTimersByTime(150);
    expect(settled).toEqual([]);
    vi.advanceTimersByTime(100);
    expect(settled).toEqual([{ ticket: 9, outcome: 'refused' }]);
    supervisor.close();
  });

  it('says in the table that the hub is away when the way to it breaks', () => {
    const { supervisor, value } = start();
    const shared = supervisor.configure(PART);
    const words = new Int32Array(shared?.memory ?? new SharedArrayBuffer(64));
    expect(words[HEADER.away]).toBe(0);
    supervisor.away();
    expect([words[HEADER.away], value('portolan_gateway_quota_hub_away')]).toEqual([1, 1]);
    supervisor.close();
  });

  it('counts a pause of the machine once, whoever saw it first', () => {
    const clock = { wallMs: 0 };
    const { supervisor, value, warnings } = start({}, clock);
    supervisor.configure(PART);
    supervisor.want([{ ticket: 1, budget: 0, key: 'k', hits: 1, waitMs: 0 }], () => undefined);
    vi.advanceTimersByTime(5000);
    expect(value('portolan_gateway_quota_clock_pauses_total')).toBe(0);
    clock.wallMs = 3000;
    supervisor.paused(0);
    supervisor.paused(0);
    vi.advanceTimersByTime(100);
    expect(value('portolan_gateway_quota_clock_pauses_total')).toBe(1);
    clock.wallMs = 6000;
    vi.advanceTimersByTime(100);
    expect(value('portolan_gateway_quota_clock_pauses_total')).toBe(2);
    // Set back: no pause can do that.
    clock.wallMs = -60_000;
    vi.advanceTimersByTime(3000);
    expect([value('portolan_gateway_quota_clock_pauses_total'), warnings.length]).toEqual([2, 2]);
    supervisor.close();
  });

  it('keeps what floors were given, and tries again when the disk does not take it', async () => {
    const kept: SpokeMemory[] = [];
    let full = true;
    const { supervisor, requests, warnings } = start({
      keep(memory) {
        kept.push(memory);
        return full ? Promise.reject(new Error('the disk is full')) : Promise.resolve();
      },
    });
    supervisor.configure(quotaPartOf([budgetOf('a', 100, { floorShare: 0.5 })], [limitOf('a', [0])]));
    supervisor.applied();
    await vi.advanceTimersByTimeAsync(3000);
    const [request] = requests;
    if (request === undefined) throw new Error('the hub was not asked');
    const last = requests.at(-1) ?? request;
    supervisor.reply({
      ...{
        session: last.session,
        ledger: 'ledger',
        epoch: 1,
        hubMs: 1e9,
        sentMs: last.sentMs,
        closed: false,
      },
      ...{ leaseMs: 5000, intervalMs: 1000, shares: [{ scope: 'default', millionths: 500_000 }] },
      ...{ entries: [], unknown: [] },
    });
    await vi.advanceTimersByTimeAsync(100);
    expect(kept.at(-1)?.shares).toEqual([{ scope: 'default', millionths: 500_000 }]);
    expect(warnings.filter((warning) => warning.includes('over a restart'))).not.toEqual([]);
    full = false;
    const before = kept.length;
    await vi.advanceTimersByTimeAsync(6000);
    expect(kept.length).toBeGreaterThan(before);
    supervisor.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
