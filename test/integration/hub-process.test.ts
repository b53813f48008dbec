import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initHub } from '../../hub/init.ts';
import { askNameServer } from '../../nameserver/ask.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { requireRoot, requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';

/* The hub as a process of its own, as a supervisor starts it: what it says when it cannot start, and what it keeps when it dies. */

const run = promisify(execFile);
const dig = await requireServer('dig', 'signed answers of a hub that answers in threads');
const MAIN = fileURLToPath(new URL('../../hub/main.ts', import.meta.url));
const CONFIG = `dataDir: data
secrets: { keyFile: data.key }
api: { host: 127.0.0.1, port: 0 }
agents: { joinListen: '127.0.0.1:0', linkListen: '127.0.0.1:0' }
dns: { listen: ['127.0.0.1:0'] }
logLevel: warn
`;

let folder: string;
let home: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-hub-'));
  home = join(folder, 'home');
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
  await rm(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function program(args: readonly string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  children.push(child);
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { child, ended: once(child, 'close').then(() => ({ code: child.exitCode, stdout, stderr })) };
}

const init = (): Promise<unknown> => initHub(home, CONFIG);

const config = (): string => join(home, 'hub.yaml');

interface RunningHub {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly api: string;
  readonly dns: readonly string[];
  /** What Prometheus reads. */
  metrics(): Promise<string>;
  call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly json: unknown }>;
}

async function start(): Promise<RunningHub> {
  const { child, ended } = program(['--config', config()]);
  let said = '';
  const line = new Promise<string>((resolve) => {
    child.stdout?.on('data', (text: string) => {
      said += text;
      if (said.includes('\n')) resolve(said);
    });
  });
  const first = await Promise.race([line, ended.then((e) => Promise.reject(new Error(e.stderr)))]);
  const ready = JSON.parse(first) as {
    readonly api: string;
    readonly dns: readonly string[];
    readonly pid: number;
  };
  const token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
  return {
    child,
    ended,
    api: ready.api,
    dns: ready.dns,
    async metrics() {
      const response = await fetch(`${ready.api}/metrics`, { headers: { authorization: `Bearer ${token}` } });
      return await response.text();
    },
    async call(method, path, body) {
      const response = await fetch(`${ready.api}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, json: await response.json() };
    },
  };
}

const clusters = '/apis/portolan.dev/v1alpha1/namespaces/default/clusters';
const zones = '/apis/portolan.dev/v1alpha1/namespaces/default/zones';
const secrets = '/apis/portolan.dev/v1alpha1/namespaces/default/secrets';
const clusterOf = (name: string) => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Cluster',
  metadata: { namespace: 'default', name },
  spec: { location: { country: 'DE' }, addresses: ['198.51.100.1'] },
});
const secretOf = (name: string, bytes: number) => ({
  apiVersion: 'portolan.dev/v1alpha1',
  kind: 'Secret',
  metadata: { namespace: 'default', name },
  spec: { stringData: { value: 'x'.repeat(bytes) } },
});
const namesIn = (json: unknown): readonly string[] =>
  (json as { items: readonly { metadata: { name: string } }[] }).items.map((i) => i.metadata.name);

/** A refusal to start: one code, its cause, its fix; no announcement; nothing held. */
function expectRefusal(ended: Ended, code: string): void {
  expect(ended.code, ended.stderr).toBe(1);
  expect(ended.stdout).toBe('');
  expect(ended.stderr).toMatch(new RegExp(`^error ${code}: .{10,}`, 'm'));
  expect(ended.stderr).toMatch(/^ {2}fix: .{10,}/m);
  expect(ended.stderr).not.toContain('    at ');
  expect(existsSync(join(home, 'data', 'hub.pid'))).toBe(false);
}

describe('I36 a hub that cannot start says why, exits with 1 and leaves nothing behind', () => {
  it('a configuration with a wrong field', async () => {
    await init();
    await writeFile(config(), CONFIG.replace('port: 0', 'port: 99999999'));
    const ended = await program(['--config', config()]).ended;
    expectRefusal(ended, 'CONFIG_INVALID');
    expect(ended.stderr).toContain('  api.port: ');
  });

  it('a configuration that is not there, and arguments that do not exist', async () => {
    expectRefusal(await program(['--config', join(folder, 'none.yaml')]).ended, 'CONFIG_INVALID');
    expectRefusal(await program(['--nonsense']).ended, 'USAGE');
  });

  it('init with a text that is no configuration writes no file', async () => {
    const text = join(folder, 'config-text');
    await writeFile(text, 'api: { port: many }');
    const ended = await program(['init', '--directory', home, '--config-text', text]).ended;
    expectRefusal(ended, 'CONFIG_INVALID');
    expect(existsSync(home)).toBe(false);
  });

  it('a data directory that is not there', async () => {
    await init();
    await rm(join(home, 'data'), { recursive: true });
    expectRefusal(await program(['--config', config()]).ended, 'DATA_DIR_INVALID');
  });

  it('a missing key file, one that others can read, and another key', async () => {
    await init();
    const path = join(home, 'data.key');
    const key = await readFile(path, 'utf8');
    await rm(path);
    expectRefusal(await program(['--config', config()]).ended, 'KEY_FILE_INVALID');
    await writeFile(path, key, { mode: 0o644 });
    expectRefusal(await program(['--config', config()]).ended, 'KEY_FILE_INVALID');
    await rm(path);
    await writeFile(path, `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
    expectRefusal(await program(['--config', config()]).ended, 'KEY_WRONG');
    await rm(path);
    await writeFile(path, key, { mode: 0o600 });
    const hub = await start();
    expect((await hub.call('GET', clusters)).status).toBe(200);
  });

  it('a data directory that another hub holds: the second goes, the first stays', async () => {
    await init();
    const first = await start();
    const ended = await program(['--config', config()]).ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^error DATA_DIR_LOCKED: /m);
    expect(ended.stderr).toContain(String(first.child.pid));
    expect((await first.call('GET', clusters)).status).toBe(200);
  });

  it.each(['api', 'join', 'link', 'dns'])('a port that is taken: %s', async (which) => {
    const taken = createServer();
    taken.listen(0, '127.0.0.1');
    await once(taken, 'listening');
    try {
      const address = taken.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const replaced = {
        api: CONFIG.replace('port: 0', `port: ${port}`),
        join: CONFIG.replace("joinListen: '127.0.0.1:0'", `joinListen: '127.0.0.1:${port}'`),
        link: CONFIG.replace("linkListen: '127.0.0.1:0'", `linkListen: '127.0.0.1:${port}'`),
        dns: CONFIG.replace("listen: ['127.0.0.1:0']", `listen: ['127.0.0.1:${port}']`),
      }[which];
      await init();
      await writeFile(config(), replaced ?? '');
      const ended = await program(['--config', config()]).ended;
      expectRefusal(ended, 'PORT_IN_USE');
      expect(ended.stderr).toContain(String(port));
    } finally {
      taken.close();
    }
    // Nothing holds the directory: the next one starts.
    await writeFile(config(), CONFIG);
    await start();
  });
});

