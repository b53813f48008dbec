import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askNameServer } from '../../nameserver/ask.ts';
import { createNotifier, type Notifier } from '../../nameserver/notifier.ts';
import { createRoutedTable } from '../../nameserver/routed-table.ts';
import { createNameServer, type NameServer } from '../../nameserver/server.ts';
import { Statistics } from '../../nameserver/statistics.ts';
import { transferZone } from '../../nameserver/transfer-client.ts';
import { transferPlan } from '../../nameserver/transfer-plan.ts';
import { parseName } from '../../src/dns/name.ts';
import { formatRdata } from '../../src/dns/records/catalogue.ts';
import type { AnswerTable } from '../../src/dns/table.ts';
import { parseTsigKey, type TsigKey } from '../../src/dns/tsig-key.ts';
import { parseType, TYPE, typeName } from '../../src/dns/types.ts';
import { createStateView } from '../../src/health/state-view.ts';
import type { RoutingPart } from '../../src/protocol/snapshot.ts';
import type { RoutedPolicy } from '../../src/routing/model.ts';
import { policyOf, tier } from '../../src/routing/testing/world.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import {
  type Secondary,
  startBindPrimary,
  startBindSecondary,
  startKnotSecondary,
  startPowerDnsSecondary,
} from './zone-transfer/secondaries.ts';

const SUITE = 'zone transfers to real secondaries';
const knot = await requireServer('knotd', SUITE);
const bind = await requireServer('named', SUITE);
const pdns = await requireServer('pdnsSqlite', SUITE);
const dig = await requireServer('dig', SUITE);
const kdig = await requireServer('kdig', SUITE);

const ORIGIN = parseName('copied.test');
const KEY = {
  name: 'copies.copied.test',
  algorithm: 'hmac-sha256' as const,
  secret: Buffer.alloc(32, 7).toString('base64'),
};
/** One of each algorithm. */
const KEYS = [
  KEY,
  {
    name: 'middle.copied.test',
    algorithm: 'hmac-sha384' as const,
    secret: Buffer.alloc(48, 8).toString('base64'),
  },
  {
    name: 'long.copied.test',
    algorithm: 'hmac-sha512' as const,
    secret: Buffer.alloc(64, 9).toString('base64'),
  },
];
const GOT_MS = 30_000;
const run = promisify(execFile);

type Records = RoutingPart['zones'][number]['spec']['records'];

/** Enough for several messages of a transfer. */
const MANY = 1500;
const FIRST_RECORDS: Records = [
  { name: '@', type: 'MX', data: ['10 mail.copied.test.', '20 mail.example.net.'] },
  { name: '@', type: 'TXT', data: ['"v=spf1 -all"'] },
  { name: '@', type: 'CAA', data: ['0 issue "ca.example.net"'] },
  { name: 'mail', type: 'A', data: ['192.0.2.25'], ttlSeconds: 60 },
  { name: 'alias', type: 'CNAME', data: ['mail.copied.test.'] },
  { name: '*.wild', type: 'TXT', data: ['"anything"'] },
  { name: 'a.deep.name.below.nothing', type: 'AAAA', data: ['2001:db8::1'] },
  { name: '_sip._tcp', type: 'SRV', data: ['0 5 5060 mail.copied.test.'] },
  { name: 'web', type: 'HTTPS', data: ['1 . alpn=h2 ipv4hint=192.0.2.9'] },
  { name: 'child', type: 'NS', data: ['ns.child.copied.test.', 'ns.example.net.'] },
  { name: 'ns.child', type: 'A', data: ['192.0.2.99'] },
  { name: 'odd', type: 'TYPE65400', data: ['\\# 4 01020304'] },
  ...Array.from({ length: MANY }, (_, i) => ({
    name: `host-${i}`,
    type: 'TXT',
    data: [`"number ${i} ${'x'.repeat(i % 40)}"`],
  })),
];
const SECOND_RECORDS: Records = [
  ...FIRST_RECORDS.filter(({ name }) => name !== 'odd' && name !== 'mail'),
  { name: 'mail', type: 'A', data: ['192.0.2.26', '192.0.2.27'], ttlSeconds: 60 },
  { name: 'new', type: 'A', data: ['192.0.2.100'] },
];

