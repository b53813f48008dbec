import { DEFAULT_NAME_SERVER_SETTINGS } from '../../../nameserver/default-settings.ts';
import { createNameServerPool } from '../../../nameserver/pool.ts';
import { RoutedTableImages } from '../../../nameserver/routed-image.ts';
import { createRoutedTable } from '../../../nameserver/routed-table.ts';
import { createNameServer } from '../../../nameserver/server.ts';
import { NO_TRANSFERS } from '../../../nameserver/transfer-plan.ts';
import { ZoneSigners } from '../../../nameserver/zone-signers.ts';
import { DIGEST_TYPE, dsOf } from '../../../src/dns/dnssec/key.ts';
import type { SigningMaterial } from '../../../src/dns/dnssec/material.ts';
import { makeZoneKeys, materialOf, type ZoneKeys } from '../../../src/dns/dnssec/testing/signing-material.ts';
import { parseName } from '../../../src/dns/name.ts';
import { formatRdata } from '../../../src/dns/records/catalogue.ts';
import { createStateView, type RuledTarget, type StateViewInput } from '../../../src/health/state-view.ts';
import { NO_PENDING_CHANGE_MS } from '../../../src/health/types.ts';
import type { RoutingPart } from '../../../src/protocol/snapshot.ts';
import type { RoutedPolicy } from '../../../src/routing/model.ts';

type PublishedZone = RoutingPart['zones'][number];
type Records = PublishedZone['spec']['records'];

export const ORIGIN = parseName('signed.test');
const SECURE = parseName('secure.signed.test');

/** Keys of both signed zones: the second is delegated from the first. */
export interface WorldKeys {
  readonly parent: ZoneKeys;
  readonly child: ZoneKeys;
}

export const makeWorldKeys = (): WorldKeys => ({ parent: makeZoneKeys(), child: makeZoneKeys() });

/** A line of a zone file with the key that validators are told to trust. */
export const anchorOf = ({ parent }: WorldKeys): string =>
  `${ORIGIN} 3600 IN DNSKEY ${formatRdata(parent.keySigning.dnskey)}`;

/** What a hub sends for both zones, valid now. */
export function signingOf(keys: WorldKeys, nowSeconds = Math.floor(Date.now() / 1000)) {
  return {
    [ORIGIN]: materialOf(ORIGIN, keys.parent, nowSeconds),
    [SECURE]: materialOf(SECURE, keys.child, nowSeconds),
  };
}

const zone = (name: string, records: Records): PublishedZone => ({
  namespace: 'default',
  name,
  spec: {
    origin: parseName(name),
    nameServers: [{ name: parseName(`ns1.${name}`), addresses: ['127.0.0.1'] }],
    soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
    ttlSeconds: 300,
    records,
  },
});

const record = (name: string, type: string, ...data: string[]): Records[number] => ({ name, type, data });

/** Strings that do not fit into an answer over UDP. */
export const BIG = Array.from({ length: 8 }, (_, i) => `"${String(i).repeat(200)}"`);

/** Record types and data; names in the data tell whether it is signed in its canonical form (RFC 4034 section 6.2). */
export const ALL_TYPES: readonly (readonly [string, string])[] = [
  ['AAAA', '2001:DB8::1'],
  ['AFSDB', '1 AFS.Example.net.'],
  ['CAA', '0 issue "ca.example.net"'],
  ['CERT', 'PKIX 0 0 AQIDBA=='],
  ['HINFO', '"cpu" "os"'],
  ['HTTPS', '1 . alpn="h2,h3"'],
  ['KX', '10 KX.Example.net.'],
  ['LOC', '52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m'],
  ['MX', '10 Mail.Example.net.'],
  ['NAPTR', '100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" Replacement.Example.net.'],
  ['OPENPGPKEY', 'AQIDBA=='],
  ['PTR', 'Host.Example.net.'],
  ['RP', 'Mail.Example.net. Text.Example.net.'],
  ['SMIMEA', '3 1 1 0102'],
  ['SRV', '1 2 443 Target.Example.net.'],
  ['SSHFP', '4 2 0102'],
  ['SVCB', '1 Service.Example.net. port=53'],
  ['TLSA', '3 1 1 0102'],
  ['TXT', '"Case Kept"'],
  ['URI', '10 1 "https://example.net/"'],
  ['TYPE65400', '\\# 3 010203'],
];

function zones(keys: WorldKeys): readonly PublishedZone[] {
  const digest = formatRdata(dsOf(SECURE, keys.child.keySigning.dnskey, DIGEST_TYPE.SHA256));
  return [
    zone('signed.test', [
      record('www', 'A', '192.0.2.80', '192.0.2.8'),
      record('www', 'TXT', '"text"'),
      record('deep.ent', 'A', '192.0.2.5'),
      record('*.wild', 'A', '192.0.2.77'),
      record('@', 'MX', '10 www.signed.test.'),
      record('alias', 'CNAME', 'www.signed.test.'),
      record('dangling', 'CNAME', 'nowhere.signed.test.'),
      record('*.walias', 'CNAME', 'www.signed.test.'),
      record('old', 'DNAME', 'new.signed.test.'),
      record('www.new', 'A', '192.0.2.6'),
      record('big', 'TXT', ...BIG),
      ...ALL_TYPES.map(([type, data]) => record('types', type, data)),
      record('secure', 'NS', 'ns1.secure.signed.test.'),
      record('secure', 'DS', digest),
      record('ns1.secure', 'A', '127.0.0.1'),
      record('insecure', 'NS', 'ns1.insecure.signed.test.'),
      record('ns1.insecure', 'A', '127.0.0.1'),
    ]),
    zone('secure.signed.test', [record('www', 'A', '192.0.2.81')]),
    zone('insecure.signed.test', [record('www', 'A', '192.0.2.82')]),
  ];
}

