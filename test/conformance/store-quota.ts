import { expect, it } from 'vitest';
import { ACTOR, type StorePlace } from './store-harness.ts';

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (pages: ReadonlyMap<string, Uint8Array>): Record<string, string> =>
  Object.fromEntries([...pages].map(([page, content]) => [page, new TextDecoder().decode(content)]));

/** Pages of the quota's ledger: whole commits of the hub that acts on the store, and of no other. */
export function quotaTests(place: () => StorePlace): void {
  it('keeps pages and clock over a restart; what is removed is gone', async () => {
    const first = await place().open();
    expect(await first.loadQuota()).toEqual({ pages: new Map(), clock: undefined });
    const every = new Uint8Array(256).map((_, i) => i);
    await first.saveQuota(
      first.epoch,
      [
        { page: 'a', content: octets('1') },
        { page: 'b', content: every },
      ],
      'clock 1',
    );
    await first.close();
    const second = await place().open();
    const { pages, clock } = await second.loadQuota();
    expect(clock).toBe('clock 1');
    expect(texts(new Map([['a', pages.get('a') ?? octets('')]]))).toEqual({ a: '1' });
    expect([...(pages.get('b') ?? [])]).toEqual([...every]);
    await second.saveQuota(
      second.epoch,
      [
        { page: 'a', content: octets('2') },
        { page: 'b', content: undefined },
        { page: 'nowhere', content: undefined },
      ],
      'clock 2',
    );
    const next = await second.loadQuota();
    expect({ pages: texts(next.pages), clock: next.clock }).toEqual({ pages: { a: '2' }, clock: 'clock 2' });
  });

  it('takes of a page that changed twice in one commit the later content', async () => {
    const store = await place().open();
    await store.saveQuota(
      store.epoch,
      [
        { page: 'a', content: octets('1') },
        { page: 'b', content: octets('1') },
        { page: 'a', content: octets('2') },
        { page: 'b', content: undefined },
      ],
      '',
    );
    expect(texts((await store.loadQuota()).pages)).toEqual({ a: '2' });
  });

  it('I20 refuses pages of a hub when another one has opened the store, whole', async () => {
    const first = await place().open();
    await first.saveQuota(first.epoch, [{ page: 'a', content: octets('1') }], 'clock 1');
    const second = await place().open();
    const late = first.saveQuota(
      first.epoch,
      [
        { page: 'a', content: octets('late') },
        { page: 'c', content: octets('late') },
      ],
      'late',
      [{ actor: ACTOR, verb: 'quota.reset', namespace: 'shop', name: 'customers', payload: {} }],
    );
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    // Also without a page: a reply must not leave either.
    await expect(first.saveQuota(first.epoch, [], 'late')).rejects.toMatchObject({ code: 'CONFLICT' });
    const { pages, clock } = await second.loadQuota();
    expect({ pages: texts(pages), clock }).toEqual({ pages: { a: '1' }, clock: 'clock 1' });
    expect(await second.audit({ limit: 10 })).toEqual([]);
  });

  it('puts what people did to a limit into the audit log with the pages it changed', async () => {
    const store = await place().open();
    const fact = { actor: ACTOR, namespace: 'shop', name: 'customers', payload: { key: 'acme', limit: 7 } };
    await store.saveQuota(store.epoch, [{ page: 'a', content: octets('1') }], '', [
      { ...fact, verb: 'quota.set', reason: 'a sale' },
      { ...fact, verb: 'quota.reset' },
    ]);
    expect(await store.audit({ limit: 10 })).toMatchObject([
      { verb: 'quota.set', kind: 'RateLimitPolicy', namespace: 'shop', name: 'customers', reason: 'a sale' },
      { verb: 'quota.reset' },
    ]);
    expect(await store.verifyAudit()).toEqual({ entries: 2 });
  });

  it('saves hundreds of pages as one', async () => {
    const store = await place().open();
    const names = Array.from({ length: 211 }, (_, i) => `page/${i}`);
    await store.saveQuota(
      store.epoch,
      names.map((page) => ({ page, content: octets(page) })),
      '',
    );
    expect(texts((await store.loadQuota()).pages)).toEqual(Object.fromEntries(names.map((n) => [n, n])));
    const gone = names.slice(3);
    await store.saveQuota(
      store.epoch,
      gone.map((page) => ({ page, content: undefined })),
      '',
    );
    expect([...(await store.loadQuota()).pages.keys()].sort()).toEqual(['page/0', 'page/1', 'page/2']);
  });
}
