import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { openAuthority } from './authority.ts';

/** A store of one map, and sealing that shows whether the context was kept. */
function world() {
  const meta = new Map<string, string>();
  const store = {
    hubUid: 'hub-1',
    getMeta: async (key: string) => meta.get(key),
    putMeta: async (key: string, value: string) => void meta.set(key, value),
  };
  const sealing = {
    seal: (text: string, context: string) => Buffer.from(`${context}|${text}`).toString('base64'),
    open: (sealed: string, context: string) => {
      const text = Buffer.from(sealed, 'base64').toString();
      if (!text.startsWith(`${context}|`))
        throw new PortolanError('STORE_CORRUPT', 'it was sealed for something else');
      return text.slice(context.length + 1);
    },
  };
  return { meta, open: () => openAuthority({ store, sealing, randomBytes, nowMs: 1_000_000_000_000 }) };
}

describe("the hub's authority", () => {
  it('is made once and is the same after a restart', async () => {
    const { open } = world();
    const first = await open();
    const second = await open();
    expect(second.caBundlePem).toBe(first.caBundlePem);
    expect(second.caSpkiSha256).toEqual(first.caSpkiSha256);
    expect(second.snapshotKeys).toEqual(first.snapshotKeys);
    expect(second.snapshotSigner.keyId).toBe(first.snapshotSigner.keyId);
  });

  it('rests with its private keys sealed, each for its own place (I33)', async () => {
    const { meta, open } = world();
    await open();
    expect(meta.size).toBe(1);
    for (const value of meta.values()) expect(value).not.toContain('PRIVATE KEY');
    const [name = '', value = ''] = [...meta.entries()][0] ?? [];
    const stored: unknown = JSON.parse(value);
    if (typeof stored !== 'object' || stored === null || !('caKeySealed' in stored))
      throw new Error('not as expected');
    meta.set(name, JSON.stringify({ ...stored, snapshotKeySealed: stored.caKeySealed }));
    await expect(open()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('says so when what is stored is damaged', async () => {
    const { meta, open } = world();
    await open();
    for (const name of meta.keys()) meta.set(name, '{');
    await expect(open()).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});
