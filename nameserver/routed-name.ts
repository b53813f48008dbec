import { parseIpv4, parseIpv6 } from '../src/dns/address.ts';
import type { Rdata } from '../src/dns/records/catalogue.ts';
import type { RoutedAnswer, RoutedName, RoutedQuery, StaticSet } from '../src/dns/routed.ts';
import { TYPE } from '../src/dns/types.ts';
import { type CompiledPolicy, compilePolicy } from '../src/routing/compiled.ts';
import { decide } from '../src/routing/decide.ts';
import { UNLOCATED } from '../src/routing/location.ts';
import type { GeoLookup, RegionTable, RoutedPolicy, StateView } from '../src/routing/model.ts';
import { typesOf } from '../src/routing/policy-types.ts';
import { routedFallback } from './routed-fallback.ts';

/** What a routed name decides by, besides its policy. */
export interface Asker {
  /** Without one every location is unknown, and residency rules fail closed. */
  readonly geo: GeoLookup | undefined;
  /** The view to decide by, asked for at every query. */
  readonly view: () => StateView;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** What a policy is made into, whoever asks. */
export interface PreparedPolicy {
  readonly regions: RegionTable;
  readonly compiled: CompiledPolicy;
  readonly types: ReadonlySet<number>;
  readonly rdata: ReadonlyMap<string, AddressRecord>;
  /** The last one made, and for whom. */
  routed?: { readonly of: RoutedName; readonly asker: Asker };
  /** Once somebody copied the zone. */
  fallback?: readonly StaticSet[];
}

type AddressRecord = Extract<Rdata, { readonly type: 'A' | 'AAAA' }>;

/* Policies are immutable: what was made of one is made of it again. On a change, nearly all are the same objects. */
const preparedPolicies = new WeakMap<RoutedPolicy, PreparedPolicy>();

export function preparePolicy(policy: RoutedPolicy, regions: RegionTable): PreparedPolicy {
  const known = preparedPolicies.get(policy);
  if (known?.regions === regions) return known;
  const compiled = compilePolicy(policy, regions);
  const prepared: PreparedPolicy = {
    regions,
    compiled,
    types: typesOf(compiled),
    rdata: addressRecords(compiled),
  };
  preparedPolicies.set(policy, prepared);
  return prepared;
}

/** A policy as DNS sees it. All its hostnames share one. */
export function routedName(prepared: PreparedPolicy, asker: Asker): RoutedName {
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
      const { ttlSeconds, scopePrefixLength: ecsScope } = decision;
      return { ttlSeconds, fullTtlSeconds: compiled.source.ttlSeconds, records, ecsScope };
    },
    fallback: () => {
      prepared.fallback ??= routedFallback(compiled, prepared.regions, rdata);
      return prepared.fallback;
    },
  };
  prepared.routed = { of, asker: { geo, view, random } };
  return of;
}

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
