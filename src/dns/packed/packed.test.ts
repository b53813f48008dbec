import { describe, expect, it } from 'vitest';
import { type DomainName, parseName } from '../name.ts';
import { parseRdata } from '../records/catalogue.ts';
import { TYPE } from '../types.ts';
import type { ZoneNode } from '../zone.ts';
import { PackedZoneBuilder } from './builder.ts';
import { NodeCache } from './node-cache.ts';
import { PackedTable } from './table.ts';

const origin = parseName('example.test');
const a = (text: string) => parseRdata(TYPE.A, text);
const soa = parseRdata(TYPE.SOA, 'ns.example.test. host.example.test. 1 2 3 4 5');
const unrouted = () => undefined;
const tableOf = (buffer: SharedArrayBuffer, at: DomainName = origin): PackedTable =>
  new PackedTable(at, buffer, 7, unrouted, new NodeCache());

describe('a packed zone', () => {
  it('takes records one by one, each once, with the TTL of the first', () => {
    const builder = new PackedZoneBuilder(origin);
    const www = parseName('www.example.test');
    expect(builder.add(origin, TYPE.SOA, 60, soa)).toBe(true);
    expect(builder.add(www, TYPE.A, 300, a('192.0.2.1'))).toBe(true);
    expect(builder.add(www, TYPE.A, 900, a('192.0.2.2'))).toBe(true);
    expect(builder.add(www, TYPE.A, 900, a('192.0.2.1'))).toBe(false);
    expect(builder.add(www, TYPE.TXT, 900, parseRdata(TYPE.TXT, '"longer than an address"'))).toBe(true);
    expect(builder.add(www, TYPE.TXT, 900, parseRdata(TYPE.TXT, '"short"'))).toBe(true);
    expect(builder.records).toBe(5);
    const node = tableOf(builder.finish()).get(www);
    expect(node?.sets.map(({ type, ttlSeconds, records }) => [type, ttlSeconds, records.length])).toEqual([
      [TYPE.A, 300, 2],
      [TYPE.TXT, 900, 2],
    ]);
  });

  it('refuses names outside, and gives a routed name one number', () => {
    const builder = new PackedZoneBuilder(origin);
    expect(() => builder.add(parseName('example.net'), TYPE.A, 60, a('192.0.2.1'))).toThrowError(
      expect.objectContaining({ code: 'DNS_RECORD_OUT_OF_ZONE' }),
    );
    const app = parseName('app.example.test');
    expect([
      builder.addRouted(app),
      builder.addRouted(parseName('b.example.test')),
      builder.addRouted(app),
    ]).toEqual([0, 1, 0]);
  });

  it('says so when it gets too large: in its names, its data, or as a whole', () => {
    const tooLarge = expect.objectContaining({ code: 'DNS_ZONE_INVALID' }) as unknown;
    const names = new PackedZoneBuilder(origin, 100);
    expect(() => {
      for (let i = 0; i < 100; i += 1) names.addRouted(parseName(`n${i}.example.test`));
    }).toThrowError(tooLarge);
    const data = new PackedZoneBuilder(origin, 100);
    expect(() =>
      data.addSet(origin, TYPE.TXT, 60, [parseRdata(TYPE.TXT, `"${'x'.repeat(200)}"`)]),
    ).toThrowError(tooLarge);
    const whole = new PackedZoneBuilder(origin, 100);
    whole.addSet(origin, TYPE.A, 60, [a('192.0.2.1')]);
    expect(() => whole.finish()).toThrowError(tooLarge);
  });

  it('may be the root', () => {
    const root = parseName('.');
    const builder = new PackedZoneBuilder(root);
    builder.addSet(root, TYPE.SOA, 60, [soa]);
    builder.addSet(parseName('test'), TYPE.A, 60, [a('192.0.2.1')]);
    const table = tableOf(builder.finish(), root);
    expect(table.soa.rdata.serial).toBe(7);
    expect([...table.values()].map(({ name }) => name).sort()).toEqual(['.', 'test.']);
  });

  it('of another layout, of another zone or without an SOA is a mistake that is told', () => {
    const builder = new PackedZoneBuilder(origin);
    builder.addSet(parseName('www.example.test'), TYPE.A, 60, [a('192.0.2.1')]);
    const buffer = builder.finish();
    const internal = expect.objectContaining({ code: 'INTERNAL' }) as unknown;
    expect(() => tableOf(buffer).soa).toThrowError(internal);
    expect(() => tableOf(buffer, parseName('example.net')).soa).toThrowError(internal);
    expect(() => tableOf(buffer, parseName('a.much.longer.example.net')).soa).toThrowError(internal);
    new Uint32Array(buffer)[0] = 0xffff_ffff;
    expect(() => tableOf(buffer)).toThrowError(internal);
  });
});

describe('the nodes that are held', () => {
  const node = (name: string): ZoneNode => ({
    name: parseName(name),
    sets: [],
    cname: undefined,
    routed: undefined,
    wildcard: undefined,
    cut: undefined,
  });

  it('are bounded: what is asked for stays, what is not goes', () => {
    const cache = new NodeCache(8);
    const zone = cache.ofZone();
    const kept = node('kept.example.test');
    zone.set(kept.name, kept);
    let most = 0;
    for (let i = 0; i < 100; i += 1) {
      const other = node(`n${i}.example.test`);
      zone.set(other.name, other);
      expect(zone.get(kept.name)).toBe(kept);
      most = Math.max(most, cache.size);
    }
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(8 + 1);
    expect(zone.get(parseName('n0.example.test'))).toBeUndefined();
    expect(zone.get(parseName('never.example.test'))).toBeUndefined();
    expect(zone.size).toBe(cache.size);
    expect(cache.ofZone().size).toBe(0);
  });
});
