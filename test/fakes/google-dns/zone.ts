import { type DomainName, isAtOrBelow, tryParseName } from '../../../src/dns/name.ts';
import { formatRdata, parseRdata } from '../../../src/dns/records/catalogue.ts';
import { parseType } from '../../../src/dns/types.ts';
import { canonicalJson } from '../../../src/identity/canonical-json.ts';
import { LIMITS, Refused, type ZoneFacts } from './limits.ts';
import { checkRoutingPolicy } from './routing-policy.ts';
import type { ApiChange, ApiRecordSet } from './schema.ts';

/** https://cloud.google.com/dns/docs/records-overview#supported_dns_record_types */
const SUPPORTED_TYPES: ReadonlySet<string> = new Set([
  ...['A', 'AAAA', 'CAA', 'CNAME', 'DNSKEY', 'DS', 'HTTPS', 'IPSECKEY', 'MX', 'NAPTR', 'NS', 'PTR', 'SOA'],
  ...['SPF', 'SRV', 'SSHFP', 'SVCB', 'TLSA', 'TXT'],
]);

/** Sets by `name type`. */
export type ZoneSets = ReadonlyMap<string, StoredSet>;

export interface StoredSet {
  readonly name: DomainName;
  readonly type: string;
  /** As it was sent. */
  readonly api: ApiRecordSet;
  /** Equal for sets that say the same. */
  readonly content: string;
}

/**
 * A change as a whole, or the reason why nothing of it happens. Deletions come first; each must be what is there.
 * https://cloud.google.com/dns/docs/reference/rest/v1/changes/create
 */
export function applyChange(zone: ZoneFacts, before: ZoneSets, change: ApiChange): ZoneSets {
  const { additions = [], deletions = [] } = change;
  if (additions.length === 0 && deletions.length === 0)
    throw new Refused(400, 'required', "The 'entity.change' parameter is required but was missing.");
  checkSize(additions, deletions);
  const deleted = deletions.map((set, i) => parsed(zone, set, `entity.change.deletions[${i}]`));
  const added = additions.map((set, i) => parsed(zone, set, `entity.change.additions[${i}]`));

  const after = new Map(before);
  for (const [i, set] of deleted.entries()) {
    const key = keyOf(set);
    const there = after.get(key);
    const location = `entity.change.deletions[${i}]`;
    if (there === undefined)
      throw new Refused(
        404,
        'notFound',
        `The '${location}' resource named '${set.name} (${set.type})' does not exist.`,
        location,
      );
    if (there.content !== set.content)
      throw new Refused(412, 'conditionNotMet', `Precondition not met for '${location}'`, location);
    after.delete(key);
  }
  for (const [i, set] of added.entries()) {
    const key = keyOf(set);
    const location = `entity.change.additions[${i}]`;
    if (after.has(key))
      throw new Refused(
        409,
        'alreadyExists',
        `The resource '${location}' named '${set.name} (${set.type})' already exists`,
        location,
      );
    after.set(key, set);
  }
  checkZone(zone, after, added);
  return after;
}

function checkSize(additions: readonly ApiRecordSet[], deletions: readonly ApiRecordSet[]): void {
  const tooMuch = (what: string, limit: number): Refused =>
    new Refused(413, 'quotaExceeded', `Quota exceeded: ${what}, limit ${limit}`);
  if (additions.length > LIMITS.rrsetAdditionsPerChange)
    throw tooMuch('rrsetAdditionsPerChange', LIMITS.rrsetAdditionsPerChange);
  if (deletions.length > LIMITS.rrsetDeletionsPerChange)
    throw tooMuch('rrsetDeletionsPerChange', LIMITS.rrsetDeletionsPerChange);
  const octets = [...additions, ...deletions].reduce(
    (sum, set) => sum + rrdatasOf(set).reduce((of, value) => of + Buffer.byteLength(value), 0),
    0,
  );
  if (octets > LIMITS.totalRrdataSizePerChange)
    throw tooMuch('totalRrdataSizePerChange', LIMITS.totalRrdataSizePerChange);
}

/** All record data of a set, wherever in it. */
export function rrdatasOf({ rrdatas = [], routingPolicy }: ApiRecordSet): readonly string[] {
  const { geo, wrr, primaryBackup } = routingPolicy ?? {};
  const items = [
    ...(geo?.items ?? []),
    ...(wrr?.items ?? []),
    ...(primaryBackup?.backupGeoTargets?.items ?? []),
  ];
  return [
    ...rrdatas,
    ...items.flatMap((item) => [
      ...(item.rrdatas ?? []),
      ...(item.healthCheckedTargets?.externalEndpoints ?? []),
    ]),
    ...(primaryBackup?.primaryTargets?.externalEndpoints ?? []),
  ];
}

