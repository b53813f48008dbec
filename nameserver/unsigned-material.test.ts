import { describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { zoneSpec } from '../src/resources/zone.ts';
import { createRoutedTable } from './routed-table.ts';

const zone = (name: string, signingSha256?: string) => ({
  namespace: 'default',
  name,
  spec: zoneSpec.parse({ origin: `${name}.example`, nameServers: [{ name: 'ns.example' }], dnssec: {} }),
  ...(signingSha256 === undefined ? {} : { signingSha256 }),
});

describe('a zone that should be signed', () => {
  it('is not served by a name server that has no keys for it: unsigned it would be bogus', () => {
    const { table, problems } = createRoutedTable({
      routing: {
        sequence: 1,
        zones: [zone('signed', 'a'.repeat(64)), zone('plain')],
        policies: [],
        regions: {},
      },
      geo: undefined,
      view: () => {
        throw new Error('nothing is routed here');
      },
      random: () => 0.5,
    });
    expect(table.zones.map((served) => served.origin)).toEqual([parseName('plain.example')]);
    // It is the usual case of an agent that answers no DNS: no reason to refuse its snapshot.
    expect(problems).toEqual([]);
  });
});
