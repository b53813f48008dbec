import { expect, it } from 'vitest';
import { ACTOR, clusterKey, createCluster, type StorePlace, updateCluster } from './store-harness.ts';

/** The audit log: one row per write, in the same transaction, chained by hashes. */
export function auditTests(place: () => StorePlace): void {
  it('notes who did what to what, from where and why', async () => {
    const store = await place().open({ wallClock: () => Date.UTC(2026, 5, 1) });
    await store.commit([createCluster('a')], { actor: ACTOR });
    await store.commit([updateCluster('a', 'FR')], {
      actor: { id: 'hub', display: 'hub' },
      reason: 'forced',
      verb: 'drill.start',
    });
    await store.commit([{ type: 'delete', key: clusterKey('a') }], { actor: ACTOR });
    await store.recordAudit({
      actor: ACTOR,
      verb: 'login',
      kind: 'Token',
      namespace: '',
      name: 'x',
      payload: { a: 1 },
    });
    const rows = await store.audit({ limit: 100 });
    expect(rows.map((r) => [r.sequence, r.verb, r.actor, r.kind, r.name])).toEqual([
      [1, 'create', 'token/tester', 'Cluster', 'a'],
      [2, 'drill.start', 'hub', 'Cluster', 'a'],
      [3, 'delete', 'token/tester', 'Cluster', 'a'],
      [4, 'login', 'token/tester', 'Token', 'x'],
    ]);
    expect(rows[0]).toMatchObject({
      at: '2026-06-01T00:00:00.000Z',
      address: '192.0.2.77',
      actorDisplay: 'the tester',
      namespace: 'default',
    });
    expect(rows[0]).not.toHaveProperty('reason');
    expect(rows[1]).toMatchObject({ reason: 'forced' });
    expect(rows[1]).not.toHaveProperty('address');
    for (const row of rows) expect(row.payloadDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(rows[0]?.payloadDigest).not.toBe(rows[1]?.payloadDigest);
  });

  it('pages by sequence and filters by namespace', async () => {
    const store = await place().open();
    const changes = ['a', 'b', 'c', 'd'].map((name, i) =>
      createCluster(name, { namespace: i % 2 === 0 ? 'even' : 'odd' }),
    );
    await store.commit(changes, { actor: ACTOR });
    const names = async (options: { after?: number; limit: number; namespace?: string }) =>
      (await store.audit(options)).map((r) => r.name);
    expect(await names({ limit: 2 })).toEqual(['a', 'b']);
    expect(await names({ after: 2, limit: 2 })).toEqual(['c', 'd']);
    expect(await names({ namespace: 'odd', limit: 10 })).toEqual(['b', 'd']);
  });

  it('I33 every row holds the hash of the one before, and the chain verifies over restarts', async () => {
    const first = await place().open();
    expect(await first.verifyAudit()).toEqual({ entries: 0 });
    for (const name of ['a', 'b']) await first.commit([createCluster(name)], { actor: ACTOR });
    await first.close();
    const store = await place().open();
    await store.commit([createCluster('c')], { actor: ACTOR });
    const rows = await store.audit({ limit: 10 });
    expect(rows.map((r) => r.previousHash)).toEqual(['0'.repeat(64), rows[0]?.hash, rows[1]?.hash]);
    expect(await store.verifyAudit()).toEqual({ entries: 3 });
  });

  it.each([
    { what: 'altered', statement: "update audit set actor = 'token/nobody' where sequence = 2", brokenAt: 2 },
    { what: 'removed from the middle', statement: 'delete from audit where sequence = 2', brokenAt: 2 },
    { what: 'removed at the end', statement: 'delete from audit where sequence = 4', brokenAt: 4 },
    {
      what: 'altered with its own hash cleared',
      statement: "update audit set verb = 'read', hash = '' where sequence = 3",
      brokenAt: 3,
    },
    {
      what: 'given another digest',
      statement: "update audit set payload_digest = 'x' where sequence = 1",
      brokenAt: 1,
    },
  ])('I33 finds a row that was $what', async ({ statement, brokenAt }) => {
    const store = await place().open();
    for (const name of ['a', 'b', 'c', 'd']) await store.commit([createCluster(name)], { actor: ACTOR });
    expect(await store.verifyAudit()).toEqual({ entries: 4 });
    await place().tamper(statement);
    expect(await store.verifyAudit()).toMatchObject({ brokenAt });
  });

  it('keeps the chain whole under concurrent writers', async () => {
    const store = await place().open();
    const other = await place().open();
    const writes = Array.from({ length: 30 }, (_, i) =>
      (i % 2 === 0 ? store : other).commit([createCluster(`c${i}`)], { actor: ACTOR }),
    );
    await Promise.all(writes);
    expect(await store.verifyAudit()).toEqual({ entries: 30 });
  });
}
