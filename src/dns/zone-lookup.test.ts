import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type DomainName, parentOf, parseName } from './name.ts';
import { compileZoneOrThrow, type Zone } from './zone.ts';
import { closestEncloser } from './zone-lookup.ts';

const zoneWith = (origin: string, names: readonly string[]): Zone =>
  compileZoneOrThrow({
    origin: parseName(origin),
    serial: 1,
    nameServers: [{ name: parseName('ns.example.net'), addresses: origin === '.' ? ['192.0.2.53'] : [] }],
    soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
    ttlSeconds: 300,
    records: names.map((name) => ({ name, type: 'A', data: ['192.0.2.1'] })),
    routed: [],
  });

const label = fc.constantFrom('a', 'b', '\\000');
const relative = fc.array(label, { minLength: 1, maxLength: 9 }).map((labels) => labels.join('.'));

it('the closest encloser is the first name above that exists', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('test', '.'),
      fc.uniqueArray(relative, { maxLength: 6 }),
      relative,
      (origin, names, asked) => {
        const zone = zoneWith(origin, names);
        const name = parseName(origin === '.' ? asked : `${asked}.${origin}`);
        if (zone.nodes.get(name) !== undefined) return;
        let at: DomainName | undefined = parentOf(name);
        while (at !== undefined && zone.nodes.get(at) === undefined) at = parentOf(at);
        expect(closestEncloser(zone, name).name).toBe(at);
      },
    ),
    { numRuns: 500 },
  );
});

it('is found in a few looks, however long the name', () => {
  const zone = zoneWith('test', ['a.b', 'w']);
  let looks = 0;
  const counted: Zone = {
    ...zone,
    nodes: {
      size: zone.nodes.size,
      values: () => zone.nodes.values(),
      get(name) {
        looks += 1;
        return zone.nodes.get(name);
      },
    },
  };
  expect(closestEncloser(counted, parseName(`${'x.'.repeat(120)}b.test`)).name).toBe('b.test.');
  expect(looks).toBeLessThan(10); // 121 when each name above is looked for
});
