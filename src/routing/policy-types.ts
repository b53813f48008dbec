import { TYPE } from '../dns/types.ts';
import type { CompiledPolicy } from './compiled.ts';
import type { Located } from './model.ts';
import { type ResidencySet, residencySetOf } from './residency.ts';

/**
 * The record types a policy may answer with. With CNAME, queries of every type may get an alias (RFC 1034 section 3.6.2).
 * Health, drains and time play no part.
 */
export function typesOf(policy: CompiledPolicy): ReadonlySet<number> {
  const types = new Set<number>();
  for (const set of policy.residency.all().keys()) for (const type of typesIn(set)) types.add(type);
  return types;
}

/**
 * The types that clients at a place get: those its residency rules leave. They do not depend on health, drains or time: an
 * address type that is here is always answered (where CNAMEs are mixed in, by a CNAME at times), one that is not here is NODATA
 * for everybody there. The one exception is asked for by name: `onAllDown: maintenance` with addresses of one family only.
 */
export function typesAt(policy: CompiledPolicy, located: Located): ReadonlySet<number> {
  return typesIn(residencySetOf(policy.residency, located));
}

function typesIn({ has, governing }: ResidencySet): ReadonlySet<number> {
  const types = new Set<number>();
  if (has.v4) types.add(TYPE.A);
  if (has.v6) types.add(TYPE.AAAA);
  if (has.cname) types.add(TYPE.CNAME);
  const onAllDown = governing?.onAllDown;
  if (types.size === 0 && onAllDown?.action === 'maintenance') {
    for (const address of onAllDown.addresses) types.add(address.includes(':') ? TYPE.AAAA : TYPE.A);
  }
  return types;
}
