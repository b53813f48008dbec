import type { ClientAddress } from '../../client.ts';
import { parseName } from '../../name.ts';
import { formatRdata, parseRdata, type Rdata } from '../../records/catalogue.ts';
import type { RoutedName } from '../../routed.ts';
import type { OwnedRRset } from '../../rrset.ts';
import { AnswerTable } from '../../table.ts';
import { zoneSource } from '../../testing/zone-source.ts';
import { parseType, TYPE, typeName } from '../../types.ts';
import { encodeMessage, makeQuery } from '../../wire/message.ts';
import { parseQuery, type Query } from '../../wire/query.ts';
import { compileZoneOrThrow } from '../../zone.ts';
import type { RecordSource } from '../../zone-source.ts';
import type { SigningMaterial } from '../material.ts';
import { verifyRRset } from '../signature.ts';
import { SignatureCache } from '../signature-cache.ts';
import { SigningBudget } from '../signing-budget.ts';
import { createZoneSigner } from '../zone-signer.ts';
import { makeZoneKeys, materialOf } from './signing-material.ts';

export const CLIENT: ClientAddress = {
  family: 4,
  bytes: new Uint8Array(4),
  prefixLength: 32,
  source: 'resolver',
};
/** Seconds since 1970: the time that the zone's keys were signed at. */
export const NOW = Date.UTC(2026, 10, 21) / 1000;
export const origin = parseName('signed.test');
/** Made anew in each run. */
export const keys = makeZoneKeys();
const published = [keys.keySigning.dnskey, keys.zoneSigning.dnskey];

const record = (name: string, type: string, ...data: string[]): RecordSource => ({ name, type, data });
const routes = (types: readonly number[], ttlSeconds: number, records: readonly Rdata[]): RoutedName => ({
  types: new Set(types),
  answer: ({ type }) => ({
    ttlSeconds,
    fullTtlSeconds: 60,
    ecsScope: 0,
    records: records.filter((rdata) => rdata.type === 'CNAME' || TYPE[rdata.type as 'A'] === type),
  }),
});
export const A1 = parseRdata(TYPE.A, '198.51.100.1');
export const A2 = parseRdata(TYPE.A, '198.51.100.2');

const plain = compileZoneOrThrow(
  zoneSource({
    origin,
    serial: 7,
    nameServers: [
      { name: parseName('ns1.signed.test'), addresses: ['192.0.2.53'] },
      { name: parseName('ns.example.net'), addresses: [] },
    ],
    records: [
      record('@', 'MX', '10 www.signed.test.'),
      record('www', 'A', '192.0.2.80', '192.0.2.8'),
      record('www', 'TXT', '"t"'),
      record('alias', 'CNAME', 'www.signed.test.'),
      record('dangling', 'CNAME', 'nowhere.signed.test.'),
      record('deep.ent', 'A', '192.0.2.5'),
      record('*.wild', 'A', '192.0.2.77'),
      record('*.walias', 'CNAME', 'www.signed.test.'),
      record('old', 'DNAME', 'new.signed.test.'),
      record('www.new', 'A', '192.0.2.6'),
      record('secure', 'NS', 'ns.secure.signed.test.', 'ns1.signed.test.'),
      record('secure', 'DS', `1 13 2 ${'00'.repeat(32)}`),
      record('ns.secure', 'A', '192.0.2.99'),
      record('insecure', 'NS', 'ns.insecure.signed.test.'),
      record('insecure', 'A', '192.0.2.100'),
      record('ns.insecure', 'A', '192.0.2.98'),
      record('big', 'TXT', ...Array.from({ length: 6 }, (_, i) => `"${String(i).repeat(180)}"`)),
    ],
    routed: [
      { name: parseName('api.signed.test'), routed: routes([TYPE.A, TYPE.AAAA], 20, [A1, A2]) },
      { name: parseName('cdn.signed.test'), routed: routes([TYPE.A, TYPE.AAAA, TYPE.CNAME], 20, [A1]) },
      {
        name: parseName('moved.signed.test'),
        routed: routes([TYPE.CNAME], 20, [parseRdata(TYPE.CNAME, 'www.signed.test.')]),
      },
      { name: parseName('*.tenant.signed.test'), routed: routes([TYPE.A], 20, [A1]) },
    ],
  }),
);

export interface SignedTableOptions {
  readonly nowMs?: () => number;
  readonly perSecond?: number;
  readonly keptOctets?: number;
  readonly material?: SigningMaterial;
}

/** A table with one signed zone, and what its signer works with. */
export function signedTable({
  nowMs = () => NOW * 1000,
  perSecond = 1e6,
  keptOctets = 1e6,
  material,
}: SignedTableOptions = {}) {
  const resources = {
    wallMs: nowMs,
    budget: new SigningBudget(perSecond, nowMs),
    kept: new SignatureCache(keptOctets),
    fleeting: new SignatureCache(1e5),
  };
  const signer = createZoneSigner(material ?? materialOf(origin, keys, NOW), origin, resources);
  return { table: new AnswerTable([{ ...plain, signer }]), resources };
}

/** A query with EDNS and room for 4096 octets. */
export function queryFor(name: string, type: string, { dnssecOk = true, compactOk = false } = {}): Query {
  const message = makeQuery(1, { name: parseName(name), type: parseType(type) ?? 0, class: 1 });
  const edns = { udpSize: 4096, version: 0, dnssecOk, compactOk, options: [] };
  const query = parseQuery(encodeMessage({ ...message, edns }));
  if (query === undefined) throw new Error('the query was dropped');
  return query;
}

/**
 * Every set of a section, with `+` when a signature over it verifies, `-` when it has none; a bad one throws.
 */
export function checked(section: readonly OwnedRRset[], atSeconds = NOW): readonly string[] {
  const signatures = section.filter(({ set }) => set.type === TYPE.RRSIG);
  let used = 0;
  const lines = section
    .filter(({ set }) => set.type !== TYPE.RRSIG)
    .map(({ owner, set }) => {
      const over = signatures.find(
        (one) =>
          one.owner === owner &&
          one.set.records.every((rdata) => rdata.type === 'RRSIG' && rdata.typeCovered === set.type),
      );
      const text = `${owner} ${set.ttlSeconds} ${typeName(set.type)} ${set.records.map(formatRdata).join(' | ')}`;
      if (over === undefined) return `- ${text}`;
      used += 1;
      if (over.set.ttlSeconds !== set.ttlSeconds) throw new Error(`${text}: its signature has another TTL`); // RFC 4034 section 3
      for (const rrsig of over.set.records) {
        if (rrsig.type !== 'RRSIG') throw new Error('not a signature');
        if (rrsig.originalTtlSeconds < set.ttlSeconds)
          throw new Error(`${text}: its TTL is above the original`);
        const made = { owner, records: set.records };
        if (!published.some((dnskey) => verifyRRset(made, rrsig, dnskey, atSeconds)))
          throw new Error(`the signature over ${text} does not verify`);
      }
      return `+ ${text}`;
    });
  if (used !== signatures.length) throw new Error('there are signatures over nothing');
  return lines;
}
