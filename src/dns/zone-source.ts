import { type FieldViolation, PortolanError } from '../errors/error.ts';
import type { ErrorCode } from '../errors/table.ts';
import { parseIpv4, parseIpv6 } from './address.ts';
import { type DomainName, isAtOrBelow, tryParseName } from './name.ts';
import { parseRdata, type Rdata } from './records/catalogue.ts';
import type { SoaRdata } from './records/soa.ts';
import type { RoutedName } from './routed.ts';
import { rdataKey } from './rrset.ts';
import { isMetaType, parseType, TYPE } from './types.ts';

/** What a zone is made from; a `Zone` resource's spec has this shape but for `serial` and `routed`. */
export interface ZoneSource {
  readonly origin: DomainName;
  /** SOA serial: the same on every server that serves the same content. */
  readonly serial: number;
  /** The NS RRset of the apex; addresses are published when the name lies in the zone. */
  readonly nameServers: readonly { readonly name: DomainName; readonly addresses: readonly string[] }[];
  readonly soa: {
    /** Primary name server; default: the first of `nameServers`. */
    readonly mname?: DomainName | undefined;
    /** Mailbox with its `@` as a dot; default: hostmaster.<origin>. */
    readonly rname?: DomainName | undefined;
    readonly refreshSeconds: number;
    readonly retrySeconds: number;
    readonly expireSeconds: number;
    readonly minimumSeconds: number;
  };
  /** TTL of everything that has none of its own. */
  readonly ttlSeconds: number;
  readonly records: readonly RecordSource[];
  readonly routed: readonly { readonly name: DomainName; readonly routed: RoutedName }[];
}

export interface RecordSource {
  /** Relative to the origin, `@` for the apex, or absolute with a dot at the end. */
  readonly name: string;
  /** Such as `MX` or `TYPE65400`. */
  readonly type: string;
  readonly ttlSeconds?: number | undefined;
  /** Presentation form, one string a record; domain names in it are complete. */
  readonly data: readonly string[];
}

/** A zone whose texts are parsed; not yet checked as a whole. */
export interface ReadZone {
  readonly origin: DomainName;
  readonly soa: SoaRdata;
  readonly soaTtlSeconds: number;
  readonly sets: readonly ReadSet[];
  readonly routed: readonly {
    readonly name: DomainName;
    readonly routed: RoutedName;
    readonly path: string;
  }[];
  readonly violations: readonly FieldViolation[];
}

export interface ReadSet {
  readonly owner: DomainName;
  readonly type: number;
  readonly ttlSeconds: number;
  readonly records: readonly { readonly rdata: Rdata; readonly path: string }[];
  readonly path: string;
}

const MAX_TTL = 0x7fff_ffff; // RFC 2181 section 8

/** Parses every text of the source, noting each that is wrong. */
export function readZone(source: ZoneSource): ReadZone {
  const { origin } = source;
  const violations: FieldViolation[] = [];
  const note = (path: string, code: ErrorCode, message: string, fix: string): void => {
    violations.push({ path, code, message, fix });
  };
  const sets: ReadSet[] = [];

  const nameServers = source.nameServers.map(({ name }, i) => ({
    rdata: { type: 'NS', target: name } as const,
    path: `nameServers[${i}].name`,
  }));
  if (nameServers.length === 0) {
    note('nameServers', 'DNS_ZONE_INVALID', `the zone ${origin} has no name server`, 'Name at least one.');
  }
  sets.push({
    owner: origin,
    type: TYPE.NS,
    ttlSeconds: source.ttlSeconds,
    records: withoutTwins(nameServers, note),
    path: 'nameServers',
  });
  source.nameServers.forEach((server, i) => {
    const found = { A: [] as { rdata: Rdata; path: string }[], AAAA: [] as { rdata: Rdata; path: string }[] };
    server.addresses.forEach((text, j) => {
      const path = `nameServers[${i}].addresses[${j}]`;
      const v4 = parseIpv4(text);
      const v6 = v4 === undefined ? parseIpv6(text) : undefined;
      if (v4 !== undefined) found.A.push({ rdata: { type: 'A', address: v4 }, path });
      else if (v6 !== undefined) found.AAAA.push({ rdata: { type: 'AAAA', address: v6 }, path });
      else
        note(
          path,
          'DNS_RECORD_INVALID',
          `"${text}" is not an IP address`,
          'Write it like 192.0.2.53 or 2001:db8::53.',
        );
    });
    if (!isAtOrBelow(server.name, origin)) return; // its own zone publishes the addresses
    for (const type of ['A', 'AAAA'] as const) {
      const records = withoutTwins(found[type], note);
      if (records.length === 0) continue;
      sets.push({
        owner: server.name,
        type: TYPE[type],
        ttlSeconds: source.ttlSeconds,
        records,
        path: `nameServers[${i}].addresses`,
      });
    }
  });

  source.records.forEach((record, i) => {
    const set = readRecord(record, `records[${i}]`, source, note);
    if (set !== undefined) sets.push(set);
  });
  const routed = source.routed.map((entry, i) => ({ ...entry, path: `routed[${i}]` }));
  for (const { name, path } of routed) {
    if (!isAtOrBelow(name, origin)) {
      note(
        path,
        'DNS_RECORD_OUT_OF_ZONE',
        `${name} does not lie in ${origin}`,
        'Add a zone for it, or change the name.',
      );
    }
  }
  return { origin, soa: soaOf(source), soaTtlSeconds: source.ttlSeconds, sets, routed, violations };
}

