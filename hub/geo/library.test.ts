import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import { createGeoLookup } from '../../src/routing/geoip.ts';
import { writeMmdb } from '../../src/routing/testing/mmdb.ts';
import { matching } from '../../test/support/matchers.ts';
import type { Store } from '../store/contract.ts';
import { openStore } from '../store/open.ts';
import { type GeoLibrary, type GeoLibraryOptions, openGeoLibrary } from './library.ts';

const actor = { id: 'token/1', display: 'Ada' };
const COUNTRIES = 'DE FR IT ES PT NL BE AT CH PL CZ SK HU RO BG GR SE FI DK US'.split(' ');
/** The world with some countries' networks given to others. */
const database = (changes: Readonly<Record<number, string>> = {}): Uint8Array =>
  writeMmdb(
    6,
    Object.fromEntries(
      COUNTRIES.map((country, i) => [`${i + 1}.0.0.0/8`, { country: { iso_code: changes[i] ?? country } }]),
    ),
  );
/** A country of a twentieth of the addresses moves a quarter: less than 5 % of everything. */
const small = writeMmdb(6, {
  ...Object.fromEntries(COUNTRIES.map((c, i) => [`${i + 1}.0.0.0/8`, { country: { iso_code: c } }]).slice(1)),
  '1.0.0.0/9': { country: { iso_code: 'DE' } },
  '1.128.0.0/10': { country: { iso_code: 'DE' } },
  '1.192.0.0/10': { country: { iso_code: 'FR' } },
});
const large = database({ 0: 'FR', 1: 'DE', 2: 'ES' });
const client = {
  family: 4,
  bytes: Uint8Array.of(1, 200, 0, 1),
  prefixLength: 32,
  source: 'resolver',
} as const;

let folder: string;
let store: Store;
let library: GeoLibrary;
const onChange = vi.fn<() => void>();

const openLibrary = (overrides: Partial<GeoLibraryOptions> = {}): Promise<GeoLibrary> =>
  openGeoLibrary({
    folder: join(folder, 'geoip'),
    store,
    base: { lookup: createGeoLookup(database()), file: join(folder, 'base.mmdb') },
    trustedKeys: [],
    wallMs: () => Date.parse('2026-11-21T00:00:00Z'),
    onChange,
    breathe: () => breathe(),
    log: { warn: () => undefined },
    ...overrides,
  });
const country = (): string | undefined => library.lookup.locate(client).location.country;
const stage = async (bytes: Uint8Array): Promise<string> => {
  const sha256 = sha256Hex(bytes);
  await library.stage(bytes, { sha256 }, actor);
  await vi.waitFor(() => expect(library.status().staged?.state).toBe('ready'), 20_000);
  return sha256;
};

beforeEach(async () => {
  onChange.mockReset();
  folder = await mkdtemp(join(tmpdir(), 'portolan-geo-'));
  await writeFile(join(folder, 'base.mmdb'), database());
  store = await openStore(
    { kind: 'sqlite', file: join(folder, 'portolan.db') },
    { kek: randomBytes(32), wallClock: Date.now, random: randomBytes },
  );
  library = await openLibrary();
});
afterEach(async () => {
  await library.close();
  await store.close();
  await rm(folder, { recursive: true });
});

