import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  ACTOR,
  createCluster,
  createSecret,
  postgresPlace,
  type StorePlace,
  secretKey,
  summary,
  TEST_KEK,
  take,
  updateCluster,
} from '../conformance/store-harness.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { requireServer } from '../support/servers.ts';

const suite = 'several hubs on one PostgreSQL database';
const postgresql = await requireServer('postgresql', suite);
describe.skipIf(!postgresql.available)(suite, () => {
  let server: TestPostgres;
  let place: StorePlace;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    place = await postgresPlace(server);
  });
  afterEach(() => place.remove());

  it('open an empty database at once: one makes the schema, each has an epoch of its own', async () => {
    const hubs = await Promise.all(Array.from({ length: 5 }, () => place.open()));
    expect(hubs.map((hub) => hub.epoch).sort()).toEqual([1, 2, 3, 4, 5]);
    expect(new Set(hubs.map((hub) => hub.hubUid)).size).toBe(1);
  });

  it('I2 a hub that was overtaken cannot commit, also while the young one writes', async () => {
    const old = await place.open();
    const young = await place.open();
    const writes = Array.from({ length: 40 }, (_, i) => {
      const hub = i % 2 === 0 ? old : young;
      return hub.commit([createCluster(`c${i}`)], { actor: ACTOR, epoch: hub.epoch });
    });
    const results = await Promise.allSettled(writes);
    for (const [i, result] of results.entries()) {
      if (i % 2 === 1) expect(result.status).toBe('fulfilled');
      else expect(result).toMatchObject({ status: 'rejected', reason: { code: 'CONFLICT' } });
    }
    expect((await young.list()).items).toHaveLength(20);
  });

  it("hear of each other's changes of API keys, which take their places in one chain", async () => {
    const [one, other] = [await place.open(), await place.open()];
    let told = 0;
    other.keys.onChange(() => {
      told += 1;
    });
    const start = await other.keys.place();
    const made = { namespace: 'default', principal: 'p', roles: [], labels: {}, attributes: {} };
    const by = { actor: ACTOR, verb: 'key.create' } as const;
    await one.keys.create([{ ...made, id: 'k-aaaaaaaaaa', digest: 'aa' }], by);
    await expect.poll(() => told, { timeout: 5_000 }).toBeGreaterThan(0);
    expect((await other.keys.changes(start))?.keys.map(({ id }) => id)).toEqual(['k-aaaaaaaaaa']);
    await Promise.all(
      [one, other].flatMap((hub, h) =>
        Array.from({ length: 5 }, (_, i) =>
          hub.keys.create([{ ...made, id: `k-${h}${i}`, digest: `${h}${i}` }], by),
        ),
      ),
    );
    expect(await one.keys.place()).toEqual(await other.keys.place());
    expect(
      (await one.keys.list({ limit: 20 })).map(({ sequence }) => sequence).toSorted((a, b) => a - b),
    ).toEqual(Array.from({ length: 11 }, (_, i) => i + 1));
    expect((await one.keys.peppers()).hub.equals((await other.keys.peppers()).hub)).toBe(true);
  });

  it('show each other their events, all of them once and in one order', async () => {
    const hubs = [await place.open(), await place.open()];
    const total = 60;
    const watches = hubs.map((hub) =>
      take(hub.watch({ fromRevision: 0, signal: AbortSignal.timeout(30_000) }), total),
    );
    await Promise.all(
      hubs.map(async (hub, h) => {
        for (let i = 0; i < total / 2; i += 1)
          await hub.commit([createCluster(`h${h}-${i}`)], { actor: ACTOR });
      }),
    );
    const [one, two] = await Promise.all(watches);
    expect(summary(one ?? [])).toEqual(summary(two ?? []));
    expect(one?.map((event) => event.revision)).toEqual(Array.from({ length: total }, (_, i) => i + 1));
  });

  it('never both write on one resourceVersion', async () => {
    const one = await place.open();
    const two = await place.open();
    const { revision } = await one.commit([createCluster('c')], { actor: ACTOR });
    const writes = Array.from({ length: 20 }, (_, i) => {
      const update = {
        ...updateCluster('c', 'FR', { resourceVersion: String(revision) }),
        labels: { i: String(i) },
      };
      return (i % 2 === 0 ? one : two).commit([update], { actor: ACTOR });
    });
    const results = await Promise.allSettled(writes);
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });

  it('I33 a hub with the old key cannot seal or open a secret after another one changed it', async () => {
    const stale = await place.open();
    const rotating = await place.open();
    const next = randomBytes(32);
    await stale.commit([createSecret('s', { a: '1' })], { actor: ACTOR });
    await rotating.rotateKey(TEST_KEK, next);
    await expect(stale.commit([createSecret('t', { a: '1' })], { actor: ACTOR })).rejects.toMatchObject({
      code: 'KEY_WRONG',
    });
    await expect(stale.secretData(secretKey('s'))).rejects.toMatchObject({ code: 'KEY_WRONG' });
    expect(await rotating.secretData(secretKey('s'))).toEqual({ a: '1' });
  });
});
