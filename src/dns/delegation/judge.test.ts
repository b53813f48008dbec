import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DIGEST_TYPE, dsOf, generateKey, KEY_FLAGS, keyTagOf, privateKeyFrom } from '../dnssec/key.ts';
import { signRRset } from '../dnssec/signature.ts';
import { parseName } from '../name.ts';
import { formatRdata, parseRdata, type Rdata } from '../records/catalogue.ts';
import type { RrsigRdata } from '../records/rrsig.ts';
import { CLASS, EDNS_OPTION, RCODE, TYPE } from '../types.ts';
import { type Message, makeQuery, type ResourceRecord } from '../wire/message.ts';
import { readZoneFile } from '../zone-file/reader.ts';
import { FINDING_KINDS, type Finding } from './findings.ts';
import { judgeDelegation } from './judge.ts';
import { registrarEntries, registrarLines } from './registrar.ts';
import type { DelegationView, ParentServer, Reply, ZoneServer } from './view.ts';

const zone = parseName('shop.test');
const COOKIE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const NOW = 1_800_000_000;

const silent: Reply = { kind: 'none', detail: 'no answer within 3000 ms', here: false };
const notHere: Reply = { kind: 'none', detail: 'connect ENETUNREACH', here: true };

/** Records as a zone file of the root has them. */
function records(text: string): readonly ResourceRecord[] {
  const { found, problems } = readZoneFile(`$TTL 300\n${text}\n`, { origin: parseName('.') });
  expect(problems).toEqual([]);
  return found.map((r) => ({
    name: r.owner,
    type: r.type,
    class: CLASS.IN,
    ttlSeconds: 300,
    rdata: r.rdata,
  }));
}

interface Parts {
  readonly aa?: boolean;
  readonly ra?: boolean;
  readonly rcode?: number;
  readonly answers?: string | readonly ResourceRecord[];
  readonly authorities?: string;
  readonly additionals?: string;
  readonly edns?: boolean;
  readonly cookie?: Uint8Array;
  readonly octets?: number;
}

function reply(parts: Parts): Reply {
  const query = makeQuery(1, { name: zone, type: TYPE.SOA, class: CLASS.IN });
  const { answers = '', authorities = '', additionals = '', cookie } = parts;
  const message: Message = {
    ...query,
    rcode: parts.rcode ?? RCODE.NOERROR,
    flags: {
      ...query.flags,
      response: true,
      authoritative: parts.aa ?? true,
      recursionAvailable: parts.ra ?? false,
    },
    answers: typeof answers === 'string' ? records(answers) : answers,
    authorities: records(authorities),
    additionals: records(additionals),
    edns:
      parts.edns === false
        ? undefined
        : {
            udpSize: 1232,
            version: 0,
            dnssecOk: false,
            options: cookie === undefined ? [] : [{ code: EDNS_OPTION.COOKIE, data: cookie }],
          },
  };
  return { kind: 'message', message, octets: parts.octets ?? 100 };
}

const soa = (serial: number): string => `shop.test. SOA ns1.shop.test. host.shop.test. ${serial} 1 2 3 4`;
const GLUE = 'ns1.shop.test. A 192.0.2.1\nns2.shop.test. A 192.0.2.2\nns2.shop.test. AAAA 2001:db8::2';
const NS = 'shop.test. NS ns1.shop.test.\nshop.test. NS ns2.shop.test.';

const parent = (change: Partial<ParentServer> = {}): ParentServer => ({
  name: parseName('a.nic.test'),
  address: '192.0.2.250',
  port: 53,
  referral: reply({ aa: false, authorities: NS, additionals: GLUE }),
  ds: reply({}),
  ...change,
});

