import { parseIpv4, parseIpv6 } from '../src/dns/address.ts';
import { type DomainName, parentOf } from '../src/dns/name.ts';
import type { Rdata } from '../src/dns/records/catalogue.ts';
import type { RoutedAnswer, RoutedName, RoutedQuery, StaticSet } from '../src/dns/routed.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { TYPE } from '../src/dns/types.ts';
import { compileZone, reviseZone, type Zone } from '../src/dns/zone.ts';
import type { ZoneSource } from '../src/dns/zone-source.ts';
import type { FieldViolation } from '../src/errors/error.ts';
import type { DnsPart, RoutingPart } from '../src/protocol/snapshot.ts';
import type { ZoneSpec } from '../src/resources/zone.ts';
import { type CompiledPolicy, compilePolicy } from '../src/routing/compiled.ts';
import { decide } from '../src/routing/decide.ts';
import { UNLOCATED } from '../src/routing/location.ts';
import type { GeoLookup, RegionTable, RoutedPolicy, StateView } from '../src/routing/model.ts';
import { typesOf } from '../src/routing/policy-types.ts';
import { routedFallback } from './routed-fallback.ts';

export interface RoutedTableInput {
  readonly routing: Pick<RoutingPart, 'sequence' | 'zones' | 'policies' | 'regions'>;
  /** What signed zones are signed with, by origin. A zone that should be signed and has none here is left out: it would be bogus. */
  readonly signing?: DnsPart['signing'];
  /** Without one every location is unknown, and residency rules fail closed. */
  readonly geo: GeoLookup | undefined;
  /** The view to decide by, asked for at every query. */
  readonly view: () => StateView;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export interface RoutedTable {
  readonly table: AnswerTable;
  /** Policies by hostname, ready for `decide` and `explain`. */
  readonly policies: ReadonlyMap<DomainName, CompiledPolicy>;
  /** Hostnames that lie in none of the zones: nobody can ask this server for them. */
  readonly outsideZones: readonly DomainName[];
  /** What keeps a zone out of the table; paths begin with `zones[i]`. */
  readonly problems: readonly FieldViolation[];
}

/**
 * The table that a name server answers from: every zone with the routed names that lie in it. It holds no states: `view` is
 * read by each query, so that a change of health needs no new table.
 */
export function createRoutedTable(input: RoutedTableInput): RoutedTable {
  const { zones: sources, policies, regions, sequence } = input.routing;
  const origins = new Map(sources.map(({ spec }, index) => [spec.origin, index]));
  const routed: { readonly name: DomainName; readonly routed: RoutedName }[][] = sources.map(() => []);
  const byHostname = new Map<DomainName, CompiledPolicy>();
  const outsideZones: DomainName[] = [];
  for (const policy of policies) {
    const prepared = prepare(policy, regions);
    const answerer = routedName(prepared, input);
    for (const hostname of policy.hostnames) {
      byHostname.set(hostname, prepared.compiled);
      const zone = zoneOf(hostname, origins);
      if (zone === undefined) outsideZones.push(hostname);
      else routed[zone]?.push({ name: hostname, routed: answerer });
    }
  }
  const zones: Zone[] = [];
  const problems: FieldViolation[] = [];
  sources.forEach(({ spec, signingSha256 }, index) => {
    if (signingSha256 !== undefined && input.signing?.[spec.origin] === undefined) return;
    const result = zoneFrom(spec, sequence, routed[index] ?? []);
    if (result.ok) zones.push(result.zone);
    else problems.push(...result.violations.map((v) => ({ ...v, path: `zones[${index}].${v.path}` })));
  });
  return { table: new AnswerTable(zones), policies: byHostname, outsideZones, problems };
}

/** The zone with the longest origin at or above the name. */
function zoneOf(name: DomainName, origins: ReadonlyMap<DomainName, number>): number | undefined {
  for (let at: DomainName | undefined = name; at !== undefined; at = parentOf(at)) {
    const zone = origins.get(at);
    if (zone !== undefined) return zone;
  }
  return undefined;
}

/** What a policy is made into, whoever asks. */
interface Prepared {
  readonly regions: RegionTable;
  readonly compiled: CompiledPolicy;
  readonly types: ReadonlySet<number>;
  readonly rdata: ReadonlyMap<string, AddressRecord>;
  /** Once somebody copied the zone. */
  fallback?: readonly StaticSet[];
  /** The last one made, and for whom. */
  routed?: { readonly of: RoutedName; readonly asker: Asker };
}

type Asker = Pick<RoutedTableInput, 'geo' | 'view' | 'random'>;

/* Policies and specs are immutable: what was made of one is made of it again. On a change, nearly all are the same objects. */
const preparedPolicies = new WeakMap<RoutedPolicy, Prepared>();
const compiledZones = new WeakMap<ZoneSpec, { readonly zone: Zone; readonly routed: ZoneSource['routed'] }>();

function prepare(policy: RoutedPolicy, regions: RegionTable): Prepared {
  const known = preparedPolicies.get(policy);
  if (known?.regions === regions) return known;
  const compiled = compilePolicy(policy, regions);
  const prepared: Prepared = {
    regions,
    compiled,
    types: typesOf(compiled),
    rdata: addressRecords(compiled),
  };
  preparedPolicies.set(policy, prepared);
  return prepared;
}

function zoneFrom(
  spec: ZoneSpec,
  serial: number,
  routed: ZoneSource['routed'],
): ReturnType<typeof compileZone> {
  const known = compiledZones.get(spec);
  if (known !== undefined && namesAgree(known.routed, routed)) {
    const zone = reviseZone(known.zone, serial, routed);
    compiledZones.set(spec, { zone, routed });
    return { ok: true, zone };
  }
  const result = compileZone({ ...spec, serial, routed });
  if (result.ok) compiledZones.set(spec, { zone: result.zone, routed });
  return result;
}

/** The same names in the same order, each with the same types: all that the checks of a zone look at. */
function namesAgree(a: ZoneSource['routed'], b: ZoneSource['routed']): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, routed }, at) => {
      const other = b[at];
      return other?.name === name && sameTypes(routed.types, other.routed.types);
    })
  );
}

