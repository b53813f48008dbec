import { parseName } from '../../../src/dns/name.ts';
import type { RecordSource } from '../../../src/dns/zone-source.ts';
import { seededRandom } from '../../support/random.ts';

/** A zone before any server has read it: JSON-safe, and the same for all. Names are complete, in the spelling to write. */
export interface PlainZone {
  readonly origin: string;
  readonly serial: number;
  readonly nameServers: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  readonly soa: {
    readonly refreshSeconds: number;
    readonly retrySeconds: number;
    readonly expireSeconds: number;
    readonly minimumSeconds: number;
  };
  readonly ttlSeconds: number;
  readonly records: readonly RecordSource[];
}

/** Zones made from one seed, to be served together. */
export interface World {
  readonly seed: number;
  readonly zones: readonly PlainZone[];
}

type Random = () => number;
type Pick = <T>(from: readonly T[]) => T;

/** Labels that a naive server trips over: every one stands for itself and nothing else. */
const ODD_LABELS = [
  'UPPER',
  'MiXeD',
  'a\\000b',
  'dot\\.inside',
  'sp\\032ace',
  'quote\\"',
  'back\\\\slash',
  'at\\@',
  'octet\\255',
  'semi\\;colon',
  'l'.repeat(63),
  '_under',
  '-dash-',
  '0',
  'xn--bcher-kva',
  'a*b',
];

const TTLS = [0, 1, 30, 300, 3600, 86_400];

/** Data of types that need no presentation form of ours: `\# length hex` is legal for every type (RFC 3597). */
const GENERIC: Readonly<Record<string, readonly string[]>> = {
  HINFO: ['03783836034c4e58', '0000'],
  LOC: ['0012161384cd3b0070be15f000989680'],
  NAPTR: ['000100020153075349502b443254000361616100'],
  CERT: ['0001000208aabbcc'],
  SSHFP: ['0101000102030405060708090a0b0c0d0e0f10111213'],
  TLSA: [`030101${'5a'.repeat(32)}`],
  SMIMEA: [`030101${'5b'.repeat(32)}`],
  OPENPGPKEY: ['9901020304'],
  URI: ['000a00016674703a2f2f612e622f'],
  TYPE65400: ['010203', '', 'deadbeef'],
  TYPE1234: ['ff'],
};

const generic = (hex: string): string => `\\# ${hex.length / 2} ${hex}`.trim();

/** The world of a seed: the same on every machine. */
export function randomWorld(seed: number): World {
  const random = seededRandom(seed * 7919 + 17);
  const parent = `w${seed}.test.`;
  const child = `served.${parent}`;
  const deep = `deep.ent.${parent}`;
  const other = `other${seed}.example.`;
  return {
    seed,
    zones: [
      zone(parent, random, { delegated: [child, deep], other }),
      zone(child, random, { delegated: [], other: parent }),
      zone(deep, random, { delegated: [], other }),
      zone(other, random, { delegated: [], other: parent }),
    ],
  };
}

