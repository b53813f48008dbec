import { parseIpv4, parseIpv6 } from '../src/dns/address.ts';
import type { Rdata } from '../src/dns/records/catalogue.ts';
import type { RoutedAnswer, RoutedName, RoutedQuery, StaticSet } from '../src/dns/routed.ts';
import { TYPE } from '../src/dns/types.ts';
import { type CompiledEndpoint, type CompiledPolicy, compilePolicy } from '../src/routing/compiled.ts';
import { isStale } from '../src/routing/decide.ts';
import { servedAddresses } from '../src/routing/evaluate.ts';
import { CachedEvaluator, EvaluationCache, type KeptEvaluation } from '../src/routing/evaluation-cache.ts';
import type { GeoLookup, RegionTable, RoutedPolicy, StateView } from '../src/routing/model.ts';
import { typesOf } from '../src/routing/policy-types.ts';
import { pick, pickIndex } from '../src/routing/selection.ts';
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
  const { selection, ttlSeconds: fullTtlSeconds, minTtlSeconds } = compiled.source;
  const evaluator = new CachedEvaluator<Records>(compiled, geo, cacheOf(asker), () => []);
  /** What the endpoint is answered with, as long as the evaluation and so the state of its addresses holds. */
  const recordsAt = (
    { evaluation: { wanted }, extra }: KeptEvaluation<Records>,
    endpoint: CompiledEndpoint,
    type: number,
    state: StateView,
  ): readonly Rdata[] => {
    const known = extra[endpoint.index];
    if (known !== undefined) return known;
    let records = NO_RECORDS;
    if (wanted === 4 || wanted === 6) {
      const addresses = servedAddresses(endpoint, wanted, state);
      records = recordsOf(
        addresses.map(({ address }) => address),
        rdata,
        type,
      );
    } else if (endpoint.cname !== undefined) {
      records = [{ type: 'CNAME', target: endpoint.cname.name }];
    }
    extra[endpoint.index] = records;
    return records;
  };
  const of: RoutedName = {
    types,
    answer({ type, client }: RoutedQuery): RoutedAnswer {
      const state = view();
      const kept = evaluator.find(type, client, state);
      const ecsScope = evaluator.scopePrefixLength;
      const ttlSeconds = isStale(state) ? minTtlSeconds : kept.ttlSeconds;
      const { evaluation } = kept;
      const { mode, wanted, candidates } = evaluation;
      if (mode === 'maintenance') {
        const records = recordsOf(evaluation.maintenance, rdata, type);
        return { ttlSeconds, fullTtlSeconds, records, ecsScope };
      }
      const count = wanted === 'cname' ? 1 : selection.maxAnswers;
      if (count === 1) {
        const at = pickIndex(candidates, selection, evaluator.client, random);
        const endpoint = candidates[at]?.endpoint;
        const records = endpoint === undefined ? NO_RECORDS : recordsAt(kept, endpoint, type, state);
        return { ttlSeconds, fullTtlSeconds, records, ecsScope };
      }
      const records: Rdata[] = [];
      for (const endpoint of pick(candidates, count, selection, evaluator.client, random)) {
        records.push(...recordsAt(kept, endpoint, type, state));
      }
      return { ttlSeconds, fullTtlSeconds, records, ecsScope };
    },
    fallback: () => {
      prepared.fallback ??= routedFallback(compiled, prepared.regions, rdata);
      return prepared.fallback;
    },
  };
  prepared.routed = { of, asker: { geo, view, random } };
  return of;
}

/** What each endpoint is answered with, by its number, once it was drawn. */
type Records = (readonly Rdata[] | undefined)[];

const NO_RECORDS: readonly Rdata[] = [];

/* The evaluations of one server, which all its policies keep within one bound. */
const caches = new WeakMap<Asker['view'], EvaluationCache>();

function cacheOf({ view }: Asker): EvaluationCache {
  const known = caches.get(view);
  if (known !== undefined) return known;
  const made = new EvaluationCache();
  caches.set(view, made);
  return made;
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

/** The records of these addresses that have the type asked for. */
function recordsOf(
  addresses: readonly string[],
  rdata: ReadonlyMap<string, AddressRecord>,
  type: number,
): readonly Rdata[] {
  const records: Rdata[] = [];
  for (const address of addresses) {
    const record = rdata.get(address);
    if (record !== undefined && TYPE[record.type] === type) records.push(record);
  }
  return records;
}
