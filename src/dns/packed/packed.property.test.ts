import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DomainName, isAtOrBelow, labelsOf, parentOf, parseName, wildcardUnder } from '../name.ts';
import { codeOf, type Rdata } from '../records/catalogue.ts';
import type { RoutedName } from '../routed.ts';
import { compileRRset, rdataKey } from '../rrset.ts';
import { TYPE } from '../types.ts';
import { attachZone, type Zone, zoneImage } from '../zone.ts';
import { PackedZoneBuilder } from './builder.ts';
import { hashText, ownLength } from './layout.ts';
import { NodeCache } from './node-cache.ts';

const ORIGINS = ['example.test', 'a', '.'].map(parseName);

/** Few labels, so that names meet, nest and lie below wildcards; some at their limits, some of octets that need an escape. */
const label = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'b', '*', '_tcp') },
  { weight: 1, arbitrary: fc.constantFrom('l'.repeat(63), '\\000\\255', '\\046', '\\092', 'a\\032b') },
);

function namesOf(origin: DomainName): fc.Arbitrary<DomainName> {
  return fc
    .array(label, { maxLength: 3 })
    .map((labels) => parseName([...labels, ...labelsOf(origin)].join('.') || '.'));
}

const rdata: fc.Arbitrary<Rdata> = fc.oneof(
  fc.constantFrom(1, 2, 3, 4).map((n): Rdata => ({ type: 'A', address: Uint8Array.of(192, 0, 2, n) })),
  fc
    .constantFrom('ns1.example.test', 'ns.other', 'a')
    .map((n): Rdata => ({ type: 'NS', target: parseName(n) })),
  fc.constantFrom('b.a', 'www.example.test').map((n): Rdata => ({ type: 'CNAME', target: parseName(n) })),
  fc
    .constantFrom('mx.example.test', 'mx')
    .map((n): Rdata => ({ type: 'MX', preference: 10, exchange: parseName(n) })),
  fc.uint8Array({ maxLength: 300 }).map((data): Rdata => ({ type: 'OPAQUE', code: 65_400, data })),
);

type Entry =
  | {
      readonly kind: 'record';
      readonly owner: DomainName;
      readonly ttlSeconds: number;
      readonly rdata: Rdata;
    }
  | { readonly kind: 'routed'; readonly owner: DomainName };

const zones = fc.constantFrom(...ORIGINS).chain((origin) =>
  fc.record({
    origin: fc.constant(origin),
    entries: fc.array(
      fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({
            kind: fc.constant('record' as const),
            owner: namesOf(origin),
            ttlSeconds: fc.constantFrom(0, 60, 0x7fff_ffff),
            rdata,
          }),
        },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('routed' as const), owner: namesOf(origin) }) },
      ),
      { minLength: 3, maxLength: 30 },
    ),
    asked: fc.array(namesOf(origin), { minLength: 10, maxLength: 30 }),
  }),
);

/** What a packed zone must say, from maps and lists: every name with the names between it and the origin. */
class Model {
  readonly origin: DomainName;
  readonly sets = new Map<DomainName, Map<number, { ttlSeconds: number; records: Rdata[] }>>();
  readonly routed: DomainName[] = [];

  constructor(origin: DomainName) {
    this.origin = origin;
    this.at(origin);
  }

  at(name: DomainName): Map<number, { ttlSeconds: number; records: Rdata[] }> {
    let sets = this.sets.get(name);
    if (sets === undefined) {
      sets = new Map();
      this.sets.set(name, sets);
      const parent = parentOf(name);
      if (name !== this.origin && parent !== undefined) this.at(parent);
    }
    return sets;
  }

  /** @returns false for a record that is there already */
  add({ owner, ttlSeconds, rdata: data }: Extract<Entry, { kind: 'record' }>): boolean {
    const sets = this.at(owner);
    const set = sets.get(codeOf(data));
    if (set === undefined) sets.set(codeOf(data), { ttlSeconds, records: [data] });
    else if (set.records.some((other) => rdataKey(other) === rdataKey(data))) return false;
    else set.records.push(data);
    return true;
  }

  cut(name: DomainName): DomainName | undefined {
    let found: DomainName | undefined;
    for (let at: DomainName | undefined = name; at !== undefined && at !== this.origin; at = parentOf(at)) {
      if (this.sets.get(at)?.has(TYPE.NS)) found = at;
    }
    return found;
  }
}

const ROUTED: RoutedName[] = Array.from({ length: 30 }, (_, i) => ({
  types: new Set([TYPE.A]),
  answer: () => ({ ttlSeconds: i, records: [], ecsScope: 0 }),
}));

const SOA: Rdata = {
  type: 'SOA',
  primary: parseName('ns1.example.test'),
  mailbox: parseName('hostmaster.example.test'),
  serial: 1,
  refreshSeconds: 1,
  retrySeconds: 1,
  expireSeconds: 1,
  minimumSeconds: 30,
};

function expectNode(zone: Zone, model: Model, name: DomainName): void {
  const node = zone.nodes.get(name);
  const sets = model.sets.get(name);
  expect(node?.name).toBe(sets === undefined ? undefined : name);
  if (node === undefined || sets === undefined) return;
  expect(node.sets.map(({ type, ttlSeconds, records }) => ({ type, ttlSeconds, records }))).toEqual(
    [...sets].map(([type, set]) => ({ type, ...set })),
  );
  for (const set of node.sets) {
    expect(set.wire === undefined ? undefined : new Uint8Array(set.wire)).toEqual(
      compileRRset(set.type, set.ttlSeconds, sets.get(set.type)?.records ?? []).wire,
    );
  }
  expect(node.cname?.records).toEqual(sets.get(TYPE.CNAME)?.records);
  expect(node.cut?.name).toBe(model.cut(name));
  const wildcard = wildcardUnder(name);
  expect(node.wildcard?.name).toBe(model.sets.has(wildcard) ? wildcard : undefined);
  const number = model.routed.indexOf(name);
  expect(node.routed).toBe(number < 0 ? undefined : ROUTED[number]);
}

