import { dsOf, ECDSAP256SHA256, keyTagOf } from '../dnssec/key.ts';
import { verifyRRset } from '../dnssec/signature.ts';
import type { DomainName } from '../name.ts';
import { formatRdata, type Rdata } from '../records/catalogue.ts';
import type { DnskeyRdata } from '../records/dnskey.ts';
import type { DsRdata } from '../records/ds.ts';
import type { RrsigRdata } from '../records/rrsig.ts';
import { RCODE, TYPE } from '../types.ts';
import { type Finding, finding } from './findings.ts';
import { aboveText, authoritative, dataOf, messageIn, serverText } from './reading.ts';
import type { DelegationView, Reply, ZoneServer } from './view.ts';

/** Flag of a key that the zone above may name (RFC 4034 section 2.1.1). */
const ENTRY_POINT = 1;
/** A signature with less left, and less than a quarter of its life, is near its end. */
const SOON_SECONDS = 86_400;

/** The DS records the zone above has. */
export function parentDs(view: DelegationView): readonly DsRdata[] {
  return (
    view.parents
      .map((parent) => dataOf(messageIn(parent.ds)?.answers, view.zone, 'DS'))
      .find((found) => found.length > 0) ?? []
  );
}

export function keysOf(server: ZoneServer, zone: DomainName): readonly DnskeyRdata[] {
  return dataOf(messageIn(server.keys)?.answers, zone, 'DNSKEY');
}

/** The chain of trust from the zone above to the zone's SOA, at each server (RFC 4035 section 5). */
export function* judgeChain(view: DelegationView): Iterable<Finding> {
  const { zone } = view;
  const servers = authoritative(view).filter((server) => server.keys.kind === 'message');
  const ds = parentDs(view);
  const signed = servers.filter((server) => keysOf(server, zone).length > 0);
  if (servers.length === 0) return;
  if (signed.length === 0) {
    if (ds.length > 0) {
      yield finding(
        'DS_WITHOUT_KEYS',
        `${aboveText(view)} has DS records for ${zone}, but no server has a DNSKEY`,
        'Validating resolvers answer SERVFAIL for every name of the zone.',
        view.wanted?.signed === true
          ? 'See `portolan zone dnssec show` why the keys are not served.'
          : 'Remove the DS records at the registrar, or sign the zone again with the keys they name.',
      );
    } else if (view.wanted?.signed === true) {
      yield finding(
        'NOT_SIGNED_YET',
        `spec.dnssec is set, but no server has a DNSKEY for ${zone}`,
        'The keys have not reached the servers.',
        'Check again in a minute; see `portolan zone dnssec show`.',
      );
    }
    return;
  }
  const sets = new Map<string, string[]>();
  for (const server of servers) {
    const text = keysOf(server, zone).map(keyTagOf).sort().join(' ') || 'none';
    sets.set(text, [...(sets.get(text) ?? []), serverText(server)]);
  }
  if (sets.size > 1) {
    yield finding(
      'KEYS_DIFFER',
      `name servers have different keys: ${[...sets].map(([tags, who]) => `${who.join(', ')}: ${tags}`).join('; ')}`,
      'A resolver that mixes their answers cannot validate them.',
      'Let one signer sign for all, and see that every server has its last keys.',
    );
  }
  const entryPoints = yield* judgeDs(view, ds, signed);
  for (const server of signed) yield* judgeSignatures(server, view, entryPoints);
}

/** Returns tags of the keys that the zone above names. */
function* judgeDs(
  view: DelegationView,
  ds: readonly DsRdata[],
  signed: readonly ZoneServer[],
): Generator<Finding, ReadonlySet<number>> {
  const { zone } = view;
  const keys = signed.flatMap((server) => keysOf(server, zone));
  if (ds.length === 0) {
    // A parent that could not say whether it has any is not one without.
    if (!view.parents.some((parent) => messageIn(parent.ds)?.rcode === RCODE.NOERROR)) return new Set();
    yield finding(
      'DS_MISSING',
      `${zone} is signed, but ${aboveText(view)} has no DS record for it`,
      'Without it nobody validates the signatures.',
      'Enter the DS record below at the registrar, once every server has the keys.',
    );
    return new Set();
  }
  const fitting = ds.filter((record) => keys.some((key) => fits(zone, record, key)));
  if (fitting.length === 0) {
    yield finding(
      'DS_UNMATCHED',
      `no DS record in ${aboveText(view)} (${ds.map((d) => `${d.keyTag}/${d.algorithm}/${d.digestType}`).join(', ')}) fits a key of ${zone} (${[...new Set(keys.map((k) => `${keyTagOf(k)}/${k.algorithm}`))].join(', ')})`,
      'Validating resolvers answer SERVFAIL for every name of the zone.',
      'Replace the DS records at the registrar by those below, or remove them until the right ones are in.',
    );
    return new Set();
  }
  for (const record of ds) {
    if (fitting.includes(record)) continue;
    yield finding(
      'DS_STALE',
      `the DS record ${formatRdata(record)} fits no key of ${zone}`,
      'A key that was replaced; or one that is not published yet.',
      'Remove it at the registrar when no rollover is going on.',
    );
  }
  return new Set(fitting.map((record) => record.keyTag));
}

