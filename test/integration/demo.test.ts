import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { requirePebble } from '../support/pebble.ts';
import { until } from '../support/until.ts';

/* What `npm start` runs, as a process in a folder of its own; its ports are whatever is free on this machine. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEMO = join(ROOT, 'dist', 'demo.mjs');
const START_LIMIT_MS = 50_000;
const keptPorts = z.object({ link: z.number() });

let folder: string;
const servers: Server[] = [];

beforeAll(async () => {
  // The launcher builds when a source is newer than what was built.
  await promisify(execFile)(process.execPath, [join(ROOT, 'cli', 'portolan.mjs'), '--version']);
});
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'portolan-demo-')));
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  for (const pid of await left()) process.kill(pid, 'SIGKILL');
  await until('everything has ended', async () => (await left()).length === 0, 20_000);
  await rm(folder, { recursive: true, force: true });
});

interface Demo {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exitCode: Promise<number | null>;
}

function demo(...args: readonly string[]): Demo {
  const child = spawn(process.execPath, [DEMO, '--data-dir', 'world', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    exitCode: once(child, 'close').then(() => child.exitCode),
  };
}

const isReady = (running: Demo): Promise<unknown> =>
  until(
    'the demo is ready',
    async () => {
      if (running.child.exitCode !== null) throw new Error(running.stderr());
      return running.stderr().includes('ready in');
    },
    START_LIMIT_MS,
  );

/** Processes that still work in the test's folder: all the demo started do. */
async function left(): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_, i) => folders[i]?.startsWith(folder));
}

/** What the printed `curl` lines get, in their order. */
async function printedCalls(text: string): Promise<readonly number[]> {
  const lines = [...text.matchAll(/^ +curl -i (\S+)(?: -H 'x-api-key: (\S+)')?$/gm)];
  return await Promise.all(
    lines.map(async ([, url = '', key]) => {
      const reply = await fetch(url, { headers: key === undefined ? {} : { 'x-api-key': key } });
      await reply.arrayBuffer();
      return reply.status;
    }),
  );
}

/** The statuses that the printed loop prints. */
async function printedLoop(text: string): Promise<readonly number[]> {
  const line = /^ +(for i in .*)$/m.exec(text)?.[1] ?? '';
  const { stdout } = await promisify(execFile)('bash', ['-c', line], { timeout: 60_000 });
  return stdout.trim().split(' ').map(Number);
}

/** The printed lines about TLS: a call that the printed roots vouch for, and another certificate while a download runs. */
async function swapsUnderDownload(text: string): Promise<void> {
  const [, from = ''] = /its certificate is from ([^,;]+)/.exec(text) ?? [];
  expect(from).toBe(
    (await requirePebble('the demo with a CA')).available ? 'pebble' : "the hub's internal CA",
  );
  const [, call = ''] = /^ +(curl --cacert \S+ --resolve \S+ https:\S+\/ -H .*)$/m.exec(text) ?? [];
  const [, download = '', swap = ''] =
    /^ +(curl --cacert \S+ --resolve \S+ https:\S+\/download) -o \/dev\/null & npx portolan (cert renew .*); wait$/m.exec(
      text,
    ) ?? [];
  const [, port = '', address = ''] = /--resolve [^\s:]+:(\d+):(\S+)/.exec(download) ?? [];
  expect(await shell(`${call} -s`)).toBe('served by frankfurt\n');
  const before = await serialAt(address, Number(port));
  const size = 10 * 4 * 64 * 1024;
  const running = shell(`${download}?seconds=10 -s -o /dev/null -w '%{http_code} %{size_download}'`);
  const swapped = await shell(
    `${process.execPath} ${join(ROOT, 'dist', 'portolan.mjs')} ${swap} --timeout 60s`,
  );
  expect(swapped).toMatch(/^cert-[0-9a-f]+: serial [0-9A-F]+ by /);
  await until(
    'the next connection has it',
    async () => (await serialAt(address, Number(port))) !== before,
    20_000,
  );
  // The other one is still served to whoever came before.
  expect(await running).toBe(`200 ${size}`);
}

async function shell(line: string): Promise<string> {
  const { stdout } = await promisify(execFile)('bash', ['-c', line], { cwd: folder, timeout: 90_000 });
  return stdout;
}

/** What a new connection is shown. */
function serialAt(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, servername: 'www.shop.example', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

async function linkPort(): Promise<number> {
  return keptPorts.parse(JSON.parse(await readFile(join(folder, 'world', 'ports.json'), 'utf8'))).link;
}

async function occupy(port: number): Promise<void> {
  const server = createServer();
  const outcome = Promise.race([once(server, 'listening'), once(server, 'error')]);
  server.listen(port, '127.0.0.1');
  // In use by something else is as good.
  await outcome.catch(() => undefined);
  servers.push(server);
}

describe('the demo', () => {
  it('resumes when something else has taken the port its agents knew, and leaves no process', async () => {
    const first = demo('--once');
    expect(await first.exitCode, first.stderr()).toBe(0);
    expect(first.stderr()).toMatch(/a new world[\s\S]*ready in/);
    expect(await left()).toEqual([]);

    const before = await linkPort();
    await occupy(before);
    const second = demo('--once');
    expect(await second.exitCode, second.stderr()).toBe(0);
    expect(second.stderr()).toMatch(/resuming from[\s\S]*frankfurt joins again[\s\S]*ready in/);
    expect(await linkPort()).not.toBe(before);
    expect(await left()).toEqual([]);
  });

  it('refuses a folder where another demo runs, and goes on in one whose demo was killed', async () => {
    const first = demo();
    await isReady(first);
    // The protected API at each agent: without a key, where the key may not, with it.
    await until('the lines to try are printed', async () => first.stdout().includes('Ctrl-C stops'), 20_000);
    expect(await printedCalls(first.stdout())).toEqual([1, 2, 3, 4].flatMap(() => [401, 403, 200]));
    const minute = Math.floor(Date.now() / 60_000);
    const statuses = await printedLoop(first.stdout());
    expect(statuses).toHaveLength(16);
    const passed = statuses.filter((status) => status === 200).length;
    expect(statuses.filter((status) => status === 429)).toHaveLength(16 - passed);
    // Two minutes have twice as many, which may be all.
    if (minute === Math.floor(Date.now() / 60_000)) expect(passed).toBe(10);
    else expect(passed).toBeGreaterThanOrEqual(10);
    await swapsUnderDownload(first.stdout());
    const beside = demo('--once');
    expect(await beside.exitCode).toBe(1);
    expect(beside.stderr()).toContain(
      `error DATA_DIR_LOCKED: another demo runs here (pid ${first.child.pid})`,
    );
    // The refused one took nothing from the other: `npx portolan` still finds it.
    expect(await readdir(join(folder, '.portolan'))).toEqual(['context.json']);

    first.child.kill('SIGKILL');
    await first.exitCode;
    const next = demo('--once');
    expect(await next.exitCode, next.stderr()).toBe(0);
    expect(next.stderr()).toMatch(/resuming from[\s\S]*ready in/);
    expect(await left()).toEqual([]);
  });
});
