import { expect, it } from 'vitest';
import type { Change } from '../../hub/store/contract.ts';
import { ACTOR, clusterKey, createCluster, type StorePlace, updateCluster } from './store-harness.ts';

/** Objects: create, update, status, delete, list, and all-or-none. */
export function objectTests(place: () => StorePlace): void {
  it('gives a new object its uid, generation 1 and the revision of the commit', async () => {
    const store = await place().open({ wallClock: () => Date.UTC(2026, 0, 2, 3, 4, 5) });
    const { objects, revision } = await store.commit([createCluster('berlin')], { actor: ACTOR });
    const stored = await store.get(clusterKey('berlin'));
    expect(objects).toEqual([stored]);
    expect(stored?.metadata).toMatchObject({
      namespace: 'default',
      name: 'berlin',
      generation: 1,
      resourceVersion: String(revision),
      creationTimestamp: '2026-01-02T03:04:05.000Z',
      finalizers: [],
      labels: {},
      annotations: {},
    });
    expect(stored?.metadata.uid).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(await store.get(clusterKey('paris'))).toBeUndefined();
  });

  it('refuses to create what exists, and to change or delete what does not', async () => {
    const store = await place().open();
    await store.commit([createCluster('berlin')], { actor: ACTOR });
    await expect(store.commit([createCluster('berlin')], { actor: ACTOR })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    const missing = [
      updateCluster('paris', 'FR'),
      { type: 'status', key: clusterKey('paris'), status: { conditions: [] } },
      { type: 'delete', key: clusterKey('paris') },
      { type: 'removeFinalizer', key: clusterKey('paris'), finalizer: 'x' },
    ] as const;
    for (const change of missing) {
      await expect(store.commit([change], { actor: ACTOR }), change.type).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
    }
  });

  it('raises the generation when the spec changes, not for labels or status', async () => {
    const store = await place().open();
    await store.commit([createCluster('berlin')], { actor: ACTOR });
    await store.commit([updateCluster('berlin', 'AT')], { actor: ACTOR });
    expect((await store.get(clusterKey('berlin')))?.metadata.generation).toBe(2);
    await store.commit([{ ...updateCluster('berlin', 'AT'), labels: { tier: 'one' } }], { actor: ACTOR });
    await store.commit([{ type: 'status', key: clusterKey('berlin'), status: { conditions: [] } }], {
      actor: ACTOR,
    });
    const berlin = await store.get(clusterKey('berlin'));
    expect(berlin?.metadata).toMatchObject({ generation: 2, labels: { tier: 'one' } });
    expect(berlin?.status).toEqual({ conditions: [] });
    expect(berlin?.spec).toEqual({ location: { country: 'AT' }, addresses: [] });
  });

  it('writes nothing when an update differs in nothing, whatever the order of its keys', async () => {
    const store = await place().open();
    const { revision } = await store.commit([createCluster('berlin')], { actor: ACTOR });
    const same = {
      type: 'update',
      key: clusterKey('berlin'),
      spec: { addresses: [], location: { country: 'DE' } },
    } satisfies Change;
    const again = await store.commit([same], { actor: ACTOR });
    expect(again.revision).toBe(revision);
    expect((await store.list()).revision).toBe(revision);
    expect(await store.audit({ limit: 10 })).toHaveLength(1);
  });

  it('refuses a write with an old resourceVersion and keeps the newer object', async () => {
    const store = await place().open();
    const { revision } = await store.commit([createCluster('berlin')], { actor: ACTOR });
    await store.commit([updateCluster('berlin', 'AT', { resourceVersion: String(revision) })], {
      actor: ACTOR,
    });
    const key = clusterKey('berlin');
    const stale = [
      updateCluster('berlin', 'CH', { resourceVersion: String(revision) }),
      { type: 'status', key, status: { conditions: [] }, resourceVersion: String(revision) },
      { type: 'delete', key, resourceVersion: String(revision) },
      { type: 'delete', key, uid: 'the uid of an earlier berlin' },
    ] as const;
    for (const change of stale) {
      await expect(store.commit([change], { actor: ACTOR })).rejects.toMatchObject({ code: 'CONFLICT' });
    }
    expect(await store.get(key)).toMatchObject({ spec: { location: { country: 'AT' } } });
  });

  it('applies all changes of a commit at one revision, or none of them', async () => {
    const store = await place().open();
    const { objects, revision } = await store.commit([createCluster('a'), createCluster('b')], {
      actor: ACTOR,
    });
    expect(objects.map((o) => o.metadata.resourceVersion)).toEqual([String(revision), String(revision)]);
    const broken = [createCluster('c'), updateCluster('a', 'FR'), createCluster('b')];
    await expect(store.commit(broken, { actor: ACTOR })).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    const after = await store.list();
    expect(after.revision).toBe(revision);
    expect(after.items).toEqual(objects);
    expect(await store.audit({ limit: 10 })).toHaveLength(2);
  });

  it('lets later changes of a commit see the earlier ones', async () => {
    const store = await place().open();
    const { objects } = await store.commit([createCluster('a'), updateCluster('a', 'FR')], { actor: ACTOR });
    expect(objects.map((o) => o.metadata.generation)).toEqual([1, 2]);
  });

  it('answers a dry run as a real one would and stores nothing', async () => {
    const store = await place().open();
    const { revision } = await store.commit([createCluster('a')], { actor: ACTOR });
    const dry = await store.commit([createCluster('b'), updateCluster('a', 'FR')], {
      actor: ACTOR,
      dryRun: true,
    });
    expect(dry.objects.map((o) => [o.metadata.name, o.metadata.generation])).toEqual([
      ['b', 1],
      ['a', 2],
    ]);
    expect(dry.revision).toBe(revision);
    const conflict = store.commit([createCluster('a')], { actor: ACTOR, dryRun: true });
    await expect(conflict).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    expect((await store.list()).items.map((o) => o.metadata.name)).toEqual(['a']);
    expect(await store.audit({ limit: 10 })).toHaveLength(1);
    // The store still takes real ones afterwards.
    await store.commit([createCluster('b')], { actor: ACTOR });
    expect(await store.get(clusterKey('b'))).toBeDefined();
  });

  it('removes an object without finalizers at once', async () => {
    const store = await place().open();
    const created = await store.commit([createCluster('a')], { actor: ACTOR });
    const removed = await store.commit([{ type: 'delete', key: clusterKey('a') }], { actor: ACTOR });
    expect(removed.objects).toEqual(created.objects);
    expect(await store.get(clusterKey('a'))).toBeUndefined();
    // The name is free again, for another object.
    const again = await store.commit([createCluster('a')], { actor: ACTOR });
    expect(again.objects[0]?.metadata.uid).not.toBe(created.objects[0]?.metadata.uid);
  });

  it('keeps an object that is being deleted until its last finalizer is gone', async () => {
    const store = await place().open();
    const key = clusterKey('a');
    await store.commit([createCluster('a', { finalizers: ['drain', 'dns', 'drain'] })], { actor: ACTOR });
    await store.commit([{ type: 'delete', key }], { actor: ACTOR });
    const leaving = await store.get(key);
    expect(leaving?.metadata.deletionTimestamp).toBeDefined();
    expect(leaving?.metadata.finalizers).toEqual(['drain', 'dns']);
    await expect(store.commit([createCluster('a')], { actor: ACTOR })).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    const held = { ...updateCluster('a', 'DE'), finalizers: ['drain', 'dns', 'mine'] };
    await expect(store.commit([held], { actor: ACTOR })).rejects.toMatchObject({ code: 'CONFLICT' });
    const again = await store.commit([{ type: 'delete', key }], { actor: ACTOR });
    expect(again.objects).toEqual([leaving]);
    await store.commit([{ type: 'removeFinalizer', key, finalizer: 'drain' }], { actor: ACTOR });
    expect((await store.get(key))?.metadata.finalizers).toEqual(['dns']);
    await store.commit([{ type: 'removeFinalizer', key, finalizer: 'dns' }], { actor: ACTOR });
    expect(await store.get(key)).toBeUndefined();
  });

  it('keeps finalizers that an update leaves out, and drops labels that it leaves out', async () => {
    const store = await place().open();
    const first = { ...createCluster('a', { finalizers: ['drain'] }), labels: { tier: 'one' } };
    await store.commit([first], { actor: ACTOR });
    await store.commit([updateCluster('a', 'FR')], { actor: ACTOR });
    expect((await store.get(clusterKey('a')))?.metadata).toMatchObject({ finalizers: ['drain'], labels: {} });
  });

  it('lists by kind, namespace and name in code-point order, filtered', async () => {
    const store = await place().open();
    const zone = {
      type: 'create',
      key: { kind: 'Drain', namespace: 'default', name: 'z' },
      spec: { cluster: 'b', reason: 'x' },
    } as const;
    const names = ['b', 'a-1', 'a1', 'a'];
    await store.commit(
      [zone, createCluster('c', { namespace: 'other' }), ...names.map((n) => createCluster(n))],
      { actor: ACTOR },
    );
    const nameOf = (o: {
      readonly kind: string;
      readonly metadata: { readonly namespace: string; readonly name: string };
    }) => `${o.kind} ${o.metadata.namespace}/${o.metadata.name}`;
    const all = [
      'Cluster default/a',
      'Cluster default/a-1',
      'Cluster default/a1',
      'Cluster default/b',
      'Cluster other/c',
      'Drain default/z',
    ];
    expect((await store.list()).items.map(nameOf)).toEqual(all);
    expect((await store.list({ kind: 'Cluster', namespace: 'other' })).items.map(nameOf)).toEqual([
      'Cluster other/c',
    ]);
    expect((await store.list({ kind: 'Drain' })).items.map(nameOf)).toEqual(['Drain default/z']);
    expect((await store.list({ namespace: 'nowhere' })).items).toEqual([]);
  });

  it('I36 concurrent writers with one resourceVersion: one wins, the others learn it', async () => {
    const store = await place().open();
    const { revision } = await store.commit([createCluster('a')], { actor: ACTOR });
    const writers = Array.from({ length: 20 }, (_, i) =>
      store.commit(
        [
          {
            ...updateCluster('a', 'FR', { resourceVersion: String(revision) }),
            labels: { writer: String(i) },
          },
        ],
        { actor: ACTOR },
      ),
    );
    const results = await Promise.allSettled(writers);
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
    const reasons = results.flatMap((r) => (r.status === 'rejected' ? [r.reason as unknown] : []));
    expect(reasons).toHaveLength(19);
    for (const reason of reasons) expect(reason).toMatchObject({ code: 'CONFLICT' });
  });

  it('keeps everything over a restart and takes the next epoch', async () => {
    const first = await place().open();
    await first.commit([createCluster('a')], { actor: ACTOR });
    await first.putMeta('ca', 'pem');
    expect(await first.increment('snapshots')).toBe(1);
    const before = await first.list();
    await first.close();
    const second = await place().open();
    expect(second.epoch).toBe(first.epoch + 1);
    expect(second.hubUid).toBe(first.hubUid);
    expect(await second.list()).toEqual(before);
    expect(await second.getMeta('ca')).toBe('pem');
    expect(await second.getMeta('nothing')).toBeUndefined();
    expect(await second.increment('snapshots')).toBe(2);
    await second.putMeta('ca', 'other');
    expect(await second.getMeta('ca')).toBe('other');
  });

  it('gives every caller of a counter its own number', async () => {
    const store = await place().open();
    const numbers = await Promise.all(Array.from({ length: 50 }, () => store.increment('sequence')));
    expect([...numbers].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  it('I2 refuses the commit of a hub whose epoch is not the newest, and takes the newest one', async () => {
    const old = await place().open();
    const young = await place().open();
    expect(young.epoch).toBe(old.epoch + 1);
    const stale = old.commit([createCluster('a')], { actor: ACTOR, epoch: old.epoch });
    await expect(stale).rejects.toMatchObject({ code: 'CONFLICT' });
    await young.commit([createCluster('a')], { actor: ACTOR, epoch: young.epoch });
    expect((await old.list()).items).toHaveLength(1);
  });

  it('answers with STORE_UNAVAILABLE after it was closed', async () => {
    const store = await place().open();
    await store.ping();
    await store.close();
    await expect(store.ping()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(store.commit([createCluster('a')], { actor: ACTOR })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });
}
