import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Certificate,
  type Client,
  createClient,
  type HubStatus,
  type ResolveResult,
} from '../src/client/client.ts';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { parseClient } from '../src/routing/location.ts';
import type { ClientAddress } from '../src/routing/model.ts';
import { demoKey, untilProtected } from './api.ts';
import { certificateNow, keepRoots, type RunningCa, startCa, untilAcme, untilServed } from './certificate.ts';
import { type HubAddress, joinedAt } from './joined.ts';
import { type FolderLock, lockFolder } from './lock.ts';
import { findPebble } from './pebble.ts';
import { choosePorts, keepPorts, type Ports } from './ports.ts';
import { createPrograms, type Running } from './programs.ts';
import { startTraffic } from './traffic.ts';
import { fitLine, liveLines, type Moment, tryLines } from './view.ts';
import {
  CLUSTERS,
  type DemoCluster,
  demoResources,
  GATEWAY_PORT,
  HOSTNAME,
  NAMESPACE,
  PLACES,
  TLS_PORT,
} from './world.ts';

/*
 * The demo world: a real hub and four real agents, each with a backend, as processes of this machine. Nothing here is
 * known to them; everything goes through the API, the join and DNS, as it would from anywhere.
 */

const { values } = parseArgs({ options: { 'data-dir': { type: 'string' }, once: { type: 'boolean' } } });
const folder = resolve(values['data-dir'] ?? '.portolan/dev');
const shown = relative(process.cwd(), folder) || '.';
/** How `npx portolan` in this folder finds the demo while it runs. */
const contextFile = resolve('.portolan/context.json');
const started = performance.now();
const stopping = new AbortController();
mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o700 });
let lock: FolderLock | undefined;
const programs = createPrograms(join(folder, 'logs'), import.meta.url, (name, pid) =>
  lock?.started(name, pid),
);
const backends = new Map<string, Running>();
const terminal = process.stdout.isTTY === true && values.once !== true;

let ending: Promise<never> | undefined;
const end = (code: number): Promise<never> => {
  ending ??= (async () => {
    stopping.abort();
    // Without the lock nothing was started, and the context may be another demo's.
    if (lock !== undefined) {
      lock.ending();
      await programs.stopAll();
      rmSync(contextFile, { force: true });
      lock.release();
      progress('everything is stopped; the state stays in', shown);
    }
    process.exit(code);
  })();
  return ending;
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end(0));
// `npm start | head`: nobody looks any more.
process.stdout.on('error', () => void end(0));

try {
  await main();
} catch (thrown) {
  if (ending === undefined) {
    const error = PortolanError.from(thrown);
    process.stderr.write(
      `error ${error.code}: ${error.message}\n  fix: ${error.fix}\n  logs: ${join(shown, 'logs')}\n`,
    );
    await end(1);
  }
}

function progress(...words: readonly string[]): void {
  process.stderr.write(`${words.join(' ')}\n`);
}

