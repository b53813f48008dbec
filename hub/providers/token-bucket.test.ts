import { describe, expect, it } from 'vitest';
import { createTokenBucket } from './token-bucket.ts';
import { createVirtualClock } from './virtual-clock.ts';

const live = new AbortController().signal;

describe('the requests of an account', () => {
  it('come in a burst first, then at the rate that the provider allows', async () => {
    const clock = createVirtualClock();
    const bucket = createTokenBucket({ perSecond: 5, burst: 2 }, clock);
    const sentAt: number[] = [];
    for (let i = 0; i < 7; i += 1) void bucket.take('a', live).then(() => sentAt.push(clock.monotonicMs()));
    await clock.pass(1_000);
    expect(sentAt).toEqual([0, 0, 200, 400, 600, 800, 1_000]);
  });

  it('are shared in turns: a zone with many does not keep another from its first', async () => {
    const clock = createVirtualClock();
    const bucket = createTokenBucket({ perSecond: 1, burst: 1 }, clock);
    const order: string[] = [];
    for (let i = 0; i < 5; i += 1) void bucket.take('big', live).then(() => order.push('big'));
    void bucket.take('small', live).then(() => order.push('small'));
    await clock.pass(10_000);
    // The first one was sent before the others came.
    expect(order).toEqual(['big', 'big', 'small', 'big', 'big', 'big']);
  });

  it('stop for as long as the account says, and start without what was saved up', async () => {
    const clock = createVirtualClock();
    const bucket = createTokenBucket({ perSecond: 10, burst: 10 }, clock);
    bucket.pause(3_000);
    const sentAt: number[] = [];
    for (let i = 0; i < 3; i += 1) void bucket.take('a', live).then(() => sentAt.push(clock.monotonicMs()));
    await clock.pass(5_000);
    expect(sentAt).toEqual([3_100, 3_200, 3_300]);
  });

  it('are given up at once when who waits is told to stop, and cost nothing then', async () => {
    const clock = createVirtualClock();
    const bucket = createTokenBucket({ perSecond: 1, burst: 1 }, clock);
    await bucket.take('a', live);
    const stop = new AbortController();
    const given = bucket.take('a', stop.signal).catch((thrown: unknown) => thrown);
    const sentAt: number[] = [];
    void bucket.take('b', live).then(() => sentAt.push(clock.monotonicMs()));
    stop.abort(new Error('enough'));
    expect(await given).toEqual(new Error('enough'));
    await clock.pass(2_000);
    expect(sentAt).toEqual([1_000]);
    expect(bucket.waiting).toBe(0);
  });

  it('are refused when thousands wait already', async () => {
    const clock = createVirtualClock();
    const bucket = createTokenBucket({ perSecond: 0.1, burst: 1 }, clock);
    const stop = new AbortController();
    const waits = Array.from({ length: 2_001 }, () => bucket.take('a', stop.signal).catch(() => undefined));
    await waits[0];
    void waits;
    void bucket.take('a', stop.signal).catch(() => undefined);
    await expect(bucket.take('a', stop.signal)).rejects.toThrow(/wait for this account already/);
    stop.abort();
    expect(bucket.waiting).toBe(0);
  });

  it('follow another rate from the moment on that it is set', async () => {
    const clock = createVirtualClock();
    const bucket = createTokenBucket({ perSecond: 1, burst: 1 }, clock);
    await bucket.take('a', live);
    bucket.setRate({ perSecond: 10, burst: 1 });
    const sentAt: number[] = [];
    for (let i = 0; i < 2; i += 1) void bucket.take('a', live).then(() => sentAt.push(clock.monotonicMs()));
    await clock.pass(1_000);
    expect(sentAt).toEqual([100, 200]);
  });
});
