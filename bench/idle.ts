import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createPrograms, type Running } from '../demo/programs.ts';
import { createClient } from '../src/client/client.ts';
import { type Figure, lowerIsBetter } from './figure.ts';

/*
 * Memory of a hub and of one agent (both its processes), started as the CLI starts them, with one zone and one routed name, once
 * start-up has settled. Resident set size as the kernel counts it.
 */

const HUB_GOAL_MB = 150;
const AGENT_GOAL_MB = 160;
/** Longer than the slowest of their periodic tasks: a complete batch of decisions every 10 s. */
const SETTLE_MS = 25_000;
const HOST = '127.0.0.1';
const NAMESPACE = 'default';

export async function run(): Promise<readonly Figure[]> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const built = spawnSync(process.execPath, [join(root, 'scripts', 'build.ts')], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the build failed: ${built.stderr}`);
  const folder = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
  // The bundles, as the CLI starts them.
  const programs = createPrograms(
    folder,
    new URL('../dist/portolan.mjs', import.meta.url).href,
    () => undefined,
  );
  try {
    const home = join(folder, 'hub');
    const template = join(folder, 'template.yaml');
    writeFileSync(
      template,
      `dataDir: data\napi: {port: 0}\nagents: {joinListen: '${HOST}:0', linkListen: '${HOST}:0'}\ndns: {listen: ['${HOST}:0']}\nnetwork: {allowedRanges: ['127.0.0.0/8']}\n`,
    );
    const made = await programs.run('init', 'hub', ['init', '--directory', home, '--config-text', template]);
    const hub = programs.start('hub', 'hub', ['--config', String(made.config)]);
    const client = createClient({
      server: String((await hub.ready).api),
      token: readFileSync(String(made.tokenFile), 'utf8').trim(),
    });
    const backend = programs.start('backend', 'demo-backend', ['127.0.1.1', '8899', 'idle']);
    await backend.ready;
    await client.apply({ documents: documents() });
    const dataDir = join(folder, 'agent');
    mkdirSync(dataDir);
    const { token } = await client.clusterToken({ namespace: NAMESPACE, name: 'one' });
    await programs.run('join', 'agent-join', ['--data-dir', dataDir], { PORTOLAN_JOIN_TOKEN: token });
    const agent = programs.start('agent', 'agent', [
      ...['--data-dir', dataDir, '--dns', `${HOST}:0`, '--allow-range', '127.0.0.0/8'],
    ]);
    await untilServing(client);
    await pause(SETTLE_MS);
    const control = childOf(agent);
    const [hubMb, dataMb, controlMb] = [hub.pid, agent.pid, control].map(residentMb);
    process.stderr.write(`bench idle: agent data process ${dataMb} MB, control process ${controlMb} MB\n`);
    return [
      lowerIsBetter({
        bench: 'idle',
        case: 'hub-rss',
        ours: hubMb ?? 0,
        peerName: 'goal',
        peer: HUB_GOAL_MB,
        unit: 'MB resident',
      }),
      lowerIsBetter({
        bench: 'idle',
        case: 'agent-rss',
        ours: (dataMb ?? 0) + (controlMb ?? 0),
        peerName: 'goal',
        peer: AGENT_GOAL_MB,
        unit: `MB resident, both processes (data ${dataMb}, control ${controlMb})`,
      }),
    ];
  } finally {
    await programs.stopAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

function documents(): readonly unknown[] {
  const object = (kind: string, name: string, spec: unknown) => ({
    apiVersion: 'portolan.dev/v1alpha1',
    kind,
    metadata: { namespace: NAMESPACE, name },
    spec,
  });
  return [
    object('Cluster', 'one', { location: { country: 'DE' }, addresses: ['127.0.1.1'] }),
    object('Zone', 'idle', {
      origin: 'idle.example',
      nameServers: [{ name: 'ns.idle.example', addresses: [HOST] }],
    }),
    object('TrafficPolicy', 'www', {
      hostnames: ['www.idle.example'],
      endpoints: [{ name: 'one', cluster: 'one' }],
      healthCheck: { inline: { protocol: 'http', port: 8899, path: '/healthz', expectedStatuses: [200] } },
      routing: { default: { tiers: [{ members: [{ endpoint: 'one' }] }] } },
    }),
  ];
}

async function untilServing(client: ReturnType<typeof createClient>): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const { nameServers, targets } = await client.status();
    if (
      nameServers.filter((s) => s.state === 'serving').length === 2 &&
      targets.some((t) => t.state === 'up')
    )
      return;
    if (performance.now() > deadline) throw new Error('hub and agent do not serve within a minute');
    await pause(200);
  }
}

/** The agent's control process is the only child of its data process. */
function childOf(agent: Running): number {
  const text = readFileSync(`/proc/${agent.pid}/task/${agent.pid}/children`, 'utf8').trim();
  if (!/^\d+$/.test(text)) throw new Error(`the agent has other children than its control process: ${text}`);
  return Number(text);
}

function residentMb(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kilobytes === undefined) throw new Error(`the kernel does not say how much memory ${pid} has`);
  return Math.round(Number(kilobytes) / 1000);
}