describe('a hub that answers in threads', () => {
  it('answers from what is published, within seconds, counts it, and ends as any other', async () => {
    await initHub(home, CONFIG.replace("listen: ['127.0.0.1:0']", "listen: ['127.0.0.1:0'], workers: 2"));
    const hub = await start();
    const [host = '', port = ''] = (hub.dns[0] ?? '').split(':');
    const ask = async (type: number) => {
      const name = parseName('www.example.test');
      const reply = await askNameServer({ host, port: Number(port), name, type, timeoutMs: 2_000 });
      return reply.answers.map(({ data }) => data).join() || reply.rcode;
    };
    const zone = (text: string, origin: string) => ({
      apiVersion: 'portolan.dev/v1alpha1',
      kind: 'Zone',
      metadata: { namespace: 'default', name: 'example' },
      spec: {
        origin,
        nameServers: [{ name: `ns1.${origin}`, addresses: ['192.0.2.53'] }],
        records: [{ name: 'www', type: 'TXT', data: [JSON.stringify(text)] }],
      },
    });
    const created = await hub.call('POST', zones, zone('first', 'example.test'));
    expect(created.status, JSON.stringify(created.json)).toBe(201);
    await until('the zone', async () => (await ask(TYPE.TXT)) === '"first"', 20_000);
    const changed = await hub.call('PUT', `${zones}/example`, zone('second', 'example.test'));
    expect(changed.status, JSON.stringify(changed.json)).toBe(200);
    await until('the change', async () => (await ask(TYPE.TXT)) === '"second"', 20_000);
    // Every thread has it, whichever is asked.
    for (let at = 0; at < 40; at += 1) expect(await ask(TYPE.TXT)).toBe('"second"');
    // What only a thread can have made: signatures, with keys that it was sent.
    if (dig.available) {
      const signed = zone('third', 'example.test');
      await hub.call('PUT', `${zones}/example`, { ...signed, spec: { ...signed.spec, dnssec: {} } });
      const arguments_ = [`@${host}`, '-p', port, '+dnssec', '+noall', '+answer', 'www.example.test', 'TXT'];
      const answer = async () => (await run(dig.path, arguments_)).stdout;
      await until('a signed answer', async () => /RRSIG\s+TXT 13 3 /.test(await answer()), 20_000);
      for (let at = 0; at < 10; at += 1) expect(await answer()).toMatch(/"third"[\s\S]*RRSIG\s+TXT 13 3 /);
      expect(await hub.metrics()).toMatch(/portolan_dns_signatures_total\{outcome="made"\} [1-9]/);
    }
    const metrics = await hub.metrics();
    expect(metrics).toContain('portolan_dns_workers 2\n');
    expect(metrics).toMatch(/portolan_dns_worker_responses_total\{worker="0"\} [1-9]/);
    expect(metrics).toMatch(/portolan_dns_worker_responses_total\{worker="1"\} [1-9]/);
    hub.child.kill('SIGTERM');
    expect((await hub.ended).code).toBe(0);
  });
});