const ROUTED: Partial<RoutedPolicy> = {
  name: 'routed',
  hostnames: [parseName('routed.copied.test')],
  ttlSeconds: 45,
  endpoints: [
    {
      name: 'eu',
      cluster: 'default/eu',
      country: 'DE',
      capacity: 1,
      kind: 'addresses',
      addresses: [
        { address: '198.51.100.1', family: 4, targetId: 'eu4' },
        { address: '2001:db8::51', family: 6, targetId: 'eu6' },
      ],
    },
    {
      name: 'us',
      cluster: 'default/us',
      country: 'US',
      capacity: 1,
      kind: 'addresses',
      addresses: [{ address: '198.51.100.2', family: 4, targetId: 'us4' }],
    },
  ],
  defaultTiers: [tier('eu', 'us')],
};
const POLICIES: readonly RoutedPolicy[] = [
  policyOf(ROUTED),
  policyOf({
    ...ROUTED,
    name: 'resident',
    hostnames: [parseName('resident.copied.test'), parseName('*.resident.copied.test')],
    residency: [{ region: 'europe', unknownLocation: 'allow', onAllDown: { action: 'panic' } }],
  }),
  policyOf({
    ...ROUTED,
    name: 'cdn',
    hostnames: [parseName('cdn.copied.test')],
    endpoints: [
      {
        name: 'cdn',
        cluster: 'default/eu',
        country: 'DE',
        capacity: 1,
        kind: 'cname',
        addresses: [],
        cname: { name: parseName('edge.example.net'), targetId: 'edge' },
      },
    ],
    defaultTiers: [tier('cdn')],
  }),
];
/** What a copy has where we route; see docs/guides/zone-transfers.md. */
const FALLBACKS: readonly (readonly [name: string, type: string, answers: readonly string[]])[] = [
  ['routed', 'A', ['45 198.51.100.1', '45 198.51.100.2']],
  ['routed', 'AAAA', ['45 2001:db8::51']],
  ['resident', 'A', ['45 198.51.100.1']],
  ['x.resident', 'A', ['45 198.51.100.1']],
  ['x.resident', 'AAAA', ['45 2001:db8::51']],
  ['cdn', 'CNAME', ['45 edge.example.net.']],
];

const DOWN = { state: 'down', earliestChangeMs: 60_000 } as const;
const folder = mkdtempSync(join(tmpdir(), 'portolan-transfer-'));
const notify: { address: string; port: number; tsigSecret: string }[] = [];
const secondaries: Secondary[] = [];
let routing: Pick<RoutingPart, 'sequence' | 'zones' | 'policies' | 'regions'>;
let table: AnswerTable;
let plan: ReturnType<typeof transferPlan>;
let ours: NameServer;
let ourPort = 0;
let notifier: Notifier | undefined;
const warned: string[] = [];
const statistics = new Statistics();

function publish(sequence: number, records: Records): void {
  routing = {
    sequence,
    policies: POLICIES,
    regions: { europe: ['DE', 'FR'] },
    zones: [
      {
        namespace: 'default',
        name: 'copied',
        spec: {
          origin: ORIGIN,
          nameServers: [{ name: parseName('ns.copied.test'), addresses: ['127.0.0.1'] }],
          soa: {
            refreshSeconds: 7200,
            retrySeconds: 1800,
            expireSeconds: 1_209_600,
            minimumSeconds: 60,
          },
          ttlSeconds: 300,
          records,
          transfers: {
            allow: ['copies', 'middle', 'long'].map((tsigSecret) => ({
              ranges: ['127.0.0.0/8'],
              tsigSecret,
            })),
            notify,
          },
        },
      },
    ],
  };
  // Everything is down: what we answer now is not what a copy has.
  const view = () =>
    createStateView(
      {
        targets: new Map(['eu4', 'eu6', 'us4', 'edge'].map((id) => [id, DOWN])),
        drains: new Map(),
        lastHealthy: new Map(),
        takenAtMs: 0,
        freshAtMs: 0,
      },
      () => 0,
    );
  const built = createRoutedTable({ routing, geo: undefined, view, random: Math.random });
  expect(built.problems).toEqual([]);
  table = built.table;
  const [copies, middle, long] = KEYS;
  if (copies === undefined || middle === undefined || long === undefined) throw new Error('three keys');
  plan = transferPlan(routing.zones, {
    'default/copies': copies,
    'default/middle': middle,
    'default/long': long,
  });
}

async function serialOf(port: number): Promise<number | undefined> {
  const reply = await askNameServer({
    host: '127.0.0.1',
    port,
    name: ORIGIN,
    type: TYPE.SOA,
    timeoutMs: 1000,
  });
  return Number(reply.answers[0]?.data.split(' ')[2] ?? Number.NaN);
}

async function answersOf(port: number, name: string, type: string): Promise<unknown> {
  const reply = await askNameServer({
    host: '127.0.0.1',
    port,
    name: parseName(name),
    type: parseType(type) ?? 0,
    timeoutMs: 3000,
  });
  const lines = reply.answers.map((a) => `${a.name} ${a.ttlSeconds} ${typeName(a.type)} ${a.data}`);
  return { rcode: reply.rcode, answers: lines.toSorted() };
}

