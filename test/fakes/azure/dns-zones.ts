import { z } from 'zod';
import { type DomainName, parseName, tryParseName } from '../../../src/dns/name.ts';
import { parseRdata } from '../../../src/dns/records/catalogue.ts';
import { TYPE } from '../../../src/dns/types.ts';
import { ArmError, type ArmReply, bad, nextEtag } from './arm.ts';
import { violations } from './schema.ts';

/**
 * Zones and record sets as Azure DNS keeps them, API version 2018-05-01. What it refuses is what the documentation says:
 * https://learn.microsoft.com/azure/dns/dns-zones-records, …/dns-alias, …/dns-protect-zones-recordsets and the REST reference.
 */

export const DNS_TYPES = ['A', 'AAAA', 'CAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'] as const;
export type DnsType = (typeof DNS_TYPES)[number];

const name = z.string();
const recordBody = z.looseObject({
  metadata: z.record(z.string(), z.string()).optional(),
  TTL: z.number().optional(),
  targetResource: z.looseObject({ id: z.string().optional() }).optional(),
  ARecords: z.array(z.object({ ipv4Address: z.string() })).optional(),
  AAAARecords: z.array(z.object({ ipv6Address: z.string() })).optional(),
  MXRecords: z.array(z.object({ preference: z.number(), exchange: name })).optional(),
  NSRecords: z.array(z.object({ nsdname: name })).optional(),
  PTRRecords: z.array(z.object({ ptrdname: name })).optional(),
  SRVRecords: z
    .array(z.object({ priority: z.number(), weight: z.number(), port: z.number(), target: name }))
    .optional(),
  TXTRecords: z.array(z.object({ value: z.array(z.string()) })).optional(),
  CNAMERecord: z.object({ cname: name }).optional(),
  caaRecords: z.array(z.object({ flags: z.number(), tag: z.string(), value: z.string() })).optional(),
  SOARecord: z
    .object({
      host: name,
      email: name,
      serialNumber: z.number(),
      refreshTime: z.number(),
      retryTime: z.number(),
      expireTime: z.number(),
      minimumTTL: z.number(),
    })
    .optional(),
});
export type RecordBody = z.output<typeof recordBody>;

/** The property that holds the records of a type. */
const PROPERTY: Readonly<Record<DnsType, keyof RecordBody>> = {
  A: 'ARecords',
  AAAA: 'AAAARecords',
  CAA: 'caaRecords',
  CNAME: 'CNAMERecord',
  MX: 'MXRecords',
  NS: 'NSRecords',
  PTR: 'PTRRecords',
  SOA: 'SOARecord',
  SRV: 'SRVRecords',
  TXT: 'TXTRecords',
};

export interface StoredSet {
  /** Relative to the zone; `@` for the apex. */
  readonly name: string;
  readonly type: DnsType;
  readonly etag: string;
  readonly properties: RecordBody;
}

export interface StoredZone {
  readonly origin: DomainName;
  readonly id: string;
  readonly nameServers: readonly string[];
  readonly sets: Map<string, StoredSet>;
  /** "Record sets per zone: 10,000", unless Azure raised it. */
  maxSets: number;
}

/** "Records per record set: 20" */
const MAX_RECORDS = 20;
/** "TXT: up to 4096 characters" in strings of 255. */
const MAX_TEXT = 4096;
const MAX_STRING = 255;

/** Whether an alias of this type may lead to the resource; says why not. */
export type AliasRule = (type: DnsType, targetId: string) => void;

export function createZone(origin: DomainName, id: string): StoredZone {
  const nameServers = [
    'ns1-09.azure-dns.com.',
    'ns2-09.azure-dns.net.',
    'ns3-09.azure-dns.org.',
    'ns4-09.azure-dns.info.',
  ];
  const zone: StoredZone = { origin, id, nameServers, sets: new Map(), maxSets: 10_000 };
  store(zone, '@', 'NS', { TTL: 172_800, NSRecords: nameServers.map((nsdname) => ({ nsdname })) });
  store(zone, '@', 'SOA', {
    TTL: 3600,
    SOARecord: {
      host: 'ns1-09.azure-dns.com.',
      email: 'azuredns-hostmaster.microsoft.com',
      serialNumber: 1,
      refreshTime: 3600,
      retryTime: 300,
      expireTime: 2_419_200,
      minimumTTL: 300,
    },
  });
  return zone;
}

export function setKeyOf(type: string, relative: string): string {
  return `${type}/${relative.toLowerCase()}`;
}

export function store(zone: StoredZone, relative: string, type: DnsType, properties: RecordBody): StoredSet {
  const set = { name: relative, type, etag: nextEtag(), properties };
  zone.sets.set(setKeyOf(type, relative), set);
  return set;
}