describe('a hub that ends', () => {
  it('by SIGTERM: within 5 s, with 0, also while somebody watches', async () => {
    await init();
    const hub = await start();
    const token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
    const watch = await fetch(`${hub.api}${clusters}?watch=true`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(watch.status).toBe(200);
    const before = performance.now();
    hub.child.kill('SIGTERM');
    const ended = await hub.ended;
    expect(ended.code, ended.stderr).toBe(0);
    expect(performance.now() - before).toBeLessThan(5_000);
    await watch.text().catch(() => undefined);
    expect(await readdir(join(home, 'data'))).not.toContain('hub.pid');
  });

  it('I19 by kill -9 in the middle of writes: everything it acknowledged is there after the next start', async () => {
    await init();
    const hub = await start();
    const acknowledged: string[] = [];
    const asked: string[] = [];
    let next = 0;
    const writer = async (): Promise<void> => {
      for (;;) {
        const name = `c${next}`;
        next += 1;
        asked.push(name);
        const done = await hub.call('POST', clusters, clusterOf(name)).catch(() => undefined);
        if (done === undefined) return;
        expect(done.status).toBe(201);
        acknowledged.push(name);
      }
    };
    const writers = [writer(), writer(), writer()];
    await until('some writes', async () => acknowledged.length >= 20, 20_000, 5);
    hub.child.kill('SIGKILL');
    await Promise.all(writers);
    const again = await start();
    const { json } = await again.call('GET', clusters);
    const kept = new Set(namesIn(json));
    expect(acknowledged.filter((name) => !kept.has(name))).toEqual([]);
    expect([...kept].filter((name) => !asked.includes(name))).toEqual([]);
    expect((await again.call('GET', '/readyz')).status).toBe(200);
  });
});

const onVolume = 'a hub on a full volume (a small tmpfs)';
const root = requireRoot(onVolume);
describe.skipIf(!root.available)('a hub on a full volume', () => {
  it('I36 refuses with DISK_FULL, applies nothing by half, and goes on when there is room again', async () => {
    await mkdir(home);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', home]);
    try {
      await init();
      const ballast = await open(join(home, 'ballast'), 'w');
      await ballast.writeFile(Buffer.alloc(6 << 20));
      await ballast.close();
      const hub = await start();
      const acknowledged: string[] = [];
      let refused: { readonly status: number; readonly json: unknown } | undefined;
      for (let n = 0; n < 2_000 && refused === undefined; n += 1) {
        // Two at once: half of it would leave one.
        const documents = [secretOf(`a${n}`, 60_000), secretOf(`b${n}`, 60_000)];
        const done = await hub.call('POST', '/v1/apply', { documents });
        if (done.status === 200) acknowledged.push(`a${n}`, `b${n}`);
        else refused = done;
      }
      expect(refused).toMatchObject({
        status: 507,
        json: { code: 'DISK_FULL', fix: expect.stringMatching(/space/i) as unknown },
      });
      expect(acknowledged.length).toBeGreaterThan(2);
      const kept = async (): Promise<ReadonlySet<string>> =>
        new Set(namesIn((await hub.call('GET', secrets)).json));
      expect(await kept()).toEqual(new Set(acknowledged));
      await rm(join(home, 'ballast'));
      const { tookMs } = await until(
        'a write after space was freed',
        async () =>
          (await hub.call('POST', '/v1/apply', { documents: [secretOf('room', 1_000)] })).status === 200,
        10_000,
      );
      expect(tookMs).toBeLessThan(10_000);
      expect(await kept()).toEqual(new Set([...acknowledged, 'room']));
      await until('it is ready again', async () => (await hub.call('GET', '/readyz')).status === 200, 10_000);
      hub.child.kill('SIGTERM');
      expect((await hub.ended).code).toBe(0);
    } finally {
      for (const child of children) child.kill('SIGKILL');
      await run('umount', ['-l', home]);
    }
  });
});
