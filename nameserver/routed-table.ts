import { parseIpv4, parseIpv6 } from '../src/dns/address.ts';
import { type DomainName, parentOf } from '../src/dns/name.ts';
import type { Rdata } from '../src/dns/records/catalogue.ts';
import type { RoutedAnswer, RoutedName, RoutedQuery } from '../src/dns/routed.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { TYPE } from '../src/dns/types.ts';
import { compileZone, type Zone } from '../src/dns/zone.ts';
import type { FieldViolation } from '../src/errors/error.ts';
import type { RoutingPart } from '../src/protocol/snapshot.ts';
import { type CompiledPolicy, compilePolicy } from '../src/routing/compiled.ts';
import { decide } from '../src/routing/decide.ts';
import { UNLOCATED } from '../src/routing/location.ts';
import type { GeoLookup, StateView } from '../src/routing/model.ts';
import { typesOf } from '../src/routing/policy-types.ts';

export interface RoutedTableInput {
  readonly routing: Pick<RoutingPart, 'sequence' | 'zones' | 'policies' | 'regions'>;
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
    const compiled = compilePolicy(policy, regions);
    const answerer = routedName(compiled, input);
    for (const hostname of policy.hostnames) {
      byHostname.set(hostname, compiled);
      const zone = zoneOf(hostname, origins);
      if (zone === undefined) outsideZones.push(hostname);
      else routed[zone]?.push({ name: hostname, routed: answerer });
    }
  }
  const zones: Zone[] = [];
  const problems: FieldViolation[] = [];
  sources.forEach(({ spec }, index) => {
    const result = compileZone({ ...spec, serial: sequence, routed: routed[index] ?? [] });
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

/** A policy as DNS sees it. All its hostnames share one. */
function routedName(policy: CompiledPolicy, { geo, view, random }: RoutedTableInput): RoutedName {
  const types = typesOf(policy);
  const rdata = addressRecords(policy);
  return {
    types,
    answer(query: RoutedQuery): RoutedAnswer {
      const located = geo === undefined ? UNLOCATED : geo.locate(query.client);
      const decision = decide(policy, { qtype: query.type, client: query.client, located }, view(), random);
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
  };
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
