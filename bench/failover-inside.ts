import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { type Program, programArguments } from '../cli/programs.ts';
import { type Client, createClient } from '../src/client/client.ts';
import { parseName } from '../src/dns/name.ts';
import { type AnswerWatch, type NameServerAddress, watchAnswers } from './answer-watch.ts';

/* The measuring program of `bench/failover.ts`: started on the host `asker`, writes one JSON object to stdout. */

export interface FaultReport {
  readonly convergedMs: readonly number[];
  readonly asked: number;
  readonly lost: number;
}
export interface FailoverReport {
  readonly kill: FaultReport;
  readonly blackHole: FaultReport;
  readonly cut: {
    readonly cuts: number;
    readonly cutMs: number;
    readonly asked: number;
    readonly lost: number;
    readonly wrong: number;
    readonly withdrawn: number;
    readonly reconnectMs: readonly number[];
  };
}

const execute = promisify(execFile);
const [tag = '', folder = ''] = process.argv.slice(2);
const REPETITIONS = Number(process.env.BENCH_FAULTS ?? 50);
/** Fresh targets for every fault: one that failed before is held out longer and longer. */
const BATCH = 10;
/** Faults follow each other at this distance, more or less: two or three are in sight at a time. */
const SPACING_MS = 1_200;
const LIMIT_MS = 30_000;
/** Longer than votes and decisions stay fresh (3 s), so that whoever would decide wrongly does. */
const CUT_MS = 4_000;
const DNS_PORT = 5353;
const PORT = 8080;
const NAMESPACE = 'default';
const AGENTS = [
  { name: 'a1', country: 'DE' },
  { name: 'a2', country: 'FR' },
  { name: 'a3', country: 'US' },
] as const;
/** In the order the network was made in: 10.77.0.1, .2, … */
const address = { hub: '10.77.0.1', a1: '10.77.0.2', a2: '10.77.0.3', a3: '10.77.0.4' } as const;
/** Always alive; every name falls back to it. */
const SPARE = '10.77.0.250';
const NOWHERE = '02:00:00:00:de:ad';

const dist = new URL('../dist/portolan.mjs', import.meta.url).href;
const children = new Set<ChildProcess>();
const namespaceOf = (host: string): string => `ptl-${tag}-${host}`;
const ip = (...args: string[]): Promise<unknown> => execute('ip', args);

try {
  process.stdout.write(`${JSON.stringify(await measure())}\n`);
} finally {
  await Promise.all([...children].map((child) => end(child, 'SIGKILL')));
}
process.exit(0);

async function measure(): Promise<FailoverReport> {
  const client = await startWorld();
  const servers: NameServerAddress[] = Object.entries(address).map(([name, host]) => ({
    name,
    host,
    port: DNS_PORT,
  }));
  const kill = await faults('kill', client, servers, async (victim) => {
    await end(victim.child, 'SIGKILL');
  });
  progress('kill', kill);
  const blackHole = await faults('hole', client, servers, async (victim) => {
    await Promise.all(
      Object.keys(address).map((host) =>
        ip(
          '-n',
          namespaceOf(host),
          'neigh',
          'replace',
          victim.address,
          'lladdr',
          NOWHERE,
          'dev',
          'eth0',
          'nud',
          'permanent',
        ),
      ),
    );
  });
  progress('black hole', blackHole);
  const cut = await cuts(client, servers);
  process.stderr.write(`bench failover: cuts ${JSON.stringify({ ...cut, reconnectMs: undefined })}\n`);
  return { kill, blackHole, cut };
}

function progress(kind: string, report: FaultReport): void {
  const worst = Math.round(Math.max(...report.convergedMs));
  process.stderr.write(
    `bench failover: ${report.convergedMs.length} × ${kind}, worst ${worst} ms, ${report.lost} of ${report.asked} answers lost\n`,
  );
}

// --- the world

