import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Provider, ProviderKind, ProviderOptions } from '../providers/contract.ts';
import { powerdns } from '../providers/powerdns/provider.ts';
import { route53 } from '../providers/route53/provider.ts';
import { dnsProviderSpec } from '../src/resources/dns-provider.ts';
import { startFakeRoute53 } from '../test/fakes/route53/server.ts';
import { startPowerDns } from '../test/support/primaries.ts';
import { pathOf, requireServer } from '../test/support/servers.ts';
import { UNHINDERED } from '../test/support/unhindered.ts';
import { type Figure, lowerIsBetter } from './figure.ts';
import { countedServer } from './providers/counted.ts';
import { octodns } from './providers/octodns.ts';
import { ourZone } from './providers/ours.ts';

/**
 * 1,000 names of 5 addresses each: published, one address changed, and nothing changed; ours beside octoDNS on the same server. Ours writes an
 * ownership marker with every name and a fence with every request; octoDNS writes the names alone. The times of octoDNS hold the start of Python,
 * which stands beside them; ours is a running hub's.
 */

const NAMES = 1_000;
const ADDRESSES = 5;
const NAME_SERVERS = ['ns1.bench.example.', 'ns2.bench.example.'];

type World = ReadonlyMap<string, readonly string[]>;

interface Server {
  readonly name: string;
  readonly origin: { readonly ours: string; readonly theirs: string };
  readonly provider: Provider;
  readonly kind: ProviderKind;
  readonly nameServers: readonly string[];
  /** What octoDNS needs to reach it: YAML, environment. */
  readonly yaml: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  take(): { readonly reads: number; readonly writes: number };
  close(): Promise<void>;
}

export async function run(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const start of [startOfPowerDns, startOfRoute53]) {
    const folder = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
    const server = await start(folder);
    try {
      figures.push(...(await compare(server, folder)));
    } finally {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return figures;
}

async function compare(server: Server, folder: string): Promise<readonly Figure[]> {
  const signal = new AbortController().signal;
  const zone = (await server.provider.zones(signal)).find((z) => z.origin === server.origin.ours);
  if (zone === undefined) throw new Error(`${server.name} has no zone ${server.origin.ours}`);
  const ours = ourZone(server.provider, server.kind.capabilities, zone);
  const theirs = await octodns(folder, server.origin.theirs, server.nameServers, server.yaml, server.env);
  const startMs = await theirs.startMs();
  const figures: Figure[] = [];
  const bench = 'providers';
  const peerName = 'octoDNS 1.22';
  const step = async (
    what: string,
    our: () => Promise<number>,
    their: () => Promise<number>,
    goal?: () => number,
  ): Promise<void> => {
    server.take();
    const ourMs = await our();
    const ourCalls = server.take();
    const theirMs = await their();
    const theirCalls = server.take();
    const name = `${server.name} ${what}`;
    figures.push(
      lowerIsBetter({
        bench,
        case: `${name}: time`,
        ours: ourMs,
        peerName,
        peer: theirMs,
        unit: `ms (${startMs.toFixed(0)} of octoDNS's are the start of Python)`,
      }),
      lowerIsBetter({
        bench,
        case: `${name}: writes`,
        ours: ourCalls.writes,
        peerName,
        peer: theirCalls.writes,
        unit: 'requests that write',
      }),
      lowerIsBetter({
        bench,
        case: `${name}: reads`,
        ours: ourCalls.reads,
        peerName,
        peer: theirCalls.reads,
        unit: 'requests that read',
      }),
    );
    if (goal === undefined) return;
    figures.push(
      lowerIsBetter({
        bench,
        case: `${name}: writes`,
        ours: ourCalls.writes,
        peerName: "goal: the fewest that the provider's limits allow",
        peer: goal(),
        unit: 'requests that write',
      }),
    );
  };
  const first = world();
  const changed: World = new Map([
    ...first,
    ['n500', [...(first.get('n500') ?? []).slice(1), '198.51.100.251']],
  ]);
  await step(
    'publish',
    () => ours.sync(first),
    () => theirs.sync(first, true),
    () => ours.fewest,
  );
  await step(
    'one address',
    () => ours.sync(changed),
    () => theirs.sync(changed),
    () => 1,
  );
  await step(
    'no change',
    () => ours.sync(changed),
    () => theirs.sync(changed),
    () => 0,
  );
  await step(
    'look for drift',
    () => ours.readAgain(),
    () => theirs.sync(changed),
  );
  return figures;
}

function world(): World {
  return new Map(
    Array.from({ length: NAMES }, (_, i) => [
      `n${i}`,
      Array.from({ length: ADDRESSES }, (_, j) => `198.51.100.${((i * ADDRESSES + j) % 250) + 1}`),
    ]),
  );
}

function optionsFor(spec: object, secret: Readonly<Record<string, string>>): ProviderOptions {
  return {
    spec: dnsProviderSpec.parse(spec),
    secret,
    name: 'bench/provider',
    owner: 'bench',
    ...UNHINDERED,
  };
}

async function startOfPowerDns(folder: string): Promise<Server> {
  const program = await requireServer('pdnsSqlite', 'bench providers');
  const apiKey = 'bench';
  const server = await startPowerDns(pathOf(program), { folder: join(folder, 'powerdns'), apiKey });
  const origin = { ours: 'ours.example.', theirs: 'theirs.example.' };
  for (const zone of Object.values(origin)) {
    await server.pdnsutil('create-zone', zone, ...NAME_SERVERS.slice(0, 1));
    await server.pdnsutil('replace-rrset', zone, '@', 'NS', '3600', ...NAME_SERVERS);
  }
  const counted = await countedServer(server.url);
  const provider = await powerdns.open(
    optionsFor(
      { zones: [{ origin: origin.ours }], powerdns: { url: counted.url, secret: 'key' } },
      { apiKey },
    ),
  );
  return {
    name: 'PowerDNS',
    origin,
    provider,
    kind: powerdns,
    nameServers: NAME_SERVERS,
    yaml: [
      'class: octodns_powerdns.PowerDnsProvider',
      'host: 127.0.0.1',
      `port: ${counted.port}`,
      `api_key: ${apiKey}`,
      'scheme: http',
    ],
    env: {},
    take: counted.take,
    async close() {
      await provider.close();
      await counted.close();
      await server.stop();
    },
  };
}

async function startOfRoute53(): Promise<Server> {
  const server = await startFakeRoute53();
  const origin = { ours: 'ours.example.', theirs: 'theirs.example.' };
  const ids = Object.values(origin).map((zone) => server.createZone(zone));
  const nameServers = server
    .setsOf(ids[1] ?? '')
    .flatMap((set) => (set.Type === 'NS' ? (set.ResourceRecords ?? []).map((r) => r.Value ?? '') : []));
  const counted = await countedServer(server.endpoint);
  const { accessKeyId, secretAccessKey } = server;
  const provider = await route53.open(
    optionsFor(
      { zones: [{ origin: origin.ours }], route53: { endpoint: counted.url, secret: 'keys' } },
      { accessKeyId, secretAccessKey },
    ),
  );
  return {
    name: 'Route 53',
    origin,
    provider,
    kind: route53,
    nameServers,
    yaml: [
      'class: octodns_route53.Route53Provider',
      `access_key_id: ${accessKeyId}`,
      `secret_access_key: ${secretAccessKey}`,
    ],
    env: {
      AWS_ENDPOINT_URL: counted.url,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    take: counted.take,
    async close() {
      await provider.close();
      await counted.close();
      await server.close();
    },
  };
}
