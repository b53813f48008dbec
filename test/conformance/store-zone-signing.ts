import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { ACTOR, createSecret, type StorePlace, secretKey, TEST_KEK } from './store-harness.ts';

/** Keys of zones: sealed like Secrets, reached by no reader of objects, written by the leader alone. */
export function zoneSigningTests(place: () => StorePlace): void {
  const zone = { namespace: 'default', origin: 'example.com.' };
  const fact = { actor: ACTOR, verb: 'zone.dnssec.roll', name: 'example', payload: { role: 'zsk' } };

  it('keeps them over a restart, for the zone of that namespace and origin', async () => {
    const first = await place().open();
    expect(await first.zoneSigning(zone)).toEqual({ version: 0, values: {} });
    const values = { state: '{"phase":"signing"}', 'key/1': 'private' };
    await first.putZoneSigning(zone, { version: 1, values }, { epoch: first.epoch, audit: [] });
    await first.close();
    const second = await place().open();
    expect(await second.zoneSigning(zone)).toEqual({ version: 1, values });
    expect(await second.listZoneSigning()).toEqual([zone]);
    expect(await second.zoneSigning({ ...zone, namespace: 'other' })).toEqual({ version: 0, values: {} });
    await second.putZoneSigning(
      zone,
      { version: 2, values: { state: '{}' } },
      { epoch: second.epoch, audit: [] },
    );
    expect(await second.zoneSigning(zone)).toEqual({ version: 2, values: { state: '{}' } });
  });

  it('takes a write only from the leader, and only of the version after the stored one', async () => {
    const first = await place().open();
    const put = (version: number, epoch: number) =>
      first.putZoneSigning(zone, { version, values: { v: `${version}` } }, { epoch, audit: [fact] });
    await put(1, first.epoch);
    await expect(put(1, first.epoch)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(put(3, first.epoch)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(put(2, first.epoch - 1)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await first.zoneSigning(zone)).toEqual({ version: 1, values: { v: '1' } });
    // What was refused left no row behind.
    const rows = (await first.audit({ limit: 10 })).map(({ verb, kind, name }) => `${verb} ${kind} ${name}`);
    expect(rows).toEqual(['zone.dnssec.roll Zone example']);
    expect(await first.verifyAudit()).not.toHaveProperty('brokenAt');
  });

  it('I33 a private key is in no file, no object, no event and no audit row, whatever the key-encryption key is', async () => {
    const canary = `canary-${randomBytes(24).toString('hex')}`;
    const store = await place().open();
    await store.commit([createSecret('s', { a: '1' })], { actor: ACTOR });
    await store.putZoneSigning(
      zone,
      { version: 1, values: { 'key/1': canary } },
      { epoch: store.epoch, audit: [fact] },
    );
    expect(await store.get(secretKey(zone.origin))).toBeUndefined();
    expect(JSON.stringify([await store.list(), await store.audit({ limit: 10 })])).not.toContain(canary);
    const next = randomBytes(32);
    expect(await store.rotateKey(TEST_KEK, next)).toEqual({ secrets: 2 });
    expect((await store.zoneSigning(zone)).values).toEqual({ 'key/1': canary });
    const files = await place().files();
    expect(files.some(({ bytes }) => bytes.includes(zone.origin))).toBe(true);
    for (const text of [canary, Buffer.from(canary).toString('base64').slice(0, 20)])
      expect(files.filter(({ bytes }) => bytes.includes(text)).map(({ path }) => path)).toEqual([]);
  });
}