const policy = (name: string, hostname: string, more: Partial<RoutedPolicy> = {}): RoutedPolicy => ({
  namespace: 'default',
  name,
  generation: 1,
  hostnames: [parseName(hostname)],
  ttlSeconds: 30,
  minTtlSeconds: 5,
  endpoints: ['a', 'b', 'c'].map((endpoint, at) => ({
    name: endpoint,
    cluster: `default/${endpoint}`,
    country: 'DE',
    capacity: 1,
    kind: 'addresses' as const,
    addresses: [{ address: `198.51.100.${at + 1}`, family: 4 as const, targetId: endpoint }],
  })),
  geo: [],
  defaultTiers: [{ members: ['a', 'b', 'c'].map((endpoint) => ({ endpoint, weight: 1 })) }],
  nextBest: 'none',
  residency: [],
  selection: { mode: 'weighted', maxAnswers: 2 },
  panicThresholdPercent: 0,
  capacityFloorPercent: 0,
  drainRampSeconds: 0,
  ...more,
});

const policies: readonly RoutedPolicy[] = [
  policy('api', 'api.signed.test'),
  policy('tenants', '*.tenant.signed.test'),
  policy('moved', 'moved.signed.test', {
    endpoints: [
      {
        name: 'alias',
        cluster: 'default/alias',
        country: 'DE',
        capacity: 1,
        kind: 'cname',
        addresses: [],
        cname: { name: parseName('www.signed.test'), targetId: 'a' },
      },
    ],
    defaultTiers: [{ members: [{ endpoint: 'alias', weight: 1 }] }],
  }),
];

export interface ServedWorld {
  readonly port: number;
  /** Queries answered for these zones so far. */
  readonly queries: () => number;
  close(): Promise<void>;
}

/** What routed names go by: all is up, and a change is near for one endpoint, so that answers have less than their full TTL. */
function states(): StateViewInput {
  const up = (earliestChangeMs: number): RuledTarget => ({ state: 'up', earliestChangeMs });
  return {
    targets: new Map([
      ['a', up(12_000)],
      ['b', up(NO_PENDING_CHANGE_MS)],
      ['c', up(NO_PENDING_CHANGE_MS)],
    ]),
    drains: new Map(),
    lastHealthy: new Map(),
    takenAtMs: 0,
    freshAtMs: 0,
  };
}

/** The zones with the routed names, compiled, and what they were compiled from. */
function compiled(keys: WorldKeys, signing: Readonly<Record<string, SigningMaterial>>, wallMs: () => number) {
  const input = { routing: { sequence: 7, zones: zones(keys), policies, regions: {} }, signing };
  const state = states();
  const built = createRoutedTable({
    ...input,
    geo: undefined,
    view: () => createStateView(state, () => 0),
    random: Math.random,
    signers: new ZoneSigners({ wallMs }),
  });
  const { problems, outsideZones } = built;
  if (problems.length > 0 || outsideZones.length > 0)
    throw new Error(`the world is wrong: ${JSON.stringify({ problems, outsideZones })}`);
  return { input, built };
}

/** A name server with the zones and the routed names, on a free port of 127.0.0.1. */
export async function serveWorld(
  keys: WorldKeys,
  signing: Readonly<Record<string, SigningMaterial>> = signingOf(keys),
  wallMs: () => number = () => Date.now(),
): Promise<ServedWorld> {
  const { table } = compiled(keys, signing, wallMs).built;
  const server = createNameServer({
    listen: [{ host: '127.0.0.1', port: 0 }],
    table: () => table,
  });
  const [bound] = await server.start();
  const queries = (): number => server.stats().responses.reduce((sum, { count }) => sum + count, 0);
  return { port: bound?.port ?? 0, queries, close: () => server.close() };
}

/** The same in threads that share a port. */
export async function serveWorldInThreads(keys: WorldKeys, workers: number): Promise<ServedWorld> {
  const { input, built } = compiled(keys, signingOf(keys), () => Date.now());
  const server = createNameServerPool({
    listen: [{ host: '127.0.0.1', port: 0 }],
    workers,
    settings: DEFAULT_NAME_SERVER_SETTINGS,
    states,
    monotonicMs: () => performance.now(),
    log: { warn: () => undefined },
  });
  const routed = new RoutedTableImages().imageOf(input, built);
  await server.serve({ routed, transfers: NO_TRANSFERS, geo: undefined });
  const [bound] = await server.start();
  const queries = (): number => server.stats().responses.reduce((sum, { count }) => sum + count, 0);
  return { port: bound?.port ?? 0, queries, close: () => server.close() };
}
