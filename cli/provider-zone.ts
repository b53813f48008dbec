import type { ProviderZoneContent } from '../src/client/client.ts';
import { type DomainName, isAtOrBelow, parseName } from '../src/dns/name.ts';
import { parseRdata, type Rdata } from '../src/dns/records/catalogue.ts';
import { parseType } from '../src/dns/types.ts';
import { PortolanError } from '../src/errors/error.ts';

type Found = ProviderZoneContent['records'][number];

export interface PlainSet {
  readonly owner: DomainName;
  readonly type: number;
  readonly ttlSeconds: number;
  readonly records: readonly Rdata[];
  /** This hub published it. */
  readonly ours: boolean;
}

/** A set that has no form outside its provider, and why. */
export interface NativeSet {
  readonly set: Found;
  readonly reason: string;
}

/** What of a provider's zone every name server could have, what it cannot, and what the hub keeps for itself. */
export interface SplitZone {
  readonly plain: readonly PlainSet[];
  readonly native: readonly NativeSet[];
  /** How many sets the hub has below `_portolan` for itself: markers and fences, and pools that routed names are made of. */
  readonly own: { readonly markers: number; readonly pools: number };
}

/** A zone file has no TTL for a set that takes its from elsewhere; such sets have no form there anyway. */
const NO_TTL = 300;

export function splitZone(origin: DomainName, content: ProviderZoneContent): SplitZone {
  const registry = parseName(`_portolan.${origin}`);
  const plain: PlainSet[] = [];
  const native: NativeSet[] = [];
  const poolsBelow = parseName(`_pool._portolan.${origin}`);
  let markers = 0;
  let pools = 0;
  for (const set of content.records) {
    const owner = parseName(set.name);
    if (isAtOrBelow(owner, registry)) {
      if (isAtOrBelow(owner, poolsBelow)) pools += 1;
      else markers += 1;
      continue;
    }
    const records = set.native === undefined && set.setId === '' ? dataOf(set) : undefined;
    const type = parseType(set.type);
    if (records === undefined || type === undefined || records.length === 0) {
      native.push({ set, reason: reasonOf(set) });
      continue;
    }
    plain.push({ owner, type, ttlSeconds: set.ttlSeconds ?? NO_TTL, records, ours: set.owner === 'this' });
  }
  return { plain, native, own: { markers, pools } };
}

/** `undefined` when a value is nothing that DNS knows. */
function dataOf({ type, values }: Found): readonly Rdata[] | undefined {
  const code = parseType(type);
  if (code === undefined) return undefined;
  try {
    return values.map((value) => parseRdata(code, value));
  } catch (thrown) {
    if (PortolanError.from(thrown).code === 'DNS_RECORD_INVALID') return undefined;
    throw thrown;
  }
}

function reasonOf({ native, setId, type }: Found): string {
  if (native !== undefined) return `the provider routes it: ${native}`;
  if (setId !== '') return `one of several sets (${setId})`;
  return `${type} is of the provider alone`;
}
