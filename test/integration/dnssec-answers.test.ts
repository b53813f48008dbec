import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateKey } from '../../src/dns/dnssec/key.ts';
import type { SigningMaterial } from '../../src/dns/dnssec/material.ts';
import { requireServer } from '../support/servers.ts';
import {
  ALL_TYPES,
  anchorOf,
  BIG,
  makeWorldKeys,
  type ServedWorld,
  serveWorld,
  serveWorldInThreads,
  signingOf,
} from './dnssec-answers/signed-world.ts';
import {
  analyseWithDnsviz,
  askDelv,
  type Resolver,
  type Stub,
  startUnbound,
} from './dnssec-answers/validators.ts';

const unbound = await requireServer('unbound', 'signed answers validated by unbound');
const delv = await requireServer('delv', 'signed answers validated by delv');
const dnsviz = await requireServer('dnsviz', 'signed answers analysed by dnsviz');

const folder = mkdtempSync(join(tmpdir(), 'portolan-dnssec-'));
const cleanUp: (() => Promise<void> | void)[] = [() => rmSync(folder, { recursive: true, force: true })];
afterAll(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

const keys = makeWorldKeys();
const anchor = anchorOf(keys);
const closing = <T extends { close(): Promise<void> }>(world: T): T => {
  cleanUp.push(() => world.close());
  return world;
};

const stubsOf = (...worlds: readonly ServedWorld[]): readonly Stub[] =>
  ['signed.test', 'secure.signed.test', 'insecure.signed.test'].map((zone) => ({
    zone,
    ports: worlds.map(({ port }) => port),
  }));

let resolvers = 0;
async function resolverOf(worlds: readonly ServedWorld[], more: readonly string[] = []): Promise<Resolver> {
  resolvers += 1;
  const program = unbound.available ? unbound.path : '';
  const resolver = await startUnbound(
    program,
    join(folder, `unbound-${resolvers}`),
    anchor,
    stubsOf(...worlds),
    more,
  );
  cleanUp.push(() => resolver.stop());
  return resolver;
}

/** With 49 octets in front and the zone behind, names of 255 octets: nothing can be put before those. */
const LONG = ['b', 'c', 'd'].map((letter) => letter.repeat(63)).join('.');

/** name, type, and the answer that is to be authentic. */
const AUTHENTIC: readonly (readonly [string, string, readonly string[]])[] = [
  ['www', 'A', ['A 192.0.2.8', 'A 192.0.2.80']],
  ['alias', 'A', ['A 192.0.2.8', 'A 192.0.2.80', 'CNAME www.signed.test.']],
  ['a.b.wild', 'A', ['A 192.0.2.77']],
  ['*.wild', 'A', ['A 192.0.2.77']],
  ['*.below.wild', 'A', ['A 192.0.2.77']],
  ['q.walias', 'A', ['A 192.0.2.8', 'A 192.0.2.80', 'CNAME www.signed.test.']],
  ['www.old', 'A', ['A 192.0.2.6', 'CNAME www.new.signed.test.', 'DNAME new.signed.test.']],
  ['moved', 'A', ['A 192.0.2.8', 'A 192.0.2.80', 'CNAME www.signed.test.']],
  ['big', 'TXT', BIG.map((text) => `TXT ${text}`)], // over TCP: it does not fit a datagram
  ['www.secure', 'A', ['A 192.0.2.81']],
  // Denials: no type, no such type at a wildcard, an empty non-terminal, no name, none behind an alias and behind a DNAME.
  ['www', 'MX', []],
  ['x.wild', 'MX', []],
  ['api', 'AAAA', []],
  ['moved', 'MX', ['CNAME www.signed.test.']],
  ['ent', 'A', []],
  ['no', 'A', []],
  ['no.such.name', 'A', []],
  ['*.no', 'A', []],
  [`${'a'.repeat(48)}.${LONG}`, 'A', []],
  [`${'a'.repeat(49)}.${LONG}`, 'A', []],
  ['dangling', 'A', ['CNAME nowhere.signed.test.']],
  ['no.old', 'A', ['CNAME no.new.signed.test.', 'DNAME new.signed.test.']],
  ['no.secure', 'A', []],
  ['insecure', 'DS', []],
];

describe.skipIf(!unbound.available)('unbound as a validating resolver', () => {
  let world: ServedWorld;
  let resolver: Resolver;
  beforeAll(async () => {
    world = closing(await serveWorld(keys));
    resolver = await resolverOf([world]);
  });

  it.each(AUTHENTIC)('authenticates %s %s', async (name, type, answer) => {
    expect(await resolver.ask(`${name}.signed.test`, type)).toEqual({
      rcode: 'NOERROR',
      authentic: true,
      answer,
    });
  });

  it.each(ALL_TYPES)('authenticates a %s record', async (type) => {
    const { rcode, authentic, answer } = await resolver.ask('types.signed.test', type);
    expect({ rcode, authentic, records: answer.length }).toEqual({
      rcode: 'NOERROR',
      authentic: true,
      records: 1,
    });
  });

  it.each(['DNSKEY', 'CDS', 'CDNSKEY', 'SOA', 'NS', 'NSEC'])(
    'authenticates the %s of the apex',
    async (type) => {
      const { authentic, answer } = await resolver.ask('signed.test', type);
      expect(authentic).toBe(true);
      expect(answer[0]).toMatch(new RegExp(`^${type} `));
    },
  );

  it('takes what is behind a delegation without DS as insecure, not as bogus', async () => {
    expect(await resolver.ask('www.insecure.signed.test')).toEqual({
      rcode: 'NOERROR',
      authentic: false,
      answer: ['A 192.0.2.82'],
    });
    expect(await resolver.ask('no.insecure.signed.test')).toMatchObject({
      rcode: 'NXDOMAIN',
      authentic: false,
    });
  });

  it('authenticates every answer of routed names, in whatever order and with whatever TTL', async () => {
    // Names in random case (0x20) as well: they are signed in lower case.
    const forgetful = await resolverOf(
      [world],
      ['cache-max-ttl: 0', 'cache-max-negative-ttl: 0', 'use-caps-for-id: yes'],
    );
    const seen = new Set<string>();
    const before = world.queries();
    for (let i = 0; i < 40; i += 1) {
      const { rcode, authentic, answer } = await forgetful.ask(
        i % 2 === 0 ? 'api.signed.test' : `t${i}.tenant.signed.test`,
      );
      expect({ rcode, authentic, records: answer.length }).toEqual({
        rcode: 'NOERROR',
        authentic: true,
        records: 2,
      });
      seen.add(answer.join());
    }
    expect(world.queries() - before).toBeGreaterThanOrEqual(40);
    expect(seen.size).toBe(3); // each pair of the three addresses
  });

  it('with aggressive use of NSEC (RFC 8198) is told no untruth by compact denials', async () => {
    const aggressive = await resolverOf([world], ['aggressive-nsec: yes']);
    for (const type of ['MX', 'TXT', 'AAAA', 'SRV']) await aggressive.ask('api.signed.test', type);
    for (const name of ['no', 'a.no', 'zz', 'ent', 'insecure']) await aggressive.ask(`${name}.signed.test`);
    expect(await aggressive.ask('api.signed.test')).toMatchObject({ rcode: 'NOERROR', authentic: true });
    expect((await aggressive.ask('deep.ent.signed.test')).answer).toEqual(['A 192.0.2.5']);
    expect((await aggressive.ask('www.insecure.signed.test')).answer).toEqual(['A 192.0.2.82']);
  });

  it('authenticates what threads answer that share a port', async () => {
    const threads = closing(await serveWorldInThreads(keys, 3));
    const asker = await resolverOf([threads], ['cache-max-ttl: 0', 'cache-max-negative-ttl: 0']);
    for (let i = 0; i < 30; i += 1) {
      const { rcode, authentic } = await asker.ask(`${['api', 'www', `n${i}`][i % 3]}.signed.test`);
      expect({ rcode, authentic }).toEqual({ rcode: 'NOERROR', authentic: true });
    }
    expect(threads.queries()).toBeGreaterThanOrEqual(30);
  });

  it('accepts two servers that sign with the same material', async () => {
    const signing = signingOf(keys);
    const twins = [closing(await serveWorld(keys, signing)), closing(await serveWorld(keys, signing))];
    const both = await resolverOf(twins, ['cache-max-ttl: 0', 'cache-max-negative-ttl: 0']);
    for (let i = 0; i < 60; i += 1) {
      const { rcode, authentic } = await both.ask(`${i % 3 === 0 ? 'api' : `n${i}`}.signed.test`);
      expect({ rcode, authentic }).toEqual({ rcode: 'NOERROR', authentic: true });
    }
    expect(twins.map(({ queries }) => queries() > 0)).toEqual([true, true]);
  });
});

/** Ways to sign that a validator must not accept. */
const BOGUS: readonly (readonly [string, () => Promise<ServedWorld>])[] = [
  [
    'a key that is not the zone’s',
    () => {
      const stranger = Buffer.from(generateKey(256).privateKey).toString('base64');
      const signing = Object.entries(signingOf(keys)).map(
        ([origin, material]): readonly [string, SigningMaterial] => [
          origin,
          { ...material, signers: material.signers.map((signer) => ({ ...signer, privateKey: stranger })) },
        ],
      );
      return serveWorld(keys, Object.fromEntries(signing));
    },
  ],
  ['signatures that ended', () => serveWorld(keys, signingOf(keys), () => Date.now() - 9 * 86_400_000)],
  [
    'signatures that have not begun',
    () => serveWorld(keys, signingOf(keys), () => Date.now() + 3 * 86_400_000),
  ],
  ['no signatures at all', () => serveWorld(keys, {})],
];

describe.skipIf(!unbound.available)('a validating resolver refuses', () => {
  it.each(BOGUS)(
    '%s',
    async (_, serve) => {
      const resolver = await resolverOf([closing(await serve())]);
      for (const [name, type] of [
        ['www', 'A'],
        ['api', 'A'],
        ['www', 'MX'],
        ['no', 'A'],
        ['x.wild', 'A'],
        ['www.old', 'A'],
      ] as const) {
        const { rcode, authentic } = await resolver.ask(`${name}.signed.test`, type);
        expect({ name, rcode, authentic }).toEqual({ name, rcode: 'SERVFAIL', authentic: false });
      }
    },
    60_000,
  );
});

describe.skipIf(!delv.available)('delv', () => {
  let world: ServedWorld;
  beforeAll(async () => {
    world = closing(await serveWorld(keys));
  });
  const ask = (from: ServedWorld, name: string, type?: string): Promise<string> =>
    askDelv(
      delv.available ? delv.path : '',
      join(folder, 'delv'),
      { zone: 'signed.test.', dnskey: anchor },
      from.port,
      `${name}.signed.test`,
      type,
    );

  it.each(AUTHENTIC)('validates %s %s fully', async (name, type, answer) => {
    const said = await ask(world, name, type);
    expect(said).toContain(answer.length > 0 ? 'fully validated' : 'negative response, fully validated');
  });

  it('sees that what is behind a delegation without DS is unsigned', async () => {
    expect(await ask(world, 'www.insecure')).toContain('unsigned answer');
  });

  it.each(BOGUS)('refuses %s', async (_, serve) => {
    const bogus = closing(await serve());
    for (const name of ['www', 'api', 'no']) expect(await ask(bogus, name)).toMatch(/resolution failed/);
  });
});

describe.skipIf(!dnsviz.available)('dnsviz', () => {
  const names = [
    'signed.test',
    ...['www', 'api', 'no', 'ent', 'a.wild', 'alias'].map((name) => `${name}.signed.test`),
  ];
  const analyse = (world: ServedWorld): Promise<string> =>
    analyseWithDnsviz(dnsviz.available ? dnsviz.path : '', folder, 'signed.test', anchor, world.port, names);
  /** Lines of the report that name another state than "secure". */
  const faults = (report: string): readonly string[] =>
    report.split('\n').filter((line) => /\[[^\]]*\]/.test(line) && !/^[^[]*(\[\.\][^[]*)+$/.test(line));

  it('finds no fault', async () => {
    const report = await analyse(closing(await serveWorld(keys)));
    for (const name of names) expect(report).toContain(name);
    expect(report.match(/RRSIG: /g)?.length).toBeGreaterThan(15);
    expect(report).toContain('PROOF');
    expect(faults(report)).toEqual([]);
  });

  it('finds the faults of a zone that is signed with a strange key', async () => {
    const [, serve] = BOGUS[0] ?? [];
    if (serve === undefined) throw new Error('there is no bogus world');
    expect(faults(await analyse(closing(await serve()))).length).toBeGreaterThan(5);
  });
});