const server = (number: 1 | 2, change: Partial<ZoneServer> = {}): ZoneServer => ({
  name: parseName(`ns${number}.shop.test`),
  address: `192.0.2.${number}`,
  port: 53,
  udp: reply({ answers: soa(5), cookie: Uint8Array.of(...COOKIE, 9, 9, 9, 9, 9, 9, 9, 9) }),
  tcp: reply({ answers: soa(5) }),
  ns: reply({ answers: NS }),
  addresses: [
    {
      name: parseName('ns1.shop.test'),
      replies: [reply({ answers: 'ns1.shop.test. A 192.0.2.1' }), reply({})],
    },
    {
      name: parseName('ns2.shop.test'),
      replies: [
        reply({ answers: 'ns2.shop.test. A 192.0.2.2' }),
        reply({ answers: 'ns2.shop.test. AAAA 2001:db8::2' }),
      ],
    },
  ],
  ednsVersion: reply({ rcode: RCODE.BADVERS }),
  recursion: reply({ aa: false, rcode: RCODE.REFUSED }),
  keys: reply({}),
  signedSoa: reply({ answers: soa(5) }),
  cds: reply({}),
  ...change,
});

const view = (change: Partial<DelegationView> = {}): DelegationView => ({
  zone,
  parentZone: parseName('test'),
  parents: [parent()],
  servers: [server(1), server(2)],
  unresolved: [],
  cookie: COOKIE,
  nowSeconds: NOW,
  ...change,
});

const codes = (change: Partial<DelegationView>): readonly string[] =>
  judgeDelegation(view(change)).map((f) => f.code);

// --- a signed zone

const ksk = generateKey(KEY_FLAGS.keySigning);
const zsk = generateKey(KEY_FLAGS.zoneSigning);
const stranger = generateKey(KEY_FLAGS.keySigning);
const record = (rdata: Rdata, type: number): ResourceRecord => ({
  name: zone,
  type,
  class: CLASS.IN,
  ttlSeconds: 300,
  rdata,
});
const rdataOf = (text: string): readonly Rdata[] => records(text).map((r) => r.rdata);

function signature(
  data: readonly Rdata[],
  key: typeof ksk,
  seconds: readonly [number, number],
): ResourceRecord {
  const signing = { signer: zone, keyTag: key.keyTag, privateKey: privateKeyFrom(key.privateKey) };
  const validity = { inceptionSeconds: NOW + seconds[0], expirationSeconds: NOW + seconds[1] };
  return record(
    signRRset({ owner: zone, records: data, originalTtlSeconds: 300 }, signing, validity),
    TYPE.RRSIG,
  );
}

const WEEK: readonly [number, number] = [-86_400, 6 * 86_400];

/** What a server of a signed zone has beside the others' records. */
function signedParts(
  change: {
    readonly keySigner?: typeof ksk;
    readonly soaSigner?: typeof ksk;
    readonly valid?: readonly [number, number];
    readonly cds?: string;
    readonly unsigned?: boolean;
  } = {},
): Partial<ZoneServer> {
  const { keySigner = ksk, soaSigner = zsk, valid = WEEK, cds = '' } = change;
  const keys: readonly Rdata[] = [ksk.dnskey, zsk.dnskey];
  const soaData = rdataOf(soa(5));
  return {
    keys: reply({ answers: [...keys.map((k) => record(k, TYPE.DNSKEY)), signature(keys, keySigner, valid)] }),
    signedSoa: reply({
      answers: [
        ...soaData.map((r) => record(r, TYPE.SOA)),
        ...(change.unsigned === true ? [] : [signature(soaData, soaSigner, valid)]),
      ],
    }),
    cds: reply({ answers: cds }),
  };
}

const ds = (key: typeof ksk, digestType: 2 | 4 = DIGEST_TYPE.SHA256): ResourceRecord =>
  record(dsOf(zone, key.dnskey, digestType), TYPE.DS);
const withDs = (...list: readonly ResourceRecord[]): readonly ParentServer[] => [
  parent({ ds: reply({ answers: list }) }),
];
const bothSigned = (change?: Parameters<typeof signedParts>[0]): readonly ZoneServer[] => [
  server(1, signedParts(change)),
  server(2, signedParts(change)),
];

