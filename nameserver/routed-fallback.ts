import type { Rdata } from '../src/dns/records/catalogue.ts';
import type { StaticSet } from '../src/dns/routed.ts';
import { TYPE } from '../src/dns/types.ts';
import type { CompiledPolicy } from '../src/routing/compiled.ts';
import type { RegionTable } from '../src/routing/model.ts';
import {
  ALL_HEALTHY,
  everywhereRestricted,
  MAX_PLAIN_ADDRESSES,
  unplacedEvaluation,
} from '../src/routing/unplaced.ts';

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
  const { ttlSeconds } = policy.source;
  const restricted = everywhereRestricted(policy, regions);
  const sets: StaticSet[] = [];
  for (const type of [TYPE.A, TYPE.AAAA]) {
    const { wanted, candidates, maintenance } = unplacedEvaluation(restricted, type, ALL_HEALTHY);
    if (wanted === 'cname') {
      // A name has one CNAME and nothing beside it (RFC 2181 section 10.1).
      const target = candidates[0]?.endpoint.cname?.name;
      return target === undefined
        ? []
        : [{ type: TYPE.CNAME, ttlSeconds, records: [{ type: 'CNAME', target }] }];
    }
    const addresses = [
      ...candidates.flatMap(({ endpoint }) => (type === TYPE.A ? endpoint.v4 : endpoint.v6)),
      ...maintenance.map((address) => ({ address })),
    ];
    const records: Rdata[] = [];
    for (const { address } of addresses) {
      const record = rdata.get(address);
      if (record !== undefined && !records.includes(record) && records.length < MAX_PLAIN_ADDRESSES)
        records.push(record);
    }
    if (records.length > 0) sets.push({ type, ttlSeconds, records });
  }
  return sets;
}
