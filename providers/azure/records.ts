import type { RecordSet as AzureRecordSet, RecordType } from '@azure/arm-dns';
import { type DomainName, parseName, tryParseName } from '../../src/dns/name.ts';
import { formatRdata, parseRdata, type Rdata } from '../../src/dns/records/catalogue.ts';
import { TYPE } from '../../src/dns/types.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { ProviderError } from '../contract.ts';

/**
 * Record sets between Azure's shape (one typed property per record type: `aRecords`, `txtRecords`, …) and ours.
 * https://learn.microsoft.com/rest/api/dns/record-sets/create-or-update (API version 2018-05-01)
 */

/** What the API version of the SDK can hold; DS, TLSA and NAPTR came with a later, signed-zones preview. */
export const WRITABLE_TYPES = ['A', 'AAAA', 'CAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'] as const;

/** Seconds that are sent with an alias: the API wants a TTL, but answers with the one of what it leads to. */
const ALIAS_TTL_SECONDS = 60;

/** A label as Azure DNS takes it; anything else would need an escape that its resource names do not have. */
const LABEL = /^(\*|[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)$/;

const utf8 = new TextEncoder();

/** `www` of `www.example.com.` in `example.com.`; `@` for the apex. @throws ProviderError `invalid` */
export function relativeName(name: DomainName, origin: DomainName): string {
  if (name === origin) return '@';
  const relative = origin === '.' ? name.slice(0, -1) : name.slice(0, -origin.length - 1);
  if (relative.split('.').every((label) => LABEL.test(label))) return relative;
  throw new ProviderError('invalid', `Azure DNS has no way to write the name ${name}`, {
    group: name,
    fix: 'Use letters, digits, hyphens and underscores in names of zones at Azure.',
  });
}

/** @throws ProviderError `unsupported` */
export function recordTypeOf(set: Pick<RecordSet, 'name' | 'type'>): RecordType {
  const type = WRITABLE_TYPES.find((candidate) => candidate === set.type);
  if (type !== undefined) return type;
  throw new ProviderError('invalid', `Azure DNS cannot hold ${set.type} records (${set.name})`, {
    group: set.name,
    fix: 'Leave the record out, or delegate the name to the embedded name servers.',
  });
}

/** A set as the API reads it, without metadata. @throws ProviderError `invalid` */
export function toAzure(set: RecordSet): AzureRecordSet {
  const { targetResource: target } = set.native ?? {};
  if (target !== undefined) {
    if (typeof target !== 'string') {
      throw new ProviderError(
        'invalid',
        `the alias at ${set.name} leads to something that was not made yet`,
        { group: set.name },
      );
    }
    return { ttl: ALIAS_TTL_SECONDS, targetResource: { id: target } };
  }
  const type = recordTypeOf(set);
  const records = set.values.map((value) => parsed(TYPE[type], value, set.name));
  return { ttl: set.ttlSeconds ?? 0, ...typed(records, set.name) };
}

function parsed(type: number, value: string, name: DomainName): Rdata {
  try {
    return parseRdata(type, value);
  } catch (cause) {
    throw new ProviderError('invalid', `${name}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      group: name,
      cause,
    });
  }
}

/** The one typed property that holds the records. */
function typed(records: readonly Rdata[], name: DomainName): AzureRecordSet {
  const of = <T extends Rdata['type']>(type: T): Extract<Rdata, { type: T }>[] =>
    records.filter((r): r is Extract<Rdata, { type: T }> => r.type === type);
  const [first] = records;
  switch (first?.type) {
    case 'A':
      return { aRecords: of('A').map((r) => ({ ipv4Address: formatRdata(r) })) };
    case 'AAAA':
      return { aaaaRecords: of('AAAA').map((r) => ({ ipv6Address: formatRdata(r) })) };
    case 'CAA':
      return {
        caaRecords: of('CAA').map((r) => ({ flags: r.flags, tag: r.tag, value: text(r.value, name) })),
      };
    case 'CNAME':
      return { cnameRecord: { cname: formatRdata(first) } };
    case 'MX':
      return {
        mxRecords: of('MX').map((r) => {
          const [preference = '', exchange = ''] = formatRdata(r).split(' ');
          return { preference: Number(preference), exchange };
        }),
      };
    case 'NS':
      return { nsRecords: of('NS').map((r) => ({ nsdname: formatRdata(r) })) };
    case 'PTR':
      return { ptrRecords: of('PTR').map((r) => ({ ptrdname: formatRdata(r) })) };
    case 'SRV':
      return {
        srvRecords: of('SRV').map((r) => {
          const [priority = '', weight = '', port = '', target = ''] = formatRdata(r).split(' ');
          return { priority: Number(priority), weight: Number(weight), port: Number(port), target };
        }),
      };
    case 'TXT':
      return { txtRecords: of('TXT').map((r) => ({ value: r.strings.map((s) => text(s, name)) })) };
    case 'SOA':
      return {
        soaRecord: {
          host: first.primary,
          email: first.mailbox,
          serialNumber: first.serial,
          refreshTime: first.refreshSeconds,
          retryTime: first.retrySeconds,
          expireTime: first.expireSeconds,
          minimumTtl: first.minimumSeconds,
        },
      };
    default:
      throw new ProviderError(
        'invalid',
        `Azure DNS cannot hold what stands at ${name}: ${first?.type ?? 'nothing'}`,
        { group: name },
      );
  }
}

/** JSON has text, not octets: what is not UTF-8 cannot be sent. */
function text(octets: Uint8Array, name: DomainName): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch (cause) {
    throw new ProviderError(
      'invalid',
      `the text at ${name} is not UTF-8, which is all that Azure DNS takes`,
      {
        group: name,
        cause,
      },
    );
  }
}

/**
 * A set as read, in canonical form; `undefined` for one of a type that this API version does not describe.
 * An alias has no values and no TTL of its own: both are of what it leads to.
 */
export function fromAzure(set: AzureRecordSet, origin: DomainName): RecordSet | undefined {
  const type = WRITABLE_TYPES.find((candidate) => set.type?.toUpperCase().endsWith(`/${candidate}`));
  if (type === undefined || set.name === undefined) return undefined;
  const name = parseName(set.name === '@' ? origin : `${set.name}.${origin === '.' ? '' : origin}`);
  if (set.targetResource?.id !== undefined) {
    // Resource ids are compared without regard to case, and come back in any.
    return {
      name,
      type,
      setId: '',
      values: [],
      native: { targetResource: set.targetResource.id.toLowerCase() },
    };
  }
  const values = [...new Set(rdataOf(set).map(formatRdata))].sort();
  return { name, type, setId: '', ttlSeconds: set.ttl ?? 0, values };
}

function rdataOf(set: AzureRecordSet): readonly Rdata[] {
  const parse = (type: keyof typeof TYPE, data: string): Rdata => parseRdata(TYPE[type], data);
  const { soaRecord: soa } = set;
  return [
    ...(set.aRecords ?? []).map((r) => parse('A', r.ipv4Address ?? '')),
    ...(set.aaaaRecords ?? []).map((r) => parse('AAAA', r.ipv6Address ?? '')),
    ...(set.caaRecords ?? []).map(
      (r): Rdata => ({
        type: 'CAA',
        flags: r.flags ?? 0,
        tag: (r.tag ?? '').toLowerCase(),
        value: utf8.encode(r.value ?? ''),
      }),
    ),
    ...(set.cnameRecord?.cname === undefined ? [] : [parse('CNAME', absolute(set.cnameRecord.cname))]),
    ...(set.mxRecords ?? []).map((r) => parse('MX', `${r.preference ?? 0} ${absolute(r.exchange)}`)),
    ...(set.nsRecords ?? []).map((r) => parse('NS', absolute(r.nsdname))),
    ...(set.ptrRecords ?? []).map((r) => parse('PTR', absolute(r.ptrdname))),
    ...(set.srvRecords ?? []).map((r) =>
      parse('SRV', `${r.priority ?? 0} ${r.weight ?? 0} ${r.port ?? 0} ${absolute(r.target)}`),
    ),
    ...(set.txtRecords ?? []).map(
      (r): Rdata => ({ type: 'TXT', strings: (r.value ?? ['']).map((part) => utf8.encode(part)) }),
    ),
    ...(soa === undefined
      ? []
      : [
          parse(
            'SOA',
            `${absolute(soa.host)} ${absolute(soa.email)} ${soa.serialNumber ?? 0} ${soa.refreshTime ?? 0} ${soa.retryTime ?? 0} ${soa.expireTime ?? 0} ${soa.minimumTtl ?? 0}`,
          ),
        ]),
  ];
}

/** Names in data are complete with or without their last dot. */
function absolute(name: string | undefined): string {
  const parsed = tryParseName(name ?? '');
  return typeof parsed === 'string' ? parsed : (name ?? '');
}
