import type { FieldViolation } from '../../errors/error.ts';
import { formatIp } from '../address.ts';
import { type DomainName, isAtOrBelow, parentOf, tryParseName } from '../name.ts';
import { formatRdata, type Rdata } from '../records/catalogue.ts';
import type { SoaRdata } from '../records/soa.ts';
import { rdataKey } from '../rrset.ts';
import { TYPE, typeName } from '../types.ts';
import type { RecordSource } from '../zone-source.ts';
import { compareOrderKeys, orderKey } from './name-order.ts';
import { type FileRecord, SIGNING_TYPES } from './reader.ts';
import { ownerText } from './writer.ts';

/** A zone of another server as a Zone resource would have it. */
export interface TakenOver {
  readonly spec: {
    readonly origin: DomainName;
    readonly nameServers: readonly { readonly name: DomainName; readonly addresses: readonly string[] }[];
    readonly soa: {
      readonly mname: DomainName;
      readonly rname: DomainName;
      readonly refreshSeconds: number;
      readonly retrySeconds: number;
      readonly expireSeconds: number;
      readonly minimumSeconds: number;
    };
    readonly ttlSeconds: number;
    readonly records: readonly RecordSource[];
  };
  /** What differs from the source, in words; each is to be read by a person. */
  readonly notes: readonly string[];
  /** Records that are not in `spec`, each with the reason. */
  readonly leftOut: readonly LeftOut[];
}

export interface LeftOut {
  readonly owner: DomainName;
  readonly type: string;
  /** 0 when it is from no file. */
  readonly line: number;
  readonly reason: string;
}

/** A server the zone is to have instead of those of the source. */
export interface NameServer {
  readonly name: DomainName;
  readonly addresses: readonly string[];
}

export type TakeOverResult =
  | { readonly ok: true; readonly taken: TakenOver }
  | { readonly ok: false; readonly violations: readonly FieldViolation[] };

/** Limits of a Zone (src/resources/zone.ts). */
const MAX_SETS = 100_000;
const MAX_RECORDS_OF_SET = 1000;
const MAX_NAME_SERVERS = 13;
const MAX_ADDRESSES = 8;
/** A Zone expires no sooner, so that a long outage of the hub does not end it. */
const LEAST_EXPIRE_SECONDS = 604_800;

interface Draft {
  readonly owner: DomainName;
  readonly type: number;
  ttlSeconds: number;
  readonly records: Map<string, Rdata>;
  readonly line: number;
}

/**
 * Maps the records of a zone to the spec of a Zone. What a Zone has no place for is named in `leftOut`, never dropped in
 * silence; what cannot be is a violation whose path is `line 12` where the record came from a file.
 * @param nameServers instead of the NS records at the apex
 */
export function takeOver(
  origin: DomainName,
  records: Iterable<FileRecord>,
  skipped: readonly Omit<FileRecord, 'rdata' | 'ttlSeconds'>[] = [],
  nameServers?: readonly NameServer[],
): TakeOverResult {
  const violations: FieldViolation[] = [];
  const notes: string[] = [];
  const leftOut: LeftOut[] = skipped.map(({ owner, type, line }) => ({
    owner,
    type: typeName(type),
    line,
    reason: SIGNED,
  }));
  const soas: FileRecord[] = [];
  const sets = new Map<string, Draft>();
  for (const record of records) {
    const leave = (reason: string): void => {
      leftOut.push({ owner: record.owner, type: typeName(record.type), line: record.line, reason });
    };
    if (!isAtOrBelow(record.owner, origin)) leave(`it does not lie in ${origin}`);
    else if (SIGNING_TYPES.has(record.type)) leave(SIGNED);
    else if (record.rdata.type === 'SOA') soas.push(record);
    else addTo(sets, record, notes);
  }

  const soa = onlySoa(origin, soas, violations);
  const apexNs = sets.get(setKey(origin, TYPE.NS));
  const ttlSeconds = apexNs?.ttlSeconds ?? soas[0]?.ttlSeconds ?? 300;
  sets.delete(setKey(origin, TYPE.NS));
  leaveOutOccluded(origin, sets, leftOut);
  const servers = nameServers ?? serversOf(apexNs, origin, sets, violations);
  if (nameServers !== undefined && apexNs !== undefined) {
    const old = [...apexNs.records.values()].map(formatRdata).join(', ');
    notes.push(`the name servers are those of --name-server instead of ${old}`);
  }
  takeAddresses(servers, origin, sets, ttlSeconds, notes);

  if (sets.size > MAX_SETS) {
    violations.push({
      path: 'records',
      code: 'ZONE_TOO_LARGE',
      message: `the zone has ${sets.size} record sets; a Zone holds at most ${MAX_SETS}`,
      fix: 'Delegate a part of it to a Zone of its own (NS records), or replace series of names by a wildcard.',
    });
  }
  for (const set of sets.values()) {
    if (set.records.size > MAX_RECORDS_OF_SET) {
      violations.push({
        path: place(set.line),
        code: 'ZONE_TOO_LARGE',
        message: `${set.owner} has ${set.records.size} ${typeName(set.type)} records; at most ${MAX_RECORDS_OF_SET} are allowed`,
        fix: 'Remove some of them.',
      });
    }
  }
  if (violations.length > 0 || soa === undefined) return { ok: false, violations };
  for (const record of soas) noteSoa(soa, record.ttlSeconds, ttlSeconds, notes); // there is one
  return {
    ok: true,
    taken: {
      spec: {
        origin,
        nameServers: servers,
        soa: {
          mname: soa.primary,
          rname: soa.mailbox,
          refreshSeconds: Math.min(soa.refreshSeconds, MAX_TTL),
          retrySeconds: Math.min(soa.retrySeconds, MAX_TTL),
          expireSeconds: Math.min(Math.max(soa.expireSeconds, LEAST_EXPIRE_SECONDS), MAX_TTL),
          minimumSeconds: Math.min(soa.minimumSeconds, MAX_TTL),
        },
        ttlSeconds,
        records: [...sets.values()]
          .map((set) => ({ set, key: orderKey(set.owner) }))
          .sort((a, b) => compareOrderKeys(a.key, b.key) || a.set.type - b.set.type)
          .map(({ set }) => ({
            name: recordName(set.owner, origin),
            type: typeName(set.type),
            ...(set.ttlSeconds === ttlSeconds ? {} : { ttlSeconds: set.ttlSeconds }),
            data: [...set.records.values()].map(formatRdata),
          })),
      },
      notes,
      leftOut,
    },
  };
}