async function main(): Promise<void> {
  lock = await lockFolder(folder, (reason) => progress(`waiting: ${reason}`));
  const ports = await choosePorts(
    folder,
    CLUSTERS.map((c) => c.address),
  );
  keepPorts(folder, ports);
  const resumed = existsSync(join(folder, 'hub', 'hub.yaml'));
  progress(resumed ? `resuming from ${shown}` : `a new world in ${shown}`);
  const [hub, ca] = await Promise.all([startHub(ports), startAcme(ports), startBackends(ports.backend)]);
  const { client, server, tokenFile } = hub;
  await client.apply({ documents: demoResources(ports.backend, ['127.0.0.1'], ca) });
  const [apiKey, ...agents] = await Promise.all([
    demoKey(folder, client),
    ...CLUSTERS.map((cluster, i) => startAgent(client, cluster, ports, ports.agents[i] ?? 0)),
  ]);
  const internalCa = await client.gatewayCa();
  const roots = keepRoots(folder, ca === undefined ? [internalCa] : [ca.root, internalCa]);
  // An agent says nothing on stdout: its `ready` settles only when it ends.
  const served = Promise.all([
    untilServing(client),
    untilProtected(ports.gateway, apiKey, stopping.signal),
    (ca === undefined ? Promise.resolve() : untilAcme(client, stopping.signal)).then(() =>
      untilServed(ports.gatewayTls, roots, stopping.signal),
    ),
  ]);
  const [status] = await Promise.race([served, ...agents.map((agent) => ended(agent))]);
  const answers = await resolveAll(client);
  const traffic = startTraffic({
    hostname: HOSTNAME,
    port: ports.backend,
    places: new Map(PLACES.flatMap((p) => networkOf(answers.get(p)).map((n) => [p, n] as const))),
    nameServers: status.nameServers.flatMap((s) => s.addresses.map(split)),
    signal: stopping.signal,
  });
  const moment = (
    now: HubStatus,
    resolved: ReadonlyMap<string, ResolveResult>,
    certificate: Certificate | undefined,
  ): Moment => ({
    api: server,
    folder: shown,
    tokenFile: relative(process.cwd(), tokenFile),
    status: now,
    answers: resolved,
    traffic: traffic.seen(),
    backends: new Map([...backends].map(([name, r]) => [name, r.pid])),
    backendPort: ports.backend,
    hubDns: `127.0.0.1:${ports.hubDns}`,
    gatewayPort: ports.gateway,
    tlsPort: ports.gatewayTls,
    roots: relative(process.cwd(), roots),
    certificate,
    hasPebble: ca !== undefined,
    apiKey,
  });
  const first = moment(status, answers, await certificateNow(client));
  progress(`ready in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  process.stdout.write(`${[...tryLines(first, terminal), ''].join('\n')}\n`);
  await show(client, moment);
}

async function startHub(
  ports: Ports,
): Promise<{ readonly client: Client; readonly server: string; readonly tokenFile: string }> {
  const home = join(folder, 'hub');
  const config = join(folder, 'hub-template.yaml');
  writeFileSync(
    config,
    "dataDir: data\ndns:\n  listen: ['127.0.0.1:5300']\nnetwork:\n  # The demo's backends are on loopback, which is refused elsewhere.\n  allowedRanges: ['127.0.0.0/8']\n",
  );
  const made = await programs.run('hub-init', 'hub', ['init', '--directory', home, '--config-text', config]);
  const tokenFile = String(made.tokenFile);
  const token = readFileSync(tokenFile, 'utf8').trim();
  const hub = programs.start('hub', 'hub', ['--config', String(made.config)], {
    PORTOLAN_API_PORT: String(ports.api),
    PORTOLAN_JOIN_LISTEN: `127.0.0.1:${ports.join}`,
    PORTOLAN_LINK_LISTEN: `127.0.0.1:${ports.link}`,
    PORTOLAN_DNS_LISTEN: `127.0.0.1:${ports.hubDns}`,
  });
  const ready = await hub.ready;
  const server = String(ready.api);
  mkdirSync(dirname(contextFile), { recursive: true });
  writeFileSync(
    `${contextFile}.new`,
    `${JSON.stringify({ server, tokenFile, namespace: NAMESPACE }, null, 2)}\n`,
    { mode: 0o600 },
  );
  renameSync(`${contextFile}.new`, contextFile);
  return { client: createClient({ server, token }), server, tokenFile };
}

/** A CA that speaks ACME, where pebble is installed; undefined: the hub's internal CA stands in. */
async function startAcme(ports: Ports): Promise<RunningCa | undefined> {
  const pebble = findPebble(process.env);
  if (pebble === undefined) return undefined;
  try {
    return await startCa(programs, {
      pebble,
      folder,
      port: ports.ca,
      managementPort: ports.caManagement,
      dns: `127.0.0.1:${ports.hubDns}`,
    });
  } catch (thrown) {
    if (stopping.signal.aborted) throw thrown;
    progress(`${pebble} is not used: ${messageOf(thrown)}`);
    return undefined;
  }
}

async function startBackends(port: number): Promise<void> {
  await Promise.all(
    CLUSTERS.map(async (cluster) => {
      const backend = programs.start(`backend-${cluster.name}`, 'demo-backend', [
        cluster.address,
        String(port),
        cluster.name,
      ]);
      backends.set(cluster.name, backend);
      await backend.ready;
    }),
  );
}

async function startAgent(
  client: Client,
  { name: cluster, address }: DemoCluster,
  hub: HubAddress & { readonly gateway: number; readonly gatewayTls: number },
  dnsPort: number,
): Promise<Running> {
  const dataDir = join(folder, 'agents', cluster);
  const joined = joinedAt(dataDir, hub);
  if (joined !== 'here') {
    if (joined === 'elsewhere') progress(`${cluster} joins again: the hub listens on other ports now`);
    const { token } = await client.clusterToken({ namespace: NAMESPACE, name: cluster });
    await programs.run(`join-${cluster}`, 'agent-join', ['--data-dir', dataDir], {
      PORTOLAN_JOIN_TOKEN: token,
    });
  }
  const config = join(folder, 'agents', `${cluster}.yaml`);
  const accessLog = join(folder, 'logs', `access-${cluster}.log`);
  writeFileSync(config, `gateway:\n  accessLog: {file: ${JSON.stringify(accessLog)}}\n`);
  return programs.start(`agent-${cluster}`, 'agent', [
    ...['--config', config, '--data-dir', dataDir],
    ...['--dns', `127.0.0.1:${dnsPort}`],
    ...['--gateway-host', address, '--gateway-port', `${GATEWAY_PORT}=${hub.gateway}`],
    ...['--gateway-port', `${TLS_PORT}=${hub.gatewayTls}`],
    ...['--allow-range', '127.0.0.0/8'],
  ]);
}

/** @throws PortolanError why it ended */
async function ended(agent: Running): Promise<never> {
  await agent.ready;
  throw new PortolanError('INTERNAL', `${agent.name} said something on stdout`);
}

/** Waits until every name server answers and every backend was found healthy. */
async function untilServing(client: Client): Promise<HubStatus> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const status = await client.status();
    const serving = status.nameServers.filter((s) => s.cluster !== undefined && s.state === 'serving').length;
    const healthy = status.targets.filter((t) => t.state === 'up').length;
    if (serving >= CLUSTERS.length && healthy >= CLUSTERS.length) return status;
    if (performance.now() > deadline) {
      throw new PortolanError(
        'NOT_READY',
        `after 60 s ${serving} of ${CLUSTERS.length} name servers serve and ${healthy} of ${CLUSTERS.length} backends are healthy`,
      );
    }
    await pause(100);
  }
}

async function resolveAll(client: Client): Promise<ReadonlyMap<string, ResolveResult>> {
  const answers = await Promise.all(
    PLACES.map(async (place) => [place, await client.resolve({ hostname: HOSTNAME, from: place })] as const),
  );
  return new Map(answers);
}

function networkOf(answer: ResolveResult | undefined): readonly ClientAddress[] {
  return answer?.client.address === undefined ? [] : [parseClient(answer.client.address)];
}

/** Redraws every second on a terminal; elsewhere prints when an answer or a state changes. */
async function show(
  client: Client,
  moment: (
    status: HubStatus,
    answers: ReadonlyMap<string, ResolveResult>,
    certificate: Certificate | undefined,
  ) => Moment,
): Promise<void> {
  let drawn = 0;
  let last = '';
  while (!stopping.signal.aborted) {
    const lines = await Promise.all([client.status(), resolveAll(client), certificateNow(client)]).then(
      ([status, answers, certificate]) => liveLines(moment(status, answers, certificate), terminal),
      (thrown: unknown) => [`the hub does not answer: ${messageOf(thrown)}; the agents' name servers go on`],
    );
    if (terminal) {
      const width = process.stdout.columns;
      const fitting = lines.map((line) => fitLine(line, width));
      process.stdout.write(`${drawn > 0 ? `\u001b[${drawn}A\u001b[J` : ''}${fitting.join('\n')}\n`);
      drawn = fitting.length;
    } else {
      const stable = lines.filter((l) => !l.includes(' ok ')).join('\n');
      if (stable !== last) process.stdout.write(`${lines.join('\n')}\n\n`);
      last = stable;
    }
    if (values.once === true) {
      await end(0);
      return;
    }
    await pause(1_000);
  }
}

function split(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    stopping.signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        done();
      },
      { once: true },
    );
  });
}
