import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import type { NewStoredKey } from '../../hub/store/key-contract.ts';
import { hubDigest, newApiKey } from '../../src/identity/api-key.ts';
import { matching } from '../support/matchers.ts';
import { ACTOR, type StorePlace, TEST_KEK } from './store-harness.ts';

/** API keys: digests alone are kept, every change has its place in a chained feed. */
export function keyTests(place: () => StorePlace): void {
  const pepper = Buffer.alloc(32, 3);
  const keyOf = (principal: string, more: Partial<NewStoredKey> = {}): NewStoredKey => {
    const { id, text } = newApiKey(randomBytes);
    return {
      id,
      digest: hubDigest(pepper, text),
      namespace: 'default',
      principal,
      roles: ['reader'],
      labels: { team: 'shop' },
      attributes: {},
      ...more,
    };
  };
  const by = { actor: ACTOR, verb: 'key.create' } as const;

  it('I19 keeps what was created over a restart, each with the next sequence and an audit row', async () => {
    const first = await place().open();
    const [a] = await first.keys.create(
      [keyOf('a', { plan: 'gold', expiresAt: '2030-01-01T00:00:00.000Z' })],
      by,
    );
    const [b, c] = await first.keys.create([keyOf('b', { pairId: 'app' }), keyOf('c')], by);
    expect([a?.sequence, b?.sequence, c?.sequence]).toEqual([1, 2, 3]);
    const head = await first.keys.place();
    await first.close();
    const second = await place().open();
    expect(await second.keys.place()).toEqual(head);
    expect(head).toMatchObject({ sequence: 3, hash: matching(/^[0-9a-f]{64}$/) });
    expect(await second.keys.get(a?.id ?? '')).toEqual(a);
    expect(await second.keys.get(b?.id ?? '')).toEqual(b);
    const audit = (await second.audit({ limit: 10 })).map(
      ({ verb, kind, name }) => `${verb} ${kind} ${name}`,
    );
    expect(audit).toEqual([`key.create ApiKey ${a?.id}`, 'key.create ApiKey 2 keys']);
    expect(await second.verifyAudit()).not.toHaveProperty('brokenAt');
  });

  it('creates all of a list or none, and says which one is known, not what it is', async () => {
    const store = await place().open();
    const known = keyOf('a');
    await store.keys.create([known], by);
    const head = await store.keys.place();
    const twin = keyOf('twin');
    for (const [list, message] of [
      [
        [keyOf('b'), { ...keyOf('c'), digest: known.digest }],
        `key 2 of the list is known already, as ${known.id}`,
      ],
      [[keyOf('b'), { ...keyOf('c'), id: known.id }], `key 2 of the list is known already, as ${known.id}`],
      [[twin, keyOf('b'), { ...twin, id: 'k-zzzzzzzzzz' }], 'keys 1 and 3 of the list are the same'],
    ] as const)
      await expect(store.keys.create(list, by)).rejects.toMatchObject({ code: 'ALREADY_EXISTS', message });
    expect(await store.keys.place()).toEqual(head);
    expect(await store.keys.list({ limit: 10 })).toHaveLength(1);
    expect(await store.audit({ limit: 10 })).toHaveLength(1);
  });

  it('rotates with an overlap, once, and revokes for ever', async () => {
    const store = await place().open();
    const old = keyOf('a', { expiresAt: '2030-06-01T00:00:00.000Z' });
    await store.keys.create([old], by);
    const next = keyOf('a');
    const until = '2030-01-01T00:00:00.000Z';
    const { key, successor } = await store.keys.rotate(old.id, next, { actor: ACTOR, until });
    expect(key).toMatchObject({ state: 'rotated', expiresAt: until, successor: next.id, sequence: 2 });
    expect(successor).toMatchObject({ state: 'active', predecessor: old.id, sequence: 3 });
    await expect(
      store.keys.rotate(old.id, keyOf('a'), { actor: ACTOR, until: '2031-01-01T00:00:00.000Z' }),
    ).rejects.toMatchObject({ code: 'CONFLICT', message: `key ${old.id} is rotated` });
    const revoked = await store.keys.revoke(next.id, { actor: ACTOR, reason: 'leaked' });
    expect(revoked).toMatchObject({ state: 'revoked', sequence: 4 });
    expect(await store.keys.revoke(next.id, { actor: ACTOR })).toEqual(revoked);
    expect((await store.keys.place()).sequence).toBe(4);
    for (const unknown of [store.keys.revoke('k-aaaaaaaaaa', { actor: ACTOR })])
      await expect(unknown).rejects.toMatchObject({ code: 'KEY_NOT_FOUND' });
    const verbs = (await store.audit({ limit: 10 })).map(({ verb, reason }) => `${verb} ${reason ?? ''}`);
    expect(verbs).toEqual(['key.create ', 'key.rotate ', 'key.revoke leaked']);
    // A rotation never makes a key last longer than it would have.
    const short = keyOf('b', { expiresAt: '2029-01-01T00:00:00.000Z' });
    await store.keys.create([short], by);
    const rotated = await store.keys.rotate(short.id, keyOf('b'), { actor: ACTOR, until });
    expect(rotated.key.expiresAt).toBe('2029-01-01T00:00:00.000Z');
    expect(await store.keys.count()).toEqual({ active: 3, revoked: 1 });
  });

  it('gives the changes after every end of a commit, each key once and as it is now', async () => {
    const store = await place().open();
    const start = await store.keys.place();
    expect(start).toMatchObject({ sequence: 0, hash: '' });
    const [a] = await store.keys.create([keyOf('a')], by);
    const afterA = await store.keys.place();
    const [b] = await store.keys.create([keyOf('b')], by);
    await store.keys.revoke(a?.id ?? '', { actor: ACTOR });
    const end = await store.keys.place();
    const all = await store.keys.changes(start);
    expect(all).toMatchObject({ from: start, to: end });
    expect(all?.keys.map(({ id, state }) => [id, state])).toEqual([
      [b?.id, 'active'],
      [a?.id, 'revoked'],
    ]);
    expect((await store.keys.changes(afterA))?.keys.map(({ sequence }) => sequence)).toEqual([2, 3]);
    expect(await store.keys.changes(end)).toEqual({ from: end, to: end, keys: [] });
    expect(await store.keys.standing(afterA)).toBe('known');
    for (const [place, standing] of [
      [{ ...end, sequence: 4 }, 'ahead'],
      [{ ...end, hash: 'ab'.repeat(32) }, 'ahead'],
      [{ ...end, feed: 'other' }, 'foreign'],
    ] as const) {
      expect(await store.keys.standing(place)).toBe(standing);
      expect(await store.keys.changes(place)).toBeUndefined();
    }
  });

  it('is told of every change, and starts another feed when it was restored from a backup', async () => {
    const store = await place().open();
    let told = 0;
    const stop = store.keys.onChange(() => {
      told += 1;
    });
    await store.keys.create([keyOf('a')], by);
    const before = await store.keys.place();
    const after = await store.keys.restartFeed({ actor: ACTOR, reason: 'restored' });
    expect(told).toBe(2);
    expect(after.feed).not.toBe(before.feed);
    expect(await store.keys.place()).toEqual({ ...before, feed: after.feed });
    expect(await store.keys.standing(before)).toBe('foreign');
    expect(await store.keys.standing(after)).toBe('known');
    stop();
    await store.keys.create([keyOf('b')], by);
    expect(told).toBe(2);
  });

  it('lists by namespace, principal, plan, state and labels, page after page', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z');
    const store = await place().open({ wallClock: () => now });
    const odd = { 'a"b': 'x":"y', plain: '%' };
    const made = [
      keyOf('a', { plan: 'gold' }),
      keyOf('b', { namespace: 'shop', expiresAt: '2026-02-01T00:00:00.000Z' }),
      keyOf('c', { labels: odd, attributes: { team: 'shop' } }),
      keyOf('d', { labels: { team: 'other' } }),
    ];
    await store.keys.create(made, by);
    await store.keys.revoke(made[3]?.id ?? '', { actor: ACTOR });
    now = Date.parse('2026-03-01T00:00:00Z');
    const found = async (filter: object) =>
      (await store.keys.list({ limit: 10, ...filter }))
        .map((key) => key.principal)
        .sort()
        .join('');
    expect(await found({})).toBe('abcd');
    expect(await found({ namespaces: ['shop'] })).toBe('b');
    expect(await found({ namespaces: [] })).toBe('');
    expect(await found({ principal: 'a' })).toBe('a');
    expect(await found({ plan: 'gold' })).toBe('a');
    expect(await found({ state: 'active' })).toBe('ac');
    expect(await found({ state: 'expired' })).toBe('b');
    expect(await found({ state: 'revoked' })).toBe('d');
    expect(await found({ labels: { team: 'shop' } })).toBe('ab');
    expect(await found({ labels: odd })).toBe('c');
    expect(await found({ labels: { plain: '_' } })).toBe('');
    const pages: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await store.keys.list({ limit: 3, ...(after === undefined ? {} : { after }) });
      if (page.length === 0) break;
      pages.push(...page.map((key) => key.id));
      after = page.at(-1)?.id;
    }
    expect(pages).toEqual(made.map((key) => key.id).sort());
  });

  it('takes thousands at once, and hands them on by whole commits', async () => {
    const store = await place().open();
    const start = await store.keys.place();
    const many = (count: number) => Array.from({ length: count }, (_, i) => keyOf(`p${i}`));
    await store.keys.create(many(3_000), { actor: ACTOR, verb: 'key.import' });
    const middle = await store.keys.place();
    await store.keys.create(many(3_000), { actor: ACTOR, verb: 'key.import' });
    const first = await store.keys.changes(start);
    expect(first?.to).toEqual(middle);
    expect(first?.keys).toHaveLength(3_000);
    expect((await store.keys.changes(middle))?.keys).toHaveLength(3_000);
    await expect(store.keys.create(many(5_001), by)).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('I29 I33 a key and the peppers are in no file and no audit row, whatever the key-encryption key is', async () => {
    const store = await place().open();
    const peppers = await store.keys.peppers();
    expect([peppers.hub.length, peppers.root.length]).toEqual([32, 32]);
    expect(peppers.hub.equals(peppers.root)).toBe(false);
    const { id, text } = newApiKey(randomBytes);
    await store.keys.create([{ ...keyOf('canary-principal'), id, digest: hubDigest(peppers.hub, text) }], by);
    const next = randomBytes(32);
    await store.rotateKey(TEST_KEK, next);
    expect(await store.keys.peppers()).toEqual(peppers);
    const files = await place().files();
    expect(files.some(({ bytes }) => bytes.includes('canary-principal'))).toBe(true);
    const secrets = [
      text,
      createHash('sha256').update(text).digest('hex'),
      peppers.hub.toString('base64').slice(0, 40),
      peppers.root.toString('base64').slice(0, 40),
      peppers.hub.toString('hex'),
    ];
    for (const secret of secrets)
      expect(files.filter(({ bytes }) => bytes.includes(secret)).map(({ path }) => path)).toEqual([]);
    expect(JSON.stringify(await store.audit({ limit: 10 }))).not.toContain(hubDigest(peppers.hub, text));
  });
}