async function startWorld(): Promise<Client> {
  const home = join(folder, 'hub');
  const template = join(folder, 'hub-template.yaml');
  // The shipped configuration; only where it listens is said.
  writeFileSync(
    template,
    stringify({
      dataDir: 'data',
      api: { allowedHosts: [address.hub] },
      agents: {
        joinListen: `${address.hub}:7461`,
        linkListen: `${address.hub}:7462`,
        advertise: [address.hub],
      },
      dns: { listen: [`${address.hub}:${DNS_PORT}`] },
    }),
  );
  const made = JSON.parse(
    await run('hub', 'hub', ['init', '--directory', home, '--config-text', template]),
  ) as { readonly config: string; readonly tokenFile: string };
  const hub = start('hub', 'hub', 'hub', ['--config', made.config]);
  await firstLine(hub, 'hub');
  const relay = startNode('hub', 'relay', [
    fileURLToPath(new URL('relay.ts', import.meta.url)),
    address.hub,
    '7470',
    '7460',
  ]);
  await firstLine(relay, 'relay');
  const client = createClient({
    server: `http://${address.hub}:7470`,
    token: readFileSync(made.tokenFile, 'utf8').trim(),
  });
  await ip('-n', namespaceOf('holes'), 'addr', 'add', `${SPARE}/24`, 'dev', 'eth0');
  await backend('holes', SPARE);
  await client.apply({ documents: documents() });
  await Promise.all(
    AGENTS.map(async ({ name }) => {
      const dataDir = join(folder, name);
      mkdirSync(dataDir, { recursive: true });
      const { token } = await client.clusterToken({ namespace: NAMESPACE, name });
      await run(name, 'agent-join', ['--data-dir', dataDir], { PORTOLAN_JOIN_TOKEN: token });
      start(name, name, 'agent', [
        '--data-dir',
        dataDir,
        '--dns',
        `${address[name]}:${DNS_PORT}`,
        '--peer-listen',
        `${address[name]}:7463`,
      ]);
    }),
  );
  await until('every name server serves', async () => {
    const status = await client.status();
    return status.nameServers.filter((s) => s.state === 'serving').length === AGENTS.length + 1;
  });
  return client;
}

function documents(): readonly unknown[] {
  const object = (kind: string, name: string, spec: unknown) => ({
    apiVersion: 'portolan.dev/v1alpha1',
    kind,
    metadata: { namespace: NAMESPACE, name },
    spec,
  });
  return [
    ...AGENTS.map((a) => object('Cluster', a.name, { location: { country: a.country }, addresses: [SPARE] })),
    object('Zone', 'bench', {
      origin: 'bench.example',
      nameServers: [{ name: 'ns.bench.example', addresses: [address.hub] }],
    }),
    object('HealthCheck', 'web', { protocol: 'http', port: PORT, path: '/healthz', expectedStatuses: [200] }),
  ];
}

/** A name with a victim in front and the spare behind, on two clusters. */
function policy(name: string, victim: string, index: number): unknown {
  const at = (shift: number): string => AGENTS[(index + shift) % AGENTS.length]?.name ?? 'a1';
  return {
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'TrafficPolicy',
    metadata: { namespace: NAMESPACE, name },
    spec: {
      hostnames: [`${name}.bench.example`],
      endpoints: [
        { name: 'victim', cluster: at(0), addresses: [victim] },
        { name: 'spare', cluster: at(1), addresses: [SPARE] },
      ],
      healthCheck: { ref: 'web' },
      routing: {
        default: { tiers: [{ members: [{ endpoint: 'victim' }] }, { members: [{ endpoint: 'spare' }] }] },
      },
    },
  };
}

// --- faults

interface Victim {
  readonly name: string;
  readonly address: string;
  readonly child: ChildProcess;
}

async function faults(
  kind: 'kill' | 'hole',
  client: Client,
  servers: readonly NameServerAddress[],
  fault: (victim: Victim) => Promise<void>,
): Promise<FaultReport> {
  const convergedMs: number[] = [];
  let asked = 0;
  let lost = 0;
  for (let first = 0; first < REPETITIONS; first += BATCH) {
    const victims = await prepare(kind, first, Math.min(BATCH, REPETITIONS - first), client, servers);
    await Promise.all(
      victims.map(async (victim, index) => {
        // At any phase of the probes' interval.
        await pause(index * SPACING_MS + Math.random() * 1_000);
        const watch = watchAnswers(parseName(`${victim.name}.bench.example`), servers);
        await pause(300);
        const atMs = performance.now();
        const moved = watch.untilEverywhere(SPARE, LIMIT_MS);
        await fault(victim);
        convergedMs.push((await moved) - atMs);
        await pause(300);
        await watch.stop();
        asked += watch.asked;
        lost += watch.lost;
      }),
    );
    await client.apply({
      delete: victims.map((v) => ({ kind: 'TrafficPolicy' as const, namespace: NAMESPACE, name: v.name })),
    });
    await Promise.all(victims.map((v) => end(v.child, 'SIGKILL')));
  }
  return { convergedMs, asked, lost };
}