async function expectSame(secondary: Secondary, records: Records): Promise<void> {
  const questions: (readonly [string, string])[] = [
    ['copied.test', 'NS'],
    ['ns.copied.test', 'A'],
    ['nothing.copied.test', 'A'],
    ['deep.name.below.nothing.copied.test', 'A'],
    ['some.thing.wild.copied.test', 'TXT'],
    ['x.child.copied.test', 'A'],
    ...records
      .filter(({ name }) => !name.startsWith('host-') || /[05]0$/.test(name))
      .map(({ name, type }) => [name === '@' ? 'copied.test' : `${name}.copied.test`, type] as const),
  ];
  for (const [name, type] of questions) {
    expect([secondary.name, name, type, await answersOf(secondary.port, name, type)]).toEqual([
      secondary.name,
      name,
      type,
      await answersOf(ourPort, name, type),
    ]);
  }
  for (const [name, type, answers] of FALLBACKS) {
    const reply = await askNameServer({
      host: '127.0.0.1',
      port: secondary.port,
      name: parseName(`${name}.copied.test`),
      type: parseType(type) ?? 0,
      timeoutMs: 3000,
    });
    expect([name, type, reply.answers.map((a) => `${a.ttlSeconds} ${a.data}`).toSorted()]).toEqual([
      name,
      type,
      answers,
    ]);
  }
}

const transfers = (kind: 'AXFR' | 'IXFR'): number =>
  ours
    .stats()
    .families.find(({ name }) => name === 'portolan_dns_transfers_total')
    ?.samples.filter(({ labels }) => labels?.kind === kind && labels.outcome === 'sent')
    .reduce((sum, { value }) => sum + value, 0) ?? 0;

async function follow(start: Promise<Secondary>, serial: number): Promise<Secondary> {
  const secondary = await start;
  secondaries.push(secondary);
  await until(
    `${secondary.name} has serial ${serial}`,
    async () => (await serialOf(secondary.port)) === serial,
    GOT_MS,
  ).catch((error: unknown) => {
    throw new Error(`${secondary.name} said:\n${secondary.said()}`, { cause: error });
  });
  notify.push({ address: '127.0.0.1', port: secondary.port, tsigSecret: 'copies' });
  return secondary;
}

