import { describe, expect, it } from 'vitest';
import { type Capabilities, ProviderError, type ProviderFailure } from '../../providers/contract.ts';
import { memoryProvider, memoryStore, type WorkerAtHand, wanted, workerFor } from './zone-worker-fixture.ts';

const WWW = 'www.example.com.';
const EVER = 10_000;
const never = new AbortController().signal;

/** Something else is wanted every 200 ms. @returns the value that was wanted last */
async function changing(at: WorkerAtHand, forMs: number): Promise<string> {
  let value = '';
  for (let i = 0; i < forMs / 200; i += 1) {
    const now = Math.floor(at.clock.monotonicMs() / 200);
    value = `198.18.${now >> 8}.${now & 255}`;
    await at.want(wanted('www', value));
    await at.clock.pass(199);
  }
  return value;
}

/** What is under way is waited for. */
async function closed(at: WorkerAtHand): Promise<void> {
  const closing = at.worker.close();
  await at.clock.pass(1_000_000);
  await closing;
}

describe('a provider that fails while something else is wanted all the time', () => {
  it.each<ProviderFailure>(['transient', 'ambiguous', 'throttled', 'busy'])(
    'with %s is asked with the pauses of the back-off, and gets what is wanted by then',
    async (failure) => {
      const provider = memoryProvider();
      const at = workerFor(provider);
      await at.want(wanted('www', '192.0.2.250'));
      provider.calls.splice(0);
      for (let i = 0; i < EVER; i += 1)
        provider.failures.push({ operation: 'apply', error: new ProviderError(failure, 'not now') });
      const last = await changing(at, 120_000);
      // Pauses of 0.5, 1, 2, 4, 8, 16, 30 and 30 s are a minute and a half; each try may be followed by readings.
      const tries = provider.calls.filter((call) => call === 'apply').length;
      expect(tries).toBeGreaterThanOrEqual(4);
      expect(tries).toBeLessThanOrEqual(10);
      expect(provider.calls.length).toBeLessThanOrEqual(3 * tries);
      provider.failures.splice(0);
      await at.clock.pass(61_000);
      expect(provider.valuesOf(WWW)).toEqual([last]);
      await at.worker.close();
    },
  );

  it('is asked at once when a person, or another Secret, asks for that', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    await at.want(wanted('www', '192.0.2.250'));
    for (let i = 0; i < EVER; i += 1)
      provider.failures.push({ operation: 'apply', error: new ProviderError('transient', 'not now') });
    const last = await changing(at, 60_000);
    provider.failures.splice(0);
    await at.clock.pass(100);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.250']);
    at.worker.retry();
    await at.clock.pass(1);
    expect(provider.valuesOf(WWW)).toEqual([last]);
    await at.worker.close();
  });

  it('is not read again for a write that is only tried again, though it is time to look for drift', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider, { spec: { driftCheckSeconds: 10 } });
    await at.want(wanted('www', '192.0.2.250'));
    provider.calls.splice(0);
    for (let i = 0; i < 7; i += 1)
      provider.failures.push({ operation: 'apply', error: new ProviderError('throttled', 'too much') });
    const last = await changing(at, 100_000);
    const { calls } = provider;
    const first = calls.indexOf('apply');
    expect(calls.slice(first).length).toBeGreaterThanOrEqual(5);
    expect(new Set(calls.slice(first))).toEqual(new Set(['apply']));
    await at.clock.pass(120_000);
    expect(provider.valuesOf(WWW)).toEqual([last]);
    await at.worker.close();
  });
});

describe('a provider that answers every request after 30 s', () => {
  const cases: readonly (readonly [Capabilities['preconditions'], number])[] = [
    ['atomic', 1],
    ['per-set', 2],
    // PowerDNS is read before and after a change, within it.
    ['none', 3],
  ];

  it.each(cases)('and has "%s" preconditions gets a change', async (preconditions, requests) => {
    const provider = memoryProvider(preconditions);
    const at = workerFor(provider, { spec: { driftCheckSeconds: 10 } });
    provider.beforeAnswer = (operation) =>
      at.clock.wait(operation === 'apply' ? 30_000 * requests : 30_000, never);
    await at.want(wanted('www', '192.0.2.1'));
    await at.clock.pass(200_000);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    expect(at.worker.state.programmed.has(wanted('www').desired.name)).toBe(true);
    expect(at.worker.state.error).toBeUndefined();
    await closed(at);
  });

  it.each(cases)(
    'and has "%s" preconditions keeps up with what is wanted otherwise all the time',
    async (preconditions, requests) => {
      const provider = memoryProvider(preconditions);
      const at = workerFor(provider, { spec: { driftCheckSeconds: 10 } });
      provider.beforeAnswer = (operation) =>
        at.clock.wait(operation === 'apply' ? 30_000 * requests : 30_000, never);
      await changing(at, 150_000);
      const early = provider.valuesOf(WWW);
      expect(early).toHaveLength(1);
      const last = await changing(at, 250_000);
      expect(provider.valuesOf(WWW)).not.toEqual(early);
      await at.clock.pass(300_000);
      expect(provider.valuesOf(WWW)).toEqual([last]);
      await closed(at);
    },
  );

  it('and is read twice before it is changed has the time for that', async () => {
    const provider = memoryProvider('none');
    const at = workerFor(provider);
    provider.beforeApply = () => at.clock.wait(90_000, never);
    await at.want(wanted('www', '192.0.2.1'));
    await at.clock.pass(100_000);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    await closed(at);
  });

  it('and whose write comes back after the limit is read, and found done: it is not sent again', async () => {
    const provider = memoryProvider('none');
    const at = workerFor(provider);
    provider.beforeAnswer = (operation) => at.clock.wait(operation === 'apply' ? 900_000 : 30_000, never);
    await at.want(wanted('www', '192.0.2.1'));
    await at.clock.pass(260_000);
    expect(provider.calls.filter((call) => call === 'apply')).toHaveLength(1);
    expect(at.worker.state.programmed.has(wanted('www').desired.name)).toBe(true);
    await closed(at);
  });

  it('and checks nothing is repaired when the last write of the hub before comes that late', async () => {
    const provider = memoryProvider('none');
    const store = memoryStore();
    const before = workerFor(provider, { store });
    await before.want(wanted('www', '192.0.2.1'));
    await before.worker.close();
    const after = workerFor(provider, { store, epoch: 2 });
    await after.want(wanted('www', '192.0.2.2'));
    await after.clock.pass(100_000);
    const [set] = [...provider.sets.values()].filter(({ name, type }) => name === WWW && type === 'A');
    if (set !== undefined) provider.put({ ...set, values: ['192.0.2.1'] });
    await after.clock.pass(100_000);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.2']);
    await closed(after);
  });
});
