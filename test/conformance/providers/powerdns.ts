import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProviderOptions } from '../../../providers/contract.ts';
import { powerdns as kind } from '../../../providers/powerdns/provider.ts';
import { contentOfApi } from '../../../providers/powerdns/records.ts';
import { parseName } from '../../../src/dns/name.ts';
import type { RecordSet } from '../../../src/plan/record-set.ts';
import { dnsProviderSpec } from '../../../src/resources/dns-provider.ts';
import { writeMmdb } from '../../../src/routing/testing/mmdb.ts';
import { type FaultyRelay, type SeenRequest, startFaultyRelay } from '../../support/faulty-relay.ts';
import { type PowerDns, startPowerDns } from '../../support/primaries.ts';
import { pathOf, requireServer } from '../../support/servers.ts';
import { UNHINDERED } from '../../support/unhindered.ts';
import { askServer } from '../provider/ask-server.ts';
import type { Possible, ProviderHarness, Running } from '../provider-harness.ts';

const pdns = await requireServer('pdnsSqlite', 'provider powerdns');
const geoip = await requireServer('pdnsGeoip', 'provider powerdns (LUA)');

const ORIGIN = parseName('pdns.example');
const API_KEY = 'conformance-api-key';

/** Countries of the networks that the suite asks from, as the databases of MaxMind have them. */
const at = (iso: string) => ({ country: { iso_code: iso }, continent: { code: 'XX' } });
const COUNTRIES = {
  '85.214.0.0/16': at('DE'),
  '194.2.0.0/16': at('FR'),
  '8.8.8.0/24': at('US'),
  '8.8.4.0/24': { ...at('US'), subdivisions: [{ iso_code: 'CA' }] },
  '133.11.0.0/16': at('JP'),
  '200.147.0.0/16': at('BR'),
};

export interface RunningPowerDns extends Running {
  readonly pdns: PowerDns;
  readonly relay: FaultyRelay;
}

export async function runPowerDns(lua: boolean): Promise<RunningPowerDns> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-pdns-'));
  const geoDatabase = join(folder, 'countries.mmdb');
  if (lua) await writeFile(geoDatabase, writeMmdb(6, COUNTRIES));
  const server = await startPowerDns(pathOf(pdns), {
    folder,
    apiKey: API_KEY,
    ...(lua ? { lua, geoDatabase } : {}),
  });
  let revoked = false;
  const relay = await startFaultyRelay(Number(new URL(server.url).port), seeRequest, (octets) =>
    revoked
      ? Buffer.from(octets.toString('latin1').replace(API_KEY, 'x'.repeat(API_KEY.length)), 'latin1')
      : octets,
  );
  const api = async (method: string, path: string, body?: unknown): Promise<void> => {
    const answer = await fetch(`${server.url}/api/v1/servers/localhost${path}`, {
      method,
      headers: { 'X-API-Key': API_KEY, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  };
  const makeZone = (name: string): Promise<void> =>
    api('POST', '/zones', { name, kind: 'Native', nameservers: [`ns1.${ORIGIN}`] });
  await makeZone(ORIGIN);
  const spec = dnsProviderSpec.parse({
    zones: [{ origin: ORIGIN }],
    powerdns: { url: `http://127.0.0.1:${relay.port}`, secret: 'api', lua },
  });
  const health = await startHealth();
  return {
    pdns: server,
    relay,
    spec,
    zone: { origin: ORIGIN, id: ORIGIN, private: false, nameServers: [parseName(`ns1.${ORIGIN}`)] },
    open: (overrides: Partial<ProviderOptions> = {}) =>
      kind.open({
        spec,
        secret: { apiKey: API_KEY },
        name: 'conformance/pdns',
        owner: 'conformance',
        ...UNHINDERED,
        ...overrides,
      }),
    ask: (name, type, from) => askServer(server.port, name, type, from),
    // Past the API, into the database.
    writeForeign: async (set) => {
      await server.pdnsutil(
        'replace-rrset',
        ORIGIN,
        relative(set),
        set.type,
        String(set.ttlSeconds ?? 0),
        ...set.values.map((value) => contentOfApi(set.type, value)),
      );
    },
    deleteForeign: async (set) => {
      await server.pdnsutil('delete-rrset', ORIGIN, relative(set), set.type);
    },
    addZones: async (count) => {
      for (let i = 0; i < count; i += 1) await makeZone(`zone-${i}.example.`);
    },
    requests: relay.requests,
    faults: {
      latency: (delayMs) => relay.delay(delayMs),
      throttle: { why: 'PowerDNS has no limit on requests.' },
      loseNextAnswer: () => relay.loseNextAnswer(),
      revoke: () => {
        revoked = true;
      },
      deleteZone: () => api('DELETE', `/zones/${ORIGIN}`),
    },
    setHealth: 'why' in health ? health : health.set,
    ...('why' in health ? {} : { address: health.address }),
    async close() {
      if (!('why' in health)) await health.close();
      await relay[Symbol.asyncDispose]();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function relative({ name }: Pick<RecordSet, 'name'>): string {
  return name === ORIGIN ? '@' : name.slice(0, -ORIGIN.length - 1);
}

/** Action of an HTTP request, by its first line. */
function seeRequest(octets: Buffer): SeenRequest | undefined {
  const [method, path = ''] = octets.toString('latin1', 0, 300).split(' ');
  if (method === 'PATCH') return { action: 'PatchZone', changes: true };
  const rest = /^\/api\/v1\/servers\/[^/?]+(\/[^/?]+)?(\/[^/?]+)?/.exec(path);
  if (rest?.[1] === undefined) return { action: 'GetServer', changes: false };
  if (rest[1] === '/config') return { action: 'GetConfig', changes: false };
  return { action: rest[2] === undefined ? 'ListZones' : 'GetZone', changes: false };
}

interface Health {
  address(n: number): string;
  set(address: string, up: boolean): Promise<void>;
  close(): Promise<void>;
}

/** Addresses of loopback where port 443, which the suite's checks ask for, is open or not. */
async function startHealth(): Promise<Possible<Health>> {
  // Several suites may run at once.
  const net = `127.${50 + Math.floor(Math.random() * 200)}.${Math.floor(Math.random() * 250)}`;
  const open = new Map<string, Server>();
  const close = async (address: string): Promise<void> => {
    const server = open.get(address);
    open.delete(address);
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  };
  const set = async (address: string, up: boolean): Promise<void> => {
    if (!up) return close(address);
    if (open.has(address)) return;
    const server = createServer((socket) => socket.on('error', () => socket.destroy()).destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(443, address, resolve);
    });
    open.set(address, server);
  };
  try {
    await set(`${net}.250`, true);
    await close(`${net}.250`);
  } catch {
    return { why: 'Port 443 of loopback cannot be opened by this user, and PowerDNS has to find it open.' };
  }
  return {
    address: (n) => `${net}.${n % 250}`,
    set,
    async close() {
      for (const address of [...open.keys()]) await close(address);
    },
  };
}

/** PowerDNS with plain records. */
export const powerdns: ProviderHarness = {
  name: 'powerdns',
  kind,
  server: () => Promise.resolve(pdns),
  holes: {},
  start: () => runPowerDns(false),
};

/** PowerDNS with LUA records and the GeoIP backend. */
export const powerdnsLua: ProviderHarness = {
  name: 'powerdns (LUA)',
  kind,
  server: () => Promise.resolve(pdns.available ? geoip : pdns),
  holes: {},
  start: () => runPowerDns(true),
};