function parsed(zone: ZoneFacts, api: ApiRecordSet, at: string): StoredSet {
  const invalid = (field: string, value: unknown): Refused =>
    new Refused(400, 'invalid', `Invalid value for '${at}.${field}': '${String(value)}'`, `${at}.${field}`);
  const name = tryParseName(api.name ?? '');
  if (typeof name !== 'string' || !(api.name ?? '').endsWith('.') || !isAtOrBelow(name, zone.origin))
    throw invalid('name', api.name);
  const { type = '' } = api;
  if (!SUPPORTED_TYPES.has(type)) throw invalid('type', type);
  if (api.ttl === undefined || api.ttl < 0) throw invalid('ttl', api.ttl);
  const routed = api.routingPolicy !== undefined;
  const { rrdatas = [] } = api;
  if (routed === rrdatas.length > 0)
    throw new Refused(
      400,
      'invalidFieldValue',
      `Invalid value for '${at}': a record set has either rrdatas or a routingPolicy`,
      at,
    );
  if (rrdatas.length > LIMITS.resourceRecordsPerRrset) throw invalid('rrdata', `${rrdatas.length} records`);
  const code = parseType(type) ?? 0;
  const canonical = (value: string, field: string): string => {
    try {
      return formatRdata(parseRdata(code, value));
    } catch {
      throw invalid(field, value);
    }
  };
  const values = rrdatas.map((value, i) => canonical(value, `rrdata[${i}]`));
  if (new Set(values).size !== values.length) throw invalid('rrdata', 'duplicates');
  if (type === 'CNAME' && values.length > 1)
    throw new Refused(
      400,
      'invalidRecordCount',
      `Invalid value for '${at}.rrdata': a CNAME has one record`,
      at,
    );
  if (type === 'NS' && name !== zone.origin && values.length > LIMITS.nameserversPerDelegation)
    throw invalid('rrdata', `${values.length} name servers`);
  if (api.routingPolicy !== undefined) checkRoutingPolicy(zone, type, api.routingPolicy, at, canonical);
  return { name, type, api, content: contentOf(api, canonical) };
}

/** What makes two sets the same: the API compares record data, not spelling. */
function contentOf(api: ApiRecordSet, canonical: (value: string, field: string) => string): string {
  const values = (list: readonly string[] | undefined): readonly string[] =>
    (list ?? []).map((value) => canonical(value, 'rrdata')).sort();
  const cleaned = (value: unknown, key = ''): unknown => {
    if (Array.isArray(value)) {
      const texts = value.filter((item) => typeof item === 'string');
      if (key === 'rrdatas' || key === 'externalEndpoints') return values(texts);
      return value.map((item) => cleaned(item));
    }
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([field, item]) => field !== 'kind' && field !== 'signatureRrdatas' && item !== false)
        .map(([field, item]) => [field, cleaned(item, field)]),
    );
  };
  return canonicalJson({
    ttl: api.ttl,
    values: values(api.rrdatas),
    policy: cleaned(api.routingPolicy) ?? null,
  });
}

function checkZone(zone: ZoneFacts, after: ZoneSets, added: readonly StoredSet[]): void {
  if (after.size > LIMITS.rrsetsPerManagedZone)
    throw new Refused(
      403,
      'quotaExceeded',
      `Quota exceeded: rrsetsPerManagedZone, limit ${LIMITS.rrsetsPerManagedZone}`,
    );
  for (const type of ['SOA', 'NS'])
    if (!after.has(`${zone.origin} ${type}`))
      throw new Refused(
        400,
        'invalidZoneApex',
        `The resource record set 'entity.change.deletions[${zone.origin}][${type}]' is invalid because a zone must contain exactly one resource record set of type '${type}' at the apex.`,
      );
  const types = Map.groupBy(after.values(), ({ name }) => name);
  for (const { name, type } of added) {
    const at = `entity.change.additions[${name}][${type}]`;
    if (type === 'SOA' && name !== zone.origin)
      throw new Refused(
        400,
        'invalidZoneApex',
        `The resource record set '${at}' is invalid because SOA is for the apex.`,
        at,
      );
    const ofName = types.get(name) ?? [];
    if (ofName.length > 1 && ofName.some((set) => set.type === 'CNAME'))
      throw new Refused(
        400,
        'cnameResourceRecordSetConflict',
        `The resource record set '${at}' is invalid because the DNS name '${name}' may have either one CNAME resource record set or resource record sets of other types, but not both.`,
        at,
      );
  }
}

export function keyOf({ name, type }: Pick<StoredSet, 'name' | 'type'>): string {
  return `${name} ${type}`;
}
