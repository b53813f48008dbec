import type { DomainName } from '../../src/dns/name.ts';
import { formatRdata, parseRdata, type Rdata } from '../../src/dns/records/catalogue.ts';
import { CLASS, isMetaType, parseType, typeName } from '../../src/dns/types.ts';
import type { ResourceRecord } from '../../src/dns/wire/message.ts';
import { type RecordSet, setKey } from '../../src/plan/record-set.ts';
import { ProviderError } from '../contract.ts';
import { isServersOwn } from './capabilities.ts';

/** Records of a zone as sets, without what the server makes itself. A set has one TTL; if not, the lowest (RFC 2181 section 5.2). */
export function setsOf(records: Iterable<ResourceRecord>): readonly RecordSet[] {
  const sets = new Map<string, { name: DomainName; type: string; ttlSeconds: number; values: Set<string> }>();
  for (const { name, type, ttlSeconds, rdata } of records) {
    if (isServersOwn(type)) continue;
    const id = { name, type: typeName(type), setId: '' };
    const key = setKey(id);
    const found = sets.get(key);
    if (found === undefined)
      sets.set(key, { name, type: id.type, ttlSeconds, values: new Set([formatRdata(rdata)]) });
    else {
      found.values.add(formatRdata(rdata));
      found.ttlSeconds = Math.min(found.ttlSeconds, ttlSeconds);
    }
  }
  return [...sets.values()].map(({ values, ...set }) => ({ ...set, setId: '', values: [...values].sort() }));
}

/**
 * What a set is on the wire.
 * @throws ProviderError `invalid` for what is no record, `unsupported` for what UPDATE does not carry
 */
export function wireOf(set: RecordSet): { readonly type: number; readonly rdatas: readonly Rdata[] } {
  const type = parseType(set.type);
  if (
    type === undefined ||
    isMetaType(type) ||
    isServersOwn(type) ||
    set.native !== undefined ||
    set.setId !== ''
  )
    throw new ProviderError('unsupported', `${set.name}: ${set.type} sets cannot be written by DNS UPDATE`, {
      group: set.name,
    });
  try {
    return { type, rdatas: set.values.map((value) => parseRdata(type, value)) };
  } catch (thrown) {
    throw ProviderError.from('invalid', thrown, set);
  }
}

/** A record without data, as prerequisites and deletions have it. */
export function emptyRecord(name: DomainName, type: number, recordClass: number): ResourceRecord {
  return {
    name,
    type,
    class: recordClass,
    ttlSeconds: 0,
    rdata: { type: 'OPAQUE', code: type, data: new Uint8Array(0) },
  };
}

export function recordsOf(
  { name, ttlSeconds = 0 }: Pick<RecordSet, 'name' | 'ttlSeconds'>,
  wire: { readonly type: number; readonly rdatas: readonly Rdata[] },
): readonly ResourceRecord[] {
  return wire.rdatas.map((rdata) => ({ name, type: wire.type, class: CLASS.IN, ttlSeconds, rdata }));
}
