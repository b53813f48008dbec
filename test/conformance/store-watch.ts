import { expect, it } from 'vitest';
import {
  ACTOR,
  clusterKey,
  createCluster,
  createSecret,
  type StorePlace,
  summary,
  take,
  updateCluster,
} from './store-harness.ts';

/** Watches: nothing missed, nothing twice, in order, bounded. */
export function watchTests(place: () => StorePlace): void {
  it('shows what a list did not: events after its revision, in order, then live ones', async () => {
    const store = await place().open();
    await store.commit([createCluster('before')], { actor: ACTOR });
    const { revision } = await store.list();
    await store.commit([createCluster('a'), createCluster('b')], { actor: ACTOR });
    const seen = take(store.watch({ fromRevision: revision, signal: AbortSignal.timeout(20_000) }), 4);
    await store.commit([updateCluster('a', 'FR')], { actor: ACTOR });
    await store.commit([{ type: 'delete', key: clusterKey('b') }], { actor: ACTOR });
    const events = await seen;
    expect(summary(events)).toEqual([
      'added Cluster a',
      'added Cluster b',
      'modified Cluster a',
      'deleted Cluster b',
    ]);
    expect(events.map((e) => e.revision - revision)).toEqual([1, 1, 2, 3]);
    expect(events[2]?.object).toEqual(await store.get(clusterKey('a')));
  });

  it('shows one kind and one namespace when asked', async () => {
    const store = await place().open();
    const watch = (filter: object) =>
      store.watch({ fromRevision: 0, signal: AbortSignal.timeout(20_000), ...filter });
    const seen = [
      take(watch({ kind: 'Secret' }), 1),
      take(watch({ namespace: 'other' }), 1),
      take(watch({ kind: 'Cluster', namespace: 'default' }), 1),
    ];
    await store.commit(
      [createSecret('s', {}), createCluster('o', { namespace: 'other' }), createCluster('d')],
      { actor: ACTOR },
    );
    expect((await Promise.all(seen)).map(summary)).toEqual([
      ['added Secret s'],
      ['added Cluster o'],
      ['added Cluster d'],
    ]);
  });

  it('ends when its signal aborts, waiting or not', async () => {
    const store = await place().open();
    await store.commit([createCluster('a')], { actor: ACTOR });
    const control = new AbortController();
    const seen: string[] = [];
    for await (const event of store.watch({ fromRevision: 0, signal: control.signal })) {
      seen.push(event.object.metadata.name);
      setImmediate(() => control.abort());
    }
    expect(seen).toEqual(['a']);
    for await (const event of store.watch({ fromRevision: 0, signal: AbortSignal.abort() }))
      seen.push(event.type);
    expect(seen).toEqual(['a']);
  });

  it('ends when the store is closed', async () => {
    const store = await place().open();
    const ended = take(store.watch({ fromRevision: 0, signal: AbortSignal.timeout(20_000) }), 1);
    await store.close();
    expect(await ended).toEqual([]);
  });

  it('gives many watchers, whenever they start, every event once', async () => {
    const store = await place().open();
    const total = 60;
    const watchers: Promise<readonly string[]>[] = [];
    for (let i = 0; i < total; i += 1) {
      if (i % 6 === 0)
        watchers.push(
          take(store.watch({ fromRevision: 0, signal: AbortSignal.timeout(20_000) }), total).then(summary),
        );
      await store.commit([createCluster(`c${i}`)], { actor: ACTOR });
    }
    const expected = Array.from({ length: total }, (_, i) => `added Cluster c${i}`);
    for (const seen of await Promise.all(watchers)) expect(seen).toEqual(expected);
  });

  it('survives a restart of the hub: the events of the time before are still there', async () => {
    const first = await place().open();
    await first.commit([createCluster('a')], { actor: ACTOR });
    await first.commit([createCluster('b')], { actor: ACTOR });
    await first.close();
    const second = await place().open();
    const events = await take(second.watch({ fromRevision: 1, signal: AbortSignal.timeout(20_000) }), 1);
    expect(summary(events)).toEqual(['added Cluster b']);
  });

  it('answers WATCH_EXPIRED for a revision that is compacted, and for one of the future', async () => {
    const store = await place().open({ eventsKept: 16 });
    for (let i = 0; i < 60; i += 1) await store.commit([createCluster(`c${i}`)], { actor: ACTOR });
    const from = (fromRevision: number) =>
      take(store.watch({ fromRevision, signal: AbortSignal.timeout(20_000) }), 16);
    await expect(from(0)).rejects.toMatchObject({ code: 'WATCH_EXPIRED' });
    await expect(from(61)).rejects.toMatchObject({ code: 'WATCH_EXPIRED' });
    // What is kept is complete.
    expect(await from(44)).toHaveLength(16);
  });

  it('cuts a consumer that is slower than the compaction instead of buffering for it', async () => {
    const store = await place().open({ eventsKept: 16 });
    await store.commit([createCluster('c')], { actor: ACTOR });
    const events = store
      .watch({ fromRevision: 0, signal: AbortSignal.timeout(30_000) })
      [Symbol.asyncIterator]();
    expect((await events.next()).value).toMatchObject({ type: 'added' });
    // More than the window in memory holds, while the consumer takes nothing.
    const rounds = Array.from({ length: 12 }, (_, round) => round);
    for (const round of rounds) {
      const changes = Array.from({ length: 100 }, (_, i) => createCluster(`r${round}-${i}`));
      await store.commit(changes, { actor: ACTOR });
    }
    for (let i = 0; i < 20; i += 1)
      await store.commit([updateCluster('c', i % 2 === 0 ? 'FR' : 'DE')], { actor: ACTOR });
    const drain = async () => {
      while ((await events.next()).done !== true);
    };
    await expect(drain()).rejects.toMatchObject({ code: 'WATCH_EXPIRED' });
  });
}