export interface Conditions {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

const requestBody = z.looseObject({ properties: recordBody });

/** RecordSets_CreateOrUpdate */
export function putSet(
  zone: StoredZone,
  relative: string,
  type: DnsType,
  body: unknown,
  conditions: Conditions,
  alias: AliasRule,
): ArmReply {
  const wrong = violations('RecordSet', body);
  if (wrong.length > 0) bad(wrong.join('; '), 'InvalidRequestContent');
  const existing = zone.sets.get(setKeyOf(type, relative));
  precondition(existing, conditions);
  const parsed = requestBody.safeParse(body);
  if (!parsed.success) bad(z.prettifyError(parsed.error), 'InvalidRequestContent');
  const { properties } = parsed.data;
  checkName(relative, type);
  checkPlace(zone, relative, type, existing);
  checkContent(zone, relative, type, properties, alias);
  const written = store(zone, relative, type, properties);
  bumpSerial(zone);
  return { status: existing === undefined ? 201 : 200, body: asResource(zone, written) };
}

/** RecordSets_Delete */
export function deleteSet(
  zone: StoredZone,
  relative: string,
  type: DnsType,
  conditions: Conditions,
): ArmReply {
  const existing = zone.sets.get(setKeyOf(type, relative));
  precondition(existing, conditions);
  if (existing === undefined) return { status: 204 };
  if (relative === '@' && (type === 'SOA' || type === 'NS')) {
    bad(`The ${type} record set at the apex of the zone cannot be deleted.`);
  }
  zone.sets.delete(setKeyOf(type, relative));
  bumpSerial(zone);
  return { status: 200 };
}

function bumpSerial(zone: StoredZone): void {
  const soa = zone.sets.get(setKeyOf('SOA', '@'));
  if (soa?.properties.SOARecord === undefined) return;
  const { SOARecord, ...rest } = soa.properties;
  // Its own number grows with each change, and its ETag stays.
  zone.sets.set(setKeyOf('SOA', '@'), {
    ...soa,
    properties: { ...rest, SOARecord: { ...SOARecord, serialNumber: SOARecord.serialNumber + 1 } },
  });
}

function precondition(existing: StoredSet | undefined, { ifMatch, ifNoneMatch }: Conditions): void {
  const failed = (message: string): ArmError => new ArmError(412, 'PreconditionFailed', message);
  if (ifNoneMatch === '*' && existing !== undefined) {
    throw failed(
      'The condition in the If-None-Match header is not satisfied: the record set exists already.',
    );
  }
  if (ifMatch === undefined || ifMatch === '') return;
  if (existing === undefined)
    throw failed('The condition in the If-Match header is not satisfied: there is no such record set.');
  if (ifMatch !== '*' && ifMatch.replace(/^"|"$/g, '') !== existing.etag) {
    throw failed('The condition in the If-Match header is not satisfied: the ETag has changed.');
  }
}

function checkName(relative: string, type: DnsType): void {
  if (relative === '@') return;
  const labels = relative.split('.');
  const fine = labels.every(
    (label, i) => (label === '*' && i === 0) || /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label),
  );
  if (!fine) bad(`The relative record set name '${relative}' is not valid.`, 'InvalidRecordSetName');
  if (labels[0] === '*' && (type === 'NS' || type === 'SOA'))
    bad(`A wildcard record set cannot be of type ${type}.`);
}

/** "A CNAME record set cannot coexist with other record sets with the same name" and cannot stand at the apex; SOA is updated only. */
function checkPlace(
  zone: StoredZone,
  relative: string,
  type: DnsType,
  existing: StoredSet | undefined,
): void {
  if (type === 'SOA' && existing === undefined) bad('SOA record sets are made with their zone.');
  if (relative === '@' && type === 'CNAME') bad('A CNAME record set cannot be created at the zone apex.');
  const others = [...zone.sets.values()].filter(
    (set) => set.name.toLowerCase() === relative.toLowerCase() && set.type !== type,
  );
  if (others.length > 0 && (type === 'CNAME' || others.some((set) => set.type === 'CNAME'))) {
    bad(
      `The record set '${relative}' cannot be created: a CNAME record set cannot coexist with another one of the same name.`,
    );
  }
  if (existing === undefined && zone.sets.size >= zone.maxSets)
    bad(`The zone has ${zone.maxSets} record sets.`, 'RecordSetLimitExceeded');
}

function checkContent(
  zone: StoredZone,
  relative: string,
  type: DnsType,
  properties: RecordBody,
  alias: AliasRule,
): void {
  const { TTL } = properties;
  if (TTL === undefined || !Number.isInteger(TTL) || TTL < 1 || TTL > 2_147_483_647) {
    bad(`The TTL of the record set must be between 1 and 2147483647, not ${TTL}.`);
  }
  for (const [otherType, property] of Object.entries(PROPERTY)) {
    if (otherType !== type && properties[property] !== undefined)
      bad(`A ${type} record set cannot have ${property}.`);
  }
  const target = properties.targetResource?.id;
  const records = recordsOf(type, properties);
  if (target !== undefined) {
    if (type !== 'A' && type !== 'AAAA' && type !== 'CNAME') bad(`A ${type} record set cannot be an alias.`);
    if (records.length > 0) bad('A record set has either records or a target resource.');
    alias(type, target);
    return;
  }
  if (records.length > MAX_RECORDS)
    bad(`A record set has at most ${MAX_RECORDS} records, not ${records.length}.`);
  if (new Set(records).size !== records.length) bad('The record set has the same record twice.');
  for (const record of records) {
    try {
      parseRdata(TYPE[type], record);
    } catch (error) {
      bad(`The record '${record}' is not valid: ${error instanceof Error ? error.message : ''}`);
    }
  }
  for (const { value } of properties.TXTRecords ?? []) {
    if (
      value.length === 0 ||
      value.some((part) => part.length > MAX_STRING) ||
      value.join('').length > MAX_TEXT
    ) {
      bad(`A TXT record has strings of at most ${MAX_STRING} and ${MAX_TEXT} characters in all.`);
    }
  }
  if (type === 'NS' && relative === '@') {
    const there = new Set((properties.NSRecords ?? []).map((r) => r.nsdname));
    if (zone.nameServers.some((server) => !there.has(server)))
      bad('The name servers of Azure DNS cannot be removed from the apex.');
  }
}

