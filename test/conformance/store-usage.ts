import { expect, it } from 'vitest';
import type { UsageBatchFrom } from '../../hub/store/contract.ts';
import type { StorePlace } from './store-harness.ts';

/** What agents let pass, counted once. */
export function usageTests(place: () => StorePlace): void {
  const first = Math.floor(Date.now() / 60_000) * 60;
  const count = (principal: string, sinceFirst: number, amount: number) => ({
    namespace: 'shop',
    principal,
    keyId: `k-${principal}`,
    route: 'shop/orders',
    metric: 'hits',
    minuteSeconds: first + sinceFirst,
    amount,
  });
  const batch = (sequence: number, counts: UsageBatchFrom['counts'], of: Partial<UsageBatchFrom> = {}) => ({
    agentUid: 'a1',
    cluster: 'default/paris',
    outbox: 'o1',
    sequence,
    counts,
    ...of,
  });
  const total = { by: 'total', limit: 100 } as const;

  it('I34 a batch counts once, however often and in whatever order it comes, also after a restart', async () => {
    const store = await place().open();
    expect(await store.countUsage(batch(2, [count('acme', 60, 5)]))).toBe(0);
    expect(await store.countUsage(batch(1, [count('acme', 60, 3), count('acme', 60, 4)]))).toBe(1);
    expect(await store.countUsage(batch(1, [count('acme', 60, 3)]))).toBe(1);
    expect(await store.countUsage(batch(2, [count('acme', 60, 5)]))).toBe(2);
    await store.close();
    const second = await place().open();
    expect(await second.countUsage(batch(2, [count('acme', 60, 5)]))).toBe(2);
    expect(await second.countUsage(batch(1, [count('acme', 60, 3)]))).toBe(2);
    expect((await second.usage(total)).map(({ amount }) => amount)).toEqual([12]);
    // Another outbox, and the same name from another agent, are other batches.
    await second.countUsage(batch(1, [count('acme', 60, 100)], { outbox: 'o2' }));
    await second.countUsage(batch(1, [count('acme', 60, 1000)], { agentUid: 'a2', cluster: 'default/fra' }));
    expect((await second.usage(total)).map(({ cluster, amount }) => [cluster, amount])).toEqual([
      ['default/fra', 1000],
      ['default/paris', 112],
    ]);
  });

  it('is read by minute, newest first, or as a total, and by any of its names', async () => {
    const store = await place().open();
    const many = Array.from({ length: 1_200 }, (_, n) => count(`p${n}`, 120, 1));
    await store.countUsage(batch(1, [count('acme', 60, 1), count('acme', 120, 2), count('other', 180, 4)]));
    await store.countUsage(batch(2, many));
    expect(await store.usage({ by: 'minute', principal: 'acme', limit: 10 })).toEqual([
      { ...count('acme', 120, 2), cluster: 'default/paris' },
      { ...count('acme', 60, 1), cluster: 'default/paris' },
    ]);
    const amounts = async (filter: object) =>
      (await store.usage({ ...total, ...filter })).map(({ amount }) => amount);
    expect(await amounts({ principal: 'acme' })).toEqual([3]);
    expect(await amounts({ fromSeconds: first + 120, toSeconds: first + 180, principal: 'acme' })).toEqual([
      2,
    ]);
    expect(await amounts({ namespace: 'elsewhere' })).toEqual([]);
    expect(await amounts({ keyId: 'k-other', route: 'shop/orders', metric: 'hits' })).toEqual([4]);
    expect(await amounts({ cluster: 'default/fra' })).toEqual([]);
    expect(await amounts({})).toHaveLength(100);
  });
}
