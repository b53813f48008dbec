import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { newApiToken } from '../src/identity/api-token.ts';
import { loadConfig, parseConfig } from './config.ts';
import { createDataDirectory, openDataDirectory } from './data-dir.ts';
import { createKeyFile, readKeyFile } from './key-file.ts';
import { openStoreBeside } from './store/open.ts';

/** What `portolan init` made or found; printed as one line of JSON for the CLI. */
export interface InitResult {
  readonly directory: string;
  readonly config: string;
  readonly tokenFile: string;
  readonly server: string;
  readonly created: boolean;
}

/**
 * Prepares a hub in `directory`: `hub.yaml`, `data/`, `data.key` (outside the data, so that a copy of the data alone opens
 * nothing) and `admin.token`. Doing it again completes what is missing and changes nothing that is there.
 * @throws PortolanError CONFIG_INVALID (before anything is written), DATA_DIR_INVALID, KEY_FILE_INVALID, DATA_DIR_LOCKED, DISK_FULL
 */
export async function initHub(directory: string, configText: string): Promise<InitResult> {
  const home = resolve(directory);
  const configFile = join(home, 'hub.yaml');
  // A text that cannot be used must not become the file that the next attempt finds.
  parseConfig({ text: configText, name: 'the configuration for hub.yaml', baseDir: home, env: {} });
  await mkdir(home, { recursive: true, mode: 0o700 }).catch((thrown: unknown) => {
    throw new PortolanError('DATA_DIR_INVALID', `${home} cannot be made: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  });
  await writeNew(configFile, configText);
  const config = loadConfig(configFile, {}, home);
  const data = await createDataDirectory(config.dataDir);
  await createKeyFile(config.secrets.keyFile, randomBytes);
  const tokenFile = join(home, 'admin.token');
  const token = await readFile(tokenFile, 'utf8').catch(() => undefined);
  if (token === undefined) await createAdminToken(configFile, home, tokenFile);
  const { api } = config;
  const host = api.host.includes(':') ? `[${api.host}]` : api.host;
  return {
    directory: home,
    config: configFile,
    tokenFile,
    server: `${api.tls === undefined ? 'http' : 'https'}://${host}:${api.port}`,
    created: data.created,
  };
}

/** The configuration a new hub starts with: everything on loopback, the rest at its defaults. */
export const DEFAULT_CONFIG = `# Portolan hub. Every field and its default: docs/reference/hub-config.md
dataDir: data
api:
  host: 127.0.0.1
  port: 7460
agents:
  joinListen: 127.0.0.1:7461
  linkListen: 127.0.0.1:7462
dns:
  listen: ['127.0.0.1:8053']
`;

async function createAdminToken(configFile: string, home: string, tokenFile: string): Promise<void> {
  const config = loadConfig(configFile, {}, home);
  const data = await openDataDirectory(config.dataDir);
  try {
    const kek = await readKeyFile(config.secrets.keyFile);
    const store = await openStoreBeside(config.store, {
      kek,
      wallClock: Date.now,
      random: randomBytes,
    });
    try {
      const token = newApiToken(randomBytes);
      await store.createToken(
        {
          id: token.id,
          display: 'admin, made by init',
          bindings: [{ namespace: '*', role: 'admin' }],
          secretSha256: token.secretSha256,
        },
        { id: 'init', display: 'portolan init' },
      );
      await writeNew(tokenFile, `${token.text}\n`);
    } finally {
      await store.close();
    }
  } finally {
    await data.release();
  }
}

/** Writes a file that does not exist yet, mode 0600, whole or not at all; one that does is left as it is. */
async function writeNew(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike a rename, a link never replaces what another process has made meanwhile.
    await link(temporary, path);
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return;
    throw new PortolanError(
      code === 'ENOSPC' ? 'DISK_FULL' : 'DATA_DIR_INVALID',
      `${path} cannot be written: ${messageOf(error)}`,
      { cause: error },
    );
  } finally {
    await rm(temporary, { force: true });
  }
}