function zone(
  origin: string,
  random: Random,
  around: { readonly delegated: readonly string[]; readonly other: string },
): PlainZone {
  const pick: Pick = (from) => {
    const chosen = from[Math.floor(random() * from.length)];
    if (chosen === undefined) throw new Error('nothing to pick from');
    return chosen;
  };
  const chance = (share: number): boolean => random() < share;
  const octet = (): number => Math.floor(random() * 256);
  const ipv4 = (): string => `192.0.2.${octet()}`;
  const ipv6 = (): string => `2001:db8::${(octet() * 256 + octet() + 1).toString(16)}`;
  const records: RecordSource[] = [];
  const owners: string[] = [];
  const taken = new Set<string>();
  const cuts: string[] = [];
  const below = (label: string): string => `${label}.${origin}`;

  /** Adds a set unless the name has that type, an alias or a delegation above. */
  const add = (name: string, type: string, data: readonly string[], ttlSeconds = pick(TTLS)): void => {
    const key = parseName(name);
    if (taken.has(`${key} ${type}`) || taken.has(`${key} CNAME`) || (type === 'CNAME' && taken.has(key)))
      return;
    if (type !== 'DS' && cuts.some((cut) => key === parseName(cut) || key.endsWith(`.${parseName(cut)}`)))
      return;
    taken.add(key).add(`${key} ${type}`);
    owners.push(name);
    records.push({ name, type, ttlSeconds, data: [...new Set(data)] });
  };
  const glue = (name: string, type: 'A' | 'AAAA', data: string): void => {
    const key = parseName(name);
    if (taken.has(`${key} ${type}`)) return;
    taken.add(key).add(`${key} ${type}`);
    records.push({ name, type, ttlSeconds: pick(TTLS), data: [data] });
  };
  const delegate = (name: string, servers: readonly string[]): void => {
    add(name, 'NS', servers);
    cuts.push(name);
    if (chance(0.5)) add(name, 'DS', [generic(`30390d02${'5a'.repeat(32)}`)]);
  };
  const target = (): string =>
    pick([...owners, below('nowhere'), 'www.elsewhere.invalid.', `host0.${around.other}`, origin]);
  const some = (most: number, make: () => string): string[] =>
    Array.from({ length: 1 + Math.floor(random() * most) }, make);

  const sets: Readonly<Record<string, () => string[]>> = {
    A: () => some(4, ipv4),
    AAAA: () => some(3, ipv6),
    TXT: () =>
      some(3, () =>
        pick(['"v=spf1 -all"', '"two" "strings"', '""', `"${'t'.repeat(255)}" "more"`, '"q\\"uote \\255"']),
      ),
    MX: () => some(3, () => `${octet()} ${target()}`),
    SRV: () => some(3, () => `${octet()} ${octet()} 443 ${target()}`),
    PTR: () => [target()],
    CAA: () => ['0 issue "ca.example.net"', '128 iodef "mailto:a@example.net"'],
    HTTPS: () =>
      some(2, () =>
        pick([
          `1 . alpn="h2,h3"`,
          `0 ${target()}`,
          `${1 + octet()} ${target()} port=8443 ipv4hint=192.0.2.1`,
        ]),
      ),
    SVCB: () => [`1 ${target()} alpn="h2" key65280="x"`],
    ...Object.fromEntries(Object.entries(GENERIC).map(([type, data]) => [type, () => data.map(generic)])),
  };
  const fill = (name: string, most: number): void => {
    for (let i = 1 + Math.floor(random() * most); i > 0; i -= 1) {
      const type = pick(Object.keys(sets));
      add(name, type, sets[type]?.() ?? []);
    }
  };

  // Delegations first, so that nothing else is put below them.
  for (const name of around.delegated.filter((each) => each !== origin)) {
    delegate(name, [`ns1.${name}`, 'ns.elsewhere.invalid.']);
    glue(`ns1.${name}`, 'A', '192.0.2.53');
  }
  delegate(below('cut'), [below('ns.cut'), below('ns2.cut')]);
  glue(below('ns.cut'), 'A', ipv4());
  glue(below('ns.cut'), 'AAAA', ipv6());
  glue(below('ns2.cut'), 'A', ipv4());
  delegate(below('sibling'), [below('ns.cut'), 'ns.elsewhere.invalid.']);
  delegate(below('far'), ['a.elsewhere.invalid.', 'b.elsewhere.invalid.']);
  delegate(below('nested.below.nothing'), [below('x.nested.below.nothing')]);
  glue(below('x.nested.below.nothing'), 'AAAA', ipv6());
  delegate(below('home'), [below('ns1')]);
  delegate(below('cut.wild'), [below('ns1'), 'ns.elsewhere.invalid.']);

  fill(origin, 6);
  for (let i = 0; i < 4; i += 1) {
    add(below(`host${i}`), 'A', some(3, ipv4));
    fill(below(`host${i}`), 4);
  }
  for (let i = 0; i < 3; i += 1) fill(below(`${pick(ODD_LABELS)}.odd`), 2);
  fill(below(pick(ODD_LABELS)), 3);
  fill(below('a.b.c.entry'), 2);
  if (chance(0.5)) fill(below('b.c.entry'), 1);

  // Wildcards at several depths, with names, empty non-terminals and a delegation beside them.
  fill(below('*.wild'), 3);
  fill(below('exists.wild'), 1);
  fill(below('x.ent.wild'), 1);
  fill(below('*.ent2.wild'), 1);
  if (chance(0.5)) fill(below('under.*.wild'), 1);
  add(below('*.walias'), 'CNAME', [target()]);
  fill(below('beside.walias'), 1);
  add(below('*.wloop'), 'CNAME', [below('again.wloop')]);
  if (chance(0.4)) fill(below('*'), 2);

  // Aliases: chains, to each kind of end.
  const length = 1 + Math.floor(random() * 8);
  for (let i = 0; i < length; i += 1) add(below(`chain${i}`), 'CNAME', [below(`chain${i + 1}`)]);
  add(below(`chain${length}`), 'CNAME', [pick(owners.filter((name) => !name.startsWith('chain')))]);
  for (let i = 0; i < 25; i += 1) add(below(`long${i}`), 'CNAME', [below(`long${i + 1}`)]);
  add(below('long25'), 'A', [ipv4()]);
  const ends: readonly (readonly [string, string])[] = [
    ['to-host', below('host0')],
    ['to-wild', below('any.wild')],
    ['to-walias', below('any.walias')],
    ['to-entry', below('c.entry')],
    ['to-nowhere', below('no.where')],
    ['to-cut', below('x.cut')],
    ['to-the-cut', below('cut')],
    ['to-outside', 'www.elsewhere.invalid.'],
    ['to-other', `host0.${around.other}`],
    ['to-served', `host0.${around.delegated[0] ?? around.other}`],
    ['to-apex', origin],
    ['round', `round.${around.other}`],
    ['to-round', below('round')],
  ];
  for (const [from, to] of ends) add(below(from), 'CNAME', [to]);
  // Redirections: into the zone, out of it, to a zone beside it, and to names that get too long.
  add(below('moved'), 'DNAME', [below('entry')]);
  add(below('away'), 'DNAME', ['elsewhere.invalid.']);
  add(below('to-other-tree'), 'DNAME', [around.other]);
  add(below('to-moved'), 'CNAME', [below('b.c.moved')]);
  add(below('*.dwild'), 'CNAME', [below('a.b.c.moved')]);
  // 252 octets: with one short label more it is a name, with two it is too long.
  const long = ['g', 'h', 'i'].map((letter) => letter.repeat(63)).join('.');
  add(below('grow'), 'DNAME', [`${long}.${'j'.repeat(58 - origin.length)}.${origin}`]);
  fill(below('moved'), 1);

  // Sets that do not fit into a datagram, and some that just do.
  add(
    below('big'),
    'TXT',
    Array.from({ length: 40 }, (_, i) => `"${String(i).padStart(60, 'x')}"`),
  );
  add(
    below('many'),
    'A',
    Array.from({ length: 90 }, (_, i) => `198.51.100.${i}`),
  );
  add(
    below('brim'),
    'A',
    Array.from({ length: 72 }, (_, i) => `203.0.113.${i}`),
  );
  add(
    below('edge'),
    'A',
    Array.from({ length: 20 + Math.floor(random() * 60) }, (_, i) => `203.0.113.${i}`),
  );
  add(below('huge'), 'TXT', [`"${'h'.repeat(255)}" `.repeat(6).trim()]);
  add(below('to-big'), 'CNAME', [below('big')]);
  add(below('_s._tcp'), 'SRV', [`1 2 3 ${below('host0')}`, `1 2 3 ${below('host1')}`]);
  add(below('mail'), 'MX', [`1 ${below('host0')}`, `2 ${below('ns.cut')}`, `3 ${below('any.wild')}`]);

  return {
    origin,
    serial: 1 + Math.floor(random() * 4_000_000_000),
    nameServers: [
      { name: below('ns1'), addresses: [ipv4(), ipv6()] },
      { name: 'ns.elsewhere.invalid.', addresses: [] },
    ],
    soa: {
      refreshSeconds: 7200,
      retrySeconds: 1800,
      expireSeconds: 1_209_600,
      minimumSeconds: pick([0, 60, 300, 90_000]),
    },
    ttlSeconds: pick([60, 300, 3600]),
    records,
  };
}

/** The zone as a zone file (RFC 1035 section 5), every name in full. */
export function zoneFile(plain: PlainZone): string {
  const { origin, soa, ttlSeconds } = plain;
  const times = `${plain.serial} ${soa.refreshSeconds} ${soa.retrySeconds} ${soa.expireSeconds} ${soa.minimumSeconds}`;
  const lines = [
    `${origin} ${ttlSeconds} IN SOA ${plain.nameServers[0]?.name ?? origin} hostmaster.${origin} ${times}`,
  ];
  for (const { name, addresses } of plain.nameServers) {
    lines.push(`${origin} ${ttlSeconds} IN NS ${name}`);
    for (const address of addresses)
      lines.push(`${name} ${ttlSeconds} IN ${address.includes(':') ? 'AAAA' : 'A'} ${address}`);
  }
  for (const { name, type, data, ttlSeconds: ttl } of plain.records)
    for (const text of data) lines.push(`${name} ${ttl ?? ttlSeconds} IN ${type} ${text}`);
  return `${lines.join('\n')}\n`;
}
