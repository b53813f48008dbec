import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyFile } from '../../hub/key-file.ts';
import { newApiToken } from '../../src/identity/api-token.ts';
import { runCli } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { pathOf, requireRoot, requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAMS = ['hub', 'agent'] as const;
type Program = (typeof PROGRAMS)[number];
/** The user of distroless images that is not root. */
const USER = 65_532;

const privileged = requireRoot('contents of the images, run with a read-only root');

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** One list of instructions for each stage; continuation lines and comments are none of the files here beyond a line. */
async function stagesOf(program: Program): Promise<readonly (readonly Instruction[])[]> {
  const text = await readFile(join(root, `deploy/docker/${program}.Dockerfile`), 'utf8');
  const stages: Instruction[][] = [[]];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [name = ''] = line.split(' ', 1);
    if (name === 'FROM') stages.push([]);
    stages.at(-1)?.push({ name, text: line.slice(name.length + 1) });
  }
  return stages;
}

describe.each(PROGRAMS)('the Dockerfile of the %s', (program) => {
  it('ends in an image without shell, root or tags that move by themselves to another major version', async () => {
    const [head = [], ...stages] = await stagesOf(program);
    const last = stages.at(-1) ?? [];
    const names = new Set(['ARG', 'FROM', 'WORKDIR', 'COPY', 'RUN', 'USER', 'EXPOSE', 'ENTRYPOINT', 'CMD']);
    for (const { name } of stages.flat()) expect(names).toContain(name);
    const bases = Object.fromEntries(head.map(({ text }) => text.split('=') as [string, string]));
    expect(bases).toEqual({
      BUILD_IMAGE: 'node:24-bookworm-slim',
      RUNTIME_IMAGE: 'gcr.io/distroless/nodejs24-debian12:nonroot',
    });
    expect(last.map(({ name }) => name)).not.toContain('RUN');
    expect(last.filter(({ name }) => name === 'USER').map(({ text }) => text)).toEqual([`${USER}:${USER}`]);
    for (const { name, text } of last)
      if (name === 'ENTRYPOINT' || name === 'CMD') expect(JSON.parse(text)).toBeInstanceOf(Array);
  });

  it('builds on the machine it runs on, for the architecture that is wanted, without scripts of packages', async () => {
    const stages = (await stagesOf(program)).slice(1);
    for (const stage of stages.slice(0, -1)) expect(stage[0]?.text).toContain('--platform=$BUILDPLATFORM');
    const installs = stages.flat().filter(({ text }) => text.includes('npm ci'));
    expect(installs).toHaveLength(2);
    for (const { text } of installs) expect(text).toContain('--ignore-scripts');
  });

  it('takes into its last stage only what stages before it made', async () => {
    const last = (await stagesOf(program)).at(-1) ?? [];
    const copies = last.filter(({ name }) => name === 'COPY').map(({ text }) => text);
    expect(copies.length).toBeGreaterThan(2);
    for (const copy of copies) expect(copy).toMatch(/^--from=(build|dependencies) /);
  });
});