const SIGNED =
  'it belongs to the signatures of the source; Portolan signs with keys of its own (spec.dnssec)';
const MAX_TTL = 0x7fff_ffff;

function setKey(owner: DomainName, type: number): string {
  return `${type} ${owner}`;
}

function place(line: number): string {
  return line === 0 ? 'records' : `line ${line}`;
}

function addTo(sets: Map<string, Draft>, record: FileRecord, notes: string[]): void {
  const key = setKey(record.owner, record.type);
  const set = sets.get(key);
  const data = rdataKey(record.rdata);
  const at = record.line === 0 ? '' : `line ${record.line}: `;
  if (set === undefined) {
    const { owner, type, ttlSeconds, line } = record;
    sets.set(key, { owner, type, ttlSeconds, line, records: new Map([[data, record.rdata]]) });
    return;
  }
  if (set.records.has(data)) {
    notes.push(
      `${at}the same ${typeName(record.type)} record of ${record.owner} stands before; it is taken once`,
    );
    return;
  }
  set.records.set(data, record.rdata);
  if (set.ttlSeconds !== record.ttlSeconds) {
    const least = Math.min(set.ttlSeconds, record.ttlSeconds);
    notes.push(
      `${at}the ${typeName(record.type)} records of ${record.owner} have several TTLs; all get ${least} (RFC 2181 section 5.2)`,
    );
    set.ttlSeconds = least;
  }
}

/** The SOA at the apex, exactly one; a zone transfer has it twice, which `transfer` has taken care of. */
function onlySoa(
  origin: DomainName,
  soas: readonly FileRecord[],
  violations: FieldViolation[],
): SoaRdata | undefined {
  const [first] = soas;
  const wrong = soas.find((soa) => soa.owner !== origin);
  if (wrong !== undefined) {
    violations.push({
      path: place(wrong.line),
      code: 'DNS_ZONE_INVALID',
      message: `the SOA record is at ${wrong.owner}, but the zone is ${origin}`,
      fix: `Import it as ${wrong.owner} if that is the zone, or correct $ORIGIN in the file.`,
    });
  } else if (first === undefined) {
    violations.push({
      path: 'records',
      code: 'DNS_ZONE_INVALID',
      message: `there is no SOA record at ${origin}`,
      fix: 'See that this is the whole zone and that the origin is right.',
    });
  } else if (soas.length > 1) {
    violations.push({
      path: place(Math.min(...soas.slice(1).map(({ line }) => line))),
      code: 'DNS_ZONE_INVALID',
      message: `the zone has ${soas.length} SOA records`,
      fix: 'Keep one.',
    });
  }
  return first?.rdata.type === 'SOA' ? first.rdata : undefined;
}

