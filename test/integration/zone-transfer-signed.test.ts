import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askNameServer } from '../../nameserver/ask.ts';
import { createRoutedTable } from '../../nameserver/routed-table.ts';
import { createNameServer, type NameServer } from '../../nameserver/server.ts';
import { transferPlan } from '../../nameserver/transfer-plan.ts';
import { DIGEST_TYPE, dsOf } from '../../src/dns/dnssec/key.ts';
import { makeZoneKeys, materialOf } from '../../src/dns/dnssec/testing/signing-material.ts';
import { parseName } from '../../src/dns/name.ts';
import { formatRdata } from '../../src/dns/records/catalogue.ts';
import type { AnswerTable } from '../../src/dns/table.ts';
import { TYPE } from '../../src/dns/types.ts';
import { createStateView } from '../../src/health/state-view.ts';
import type { RoutingPart } from '../../src/protocol/snapshot.ts';
import { policyOf, tier } from '../../src/routing/testing/world.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Resolver, startUnbound } from './dnssec-answers/validators.ts';
import {
  type Secondary,
  startBindSecondary,
  startKnotSecondary,
  startPowerDnsSecondary,
} from './zone-transfer/secondaries.ts';

const SUITE = 'copies of a signed zone, seen through a validating resolver';
const knot = await requireServer('knotd', SUITE);
const bind = await requireServer('named', SUITE);
const pdns = await requireServer('pdnsSqlite', SUITE);
const unbound = await requireServer('unbound', SUITE);

const ORIGIN = parseName('sealed.test');
const KEY = {
  name: 'copies.sealed.test',
  algorithm: 'hmac-sha512' as const,
  secret: Buffer.alloc(64, 9).toString('base64'),
};
const SERIAL = 2026;
const GOT_MS = 30_000;
const zoneKeys = makeZoneKeys();
const material = materialOf(ORIGIN, zoneKeys, Math.floor(Date.now() / 1000));
const { keySigning } = zoneKeys;
const anchor = `sealed.test. DS ${formatRdata(dsOf(ORIGIN, keySigning.dnskey, DIGEST_TYPE.SHA256))}`;

const zones: RoutingPart['zones'] = [
  {
    namespace: 'default',
    name: 'sealed',
    signingSha256: 'a'.repeat(64),
    spec: {
      origin: ORIGIN,
      nameServers: [{ name: parseName('ns.sealed.test'), addresses: ['127.0.0.1'] }],
      soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
      ttlSeconds: 300,
      records: [
        { name: '@', type: 'MX', data: ['10 mail.sealed.test.'] },
        { name: 'mail', type: 'A', data: ['192.0.2.25'] },
        { name: 'alias', type: 'CNAME', data: ['mail.sealed.test.'] },
        { name: '*.wild', type: 'TXT', data: ['"anything"'] },
        { name: 'below.an.empty.name', type: 'TXT', data: ['"deep"'] },
        { name: '0\\001sorts\\255', type: 'TXT', data: ['"odd octets"'] },
        { name: 'child', type: 'NS', data: ['ns.child.sealed.test.'] },
        { name: 'ns.child', type: 'A', data: ['192.0.2.99'] },
        ...Array.from({ length: 300 }, (_, i) => ({
          name: `host-${i}`,
          type: 'A',
          data: [`198.51.100.${i % 250}`],
        })),
      ],
      transfers: { allow: [{ tsigSecret: 'copies' }], notify: [] },
    },
  },
];
const policy = policyOf({
  name: 'routed',
  hostnames: [parseName('routed.sealed.test')],
  ttlSeconds: 45,
  endpoints: [
    {
      name: 'eu',
      cluster: 'default/eu',
      country: 'DE',
      capacity: 1,
      kind: 'addresses',
      addresses: [{ address: '198.51.100.1', family: 4, targetId: 'eu4' }],
    },
  ],
  defaultTiers: [tier('eu')],
});

