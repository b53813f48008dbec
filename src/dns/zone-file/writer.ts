import { type DomainName, isAtOrBelow } from '../name.ts';
import { formatRdata, type Rdata } from '../records/catalogue.ts';
import type { SoaRdata } from '../records/soa.ts';
import { TYPE, typeName } from '../types.ts';
import { compareOrderKeys, orderKey } from './name-order.ts';

/** One record set of a zone file. */
export interface FileSet {
  readonly owner: DomainName;
  readonly type: number;
  readonly ttlSeconds: number;
  readonly records: readonly Rdata[];
}

export interface ZoneFileContent {
  readonly origin: DomainName;
  /** TTL of the `$TTL` line; sets with another one say theirs. */
  readonly ttlSeconds: number;
  /** The SOA may be among them. */
  readonly sets: readonly FileSet[];
  /** Lines at the top, and lines at the end, each written behind `; `. */
  readonly head?: readonly string[];
  readonly tail?: readonly string[];
}

const NAME_WIDTH = 24;

/**
 * The zone as a file (RFC 1035 section 5) that every name server reads: names in canonical order (RFC 4034 section 6.1), the
 * SOA first, then types by number and data by its text; owners relative to the origin, names in data complete. Equal content
 * gives equal text.
 */
export function* writeZoneFile(content: ZoneFileContent): Iterable<string> {
  const { origin, ttlSeconds } = content;
  for (const line of content.head ?? []) yield comment(line);
  yield `$ORIGIN ${origin}\n`;
  yield `$TTL ${ttlSeconds}\n`;
  const sorted = content.sets
    .map((set) => ({ set, key: orderKey(set.owner) }))
    .sort((a, b) => compareOrderKeys(a.key, b.key) || rank(a.set.type) - rank(b.set.type));
  let last: DomainName | undefined;
  for (const { set } of sorted) {
    const type = typeName(set.type);
    const ttl = set.ttlSeconds === ttlSeconds ? '' : `${set.ttlSeconds} `;
    const texts = set.records.map((rdata) => (rdata.type === 'SOA' ? soaText(rdata) : formatRdata(rdata)));
    for (const text of texts.sort()) {
      const owner = set.owner === last ? '' : ownerText(set.owner, origin);
      last = set.owner;
      yield `${owner.padEnd(NAME_WIDTH)} ${ttl}IN ${type} ${text}\n`;
    }
  }
  for (const line of content.tail ?? []) yield comment(line);
}

/** A name as the owner of a record: `@`, relative, or complete when it lies elsewhere. */
export function ownerText(name: DomainName, origin: DomainName): string {
  if (name === origin) return '@';
  if (origin === '.' || !isAtOrBelow(name, origin)) return name;
  return name.slice(0, -origin.length - 1);
}

function rank(type: number): number {
  return type === TYPE.SOA ? -1 : type;
}

function soaText(soa: SoaRdata): string {
  const times: readonly (readonly [number, string])[] = [
    [soa.serial, 'serial'],
    [soa.refreshSeconds, 'refresh'],
    [soa.retrySeconds, 'retry'],
    [soa.expireSeconds, 'expire'],
    [soa.minimumSeconds, 'negative TTL'],
  ];
  const lines = times.map(
    ([value, what]) => `${' '.repeat(NAME_WIDTH + 4)}${String(value).padEnd(11)}; ${what}`,
  );
  return `${soa.primary} ${soa.mailbox} (\n${lines.join('\n')}\n${' '.repeat(NAME_WIDTH + 4)})`;
}

/** A comment cannot end early: a line break in it would begin a record. */
function comment(text: string): string {
  return `; ${text.replace(/[\r\n]+/g, ' ')}\n`;
}