function sameTypes(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const type of a) if (!b.has(type)) return false;
  return true;
}

/** A policy as DNS sees it. All its hostnames share one. */
function routedName(prepared: Prepared, asker: Asker): RoutedName {
  const { geo, view, random } = asker;
  const last = prepared.routed;
  if (last !== undefined) {
    const { asker: before } = last;
    if (before.geo === geo && before.view === view && before.random === random) return last.of;
  }
  const { compiled, types, rdata } = prepared;
  const of: RoutedName = {
    types,
    answer(query: RoutedQuery): RoutedAnswer {
      const located = geo === undefined ? UNLOCATED : geo.locate(query.client);
      const decision = decide(compiled, { qtype: query.type, client: query.client, located }, view(), random);
      const records: Rdata[] = [];
      for (const answer of decision.answers) {
        if (answer.kind === 'cname') {
          records.push({ type: 'CNAME', target: answer.name });
          continue;
        }
        for (const address of answer.addresses) {
          const record = rdata.get(address);
          if (record !== undefined && TYPE[record.type] === query.type) records.push(record);
        }
      }
      return { ttlSeconds: decision.ttlSeconds, records, ecsScope: decision.scopePrefixLength };
    },
    fallback: () => {
      prepared.fallback ??= routedFallback(compiled, prepared.regions, rdata);
      return prepared.fallback;
    },
  };
  prepared.routed = { of, asker: { geo, view, random } };
  return of;
}

type AddressRecord = Extract<Rdata, { readonly type: 'A' | 'AAAA' }>;

/** Every address the policy can answer with, parsed once. */
function addressRecords(policy: CompiledPolicy): ReadonlyMap<string, AddressRecord> {
  const texts = [
    ...policy.source.endpoints.flatMap((endpoint) => endpoint.addresses.map(({ address }) => address)),
    ...policy.source.residency.flatMap(({ onAllDown }) =>
      onAllDown.action === 'maintenance' ? onAllDown.addresses : [],
    ),
  ];
  const records = new Map<string, AddressRecord>();
  for (const text of texts) {
    const v4 = parseIpv4(text);
    const v6 = v4 === undefined ? parseIpv6(text) : undefined;
    if (v4 !== undefined) records.set(text, { type: 'A', address: v4 });
    else if (v6 !== undefined) records.set(text, { type: 'AAAA', address: v6 });
  }
  return records;
}
