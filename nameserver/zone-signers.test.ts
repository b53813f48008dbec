import { describe, expect, it } from 'vitest';
import { makeZoneKeys, materialOf } from '../src/dns/dnssec/testing/signing-material.ts';
import { parseName } from '../src/dns/name.ts';
import { parseRdata } from '../src/dns/records/catalogue.ts';
import { momentaryRRset } from '../src/dns/rrset.ts';
import { TYPE } from '../src/dns/types.ts';
import type { RoutingPart } from '../src/protocol/snapshot.ts';
import { Counters } from '../src/telemetry/counters.ts';
import { matching } from '../test/support/matchers.ts';
import { createRoutedTable } from './routed-table.ts';
import { ZoneSigners } from './zone-signers.ts';

const NOW = Date.UTC(2026, 10, 21) / 1000;
const origin = parseName('example.test');
const www = parseName('www.example.test');
const other = parseName('example.net');
const set = momentaryRRset(TYPE.A, 60, [parseRdata(TYPE.A, '192.0.2.1')]);
const keys = makeZoneKeys();
const material = materialOf(origin, keys, NOW);
const copyOf = <T>(value: T): T => structuredClone(value);

function signers(): ZoneSigners {
  return new ZoneSigners({ wallMs: () => NOW * 1000 });
}

describe('the signers of a thread', () => {
  it('are made once while their material says the same', () => {
    const all = signers();
    const first = all.signerFor(origin, material);
    expect(all.signerFor(origin, material)).toBe(first);
    expect(all.signerFor(origin, copyOf(material))).toBe(first);
    expect(all.signerFor(origin, { ...material, signatureValiditySeconds: 86_400 })).not.toBe(first);
  });

  it('keep signatures when only the keys are signed anew, and make others with another key', () => {
    const all = signers();
    const before = all.signerFor(origin, material).signaturesOf(www, set, 60, false);
    const signedAgain = materialOf(origin, keys, NOW + 86_400);
    const again = all.signerFor(origin, signedAgain);
    expect(again.signaturesOf(www, set, 60, false)).toBe(before);
    expect(again.presigned.get(TYPE.DNSKEY)?.signatures.records).not.toEqual(
      all.signerFor(origin, material).presigned.get(TYPE.DNSKEY)?.signatures.records,
    );
    const rolled = all.signerFor(origin, materialOf(origin, makeZoneKeys(), NOW));
    expect(rolled.signaturesOf(www, set, 60, false)?.records).not.toEqual(before?.records);
  });

  it('count what they make, keep and refuse', () => {
    const counters = new Counters();
    const all = new ZoneSigners({ wallMs: () => NOW * 1000, signaturesPerSecond: 1 });
    all.countIn(counters);
    const signer = all.signerFor(origin, material);
    for (const owner of [www, www, www, other]) signer.signaturesOf(owner, set, 60, false);
    expect(counters.families()[0]?.samples.map(({ labels, value }) => [labels, value])).toEqual([
      [{ outcome: 'made' }, 1],
      [{ outcome: 'kept' }, 2],
      [{ outcome: 'refused' }, 1],
    ]);
  });

  it('are forgotten with their zones', () => {
    const all = signers();
    const first = all.signerFor(origin, material);
    all.keepOnly(new Set([origin]));
    expect(all.signerFor(origin, copyOf(material))).toBe(first);
    all.keepOnly(new Set([other]));
    expect(all.signerFor(origin, copyOf(material))).not.toBe(first);
  });
});

describe('a table', () => {
  const zone: RoutingPart['zones'][number] = {
    namespace: 'default',
    name: 'example-test',
    spec: {
      origin,
      nameServers: [{ name: parseName('ns.example.net'), addresses: [] }],
      soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
      ttlSeconds: 300,
      records: [],
    },
  };
  const build = (signing: Parameters<typeof createRoutedTable>[0]['signing']) =>
    createRoutedTable({
      routing: { sequence: 1, zones: [zone], policies: [], regions: {} },
      geo: undefined,
      view: () => {
        throw new Error('nothing is routed here');
      },
      random: () => 0,
      signers: signers(),
      ...(signing === undefined ? {} : { signing }),
    });

  it('has signers for the zones that there is material for', () => {
    expect(build({ [origin]: material }).table.zones[0]?.signer?.presigned.size).toBe(3);
    expect(build({ [other]: material }).table.zones[0]?.signer).toBeUndefined();
    expect(build(undefined).table.zones[0]?.signer).toBeUndefined();
  });

  it('leaves out a zone whose material is damaged, and says why', () => {
    const [signer] = material.signers;
    if (signer === undefined) throw new Error('no signer');
    const { table, problems } = build({
      [origin]: { ...material, signers: [{ ...signer, privateKey: 'AAAA' }] },
    });
    expect(table.zones).toEqual([]);
    expect(problems).toEqual([
      {
        path: 'zones[0].dnssec',
        code: 'DNSSEC_KEY_INVALID',
        message: 'the private key is not PKCS #8 DER',
        fix: matching(/P-256/),
      },
    ]);
  });
});
