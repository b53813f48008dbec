import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initHub } from '../../hub/init.ts';
import { askNameServer } from '../../nameserver/ask.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { freePort } from '../support/free-port.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Secondary, startKnotSecondary } from './zone-transfer/secondaries.ts';

/* From the Zone resource to the secondary: a hub as a process of its own, whose name server has two threads, and Knot. */

const SUITE = 'a zone of a hub copied by Knot';
const knot = await requireServer('knotd', SUITE);
const MAIN = fileURLToPath(new URL('../../hub/main.ts', import.meta.url));
const GOT_MS = 40_000;
const KEY = {
  name: 'copies.hub.test',
  algorithm: 'hmac-sha256',
  secret: Buffer.alloc(32, 3).toString('base64'),
};

const folder = mkdtempSync(join(tmpdir(), 'portolan-hub-transfer-'));
const home = join(folder, 'home');
let hub: ChildProcess;
let said = '';
let api = '';
let dnsPort = 0;
let knotPort = 0;
let secondary: Secondary | undefined;

async function put(kind: string, name: string, body: unknown): Promise<void> {
  const token = readFileSync(join(home, 'admin.token'), 'utf8').trim();
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const path = `${api}/apis/portolan.dev/v1alpha1/namespaces/default/${kind}`;
  const known = await fetch(`${path}/${name}`, { headers });
  const response = known.ok
    ? await fetch(`${path}/${name}`, { method: 'PUT', headers, body: JSON.stringify(body) })
    : await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${kind} ${name}: ${response.status} ${await response.text()}`);
}

const zone = (address: string) => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Zone',
  metadata: { namespace: 'default', name: 'copied' },
  spec: {
    origin: 'hub.test',
    nameServers: [{ name: 'ns.hub.test', addresses: ['127.0.0.1'] }],
    records: [{ name: 'www', type: 'A', data: [address] }],
    transfers: {
      allow: [{ tsigSecret: 'copies' }],
      notify: [{ address: '127.0.0.1', port: knotPort, tsigSecret: 'copies' }],
    },
  },
});

async function addressAt(port: number): Promise<string | undefined> {
  const name = parseName('www.hub.test');
  const { answers } = await askNameServer({ host: '127.0.0.1', port, name, type: TYPE.A, timeoutMs: 1000 });
  return answers[0]?.data;
}

describe.skipIf(!knot.available)(SUITE, () => {
  beforeAll(async () => {
    knotPort = await freePort();
    await initHub(
      home,
      `dataDir: data
secrets: { keyFile: data.key }
api: { host: 127.0.0.1, port: 0 }
agents: { joinListen: '127.0.0.1:0', linkListen: '127.0.0.1:0' }
dns: { listen: ['127.0.0.1:0'], workers: 2 }
logLevel: info
`,
    );
    hub = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', MAIN, '--config', join(home, 'hub.yaml')],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH },
      },
    );
    let out = '';
    hub.stdout?.on('data', (text) => {
      out += String(text);
    });
    hub.stderr?.on('data', (text) => {
      said = (said + String(text)).slice(-40_000);
    });
    const { value } = await until(
      'the hub says where it listens',
      async () => {
        if (hub.exitCode !== null) throw new Error(said);
        return out.includes('\n') && (JSON.parse(out) as { api: string; dns: readonly string[] });
      },
      GOT_MS,
    );
    api = value.api;
    dnsPort = Number(value.dns[0]?.split(':').at(-1));
  });

  afterAll(async () => {
    await secondary?.stop();
    if (hub.exitCode === null && hub.signalCode === null) {
      const gone = once(hub, 'exit');
      hub.kill('SIGKILL');
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it('reaches it by AXFR with the key of a Secret, and its changes by NOTIFY', async () => {
    if (!knot.available) return;
    await put('secrets', 'copies', {
      apiVersion: 'portolan.dev/v1alpha1',
      kind: 'Secret',
      metadata: { namespace: 'default', name: 'copies' },
      spec: { stringData: KEY },
    });
    await put('zones', 'copied', zone('192.0.2.1'));
    await until('the hub answers', async () => (await addressAt(dnsPort)) === '192.0.2.1', GOT_MS);
    secondary = await startKnotSecondary(knot.path, {
      zones: ['hub.test'],
      primaryPort: dnsPort,
      key: KEY,
      folder: join(folder, 'knot'),
      port: knotPort,
    });
    const has = (address: string) =>
      until(`Knot has ${address}`, async () => (await addressAt(knotPort)) === address, GOT_MS).catch(
        (error: unknown) => {
          throw new Error(`the hub said:\n${said}\nKnot said:\n${secondary?.said()}`, { cause: error });
        },
      );
    await has('192.0.2.1');
    await put('zones', 'copied', zone('192.0.2.2'));
    const { tookMs } = await has('192.0.2.2');
    // Its refresh timer would take an hour.
    expect(tookMs).toBeLessThan(GOT_MS);
    expect(secondary.said()).toMatch(/notify, incoming/);
    expect(said).not.toContain(KEY.secret);
  });
});
