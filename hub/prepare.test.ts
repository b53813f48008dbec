import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newApiToken } from '../src/identity/api-token.ts';
import { parseConfig } from './config.ts';
import { createKeyFile, readKeyFile } from './key-file.ts';
import { prepareHub } from './prepare.ts';
import { openStore } from './store/open.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-prepare-'));
  await createKeyFile(join(folder, 'data.key'), randomBytes);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const configured = () =>
  parseConfig({
    text: 'dataDir: volume/data\nsecrets: { keyFile: data.key }',
    name: 'hub.yaml',
    baseDir: folder,
    env: {},
  });

async function tokenFile() {
  const token = newApiToken(randomBytes);
  const file = join(folder, `${token.id}.token`);
  await writeFile(file, `${token.text}\n`);
  return { token, file };
}

async function withStore<T>(work: (store: Awaited<ReturnType<typeof openStore>>) => Promise<T>): Promise<T> {
  const config = configured();
  const kek = await readKeyFile(config.secrets.keyFile);
  const store = await openStore(config.store, { kek, wallClock: Date.now, random: randomBytes });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

describe('preparing a hub that is configured from outside', () => {
  it('makes the data folder on an empty volume, and the token of the installation opens the hub', async () => {
    const { token, file } = await tokenFile();
    expect(await prepareHub(configured(), file)).toEqual({
      dataDir: join(folder, 'volume/data'),
      tokenTaken: true,
    });
    const known = await withStore((store) => store.authenticateToken(token.id, token.secretSha256));
    expect(known?.bindings).toEqual([{ namespace: '*', role: 'admin' }]);
  });

  it('changes nothing the second time, whichever token the file holds then', async () => {
    await prepareHub(configured(), (await tokenFile()).file);
    const other = await tokenFile();
    expect(await prepareHub(configured(), other.file)).toMatchObject({ tokenTaken: false });
    const known = await withStore((store) =>
      store.authenticateToken(other.token.id, other.token.secretSha256),
    );
    expect(known).toBeUndefined();
  });

  it('does not bring back a token that was revoked', async () => {
    const { token, file } = await tokenFile();
    await prepareHub(configured(), file);
    await withStore((store) => store.revokeToken(token.id, { id: 'test', display: 'test' }));
    expect(await prepareHub(configured(), file)).toMatchObject({ tokenTaken: false });
  });

  it('says which file holds no token', async () => {
    const file = join(folder, 'admin.token');
    await writeFile(file, 'hunter2\n');
    await expect(prepareHub(configured(), file)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${file} holds no API token`,
    });
  });
});