function fits(zone: DomainName, ds: DsRdata, key: DnskeyRdata): boolean {
  if (ds.keyTag !== keyTagOf(key) || ds.algorithm !== key.algorithm) return false;
  if (ds.digestType !== 2 && ds.digestType !== 4) return false;
  return Buffer.compare(dsOf(zone, key, ds.digestType).digest, ds.digest) === 0;
}

function* judgeSignatures(
  server: ZoneServer,
  view: DelegationView,
  entryPoints: ReadonlySet<number>,
): Iterable<Finding> {
  const { zone } = view;
  const keys = keysOf(server, zone);
  const unknown = [...new Set(keys.map((key) => key.algorithm))].filter((a) => a !== ECDSAP256SHA256);
  if (unknown.length > 0) {
    yield finding(
      'ALGORITHM_UNCHECKED',
      `${serverText(server)} signs with algorithm ${unknown.join(', ')}: its signatures were not checked`,
      `Signatures of algorithm ${ECDSAP256SHA256} (ECDSA P-256) are checked, which Portolan makes.`,
      `Have the others checked by \`delv ${zone} SOA\`.`,
    );
    return;
  }
  const entry = keys.filter((key) =>
    entryPoints.size > 0 ? entryPoints.has(keyTagOf(key)) : (key.flags & ENTRY_POINT) !== 0,
  );
  yield* judgeSet(server, view, 'DNSKEY', server.keys, entry);
  yield* judgeSet(server, view, 'SOA', server.signedSoa, keys);
}

function* judgeSet(
  server: ZoneServer,
  view: DelegationView,
  type: 'DNSKEY' | 'SOA',
  reply: Reply,
  keys: readonly DnskeyRdata[],
): Iterable<Finding> {
  const { zone, nowSeconds } = view;
  const answers = messageIn(reply)?.answers;
  const records: readonly Rdata[] = dataOf(answers, zone, type);
  const signatures = dataOf(answers, zone, 'RRSIG').filter((s) => s.typeCovered === TYPE[type]);
  const good = signatures.filter((s) =>
    keys.some((key) => verifyRRset({ owner: zone, records }, s, key, nowSeconds)),
  );
  if (good.length === 0) {
    yield finding(
      'SIGNATURE_INVALID',
      `${serverText(server)}: no valid signature over the ${type} records of ${zone}: ${whyInvalid(signatures, keys, nowSeconds)}`,
      'Validating resolvers do not take answers of this server.',
      'See that its clock is right (NTP) and that it gets new signatures: `portolan zone dnssec show`.',
    );
    return;
  }
  const last = Math.max(...good.map((s) => s.expiration));
  const life = Math.max(...good.map((s) => s.expiration - s.inception));
  if (last - nowSeconds < Math.min(SOON_SECONDS, life / 4)) {
    yield finding(
      'SIGNATURE_EXPIRING',
      `${serverText(server)}: the signature over the ${type} records ends in ${Math.floor((last - nowSeconds) / 60)} minutes`,
      'It should have been renewed by now.',
      'See `portolan zone dnssec show`, and whether the server still hears from the hub.',
    );
  }
}

function whyInvalid(
  signatures: readonly RrsigRdata[],
  keys: readonly DnskeyRdata[],
  nowSeconds: number,
): string {
  if (signatures.length === 0) return 'there is none';
  if (keys.length === 0) return 'no key that the zone above names is there';
  if (signatures.every((s) => s.expiration < nowSeconds)) return 'it has expired';
  if (signatures.every((s) => s.inception > nowSeconds)) return 'it is valid in the future only';
  return 'it was not made by a key of the zone over these records';
}
