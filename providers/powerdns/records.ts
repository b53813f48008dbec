import { type DomainName, tryParseName } from '../../src/dns/name.ts';
import { formatRdata, parseRdata } from '../../src/dns/records/catalogue.ts';
import { isMetaType, parseType, typeName } from '../../src/dns/types.ts';
import type { RecordSet, SetChange } from '../../src/plan/record-set.ts';
import { ProviderError } from '../contract.ts';
import { CAPABILITIES } from './capabilities.ts';
import type { ApiRrset } from './wire.ts';

/** What a signing PowerDNS, or one that serves a zone signed elsewhere, makes itself. SOA is shown, though not written. */
const SERVERS_OWN: ReadonlySet<string> = new Set(
  CAPABILITIES.unsupportedTypes.map(({ type }) => type).filter((type) => type !== 'SOA'),
);

/**
 * An RRset of the API as a set; `undefined` for one that has comments only, and for what the server makes itself. LUA records stand in
 * `native.lua` as the API has them, records that are switched off in `native.disabled`.
 */
export function setOf(rrset: ApiRrset): RecordSet | undefined {
  const name = tryParseName(rrset.name);
  if (typeof name === 'object' || rrset.records.length === 0) return undefined;
  const code = parseType(rrset.type);
  const type = code === undefined ? rrset.type.toUpperCase() : typeName(code);
  if (SERVERS_OWN.has(type)) return undefined;
  const contents = (disabled: boolean): string[] =>
    [
      ...new Set(
        rrset.records
          .filter((record) => record.disabled === disabled)
          .map(({ content }) => (code === undefined ? content : canonical(code, content))),
      ),
    ].sort();
  const live = contents(false);
  const off = contents(true);
  const native = {
    ...(type === 'LUA' ? { lua: live } : {}),
    ...(off.length === 0 ? {} : { disabled: off }),
  };
  return {
    name,
    type,
    setId: '',
    ttlSeconds: rrset.ttl ?? 0,
    values: type === 'LUA' ? [] : live,
    ...(Object.keys(native).length === 0 ? {} : { native }),
  };
}

/** As we spell it; what we cannot read is left as PowerDNS has it, so that it stays comparable. */
function canonical(type: number, content: string): string {
  try {
    return formatRdata(parseRdata(type, content));
  } catch {
    return content;
  }
}

/** The set in our spelling, as `setOf` gives it. */
export function canonicalSet(set: RecordSet): RecordSet {
  const code = parseType(set.type);
  return code === undefined
    ? set
    : { ...set, values: set.values.map((value) => canonical(code, value)).sort() };
}

/** An RRset of a PATCH. A replacement takes the set's place whole; its comments stay. */
export type ApiChange =
  | { readonly name: DomainName; readonly type: string; readonly changetype: 'DELETE' }
  | {
      readonly name: DomainName;
      readonly type: string;
      readonly changetype: 'REPLACE';
      readonly ttl: number;
      readonly records: readonly { readonly content: string; readonly disabled: false }[];
    };

/**
 * Deletions first: PowerDNS goes through a PATCH in its order, and refuses a CNAME while something else stands at its name.
 * @throws ProviderError `unsupported`, `invalid`
 */
export function patchOf(changes: readonly SetChange[]): readonly ApiChange[] {
  const deletions: ApiChange[] = [];
  const replacements: ApiChange[] = [];
  for (const { before, after } of changes) {
    if (after === undefined) deletions.push({ name: before.name, type: before.type, changetype: 'DELETE' });
    else
      replacements.push({
        name: after.name,
        type: after.type,
        changetype: 'REPLACE',
        ttl: after.ttlSeconds ?? 0,
        records: contentsOf(after).map((content) => ({ content, disabled: false })),
      });
  }
  return [...deletions, ...replacements];
}

/**
 * As PowerDNS spells a value: it refuses every other spelling. Parameters of SVCB and HTTPS whose form it knows have no quotes there.
 */
export function contentOfApi(type: string, value: string): string {
  if (type !== 'SVCB' && type !== 'HTTPS') return value;
  return value.replace(/ (mandatory|alpn|port|ipv4hint|ipv6hint)="([^"\\\s]*)"/g, ' $1=$2');
}

function contentsOf(set: RecordSet): readonly string[] {
  const { name, type, native } = set;
  const code = parseType(type);
  const unsupported = CAPABILITIES.unsupportedTypes.find((one) => one.type === type);
  const bad = (what: string): ProviderError =>
    new ProviderError(
      code === undefined || unsupported !== undefined ? 'unsupported' : 'invalid',
      `${name} ${type}: ${what}`,
      {
        group: name,
      },
    );
  if (unsupported !== undefined) throw bad(unsupported.reason);
  if (set.setId !== '') throw bad('sets with an identifier are not known to PowerDNS');
  if (type === 'LUA') {
    const lua = native?.lua;
    if (!Array.isArray(lua) || lua.length === 0) throw bad('no code is given');
    return lua.map((content) => {
      if (typeof content !== 'string') throw bad('its code is no text');
      return content;
    });
  }
  if (code === undefined || isMetaType(code)) throw bad('this type is not written here');
  if (native !== undefined) throw bad('records that are switched off are not written here');
  try {
    for (const value of set.values) parseRdata(code, value);
  } catch (thrown) {
    throw ProviderError.from('invalid', thrown, set);
  }
  return set.values.map((value) => contentOfApi(type, value));
}
