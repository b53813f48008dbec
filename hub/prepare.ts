import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { parseApiToken } from '../src/identity/api-token.ts';
import type { HubConfig } from './config.ts';
import { createDataDirectory, openDataDirectory } from './data-dir.ts';
import { readKeyFile } from './key-file.ts';
import type { Store } from './store/contract.ts';
import { openStoreBeside } from './store/open.ts';

/** A hub cannot be used before it has a token, so that next to nothing comes before that in its log. */
const FIRST_ENTRIES = 100;

/** What a preparation did; printed as one line of JSON. */
export interface Prepared {
  readonly dataDir: string;
  /** Whether the token of the file became the hub's first. */
  readonly tokenTaken: boolean;
}

/**
 * Makes ready what a hub needs that is configured from outside (a pod): its data folder, and its first admin token, which whoever installs it made before with
 * `portolan init`. A store that has seen a token takes no other: one that was revoked does not come back with the next start.
 * @throws PortolanError CONFIG_INVALID (the token), KEY_FILE_INVALID, DATA_DIR_INVALID, DATA_DIR_LOCKED, STORE_…
 */
export async function prepareHub(config: HubConfig, tokenFile: string | undefined): Promise<Prepared> {
  await createDataDirectory(config.dataDir);
  const kek = await readKeyFile(config.secrets.keyFile);
  if (tokenFile === undefined) return { dataDir: config.dataDir, tokenTaken: false };
  const token = parseApiToken(await readToken(tokenFile));
  if (token === undefined) {
    throw new PortolanError('CONFIG_INVALID', `${tokenFile} holds no API token`, {
      fix: 'Put there what `portolan init` wrote into admin.token.',
    });
  }
  const data = await openDataDirectory(config.dataDir);
  try {
    const store = await openStoreBeside(config.store, { kek, wallClock: Date.now, random: randomBytes });
    try {
      return { dataDir: config.dataDir, tokenTaken: await takeFirst(store, token) };
    } finally {
      await store.close();
    }
  } finally {
    await data.release();
  }
}

async function takeFirst(
  store: Store,
  { id, secretSha256 }: { readonly id: string; readonly secretSha256: string },
): Promise<boolean> {
  if (await hasSeenAToken(store)) return false;
  try {
    await store.createToken(
      {
        id,
        display: 'admin, of the installation',
        bindings: [{ namespace: '*', role: 'admin' }],
        secretSha256,
      },
      { id: 'prepare', display: 'portolan hub prepare' },
    );
    return true;
  } catch (thrown) {
    // Another replica that starts at this moment has the same token.
    if ((await store.listTokens()).some((known) => known.id === id)) return false;
    throw thrown;
  }
}

/** Revoked tokens are gone from the list, not from the audit log: a hub's first token is among its first entries. */
async function hasSeenAToken(store: Store): Promise<boolean> {
  if ((await store.listTokens()).length > 0) return true;
  return (await store.audit({ after: 0, limit: FIRST_ENTRIES })).some(({ verb }) => verb === 'token.create');
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new PortolanError('CONFIG_INVALID', `the token ${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      fix: 'Mount the Secret with `admin.token`, as `portolan init` wrote it.',
    });
  }
}