/** What every copy has to answer; all of it validated. */
const EXPECTED: readonly (readonly [name: string, type: string, rcode: string, answer: readonly string[]])[] =
  [
    ['mail.sealed.test', 'A', 'NOERROR', ['A 192.0.2.25']],
    ['alias.sealed.test', 'A', 'NOERROR', ['A 192.0.2.25', 'CNAME mail.sealed.test.']],
    ['x.y.wild.sealed.test', 'TXT', 'NOERROR', ['TXT "anything"']],
    ['below.an.empty.name.sealed.test', 'TXT', 'NOERROR', ['TXT "deep"']],
    ['0\\001sorts\\255.sealed.test', 'TXT', 'NOERROR', ['TXT "odd octets"']],
    ['host-17.sealed.test', 'A', 'NOERROR', ['A 198.51.100.17']],
    ['host-299.sealed.test', 'A', 'NOERROR', ['A 198.51.100.49']],
    ['routed.sealed.test', 'A', 'NOERROR', ['A 198.51.100.1']],
    ['sealed.test', 'MX', 'NOERROR', ['MX 10 mail.sealed.test.']],
    ['mail.sealed.test', 'AAAA', 'NOERROR', []],
    ['an.empty.name.sealed.test', 'A', 'NOERROR', []],
    ['host-17b.sealed.test', 'A', 'NXDOMAIN', []],
    ['zzzz.sealed.test', 'A', 'NXDOMAIN', []],
  ];

const folder = mkdtempSync(join(tmpdir(), 'portolan-signed-'));
const closers: (() => Promise<void>)[] = [];
let table: AnswerTable;
let ours: NameServer;
let ourPort = 0;

describe.skipIf(!knot.available || !bind.available || !pdns.available || !unbound.available)(SUITE, () => {
  beforeAll(async () => {
    const built = createRoutedTable({
      routing: { sequence: SERIAL, zones, policies: [policy], regions: {} },
      signing: { [ORIGIN]: material },
      geo: undefined,
      view: () =>
        createStateView(
          { targets: new Map(), drains: new Map(), lastHealthy: new Map(), takenAtMs: 0, freshAtMs: 0 },
          () => 0,
        ),
      random: Math.random,
    });
    expect(built.problems).toEqual([]);
    table = built.table;
    const plan = transferPlan(zones, { 'default/copies': KEY });
    ours = createNameServer({
      listen: [{ host: '127.0.0.1', port: 0 }],
      table: () => table,
      transfers: () => plan,
    });
    const [bound] = await ours.start();
    ourPort = bound?.port ?? 0;
  });

  afterAll(async () => {
    for (const close of closers.reverse()) await close();
    await ours.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const copied = (name: string) => ({
    zones: ['sealed.test'],
    primaryPort: ourPort,
    key: KEY,
    folder: join(folder, name),
  });

  async function validates(start: Promise<Secondary>, expected = EXPECTED): Promise<void> {
    const secondary = await start;
    closers.push(() => secondary.stop());
    await until(
      `${secondary.name} has the zone`,
      async () => {
        const question = { host: '127.0.0.1', port: secondary.port, name: ORIGIN, type: TYPE.SOA };
        const { answers } = await askNameServer({ ...question, timeoutMs: 1000 });
        return answers[0]?.data.includes(` ${SERIAL} `);
      },
      GOT_MS,
    ).catch((error: unknown) => {
      throw new Error(`${secondary.name} said:\n${secondary.said()}`, { cause: error });
    });
    if (!unbound.available) return;
    const stubs = [{ zone: 'sealed.test', ports: [secondary.port] }];
    const resolver: Resolver = await startUnbound(
      unbound.path,
      join(folder, `unbound-${secondary.name}`),
      anchor,
      stubs,
    );
    closers.push(() => resolver.stop());
    for (const [name, type, rcode, answer] of expected) {
      expect([name, type, await resolver.ask(name, type)]).toEqual([
        name,
        type,
        { rcode, authentic: true, answer: [...answer].sort() },
      ]);
    }
    // The delegation has no DS: below it nothing is signed, and the proof of that is.
    expect(await resolver.ask('child.sealed.test', 'DS')).toEqual({
      rcode: 'NOERROR',
      authentic: true,
      answer: [],
    });
  }

  it('Knot serves a copy that validates, positive and negative', async () => {
    if (knot.available) await validates(startKnotSecondary(knot.path, copied('knot')));
  });

  it('BIND does', async () => {
    if (bind.available) await validates(startBindSecondary(bind.path, copied('bind')));
  });

  it('PowerDNS does', async () => {
    // Its database cannot find names with octets outside ASCII again.
    const ascii = EXPECTED.filter(([name]) => !name.includes('\\255'));
    if (pdns.available) await validates(startPowerDnsSecondary(pdns.path, copied('pdns')), ascii);
  });
});