/** What COPY of the last stage puts into an image, out of a checkout that was built. */
async function layOut(program: Program, into: string): Promise<void> {
  const stages = await stagesOf(program);
  const removed = stages
    .flat()
    .filter(({ name, text }) => name === 'RUN' && text.startsWith('rm -rf '))
    .flatMap(({ text }) => text.slice('rm -rf '.length).split(' '))
    .map((pattern) => new RegExp(`^${pattern.replaceAll('*', '[^/]*')}(/|$)`));
  for (const { name, text } of stages.at(-1) ?? []) {
    if (name !== 'COPY') continue;
    const [from = '', ...paths] = text.split(' ');
    const target = paths.at(-1) ?? '';
    for (const source of paths.slice(0, -1).map((path) => path.replace(/^\/src\//, ''))) {
      const to = join(into, target.endsWith('/') ? join(target, basename(source)) : target);
      await mkdir(dirname(to), { recursive: true });
      if (from === '--from=dependencies') await dependencies(to, removed);
      else await cp(join(root, source), to, { recursive: true, filter: (path) => !path.endsWith('.map') });
    }
  }
}

/** What `npm ci --omit=dev` makes and the Dockerfile leaves of it: hard links to what is installed here. */
async function dependencies(to: string, removed: readonly RegExp[]): Promise<void> {
  const folders = (await productionPackages()).filter(
    (path) => !removed.some((pattern) => pattern.test(`node_modules/${path}`)),
  );
  expect(folders.length).toBeGreaterThan(50);
  const outermost = folders.filter((path) => !path.includes('/node_modules/'));
  await mkdir(to, { recursive: true });
  const copy = (how: readonly string[]) =>
    run('cp', ['-a', '--parents', ...how, ...outermost, to], { cwd: join(root, 'node_modules') });
  await copy(['--link']).catch(() => copy([]));
}

let packages: Promise<readonly string[]> | undefined;

/** Folders below `node_modules` that `npm ci --omit=dev` would make. */
function productionPackages(): Promise<readonly string[]> {
  packages ??= run('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: root, maxBuffer: 1 << 24 })
    .catch((failed: { stdout: string }) => failed)
    .then(({ stdout }) =>
      stdout
        .split('\n')
        .map((path) => path.slice(root.length))
        .filter((path) => path.startsWith('node_modules/'))
        .map((path) => path.slice('node_modules/'.length)),
    );
  return packages;
}

interface Running {
  said(): string;
  stop(): Promise<number | null>;
}

/**
 * A program in a root of its own that holds the image, Node.js and its shared libraries, all read-only; only `/var/lib/portolan` and `/tmp` can be written.
 * As a user that is not root and has no capability.
 */
function runInImage(image: string, volume: string, args: readonly string[]): Running {
  const script = `
set -e
root=$(mktemp -d)
mount -t tmpfs tmpfs "$root"
cd "$root"
mkdir -p app nodejs/bin lib lib64 usr/lib etc/portolan proc dev tmp var/lib/portolan
for d in lib lib64 usr/lib; do [ -d /$d ] && mount --bind /$d $d && mount -o remount,bind,ro $d; done
mount --bind "$1/app" app && mount -o remount,bind,ro app
touch nodejs/bin/node && mount --bind "$3" nodejs/bin/node && mount -o remount,bind,ro nodejs/bin/node
mount --bind "$2/etc" etc/portolan && mount -o remount,bind,ro etc/portolan
mount --bind "$2/data" var/lib/portolan
mount -t tmpfs tmpfs tmp && chmod 1777 tmp
mount --rbind /proc proc
mount --bind /dev dev
mount -o remount,ro "$root"
shift 3
exec chroot "$root" /nodejs/bin/node -e '
  process.setgroups([]); process.setgid(${USER}); process.setuid(${USER});
  process.execve(process.execPath, [process.execPath, ...process.argv.slice(1)], {});
' -- "$@"`;
  const child = spawn(
    'unshare',
    ['--mount', 'sh', '-c', script, 'sh', image, volume, process.execPath, ...args],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    said: () => said,
    stop() {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

async function ends(running: Running, what: string): Promise<void> {
  await until(what, async () => running.said().includes('\n'), 30_000);
}

describe.skipIf(!privileged.available)(
  'what the images hold, with a read-only root and without a privilege',
  () => {
    let folder: string;
    const token = newApiToken(randomBytes);
    const running: Running[] = [];
    const start = (program: Program, args: readonly string[]): Running => {
      const one = runInImage(join(folder, program), join(folder, `${program}-volume`), args);
      running.push(one);
      return one;
    };
    const answers = async (port: number, path: string): Promise<boolean> =>
      (await fetch(`http://127.0.0.1:${port}${path}`).catch(() => undefined))?.status === 200;

    beforeAll(async () => {
      // The launcher builds when a source is newer than what was built.
      await run(process.execPath, [join(root, 'cli/portolan.mjs'), '--version']);
      // On the same file system as the packages: they are linked, not copied.
      const cache = join(root, 'node_modules/.cache');
      await mkdir(cache, { recursive: true });
      folder = await mkdtemp(join(cache, 'portolan-image-'));
      await chmod(folder, 0o755);
      for (const program of PROGRAMS) {
        await layOut(program, join(folder, program));
        for (const part of ['etc', 'data'])
          await mkdir(join(folder, `${program}-volume`, part), { recursive: true });
        await chown(join(folder, `${program}-volume`, 'data'), USER, USER);
      }
    });
    afterAll(async () => {
      await Promise.all(running.map((one) => one.stop()));
      await rm(folder, { recursive: true, force: true });
    });

    it('prepares and runs the hub, and the agent joins with its token once and starts again without it', async () => {
      const [api, join_, link, dns, admin, agentAdmin] = [
        await freePort(),
        await freePort(),
        await freePort(),
        await freePort(),
        await freePort(),
        await freePort(),
      ];
      const gateway = await freePort();
      const etc = join(folder, 'hub-volume/etc');
      await createKeyFile(join(etc, 'data.key'), randomBytes);
      await chown(join(etc, 'data.key'), USER, USER);
      await writeFile(join(etc, 'admin.token'), `${token.text}\n`);
      await writeFile(
        join(etc, 'hub.yaml'),
        JSON.stringify({
          dataDir: '/var/lib/portolan/data',
          secrets: { keyFile: '/etc/portolan/data.key' },
          api: { port: api },
          agents: { joinListen: `127.0.0.1:${join_}`, linkListen: `127.0.0.1:${link}` },
          dns: { listen: [`127.0.0.1:${dns}`], workers: 1 },
          admin: { listen: `127.0.0.1:${admin}` },
        }),
      );
      const prepared = start('hub', [
        '/app/dist/hub.mjs',
        'prepare',
        '--config',
        '/etc/portolan/hub.yaml',
        '--admin-token',
        '/etc/portolan/admin.token',
      ]);
      await ends(prepared, 'the hub is prepared');
      expect(prepared.said()).toContain('"tokenTaken":true');
      const hub = start('hub', ['/app/dist/hub.mjs', '--config', '/etc/portolan/hub.yaml']);
      await until('the hub is ready', () => answers(admin, '/readyz'), 30_000).catch(() => {
        throw new Error(hub.said());
      });
      expect(await answers(admin, '/metrics')).toBe(true);

      const portolan = async (...argv: readonly string[]): Promise<string> => {
        const env = { PORTOLAN_SERVER: `http://127.0.0.1:${api}`, PORTOLAN_TOKEN: token.text };
        const { code, out, err } = await runCli(argv, { folder, env });
        expect(err).not.toContain('error');
        expect(code).toBe(0);
        return out;
      };
      await portolan('cluster', 'create', 'frankfurt', '--country', 'DE');
      const agentEtc = join(folder, 'agent-volume/etc');
      await writeFile(join(agentEtc, 'token'), await portolan('cluster', 'token', 'frankfurt', '-o', 'name'));
      await writeFile(
        join(agentEtc, 'agent.yaml'),
        JSON.stringify({
          dataDir: '/var/lib/portolan/agent',
          joinTokenFile: '/etc/portolan/token',
          dns: { listen: ['127.0.0.1:0'], workers: 1 },
          gateway: { ports: { '80': gateway } },
          admin: { listen: `127.0.0.1:${agentAdmin}` },
        }),
      );
      const startAgent = async (): Promise<Running> => {
        const agent = start('agent', ['/app/dist/agent.mjs', '--config', '/etc/portolan/agent.yaml']);
        await until('the agent is ready', () => answers(agentAdmin, '/readyz'), 30_000).catch(() => {
          throw new Error(agent.said());
        });
        return agent;
      };
      const first = await startAgent();
      expect(first.said()).toContain('joined as agent');
      expect(await first.stop()).toBe(0);
      // The token is spent, and its Secret deleted: the identity on the volume is what counts.
      await rm(join(agentEtc, 'token'));
      const second = await startAgent();
      expect(second.said()).not.toContain('joined as agent');

      // Each Gateway is served by a thread of its own, whose program must be there too.
      await writeFile(
        join(folder, 'gateway.yaml'),
        `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: default }
spec: { gatewayClassName: portolan, listeners: [{ name: http, port: 80, protocol: HTTP }] }
`,
      );
      await portolan('apply', '-f', join(folder, 'gateway.yaml'));
      await until(
        'the gateway answers',
        async () => (await fetch(`http://127.0.0.1:${gateway}/`).catch(() => undefined)) !== undefined,
        30_000,
      ).catch(() => {
        throw new Error(second.said());
      });

      // The program was what the image says: not root, and nothing outside of the volume was written.
      const identity = await stat(join(folder, 'agent-volume/data/agent/identity/identity.json'));
      expect([identity.uid, identity.mode & 0o777]).toEqual([USER, 0o600]);
      expect(await readdir(join(folder, 'hub-volume/data/data'))).toContain('portolan.db');
    });
  },
);

const systemdAnalyze = await requireServer('systemdAnalyze', 'systemd units');

describe('systemd units', () => {
  it.skipIf(!systemdAnalyze.available).each(PROGRAMS)(
    'portolan-%s.service is understood by systemd',
    async (program) => {
      const name = `portolan-${program}.service`;
      const folder = await mkdtemp(join(tmpdir(), 'portolan-unit-'));
      try {
        const unit = await readFile(join(root, 'deploy/systemd', name), 'utf8');
        // Where Node.js is says the machine.
        await writeFile(join(folder, name), unit.replace('/usr/bin/node', process.execPath));
        const verify = async () => (await run(pathOf(systemdAnalyze), ['verify', join(folder, name)])).stderr;
        expect((await verify()).split('\n').filter((line) => line.includes(name))).toEqual([]);
        await writeFile(join(folder, name), unit.replace('ProtectSystem=', 'ProtectSystems='));
        expect(await verify()).toContain('ProtectSystems');
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );

  it.each(PROGRAMS)('portolan-%s.service confines the program', async (program) => {
    const unit = await readFile(join(root, `deploy/systemd/portolan-${program}.service`), 'utf8');
    for (const line of [
      'User=portolan',
      `StateDirectory=portolan-${program}`,
      'ProtectSystem=strict',
      'NoNewPrivileges=yes',
      'CapabilityBoundingSet=CAP_NET_BIND_SERVICE',
      'SystemCallFilter=@system-service',
    ])
      expect(unit.split('\n')).toContain(line);
  });
});
