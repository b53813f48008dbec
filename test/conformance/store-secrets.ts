import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { canonicalJson } from '../../hub/store/canonical.ts';
import type { Change } from '../../hub/store/contract.ts';
import { messageOf } from '../../src/errors/error.ts';
import {
  ACTOR,
  createSecret,
  type StorePlace,
  secretKey,
  sha256,
  TEST_KEK,
  take,
  type Update,
} from './store-harness.ts';

/** Secrets: never readable at rest, in events, in the audit log or in errors. */
export function secretTests(place: () => StorePlace): void {
  const updateSecret = (name: string, stringData?: Readonly<Record<string, string | null>>): Update => ({
    type: 'update',
    key: secretKey(name),
    spec: stringData === undefined ? {} : { stringData },
  });

  it('returns key, size and digest to readers, and the values to the hub alone', async () => {
    const store = await place().open();
    const { objects } = await store.commit([createSecret('s', { user: 'bär', password: 'hunter2' })], {
      actor: ACTOR,
    });
    const read = await store.get(secretKey('s'));
    expect(objects).toEqual([read]);
    expect(read?.spec).toEqual({});
    const twelveHexDigits: unknown = expect.stringMatching(/^[0-9a-f]{12}$/);
    expect(read?.status?.keys).toEqual([
      { key: 'password', bytes: 7, digest: twelveHexDigits },
      { key: 'user', bytes: 4, digest: twelveHexDigits },
    ]);
    expect(await store.secretData(secretKey('s'))).toEqual({ user: 'bär', password: 'hunter2' });
    expect(await store.secretData(secretKey('nothing'))).toBeUndefined();
  });

  it('keeps values that an update leaves out, replaces named ones and removes those set to null', async () => {
    const store = await place().open();
    await store.commit([createSecret('s', { a: '1', b: '2', c: '3' })], { actor: ACTOR });
    await store.commit([updateSecret('s', { a: 'new', b: null, d: '4' })], { actor: ACTOR });
    expect(await store.secretData(secretKey('s'))).toEqual({ a: 'new', c: '3', d: '4' });
    expect((await store.get(secretKey('s')))?.metadata.generation).toBe(2);
    await store.commit([{ ...updateSecret('s'), labels: { kept: 'yes' } }], { actor: ACTOR });
    expect(await store.secretData(secretKey('s'))).toEqual({ a: 'new', c: '3', d: '4' });
    expect((await store.get(secretKey('s')))?.metadata.generation).toBe(2);
  });

  it('writes nothing when the values are the stored ones', async () => {
    const store = await place().open();
    const { revision } = await store.commit([createSecret('s', { a: '1' })], { actor: ACTOR });
    const again = await store.commit([{ ...updateSecret('s', { a: '1', missing: null }) }], { actor: ACTOR });
    expect(again.revision).toBe(revision);
  });

  it('does not let a status write change what is known of the values', async () => {
    const store = await place().open();
    const { objects } = await store.commit([createSecret('s', { a: '1' })], { actor: ACTOR });
    await store.commit([{ type: 'status', key: secretKey('s'), status: { conditions: [], keys: [] } }], {
      actor: ACTOR,
    });
    expect((await store.get(secretKey('s')))?.status).toEqual(objects[0]?.status);
  });

  it('stores nothing of a dry run and forgets the values of a removed secret', async () => {
    const store = await place().open();
    await store.commit([createSecret('s', { a: '1' })], { actor: ACTOR, dryRun: true });
    expect(await store.secretData(secretKey('s'))).toBeUndefined();
    await store.commit([createSecret('s', { a: '1' })], { actor: ACTOR });
    await store.commit([{ type: 'delete', key: secretKey('s') }], { actor: ACTOR });
    await store.commit([createSecret('s', { b: '2' })], { actor: ACTOR });
    expect(await store.secretData(secretKey('s'))).toEqual({ b: '2' });
  });

  it('I33 a canary value is in no file, no event, no audit row and no error', async () => {
    const canary = `canary-${randomBytes(12).toString('hex')}`;
    const store = await place().open();
    const errors: unknown[] = [];
    const failing = (changes: readonly Change[]) =>
      store.commit(changes, { actor: ACTOR }).catch((e: unknown) => errors.push(e));
    await store.commit([createSecret('s', { password: canary })], { actor: ACTOR });
    await store.commit([updateSecret('s', { password: `${canary}-2`, other: canary })], {
      actor: ACTOR,
      reason: 'rotation',
    });
    await failing([createSecret('s', { password: canary })]);
    await failing([createSecret('t', { password: canary }), createSecret('s', {})]);
    await failing([{ ...updateSecret('s', { password: canary }), resourceVersion: '1' }]);
    await store.commit([createSecret('dry', { password: canary })], { actor: ACTOR, dryRun: true });
    const events = await take(store.watch({ fromRevision: 0, signal: AbortSignal.timeout(20_000) }), 2);
    const shown = JSON.stringify([events, await store.audit({ limit: 100 }), await store.list()]);
    expect(shown).not.toContain(canary);
    expect(errors).toHaveLength(3);
    for (const error of errors) expect(`${messageOf(error)}${JSON.stringify(error)}`).not.toContain(canary);
    // The values are there, and nowhere in clear: not in the file, the log of the engine, or anything beside them.
    expect(await store.secretData(secretKey('s'))).toEqual({ password: `${canary}-2`, other: canary });
    const marker = events[0]?.object.metadata.uid ?? '';
    const files = await place().files();
    expect(files.some(({ bytes }) => bytes.includes(marker))).toBe(true);
    const encodings = [
      canary,
      Buffer.from(canary).toString('hex'),
      Buffer.from(canary).toString('base64').slice(0, 20),
    ];
    for (const text of encodings) {
      expect(files.filter(({ bytes }) => bytes.includes(text)).map(({ path }) => path)).toEqual([]);
    }
  });

  it('I33 does not put a guessable digest of a value into the audit log', async () => {
    const store = await place().open();
    const change = createSecret('s', { pin: '1234' });
    await store.commit([change], { actor: ACTOR });
    // Everything an attacker could compute from a guessed value, as far as it is written.
    const guesses = [
      '1234',
      'pin1234',
      ...['1234', ['pin', '1234'], change.spec, change].map(canonicalJson),
    ].map(sha256);
    const [row] = await store.audit({ limit: 1 });
    expect(guesses).not.toContain(row?.payloadDigest);
    const digest = (await store.get(secretKey('s')))?.status?.keys[0]?.digest;
    expect(guesses.map((guess) => guess.slice(0, 12))).not.toContain(digest);
  });

  it('refuses to open with another key, and changes nothing by trying', async () => {
    const first = await place().open();
    await first.commit([createSecret('s', { a: '1' })], { actor: ACTOR });
    await first.close();
    await expect(place().open({ kek: randomBytes(32) })).rejects.toMatchObject({ code: 'KEY_WRONG' });
    await expect(place().open({ kek: randomBytes(16) })).rejects.toMatchObject({ code: 'KEY_FILE_INVALID' });
    const again = await place().open();
    expect(again.epoch).toBe(first.epoch + 1);
    expect(await again.secretData(secretKey('s'))).toEqual({ a: '1' });
  });

  it('changes the key by wrapping the data keys anew, and then refuses the old one', async () => {
    const next = randomBytes(32);
    const first = await place().open();
    await first.commit([createSecret('s', { a: '1' }), createSecret('t', { b: '2' })], { actor: ACTOR });
    const described = (await first.get(secretKey('s')))?.status?.keys;
    await expect(first.rotateKey(next, TEST_KEK)).rejects.toMatchObject({ code: 'KEY_WRONG' });
    expect(await first.rotateKey(TEST_KEK, next)).toEqual({ secrets: 2 });
    expect(await first.secretData(secretKey('s'))).toEqual({ a: '1' });
    await first.commit([createSecret('u', { c: '3' })], { actor: ACTOR });
    await first.close();
    await expect(place().open()).rejects.toMatchObject({ code: 'KEY_WRONG' });
    const second = await place().open({ kek: next });
    expect(await second.secretData(secretKey('t'))).toEqual({ b: '2' });
    expect(await second.secretData(secretKey('u'))).toEqual({ c: '3' });
    await second.commit([updateSecret('s', { a: '1', again: '1' })], { actor: ACTOR });
    // Digests stay comparable over a change of the key.
    expect((await second.get(secretKey('s')))?.status?.keys[0]).toEqual(described?.[0]);
    expect(await second.verifyAudit()).not.toHaveProperty('brokenAt');
  });

  it('does not open a ciphertext that was moved to another secret', async () => {
    const store = await place().open();
    const { objects } = await store.commit(
      [createSecret('mine', { a: 'x' }), createSecret('yours', { a: 'y' })],
      { actor: ACTOR },
    );
    const [mine, yours] = objects.map((object) => object.metadata.uid);
    await place().tamper(
      `update secrets set fields = (select fields from secrets where uid = '${yours}'),
       wrapped_key = (select wrapped_key from secrets where uid = '${yours}') where uid = '${mine}'`,
    );
    await expect(store.secretData(secretKey('mine'))).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(await store.secretData(secretKey('yours'))).toEqual({ a: 'y' });
  });
}
