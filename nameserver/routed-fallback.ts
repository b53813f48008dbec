import type { Rdata } from '../src/dns/records/catalogue.ts';
import type { StaticSet } from '../src/dns/routed.ts';
import { TYPE } from '../src/dns/types.ts';
import type { CompiledPolicy } from '../src/routing/compiled.ts';
import { evaluate } from '../src/routing/evaluate.ts';
import { UNLOCATED } from '../src/routing/location.ts';
import type { RegionTable, StateView } from '../src/routing/model.ts';
import { compileResidency } from '../src/routing/residency.ts';
import type { Candidate } from '../src/routing/selection.ts';

/** More would not fit into an answer that has to cross every path in one packet, signatures included. */
const MAX_ADDRESSES = 16;

/** Everything is up, nothing is drained. */
const ALL_HEALTHY: StateView = {
  target: () => ({ state: 'up', earliestChangeMs: Number.POSITIVE_INFINITY }),
  cluster: () => ({}),
  lastHealthy: () => [],
  staleForMs: 0,
};

/**
 * What a copy of the zone (a secondary by zone transfer) has at a routed name: the answer to a client of unknown location while
 * everything is healthy, with every residency rule in force, whatever it says of unknown locations: a copy cannot
 * tell who asks. All endpoints of the first tier stand in it, heaviest first, because a copy cannot draw; of CNAMEs the
 * heaviest. The policy's TTL. Depends on the policy only, so that every server has the same at one serial.
 * @returns no set at all when the residency rules leave nobody in common: then the copy has no such name
 */
export function routedFallback(
  policy: CompiledPolicy,
  regions: RegionTable,
  rdata: ReadonlyMap<string, Rdata>,
): readonly StaticSet[] {
  const { residency, ttlSeconds } = policy.source;
  const restricted: CompiledPolicy = {
    ...policy,
    residency: compileResidency(
      residency.map((rule) => ({ ...rule, unknownLocation: 'restrict' as const })),
      regions,
      policy.endpoints,
    ),
    walks: new Map(),
  };
  const sets: StaticSet[] = [];
  for (const type of [TYPE.A, TYPE.AAAA]) {
    const { wanted, candidates, maintenance } = evaluate(
      restricted,
      { qtype: type, located: UNLOCATED },
      ALL_HEALTHY,
    );
    const heaviest = heaviestFirst(candidates);
    if (wanted === 'cname') {
      // A name has one CNAME and nothing beside it (RFC 2181 section 10.1).
      const target = heaviest[0]?.endpoint.cname?.name;
      return target === undefined
        ? []
        : [{ type: TYPE.CNAME, ttlSeconds, records: [{ type: 'CNAME', target }] }];
    }
    const addresses = [
      ...heaviest.flatMap(({ endpoint }) => (type === TYPE.A ? endpoint.v4 : endpoint.v6)),
      ...maintenance.map((address) => ({ address })),
    ];
    const records: Rdata[] = [];
    for (const { address } of addresses) {
      const record = rdata.get(address);
      if (record !== undefined && !records.includes(record) && records.length < MAX_ADDRESSES)
        records.push(record);
    }
    if (records.length > 0) sets.push({ type, ttlSeconds, records });
  }
  return sets;
}

/** Of equals, the policy's order decides. */
function heaviestFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.toSorted((a, b) => b.weight - a.weight || a.endpoint.index - b.endpoint.index);
}