/** What is seen, the codes it gives, and what the first finding says. */
const CASES: readonly (readonly [string, Partial<DelegationView>, readonly string[], string])[] = [
  [
    'no server of the parent was found',
    { parents: [], parentProblem: 'there is no server to ask' },
    ['PARENT_UNKNOWN'],
    'there is no server to ask',
  ],
  [
    'all servers of the parent are silent',
    { parents: [parent({ referral: silent })] },
    ['PARENT_UNKNOWN'],
    'a.nic.test. (192.0.2.250): no answer',
  ],
  [
    'one server of the parent is silent',
    { parents: [parent(), parent({ address: '192.0.2.251', referral: silent })] },
    ['PARENT_SILENT'],
    '192.0.2.251',
  ],
  [
    'all servers of the parent fail',
    {
      parents: [parent({ referral: reply({ aa: false, rcode: RCODE.SERVFAIL }), ds: silent })],
      servers: bothSigned(),
    },
    ['PARENT_UNKNOWN'],
    'SERVFAIL',
  ],
  [
    'one server of the parent refuses',
    {
      parents: [
        parent(),
        parent({ address: '192.0.2.251', referral: reply({ aa: false, rcode: RCODE.REFUSED }) }),
      ],
    },
    ['PARENT_SILENT'],
    'REFUSED',
  ],
  [
    'the parent says NXDOMAIN',
    { parents: [parent({ referral: reply({ rcode: RCODE.NXDOMAIN }) })] },
    ['NOT_DELEGATED'],
    'NXDOMAIN',
  ],
  [
    'the parent has no NS records',
    { parents: [parent({ referral: reply({}) })], parentZone: undefined },
    ['NOT_DELEGATED'],
    'no NS records',
  ],
  [
    'servers of the parent differ',
    { parents: [parent(), parent({ address: '192.0.2.251', referral: reply({ rcode: RCODE.NXDOMAIN }) })] },
    ['PARENTS_DIFFER'],
    '(none)',
  ],
  [
    'the parent lacks a server',
    {
      parents: [
        parent({ referral: reply({ authorities: 'shop.test. NS ns1.shop.test.', additionals: GLUE }) }),
      ],
    },
    ['NS_NOT_AT_PARENT'],
    'ns2.shop.test.',
  ],
  [
    'the parent has a server more',
    {
      parents: [
        parent({ referral: reply({ authorities: `${NS}\nshop.test. NS old.example.`, additionals: GLUE }) }),
      ],
    },
    ['NS_ONLY_AT_PARENT'],
    'old.example.',
  ],
  [
    'servers of the zone differ',
    { servers: [server(1), server(2, { ns: reply({ answers: `${NS}\nshop.test. NS ns3.example.` }) })] },
    ['NS_SETS_DIFFER'],
    'ns3.example.',
  ],
  [
    'a name in the zone has no address',
    { unresolved: [parseName('ns3.shop.test')] },
    ['NS_UNRESOLVED'],
    'ns3.shop.test. has no address',
  ],
  [
    'a name elsewhere has no address',
    { unresolved: [parseName('ns.example')] },
    ['NS_UNRESOLVED'],
    'ns.example. has no address',
  ],
  [
    'all servers have one address',
    { servers: [server(1), server(2, { address: '192.0.2.1' })] },
    ['FEW_SERVERS'],
    '192.0.2.1',
  ],
  [
    'there is one server',
    {
      parents: [
        parent({ referral: reply({ authorities: 'shop.test. NS ns1.shop.test.', additionals: GLUE }) }),
      ],
      servers: [server(1, { ns: reply({ answers: 'shop.test. NS ns1.shop.test.' }) })],
    },
    ['FEW_SERVERS'],
    'ns1.shop.test.',
  ],
  [
    'a server has no glue',
    {
      parents: [parent({ referral: reply({ authorities: NS, additionals: 'ns1.shop.test. A 192.0.2.1' }) })],
    },
    ['GLUE_MISSING'],
    'ns2.shop.test.',
  ],
  [
    'no address is known at all',
    { parents: [parent({ referral: reply({ authorities: NS }) })], servers: [] },
    ['GLUE_MISSING', 'GLUE_MISSING'],
    'ns1.shop.test.',
  ],
  [
    'glue differs',
    {
      parents: [
        parent({
          referral: reply({ authorities: NS, additionals: GLUE.replace('2001:db8::2', '2001:db8::3') }),
        }),
      ],
    },
    ['GLUE_DIFFERS'],
    '2001:db8::3',
  ],
  [
    'a server is silent',
    { servers: [server(1), server(2, { udp: silent, tcp: silent })] },
    ['SERVER_SILENT'],
    'ns2.shop.test. (192.0.2.2)',
  ],
  ['UDP is blocked', { servers: [server(1), server(2, { udp: silent })] }, ['UDP_BLOCKED'], '192.0.2.2'],
  ['TCP is blocked', { servers: [server(1), server(2, { tcp: silent })] }, ['TCP_BLOCKED'], '192.0.2.2'],
  [
    'a server refuses',
    {
      servers: [
        server(1),
        server(2, {
          udp: reply({ aa: false, rcode: RCODE.REFUSED }),
          tcp: reply({ aa: false, rcode: RCODE.REFUSED }),
        }),
      ],
    },
    ['SERVER_LAME'],
    'REFUSED',
  ],
  [
    'a server refers elsewhere',
    {
      servers: [
        server(1),
        server(2, { udp: reply({ aa: false, authorities: '. NS a.root.' }), tcp: silent, port: 5300 }),
      ],
    },
    ['TCP_BLOCKED', 'SERVER_LAME'],
    '192.0.2.2:5300',
  ],
  [
    'a server answers from a cache',
    {
      servers: [
        server(1),
        server(2, { udp: reply({ aa: false, answers: soa(5) }), tcp: reply({ aa: false, answers: soa(5) }) }),
      ],
    },
    ['SERVER_LAME'],
    'an answer without authority',
  ],
  [
    'a server has no SOA',
    { servers: [server(1), server(2, { udp: reply({}), tcp: reply({}) })] },
    ['SERVER_LAME'],
    'no such record',
  ],
  [
    'an address cannot be reached from here',
    { servers: [server(1), server(2, { address: '2001:db8::2', port: 5300, udp: notHere, tcp: notHere })] },
    ['SERVER_NOT_CHECKED'],
    '[2001:db8::2]:5300',
  ],
  [
    'a server is older',
    { servers: [server(1, { udp: reply({ answers: soa(4) }), tcp: silent }), server(2)] },
    ['TCP_BLOCKED', 'SERIAL_DIFFERS'],
    '192.0.2.1',
  ],
  [
    'the hub is newer',
    {
      wanted: {
        nameServers: [
          { name: parseName('ns1.shop.test'), addresses: [] },
          { name: parseName('ns2.shop.test'), addresses: ['192.0.2.2', '2001:db8::2'] },
        ],
        serial: 6,
        signed: false,
        lagging: [],
      },
    },
    ['SERIAL_BEHIND_HUB'],
    'the hub has 6',
  ],
  [
    'the hub has other servers',
    {
      wanted: {
        nameServers: [{ name: parseName('ns1.shop.test'), addresses: ['192.0.2.9'] }],
        signed: false,
        lagging: [],
      },
    },
    ['NS_ONLY_AT_PARENT', 'FEW_SERVERS', 'GLUE_DIFFERS'],
    'not by the hub',
  ],
  [
    'the hub knows of a server that is behind',
    {
      wanted: {
        nameServers: [
          { name: parseName('ns1.shop.test'), addresses: [] },
          { name: parseName('ns2.shop.test'), addresses: [] },
        ],
        signed: false,
        lagging: ['the name server of cluster a is behind'],
      },
    },
    ['SERVER_BEHIND'],
    'cluster a',
  ],
  [
    'EDNS is missing',
    { servers: [server(1), server(2, { udp: reply({ answers: soa(5), edns: false }) })] },
    ['EDNS_MISSING'],
    '192.0.2.2',
  ],
  [
    'an unknown EDNS version is taken',
    { servers: [server(1), server(2, { ednsVersion: reply({ answers: soa(5) }) })] },
    ['EDNS_VERSION'],
    'NOERROR',
  ],
  [
    'an answer is too big',
    { servers: [server(1), server(2, { udp: reply({ answers: soa(5), octets: 1400 }) })] },
    ['ANSWER_TOO_BIG'],
    '1400',
  ],
  [
    'the cookie is another one',
    { servers: [server(1), server(2, { udp: reply({ answers: soa(5), cookie: new Uint8Array(16) }) })] },
    ['COOKIE_WRONG'],
    '192.0.2.2',
  ],
  [
    'a server resolves for strangers',
    {
      servers: [
        server(1),
        server(2, {
          recursion: reply({ aa: false, ra: true, answers: 'test. SOA a.nic.test. b. 1 2 3 4 5' }),
        }),
      ],
    },
    ['OPEN_RECURSION'],
    '192.0.2.2',
  ],
  ['a signed zone has no DS', { servers: bothSigned() }, ['DS_MISSING'], 'no DS record'],
  ['an unsigned zone has a DS', { parents: withDs(ds(ksk)) }, ['DS_WITHOUT_KEYS'], 'test. has DS records'],
  [
    'a zone that should be signed has a DS and no keys',
    { parents: withDs(ds(ksk)), wanted: { nameServers: [], signed: true, lagging: [] } },
    ['DS_WITHOUT_KEYS'],
    'no server has a DNSKEY',
  ],
  [
    'a zone that should be signed is not',
    {
      wanted: {
        nameServers: [
          { name: parseName('ns1.shop.test'), addresses: [] },
          { name: parseName('ns2.shop.test'), addresses: [] },
        ],
        signed: true,
        lagging: [],
      },
    },
    ['NOT_SIGNED_YET'],
    'spec.dnssec',
  ],
  [
    'the DS is of another key',
    { parents: withDs(ds(stranger)), servers: bothSigned() },
    ['DS_UNMATCHED'],
    String(stranger.keyTag),
  ],
  [
    'a DS is left over',
    { parents: withDs(ds(stranger), ds(ksk)), servers: bothSigned() },
    ['DS_STALE'],
    String(stranger.keyTag),
  ],
  [
    'keys differ',
    { parents: withDs(ds(ksk)), servers: [server(1, signedParts()), server(2)] },
    ['KEYS_DIFFER'],
    'ns2.shop.test. (192.0.2.2): none',
  ],
  [
    'the SOA is not signed',
    { parents: withDs(ds(ksk)), servers: bothSigned({ unsigned: true }) },
    ['SIGNATURE_INVALID', 'SIGNATURE_INVALID'],
    'there is none',
  ],
  [
    'signatures are expired',
    {
      parents: withDs(ds(ksk)),
      servers: [server(1, signedParts()), server(2, signedParts({ valid: [-1000, -1] }))],
    },
    ['SIGNATURE_INVALID', 'SIGNATURE_INVALID'],
    'it has expired',
  ],
  [
    'signatures are from the future',
    {
      parents: withDs(ds(ksk)),
      servers: [server(1, signedParts()), server(2, signedParts({ valid: [10, 1000] }))],
    },
    ['SIGNATURE_INVALID', 'SIGNATURE_INVALID'],
    'future',
  ],
  [
    'the keys are signed by a key the DS does not name',
    { parents: withDs(ds(ksk)), servers: bothSigned({ keySigner: zsk }) },
    ['SIGNATURE_INVALID', 'SIGNATURE_INVALID'],
    'not made by a key of the zone',
  ],
  [
    'signatures end soon',
    {
      parents: withDs(ds(ksk)),
      servers: [server(1, signedParts()), server(2, signedParts({ valid: [-600_000, 3600] }))],
    },
    ['SIGNATURE_EXPIRING', 'SIGNATURE_EXPIRING'],
    '60 minutes',
  ],
  [
    'another algorithm signs',
    { servers: [server(1, { keys: reply({ answers: 'shop.test. DNSKEY 257 3 8 AwEAAQ==' }) })] },
    ['FEW_SERVERS', 'DS_MISSING', 'ALGORITHM_UNCHECKED'],
    '192.0.2.1',
  ],
];