/** Fresh backends, each with a name that every server answers with it. */
async function prepare(
  kind: 'kill' | 'hole',
  first: number,
  count: number,
  client: Client,
  servers: readonly NameServerAddress[],
): Promise<readonly Victim[]> {
  const base = kind === 'kill' ? 100 : 160;
  const victims = await Promise.all(
    Array.from({ length: count }, async (_, i): Promise<Victim> => {
      const own = `10.77.0.${base + first + i}`;
      await ip('-n', namespaceOf('victims'), 'addr', 'add', `${own}/24`, 'dev', 'eth0');
      return { name: `${kind}-${first + i}`, address: own, child: await backend('victims', own) };
    }),
  );
  await client.apply({ documents: victims.map((v, i) => policy(v.name, v.address, first + i)) });
  await Promise.all(
    victims.map(async (victim) => {
      const watch = watchAnswers(parseName(`${victim.name}.bench.example`), servers);
      await watch.untilEverywhere(victim.address, LIMIT_MS);
      await watch.stop();
    }),
  );
  // An endpoint nobody has seen yet is answered too: a fault counts only once it was up.
  await until('every victim is up', async () => {
    const { targets } = await client.status();
    return victims.every((v) =>
      targets.some((t) => t.address === v.address && t.state === 'up' && !t.degraded),
    );
  });
  return victims;
}

async function cuts(client: Client, servers: readonly NameServerAddress[]): Promise<FailoverReport['cut']> {
  const victims = await prepare('kill', 50, 3, client, servers);
  const right = victims.map((v) => v.address);
  const reconnectMs: number[] = [];
  let withdrawn = 0;
  const watches: AnswerWatch[] = victims.map((v) =>
    watchAnswers(parseName(`${v.name}.bench.example`), servers),
  );
  const agents = new Map((await client.status()).agents.map((a) => [a.cluster, a.uid]));
  for (let i = 0; i < REPETITIONS; i += 1) {
    const agent = AGENTS[i % AGENTS.length]?.name ?? 'a1';
    const uid = agents.get(`${NAMESPACE}/${agent}`);
    await Promise.all([
      ip(
        '-n',
        namespaceOf('hub'),
        'neigh',
        'replace',
        address[agent],
        'lladdr',
        NOWHERE,
        'dev',
        'eth0',
        'nud',
        'permanent',
      ),
      ip(
        '-n',
        namespaceOf(agent),
        'neigh',
        'replace',
        address.hub,
        'lladdr',
        NOWHERE,
        'dev',
        'eth0',
        'nud',
        'permanent',
      ),
    ]);
    await pause(CUT_MS);
    const { targets } = await client.status();
    withdrawn += targets.filter((t) => right.includes(t.address) && t.state === 'down').length;
    const atMs = performance.now();
    await Promise.all([
      ip('-n', namespaceOf('hub'), 'neigh', 'del', address[agent], 'dev', 'eth0'),
      ip('-n', namespaceOf(agent), 'neigh', 'del', address.hub, 'dev', 'eth0'),
    ]);
    await until(
      'the agent is connected again',
      async () => (await client.status()).agents.find((a) => a.uid === uid)?.connected === true,
    );
    reconnectMs.push(performance.now() - atMs);
  }
  await Promise.all(watches.map((w) => w.stop()));
  const sum = (of: (watch: AnswerWatch, index: number) => number): number =>
    watches.reduce((total, watch, index) => total + of(watch, index), 0);
  return {
    cuts: REPETITIONS,
    cutMs: CUT_MS,
    asked: sum((w) => w.asked),
    lost: sum((w) => w.lost),
    wrong: sum((w, i) => w.wrong([victims[i]?.address ?? ''])),
    withdrawn,
    reconnectMs,
  };
}

// --- programs on hosts

function start(
  host: string,
  name: string,
  program: Program,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  return startNode(host, name, [...programArguments(program, dist), ...args], env);
}

function startNode(
  host: string,
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcess {
  // `ip netns exec` replaces itself with the program: the child's id is the program's.
  const child = spawn('ip', ['netns', 'exec', namespaceOf(host), process.execPath, ...args], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.stderr.pipe(createWriteStream(join(folder, `${name}.log`), { flags: 'a' }));
  return child;
}

async function backend(host: string, own: string): Promise<ChildProcess> {
  const child = start(host, 'backends', 'demo-backend', [own, String(PORT), own]);
  await firstLine(child, own);
  return child;
}

async function run(
  host: string,
  program: Program,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = start(host, `${program}-once`, program, args, env);
  const gone = new Promise((resolve) => child.once('close', resolve));
  const line = await firstLine(child, program);
  await gone;
  return line;
}

function firstLine(child: ChildProcess, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout !== null) createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) =>
      reject(new Error(`${name} ended with ${String(code)}; its log is in ${folder}`)),
    );
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within a minute: ${what}`);
    await pause(50);
  }
}