test('a packed zone is what was put into it, asked in any order through a cache of any size', () => {
  let found = 0;
  let cuts = 0;
  fc.assert(
    fc.property(zones, fc.constantFrom(1, 4, 1000), ({ origin, entries, asked }, nodes) => {
      const model = new Model(origin);
      const builder = new PackedZoneBuilder(origin);
      model.at(origin).set(TYPE.SOA, { ttlSeconds: 60, records: [{ ...SOA, serial: 7 }] });
      builder.addSet(origin, TYPE.SOA, 60, [SOA]);
      for (const entry of entries) {
        if (entry.kind === 'record') {
          const { owner, ttlSeconds, rdata: data } = entry;
          expect(builder.add(owner, codeOf(data), ttlSeconds, data)).toBe(model.add(entry));
        } else {
          model.at(entry.owner);
          if (!model.routed.includes(entry.owner)) model.routed.push(entry.owner);
          expect(builder.addRouted(entry.owner)).toBe(model.routed.indexOf(entry.owner));
        }
      }
      const cache = new NodeCache(nodes);
      const image = { origin, serial: 7, buffer: builder.finish() };
      const zone = attachZone(image, (index) => ROUTED[index], cache);
      expect(zone.nodes.size).toBe(model.sets.size);
      for (const name of asked) {
        expectNode(zone, model, name);
        if (zone.nodes.get(name) !== undefined) found += 1;
        if (zone.nodes.get(name)?.cut !== undefined) cuts += 1;
        expect(cache.size).toBeLessThanOrEqual(Math.max(2, nodes));
      }
      const names = [...zone.nodes.values()].map((node) => node.name);
      expect(new Set(names)).toEqual(new Set(model.sets.keys()));
      expect(names).toHaveLength(model.sets.size);
      for (const name of names) expectNode(zone, model, name);
      expect(zoneImage(zone)).toEqual(image);
    }),
    { numRuns: 200 },
  );
  expect(found).toBeGreaterThan(500);
  expect(cuts).toBeGreaterThan(50);
}, 60_000);

test('names whose hashes agree in every bit the index looks at are told apart', () => {
  const origin = parseName('example.test');
  const slot = (name: DomainName) => hashText(name, ownLength(name, origin)) & 0xfff;
  const bySlot = new Map<number, DomainName[]>();
  for (let i = 0; i < 60_000; i += 1) {
    const name = parseName(`n${i}.example.test`);
    bySlot.set(slot(name), [...(bySlot.get(slot(name)) ?? []), name]);
  }
  const [crowd = []] = [...bySlot.values()].sort((a, b) => b.length - a.length);
  const [absent, ...present] = crowd;
  expect(present.length).toBeGreaterThan(20);
  const builder = new PackedZoneBuilder(origin);
  builder.addSet(origin, TYPE.SOA, 60, [SOA]);
  for (const [i, name] of present.entries()) {
    builder.addSet(name, TYPE.A, i, [{ type: 'A', address: Uint8Array.of(10, 0, 0, i) }]);
  }
  const zone = attachZone({ origin, serial: 1, buffer: builder.finish() }, () => undefined);
  for (const [i, name] of present.entries()) expect(zone.nodes.get(name)?.sets[0]?.ttlSeconds).toBe(i);
  expect(absent !== undefined && zone.nodes.get(absent)).toBeUndefined();
});

test('a small zone takes little: a thousand of them are no megabyte', () => {
  const origin = parseName('example.test');
  const builder = new PackedZoneBuilder(origin);
  builder.addSet(origin, TYPE.SOA, 60, [SOA]);
  for (const name of ['www', 'mail', 'ns1', 'ns2']) {
    builder.add(parseName(`${name}.example.test`), TYPE.A, 60, {
      type: 'A',
      address: Uint8Array.of(192, 0, 2, 1),
    });
  }
  expect(builder.records).toBe(5);
  expect(builder.finish().byteLength).toBeLessThan(1000);
});

test('a name outside the zone, a set of too many records and a buffer of another layout are refused', () => {
  const origin = parseName('example.test');
  const builder = new PackedZoneBuilder(origin);
  const a: Rdata = { type: 'A', address: Uint8Array.of(192, 0, 2, 1) };
  const outside = parseName('www.example.net');
  expect(isAtOrBelow(outside, origin)).toBe(false);
  expect(() => builder.add(outside, TYPE.A, 60, a)).toThrow(
    expect.objectContaining({ code: 'DNS_RECORD_OUT_OF_ZONE' }),
  );
  const many = Array.from(
    { length: 65_536 },
    (_, i): Rdata => ({ type: 'A', address: Uint8Array.of(10, i >> 16, i >> 8, i) }),
  );
  expect(() => builder.addSet(origin, TYPE.A, 60, many)).toThrow(
    expect.objectContaining({ code: 'DNS_ZONE_INVALID' }),
  );
  const foreign = { origin, serial: 1, buffer: new SharedArrayBuffer(64) };
  expect(() => attachZone(foreign, () => undefined)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  expect(() =>
    attachZone({ ...foreign, buffer: new PackedZoneBuilder(origin).finish() }, () => undefined),
  ).toThrow(/no SOA/);
});