type Note = (path: string, code: ErrorCode, message: string, fix: string) => void;

function readRecord(record: RecordSource, path: string, source: ZoneSource, note: Note): ReadSet | undefined {
  const owner = ownerOf(record.name, source.origin);
  if (typeof owner === 'object') {
    note(`${path}.name`, owner.code, owner.reason, owner.fix);
    return undefined;
  }
  const type = parseType(record.type);
  if (type === undefined || isMetaType(type)) {
    const message = type === undefined ? 'is no record type' : 'exists in messages only, not as zone data';
    note(
      `${path}.type`,
      'DNS_RECORD_INVALID',
      `${record.type} ${message}`,
      'Use a type such as MX, or TYPE65400.',
    );
    return undefined;
  }
  const ttlSeconds = record.ttlSeconds ?? source.ttlSeconds;
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 0 || ttlSeconds > MAX_TTL) {
    note(
      `${path}.ttlSeconds`,
      'DNS_RECORD_INVALID',
      `the TTL ${ttlSeconds} is not from 0 to ${MAX_TTL}`,
      'Use seconds, such as 300.',
    );
    return undefined;
  }
  const records: { rdata: Rdata; path: string }[] = [];
  record.data.forEach((text, j) => {
    const dataPath = `${path}.data[${j}]`;
    if (type === TYPE.TXT && !text.includes('"') && /^[^\s\\]+\s/.test(text.trim())) {
      // Legal, but it makes one string a word, and whoever reads the record joins them without the spaces.
      note(
        dataPath,
        'DNS_RECORD_INVALID',
        `the text ${text} has spaces outside double quotes`,
        `Write "${text.trim()}" with the double quotes.`,
      );
      return;
    }
    try {
      records.push({ rdata: parseRdata(type, text), path: dataPath });
    } catch (thrown) {
      const error = PortolanError.from(thrown);
      note(dataPath, error.code, error.message, error.fix);
    }
  });
  if (records.length === 0) {
    if (record.data.length === 0)
      note(`${path}.data`, 'DNS_RECORD_INVALID', 'the record set is empty', 'Give at least one record.');
    return undefined;
  }
  return { owner, type, ttlSeconds, records: withoutTwins(records, note), path };
}

function ownerOf(
  text: string,
  origin: DomainName,
): DomainName | { readonly code: ErrorCode; readonly reason: string; readonly fix: string } {
  if (text === '@') return origin;
  const absolute = text.endsWith('.') && !text.endsWith('\\.');
  const bare = tryParseName(text);
  if (typeof bare === 'object') {
    return {
      code: 'DNS_NAME_INVALID',
      reason: bare.reason,
      fix: 'Correct the name; `@` is the zone itself.',
    };
  }
  // Below the root there is no other reading of a relative name.
  if (absolute || origin === '.') {
    if (isAtOrBelow(bare, origin)) return bare;
    return {
      code: 'DNS_RECORD_OUT_OF_ZONE',
      reason: `${bare} does not lie in ${origin}`,
      fix: `Write it relative to ${origin}`,
    };
  }
  if (isAtOrBelow(bare, origin)) {
    const fix = `Write "${bare}" with the dot at the end, or "${bare === origin ? '@' : bare.slice(0, -origin.length - 1)}".`;
    return { code: 'DNS_NAME_INVALID', reason: `"${text}" would mean ${bare}${origin}`, fix };
  }
  const full = tryParseName(`${bare}${origin}`);
  if (typeof full === 'object')
    return { code: 'DNS_NAME_INVALID', reason: full.reason, fix: 'Use a shorter name.' };
  return full;
}

/** RFC 2181 section 5: no two records of a set are equal. */
function withoutTwins<R extends { readonly rdata: Rdata; readonly path: string }>(
  records: readonly R[],
  note: Note,
): readonly R[] {
  if (records.length < 2) return records;
  const seen = new Map<string, string>();
  return records.filter(({ rdata, path }) => {
    const key = rdataKey(rdata);
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, path);
      return true;
    }
    note(path, 'DNS_RECORD_DUPLICATE', `the same record stands at ${first}`, 'Remove one of the two.');
    return false;
  });
}

function soaOf(source: ZoneSource): SoaRdata {
  const hostmaster = tryParseName(source.origin === '.' ? 'hostmaster.' : `hostmaster.${source.origin}`);
  return {
    type: 'SOA',
    primary: source.soa.mname ?? source.nameServers[0]?.name ?? source.origin,
    mailbox: source.soa.rname ?? (typeof hostmaster === 'object' ? source.origin : hostmaster),
    serial: source.serial >>> 0,
    refreshSeconds: source.soa.refreshSeconds,
    retrySeconds: source.soa.retrySeconds,
    expireSeconds: source.soa.expireSeconds,
    minimumSeconds: source.soa.minimumSeconds,
  };
}