describe('a delegation', () => {
  it('that is right gives no finding', () => expect(judgeDelegation(view())).toEqual([]));

  it('that is signed and right gives no finding', () => {
    expect(codes({ parents: withDs(ds(ksk)), servers: bothSigned() })).toEqual([]);
    expect(codes({ parents: withDs(ds(ksk, DIGEST_TYPE.SHA384)), servers: bothSigned() })).toEqual([]);
  });

  it.each(CASES)('%s', (_, change, expected, text) => {
    const findings = judgeDelegation(view(change));
    expect(findings.map((f) => f.code)).toEqual(expected);
    expect(findings.map((f) => f.what).join('\n')).toContain(text);
  });

  it('has a case for every code, and every finding says what, why and what to do', () => {
    const seen = new Set<string>();
    const intercepted = { parents: [parent({ referral: reply({ aa: false, ra: true }) })] };
    const told: Finding[] = [intercepted, ...CASES.map(([, change]) => change)].flatMap((change) => [
      ...judgeDelegation(view(change)),
    ]);
    for (const finding of told) {
      seen.add(finding.code);
      expect([finding.what, finding.cause, finding.fix]).not.toContain('');
      expect(finding).toMatchObject({
        severity: FINDING_KINDS[finding.code].severity,
        topic: FINDING_KINDS[finding.code].topic,
      });
    }
    expect([...seen].sort()).toEqual(Object.keys(FINDING_KINDS).sort());
  });

  it('is not judged where the parent serves the zone itself, nor for the root', () => {
    const same = reply({ answers: NS });
    expect(codes({ parents: [parent({ referral: same })] })).toEqual([]);
    const root = parseName('.');
    expect(judgeDelegation(view({ zone: root, parentZone: undefined, parents: [], servers: [] }))).toEqual(
      [],
    );
  });

  it('names each key once, however many servers have it', () => {
    const [found] = judgeDelegation(view({ parents: withDs(ds(stranger)), servers: bothSigned() }));
    expect(found?.what).toContain(`(${ksk.keyTag}/13, ${zsk.keyTag}/13)`);
  });

  it('takes a DS of an unknown digest for one that does not fit', () => {
    const unknown: Rdata = parseRdata(TYPE.DS, `${ksk.keyTag} 13 9 00FF`);
    expect(codes({ parents: withDs(record(unknown, TYPE.DS)), servers: bothSigned() })).toEqual([
      'DS_UNMATCHED',
    ]);
  });

  it('survives a key that is none', () => {
    const broken = parseRdata(TYPE.DNSKEY, '257 3 13 AAAA');
    const keys = [broken];
    const servers = [
      server(1, { keys: reply({ answers: [record(broken, TYPE.DNSKEY), signature(keys, ksk, WEEK)] }) }),
      server(2),
    ];
    expect(codes({ servers })).toEqual([
      'KEYS_DIFFER',
      'DS_MISSING',
      'SIGNATURE_INVALID',
      'SIGNATURE_INVALID',
    ]);
    const tag = keyTagOf({ ...ksk.dnskey, publicKey: Uint8Array.of(0, 0, 0) });
    const forged = { ...signature(keys, ksk, WEEK).rdata, keyTag: tag } as RrsigRdata;
    const answers = [record(broken, TYPE.DNSKEY), record(forged, TYPE.RRSIG)];
    expect(codes({ servers: [server(1, { keys: reply({ answers }) }), server(2)] })).toContain(
      'SIGNATURE_INVALID',
    );
  });

  it.each([
    ['says NXDOMAIN', { rcode: RCODE.NXDOMAIN }],
    ['answers from its cache', { answers: NS, additionals: GLUE }],
  ])('is not judged by what a resolver %s in the place of the parent', (_, parts) => {
    const referral = reply({ aa: false, ra: true, ...parts });
    expect(codes({ parents: [parent({ referral })] })).toEqual(['DNS_INTERCEPTED']);
    // A server that serves others recursively may still refer to the zone.
    const honest = reply({ aa: false, ra: true, authorities: NS, additionals: GLUE });
    expect(codes({ parents: [parent({ referral: honest })] })).toEqual([]);
  });

  it('names a server of the parent by its address when that is all that is known', () => {
    const nameless = parent({ name: parseName('.'), referral: silent });
    expect(judgeDelegation(view({ parents: [nameless] }))[0]?.what).toContain(': 192.0.2.250: no answer');
  });

  it('takes the addresses of a name server from the server that has them', () => {
    const ns1 = parseName('ns1.shop.test');
    const none: readonly ZoneServer['addresses'][] = [
      [],
      [{ name: ns1, replies: [silent, silent] }],
      [{ name: ns1, replies: [reply({}), reply({})] }],
    ];
    const other = GLUE.replace('192.0.2.1', '192.0.2.77');
    const parents = [parent({ referral: reply({ aa: false, authorities: NS, additionals: other }) })];
    for (const addresses of none) {
      const findings = judgeDelegation(view({ parents, servers: [server(1, { addresses }), server(2)] }));
      expect(findings.find((f) => f.code === 'GLUE_DIFFERS')?.what).toContain('but 192.0.2.1 in the zone');
    }
  });

  it('takes no NS records for no opinion, and another record for no authority', () => {
    expect(codes({ servers: [server(1), server(2, { ns: reply({}) })] })).toEqual([]);
    expect(codes({ servers: [server(1), server(2, { ns: silent })] })).toEqual([]);
    const other = reply({ answers: 'www.shop.test. A 192.0.2.7' });
    expect(codes({ servers: [server(1), server(2, { udp: other, tcp: other })] })).toEqual(['SERVER_LAME']);
  });

  it('says that the key the DS names is not there', () => {
    const only: readonly Rdata[] = [zsk.dnskey];
    const lacking = server(2, {
      ...signedParts(),
      keys: reply({ answers: [record(zsk.dnskey, TYPE.DNSKEY), signature(only, ksk, WEEK)] }),
    });
    const findings = judgeDelegation(
      view({ parents: withDs(ds(ksk)), servers: [server(1, signedParts()), lacking] }),
    );
    expect(findings.map((f) => f.what).join()).toContain('no key that the zone above names is there');
  });

  it('says that no key is there when the DS names one that a server lacks', () => {
    const lacking: ZoneServer = server(2, {
      ...signedParts(),
      keys: reply({ answers: [record(zsk.dnskey, TYPE.DNSKEY)] }),
    });
    const findings = judgeDelegation(
      view({ parents: withDs(ds(ksk)), servers: [server(1, signedParts()), lacking] }),
    );
    expect(findings.map((f) => f.code)).toEqual(['KEYS_DIFFER', 'SIGNATURE_INVALID']);
    expect(findings[1]?.what).toContain('there is none');
  });
});