/** Records in presentation form. */
export function recordsOf(type: DnsType, p: RecordBody): readonly string[] {
  switch (type) {
    case 'A':
      return (p.ARecords ?? []).map((r) => r.ipv4Address);
    case 'AAAA':
      return (p.AAAARecords ?? []).map((r) => r.ipv6Address);
    case 'CAA':
      return (p.caaRecords ?? []).map((r) => `${r.flags} ${r.tag} ${quoted(r.value)}`);
    case 'CNAME':
      return p.CNAMERecord === undefined ? [] : [nameText(p.CNAMERecord.cname)];
    case 'MX':
      return (p.MXRecords ?? []).map((r) => `${r.preference} ${nameText(r.exchange)}`);
    case 'NS':
      return (p.NSRecords ?? []).map((r) => nameText(r.nsdname));
    case 'PTR':
      return (p.PTRRecords ?? []).map((r) => nameText(r.ptrdname));
    case 'SRV':
      return (p.SRVRecords ?? []).map((r) => `${r.priority} ${r.weight} ${r.port} ${nameText(r.target)}`);
    case 'TXT':
      return (p.TXTRecords ?? []).map((r) => r.value.map(quoted).join(' '));
    case 'SOA': {
      const { SOARecord: s } = p;
      return s === undefined
        ? []
        : [
            `${nameText(s.host)} ${nameText(s.email)} ${s.serialNumber} ${s.refreshTime} ${s.retryTime} ${s.expireTime} ${s.minimumTTL}`,
          ];
    }
  }
}

function nameText(text: string): string {
  const parsed = tryParseName(text);
  return typeof parsed === 'string' ? parsed : text;
}

function quoted(text: string): string {
  return `"${[...Buffer.from(text)].map((octet) => (octet === 34 || octet === 92 ? `\\${String.fromCharCode(octet)}` : octet >= 32 && octet < 127 ? String.fromCharCode(octet) : `\\${String(octet).padStart(3, '0')}`)).join('')}"`;
}

/** As the API shows a record set. */
export function asResource(zone: StoredZone, { name: relative, type, etag, properties }: StoredSet): unknown {
  return {
    id: `${zone.id}/${type}/${relative}`,
    name: relative,
    type: `Microsoft.Network/dnszones/${type}`,
    etag,
    properties: {
      fqdn: relative === '@' ? zone.origin : `${relative}.${zone.origin}`,
      provisioningState: 'Succeeded',
      ...properties,
      // An empty object where there is none.
      targetResource: properties.targetResource ?? {},
    },
  };
}

/** Zones_List… and RecordSets_ListAllByDnsZone give 100 at a time, and a link to the rest. */
export const PAGE = 100;

export function fqdnOf(zone: StoredZone, relative: string): DomainName {
  return relative === '@' ? zone.origin : parseName(`${relative}.${zone.origin}`);
}

/** An edit past the API's checks, as by somebody else: `set` as the SDK spells it. */
export function storeForeign(zone: StoredZone, fqdn: DomainName, type: string, set: object): void {
  const known = DNS_TYPES.find((candidate) => candidate === type);
  if (known === undefined) throw new Error(`${type} is no type of Azure DNS`);
  const relative = fqdn === zone.origin ? '@' : fqdn.slice(0, -zone.origin.length - 1);
  // The SDK's mapper has each property's name in the API beside its own.
  const properties = Object.fromEntries(
    Object.entries(set).map(([key, value]: [string, unknown]) => [API_NAME[key] ?? key, value]),
  );
  const written = store(zone, relative, known, recordBody.parse(properties));
  if (written.properties.SOARecord === undefined) bumpSerial(zone);
}

const API_NAME: Readonly<Record<string, string>> = {
  ttl: 'TTL',
  aRecords: 'ARecords',
  aaaaRecords: 'AAAARecords',
  mxRecords: 'MXRecords',
  nsRecords: 'NSRecords',
  ptrRecords: 'PTRRecords',
  srvRecords: 'SRVRecords',
  txtRecords: 'TXTRecords',
  cnameRecord: 'CNAMERecord',
};