/** What lies below a delegation is not of this zone, but for addresses of name servers. */
function leaveOutOccluded(origin: DomainName, sets: Map<string, Draft>, leftOut: LeftOut[]): void {
  for (const [key, set] of sets) {
    const glue = set.type === TYPE.A || set.type === TYPE.AAAA;
    let cut: DomainName | undefined;
    for (let at: DomainName | undefined = set.owner; at !== undefined && at !== origin; at = parentOf(at)) {
      if (sets.has(setKey(at, TYPE.NS))) cut = at;
    }
    if (cut === undefined || glue) continue;
    if (set.owner === cut && (set.type === TYPE.NS || set.type === TYPE.DS || set.type === TYPE.CNAME))
      continue;
    sets.delete(key);
    leftOut.push({
      owner: set.owner,
      type: typeName(set.type),
      line: set.line,
      reason: `it lies at or below the delegation ${cut} and is never answered from here`,
    });
  }
}

function serversOf(
  apexNs: Draft | undefined,
  origin: DomainName,
  sets: ReadonlyMap<string, Draft>,
  violations: FieldViolation[],
): readonly NameServer[] {
  if (apexNs === undefined) {
    violations.push({
      path: 'records',
      code: 'DNS_ZONE_INVALID',
      message: `there is no NS record at ${origin}`,
      fix: `Add one to the file, or name the servers: --name-server ns1.${origin}=192.0.2.53`,
    });
    return [];
  }
  const names = [...apexNs.records.values()]
    .filter((rdata) => rdata.type === 'NS')
    .map(({ target }) => target);
  if (names.length > MAX_NAME_SERVERS) {
    violations.push({
      path: place(apexNs.line),
      code: 'ZONE_TOO_LARGE',
      message: `the zone has ${names.length} name servers; at most ${MAX_NAME_SERVERS} are allowed`,
      fix: 'Keep those that serve it, or name them with --name-server.',
    });
  }
  return names.map((name) => {
    const addresses = [TYPE.A, TYPE.AAAA].flatMap((type) =>
      [...(sets.get(setKey(name, type))?.records.values() ?? [])]
        .filter((rdata) => rdata.type === 'A' || rdata.type === 'AAAA')
        .map((rdata) => formatIp(rdata.address)),
    );
    if (addresses.length > MAX_ADDRESSES) {
      violations.push({
        path: place(apexNs.line),
        code: 'ZONE_TOO_LARGE',
        message: `the name server ${name} has ${addresses.length} addresses; at most ${MAX_ADDRESSES} are allowed`,
        fix: 'Name it with the addresses it answers at: --name-server.',
      });
    }
    return { name, addresses };
  });
}

/** Addresses of name servers in the zone stand with the servers; there they have the zone's TTL. */
function takeAddresses(
  servers: readonly NameServer[],
  origin: DomainName,
  sets: Map<string, Draft>,
  ttlSeconds: number,
  notes: string[],
): void {
  for (const { name, addresses } of servers) {
    if (addresses.length === 0 || !isAtOrBelow(name, origin)) continue;
    for (const type of [TYPE.A, TYPE.AAAA]) {
      const key = setKey(name, type);
      const set = sets.get(key);
      if (set === undefined) continue;
      const texts = [...set.records.values()].map(formatRdata);
      if (texts.some((text) => !addresses.includes(text))) {
        notes.push(
          `the addresses of the name server ${name} are ${addresses.join(', ')} instead of ${texts.join(', ')}`,
        );
      }
      if (set.ttlSeconds !== ttlSeconds) {
        notes.push(
          `the ${typeName(type)} records of ${name} get the TTL of the name servers: ${ttlSeconds} instead of ${set.ttlSeconds}`,
        );
      }
      sets.delete(key);
    }
  }
}

function noteSoa(soa: SoaRdata, soaTtl: number, ttlSeconds: number, notes: string[]): void {
  notes.push(
    `the serial ${soa.serial} is not taken over: Portolan counts its own; secondaries of the old server must be told to copy the zone anew`,
  );
  if (soaTtl !== ttlSeconds)
    notes.push(`the SOA record gets the TTL of the name servers: ${ttlSeconds} instead of ${soaTtl}`);
  if (soa.expireSeconds < LEAST_EXPIRE_SECONDS) {
    notes.push(
      `the expire time is ${LEAST_EXPIRE_SECONDS} instead of ${soa.expireSeconds}: a Zone expires after a week at the soonest`,
    );
  }
}

/** As a Zone's record has it: relative, unless the relative name could be mistaken for a complete one. */
function recordName(owner: DomainName, origin: DomainName): string {
  const relative = ownerText(owner, origin);
  const alone = relative === '@' ? undefined : tryParseName(relative);
  return typeof alone === 'string' && isAtOrBelow(alone, origin) ? owner : relative;
}