describe('a GeoIP update', () => {
  it('is staged without locating anybody, then activated, then rolled back, and each is audited', async () => {
    const sha256 = await stage(small);
    expect(country()).toBe('DE');
    expect(onChange).not.toHaveBeenCalled();
    const active = await library.activate(sha256, { approve: false }, actor);
    expect(active.active).toMatchObject({ sha256, source: 'update' });
    expect(active.staged).toBeUndefined();
    expect(country()).toBe('FR');
    expect(library.lookup.sha256).toBe(sha256);
    expect(onChange).toHaveBeenCalledTimes(1);
    const back = await library.rollback('users in Lyon complained', actor);
    expect(back.active.source).toBe('base');
    expect(country()).toBe('DE');
    expect(onChange).toHaveBeenCalledTimes(2);
    expect((await library.rollback(undefined, actor)).active.sha256).toBe(sha256); // and forth
    const verbs = (await store.audit({ limit: 10 })).map(({ verb }) => verb);
    expect(verbs).toEqual(expect.arrayContaining(['geoip.stage', 'geoip.activate', 'geoip.rollback']));
  });

  it('I25 that moves more than 5 % of the countries needs a person and a reason', async () => {
    const sha256 = await stage(large);
    expect(library.status().staged?.difference?.moved.map((m) => m.country)).toEqual(['DE', 'FR', 'IT']);
    const refused = (missing: string) => ({
      code: 'GEO_UPDATE_REFUSED',
      message: matching(new RegExp(`3 of 20 countries.*: ${missing}$`)),
    });
    const nobody = refused('a person has to approve');
    await expect(library.activate(sha256, { approve: false }, actor)).rejects.toMatchObject(nobody);
    await expect(
      library.activate(sha256, { approve: false, reason: 'checked' }, actor),
    ).rejects.toMatchObject(nobody);
    const unexplained = refused('the approval has no reason');
    await expect(library.activate(sha256, { approve: true }, actor)).rejects.toMatchObject(unexplained);
    await expect(library.activate(sha256, { approve: true, reason: ' ' }, actor)).rejects.toMatchObject(
      unexplained,
    );
    expect(country()).toBe('DE');
    await library.activate(sha256, { approve: true, reason: 'checked against the provider' }, actor);
    expect(country()).toBe('FR');
    expect((await store.audit({ limit: 10 })).find(({ verb }) => verb === 'geoip.approve')?.reason).toBe(
      'checked against the provider',
    );
  });

  it('stays in use after a restart, and what was staged is compared again', async () => {
    await library.activate(await stage(small), { approve: false }, actor);
    const waiting = await stage(large);
    await library.close();
    library = await openLibrary();
    expect(country()).toBe('FR');
    await vi.waitFor(
      () => expect(library.status().staged).toMatchObject({ sha256: waiting, state: 'ready' }),
      20_000,
    );
  });

  it('whose file was damaged gives way to the base instead of stopping the hub', async () => {
    const sha256 = await stage(small);
    await library.activate(sha256, { approve: false }, actor);
    await library.close();
    await writeFile(join(folder, 'geoip', `${sha256}.mmdb`), 'no database');
    const warned: string[] = [];
    library = await openLibrary({ log: { warn: (_details, message) => warned.push(message) } });
    expect(country()).toBe('DE');
    expect(warned).toEqual(['the GeoIP update in use cannot be read; the base is used']);
  });

  it('is refused without proof, with another checksum, and when it is no database', async () => {
    const untrusted = { code: 'GEO_DATABASE_UNTRUSTED' };
    await expect(library.stage(small, {}, actor)).rejects.toMatchObject(untrusted);
    await expect(library.stage(small, { sha256: sha256Hex(large) }, actor)).rejects.toMatchObject(untrusted);
    const text = Buffer.from('hello');
    await expect(library.stage(text, { sha256: sha256Hex(text) }, actor)).rejects.toMatchObject({
      code: 'GEO_DATABASE_INVALID',
    });
    expect(library.status().staged).toBeUndefined();
    expect(await readdir(join(folder, 'geoip'))).toEqual([]);
  });

  it('needs a signature of a trusted key once there is one', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const other = generateKeyPairSync('ed25519');
    await library.close();
    library = await openLibrary({
      trustedKeys: [publicKey.export({ type: 'spki', format: 'pem' }).toString()],
    });
    const untrusted = { code: 'GEO_DATABASE_UNTRUSTED' };
    const signed = (key: typeof privateKey): string => sign(null, small, key).toString('base64');
    await expect(library.stage(small, { sha256: sha256Hex(small) }, actor)).rejects.toMatchObject(untrusted);
    await expect(library.stage(small, { signature: signed(other.privateKey) }, actor)).rejects.toMatchObject(
      untrusted,
    );
    await expect(library.stage(large, { signature: signed(privateKey) }, actor)).rejects.toMatchObject(
      untrusted,
    );
    await expect(library.stage(small, { signature: signed(privateKey) }, actor)).resolves.toMatchObject({
      staged: { sha256: sha256Hex(small) },
    });
  });

  it('is read in parts by agents, and no other file is', async () => {
    const sha256 = await stage(small);
    expect(await library.read(sha256, 0, 100)).toBeUndefined(); // not in use yet
    await library.activate(sha256, { approve: false }, actor);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < small.length; at += 1000) {
      const part = await library.read(sha256, at, 1000);
      expect(part?.total).toBe(small.length);
      parts.push(part?.content ?? new Uint8Array());
    }
    expect(Buffer.concat(parts).equals(small)).toBe(true);
    expect(await library.read('../base', 0, 100)).toBeUndefined();
  });

  it('is there for another hub of the same store, which has no file of it; a damaged one is fetched again', async () => {
    const files = new Map<string, Uint8Array>();
    const shared: NonNullable<GeoLibraryOptions['shared']> = {
      put: async (sha256, bytes) => void files.set(sha256, bytes),
      read: async (sha256) => files.get(sha256),
      keepOnly: async (wanted) => {
        for (const name of files.keys()) if (!wanted.has(name)) files.delete(name);
      },
    };
    await library.close();
    library = await openLibrary({ shared });
    const sha256 = await stage(small);
    await library.activate(sha256, { approve: false }, actor);
    await library.close();
    const elsewhere = join(folder, 'elsewhere');
    library = await openLibrary({ shared, folder: elsewhere });
    expect(library.current().sha256).toBe(sha256);
    expect((await library.read(sha256, 0, 10))?.total).toBe(small.length);
    await library.close();
    await writeFile(join(elsewhere, `${sha256}.mmdb`), 'damaged');
    library = await openLibrary({ shared, folder: elsewhere });
    expect(library.current().sha256).toBe(sha256);
    await library.close();
    // What the store lacks as well gives way to the base; a store that is away does not.
    await rm(elsewhere, { recursive: true });
    const away = new PortolanError('STORE_UNAVAILABLE', 'away');
    await expect(
      openLibrary({ shared: { ...shared, read: () => Promise.reject(away) }, folder: elsewhere }),
    ).rejects.toBe(away);
    files.clear();
    library = await openLibrary({ shared, folder: elsewhere });
    expect(library.status().active.source).toBe('base');
  });

  it('keeps no file that cannot come into use any more', async () => {
    await library.activate(await stage(small), { approve: false }, actor);
    await stage(large);
    await stage(database({ 0: 'US' }));
    expect((await readdir(join(folder, 'geoip'))).length).toBe(2); // in use, staged; before it is the base
  });
});