describe('what belongs at the registrar', () => {
  const lines = (change: Partial<DelegationView>): readonly string[] =>
    registrarLines(zone, registrarEntries(view(change)));

  it('comes from the zone itself', () => {
    expect(lines({})).toEqual([
      'shop.test. NS ns1.shop.test.',
      'shop.test. NS ns2.shop.test.',
      'ns1.shop.test. A 192.0.2.1',
      'ns2.shop.test. A 192.0.2.2',
      'ns2.shop.test. AAAA 2001:db8::2',
    ]);
  });

  it('comes from the hub when it has the zone, also before any server answers', () => {
    const wanted = {
      nameServers: [
        { name: parseName('ns9.shop.test'), addresses: ['198.51.100.9'] },
        { name: parseName('ns.example'), addresses: [] },
      ],
      signed: false,
      lagging: [],
    };
    expect(lines({ wanted, servers: [] })).toEqual([
      'shop.test. NS ns.example.',
      'shop.test. NS ns9.shop.test.',
      'ns9.shop.test. A 198.51.100.9',
    ]);
  });

  it('has the CDS records of the zone as DS, else digests of its entry points', () => {
    const dsText = formatRdata(dsOf(zone, ksk.dnskey, DIGEST_TYPE.SHA256));
    expect(lines({ servers: bothSigned() }).at(-1)).toBe(`shop.test. DS ${dsText}`);
    expect(lines({ servers: bothSigned({ cds: 'shop.test. CDS 1 13 2 AABB' }) }).at(-1)).toBe(
      'shop.test. DS 1 13 2 AABB',
    );
    // CDS 0 0 0 00 asks for the DS to be removed (RFC 8078 section 4): it is no DS itself.
    expect(lines({ servers: bothSigned({ cds: 'shop.test. CDS 0 0 0 00' }) }).at(-1)).toBe(
      `shop.test. DS ${dsText}`,
    );
  });

  it('is nothing while nothing is known', () => {
    expect(lines({ servers: [], parents: [] })).toEqual([]);
  });
});

it('the page on delegation has every code', () => {
  const page = readFileSync(new URL('../../../docs/guides/delegation.md', import.meta.url), 'utf8');
  for (const [code, { severity, meaning }] of Object.entries(FINDING_KINDS))
    expect(page).toContain(`| \`${code}\` | ${severity} | ${meaning} |`);
});