describe.skipIf(!knot.available || !bind.available || !pdns.available)(SUITE, () => {
  beforeAll(async () => {
    publish(1, FIRST_RECORDS);
    ours = createNameServer({
      listen: [{ host: '127.0.0.1', port: 0 }],
      table: () => table,
      transfers: () => plan,
      log: { warn: ({ err }, message) => console.error(message, err) },
    });
    const [bound] = await ours.start();
    ourPort = bound?.port ?? 0;
  });

  afterAll(async () => {
    for (const secondary of secondaries) await secondary.stop();
    await notifier?.close();
    await ours.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const copied = (name: string) => ({
    zones: ['copied.test'],
    primaryPort: ourPort,
    key: KEY,
    folder: join(folder, name),
  });

  it('Knot copies the zone by AXFR with TSIG and answers as we do, with the fallback at routed names', async () => {
    if (!knot.available) return;
    const secondary = await follow(startKnotSecondary(knot.path, copied('knot')), 1);
    await expectSame(secondary, FIRST_RECORDS);
  });

  it('PowerDNS does', async () => {
    if (!pdns.available) return;
    const secondary = await follow(startPowerDnsSecondary(pdns.path, copied('pdns')), 1);
    await expectSame(secondary, FIRST_RECORDS);
  });

  it('BIND does', async () => {
    if (!bind.available) return;
    const secondary = await follow(startBindSecondary(bind.path, copied('bind')), 1);
    await expectSame(secondary, FIRST_RECORDS);
  });

  it('all are told of a change by NOTIFY; Knot and BIND fetch it by IXFR, PowerDNS by AXFR', async () => {
    expect(secondaries.map(({ name }) => name)).toEqual(['Knot', 'PowerDNS', 'BIND']);
    const before = { axfr: transfers('AXFR'), ixfr: transfers('IXFR') };
    expect(before.axfr).toBeGreaterThanOrEqual(3);
    publish(5, SECOND_RECORDS);
    notifier = createNotifier({
      table: () => table,
      plan: () => plan,
      now: () => performance.now(),
      wallMs: Date.now,
      counters: statistics.counters,
      log: { warn: (details, message) => warned.push(`${message} ${JSON.stringify(details)}`) },
    });
    for (const secondary of secondaries) {
      await until(
        `${secondary.name} has the change`,
        async () => (await serialOf(secondary.port)) === 5,
        GOT_MS,
      ).catch((error: unknown) => {
        throw new Error(`${warned.join('\n')}\n${secondary.name} said:\n${secondary.said()}`, {
          cause: error,
        });
      });
      await expectSame(secondary, SECOND_RECORDS);
    }
    expect({ axfr: transfers('AXFR'), ixfr: transfers('IXFR') }).toEqual({
      axfr: before.axfr + 1,
      ixfr: before.ixfr + 2,
    });
    await until('every NOTIFY is acknowledged', async () => notifier?.pending === 0, GOT_MS);
    expect(warned).toEqual([]);
  });

  it.each(['dig', 'kdig'] as const)(
    '%s with -y sees the same zone by every algorithm, and signed answers',
    async (tool) => {
      const program = tool === 'dig' ? dig : kdig;
      if (!program.available) return;
      const ask = async (...words: readonly string[]): Promise<string> => {
        const place = ['@127.0.0.1', '-p', String(ourPort)];
        const { stdout } = await run(program.path, [...place, ...words]).catch(
          (failed: unknown) => failed as { stdout: string },
        );
        return stdout;
      };
      let zone: string[] | undefined;
      for (const key of KEYS) {
        const signed = `${key.algorithm}:${key.name}:${key.secret}`;
        const answer = await ask('-y', signed, 'copied.test', 'SOA');
        expect(answer).toMatch(/status: NOERROR/);
        expect(answer).toMatch(new RegExp(`^${key.name}\\.?\\s+0\\s+ANY\\s+TSIG\\s+${key.algorithm}`, 'm'));
        expect(answer).not.toMatch(/could(n't| not) be validated|tsig verify failure|bad (key|sig|time)/i);
        const lines = (await ask('-y', signed, 'copied.test', 'AXFR'))
          .split('\n')
          .filter((line) => line !== '' && !/^;/.test(line) && !/\sTSIG\s/.test(line))
          .map((line) => line.replace(/\s+/g, ' '));
        expect(lines.length).toBeGreaterThan(MANY);
        zone ??= lines;
        expect(lines).toEqual(zone);
      }
      const wrong = `hmac-sha256:${KEY.name}:${Buffer.alloc(32, 1).toString('base64')}`;
      expect(await ask('-y', wrong, 'copied.test', 'SOA')).toMatch(/BADSIG/);
      const unknown = `hmac-sha256:nobody.copied.test:${KEY.secret}`;
      expect(await ask('-y', unknown, 'copied.test', 'SOA')).toMatch(/BADKEY/);
      const weak = `hmac-sha1:${KEY.name}:${KEY.secret}`;
      expect(await ask('-y', weak, 'copied.test', 'SOA')).toMatch(/BADKEY/);
      expect(await ask('copied.test', 'AXFR')).not.toContain('host-1');
    },
  );

  it('a zone of BIND is copied with TSIG, and is the zone that BIND has', async () => {
    if (!bind.available) return;
    const lines = [
      '$TTL 300',
      '@ SOA ns.example.net. hostmaster.example.net. 77 7200 1800 1209600 60',
      '@ NS ns.example.net.',
      'www 60 A 192.0.2.1',
      'odd TYPE65400 \\# 3 010203',
      ...Array.from({ length: 3000 }, (_, i) => `host-${i} TXT "number ${i}"`),
    ];
    const primary = await startBindPrimary(
      bind.path,
      { ...copied('bind-primary'), zones: ['taken.test'] },
      `${lines.join('\n')}\n`,
    );
    secondaries.push(primary);
    const fetch = async (tsig: TsigKey | undefined): Promise<string[]> => {
      const got: string[] = [];
      const request = { address: '127.0.0.1', port: primary.port, zone: parseName('taken.test'), tsig };
      for await (const { name, type, ttlSeconds, rdata } of transferZone(request))
        got.push(`${name} ${ttlSeconds} ${typeName(type)} ${formatRdata(rdata)}`);
      return got;
    };
    const { value: got } = await until('BIND gives the zone', () => fetch(parseTsigKey(KEY)), GOT_MS);
    expect(got[0]).toBe(
      'taken.test. 300 SOA ns.example.net. hostmaster.example.net. 77 7200 1800 1209600 60',
    );
    expect(got).toContain('www.taken.test. 60 A 192.0.2.1');
    expect(got).toContain('odd.taken.test. 300 TYPE65400 \\# 3 010203');
    expect(new Set(got).size).toBe(3004);
    await expect(fetch(undefined)).rejects.toMatchObject({ code: 'TRANSFER_REFUSED' });
    const stranger = parseTsigKey({ ...KEY, secret: Buffer.alloc(32, 1).toString('base64') });
    await expect(fetch(stranger)).rejects.toMatchObject({ code: 'TSIG_REJECTED' });
  });
});
