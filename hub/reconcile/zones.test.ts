import { describe, expect, it } from 'vitest';
import type { ZoneSpec } from '../../src/resources/zone.ts';
import { cluster, policy, worldOf, zone } from './testing.ts';
import { zoneViolations } from './zones.ts';

const CLUSTERS = [cluster('de', 'DE', '198.51.100.1'), cluster('six', 'FR', '2001:db8::1')];
const EXAMPLE = zone('example', 'example.com', [{ name: 'www', type: 'A', data: ['192.0.2.1'] }]);

/** The zone's spec, and how often its records were gone through. */
function watched(): { readonly spec: ZoneSpec; reads(): number } {
  const { spec } = [...worldOf(EXAMPLE).objects.Zone.values()][0] ?? {};
  if (spec === undefined) throw new Error('there is no zone');
  const { records, ...rest } = spec;
  let reads = 0;
  const counting: ZoneSpec = {
    ...rest,
    get records() {
      reads += 1;
      return records;
    },
  };
  return { spec: counting, reads: () => reads };
}

const routing = (hostname: string, clusters: readonly string[], ttlSeconds = 30) =>
  worldOf(...CLUSTERS, EXAMPLE, policy('p', [hostname], clusters, { ttlSeconds }));

describe('what is wrong with a zone', () => {
  it('is not looked for again after a change of a policy that leaves names and types', () => {
    const { spec, reads } = watched();
    expect(zoneViolations(spec, routing('app.example.com', ['de']))).toEqual([]);
    const once = reads();
    expect(once).toBeGreaterThan(0);
    expect(zoneViolations(spec, routing('app.example.com', ['de'], 60))).toEqual([]);
    expect(reads()).toBe(once);
  });

  it('is looked for again once a routed name has another name or other types', () => {
    const { spec, reads } = watched();
    zoneViolations(spec, routing('app.example.com', ['de']));
    const once = reads();
    expect(zoneViolations(spec, routing('www.example.com', ['de']))).not.toEqual([]);
    expect(reads()).toBe(2 * once);
    zoneViolations(spec, routing('app.example.com', ['de']));
    zoneViolations(spec, routing('app.example.com', ['six']));
    expect(reads()).toBe(4 * once);
  });
});
