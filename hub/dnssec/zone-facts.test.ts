import { describe, expect, it } from 'vitest';
import { cluster, document, policy, worldOf } from '../reconcile/testing.ts';
import { copyDelayMs, longestTtlSeconds } from './zone-facts.ts';

const zone = (name: string, origin: string, spec: object = {}) =>
  document('Zone', name, {
    origin,
    nameServers: [{ name: 'ns.example.net' }],
    ttlSeconds: 60,
    soa: { minimumSeconds: 30 },
    ...spec,
  });
const of = (world: ReturnType<typeof worldOf>, name: string) => {
  const found = world.objects.Zone.get(`default/${name}`);
  if (found === undefined) throw new Error(`there is no zone ${name}`);
  return found;
};

describe('the longest TTL that a cache may hold anything of a zone with', () => {
  it('is that of its keys, of a record, of negative answers or of a routed name, whichever is longest', () => {
    const world = worldOf(
      cluster('de', 'DE', '198.51.100.1'),
      zone('plain', 'plain.example'),
      zone('record', 'record.example', {
        records: [{ name: 'a', type: 'A', data: ['192.0.2.1'], ttlSeconds: 7200 }],
      }),
      zone('negative', 'negative.example', { soa: { minimumSeconds: 900 } }),
      zone('routed', 'routed.example'),
      zone('below', 'below.routed.example'),
      policy('deep', ['www.below.routed.example'], ['de']),
    );
    const routedTtl = world.policies.get('default/deep')?.routed?.policy.ttlSeconds ?? 0;
    const longest = (name: string): number => longestTtlSeconds(of(world, name), world);
    expect(longest('plain')).toBe(60);
    expect(longest('record')).toBe(7200);
    expect(longest('negative')).toBe(900);
    expect(longest('below')).toBe(Math.max(60, routedTtl));
    expect(longest('routed')).toBe(Math.max(60, routedTtl));
  });

  it('of a policy with a TTL above the zone counts', () => {
    const long = document('TrafficPolicy', 'long', {
      hostnames: ['www.plain.example'],
      ttlSeconds: 3000,
      endpoints: [{ name: 'de', cluster: 'de' }],
      routing: { default: { tiers: [{ members: [{ endpoint: 'de' }] }] } },
    });
    const world = worldOf(cluster('de', 'DE', '198.51.100.1'), zone('plain', 'plain.example'), long);
    expect(longestTtlSeconds(of(world, 'plain'), world)).toBe(3000);
  });
});

describe('what servers that copy a zone may lag behind', () => {
  it('is a refresh and a retry, when anybody may copy it', () => {
    const world = worldOf(
      zone('alone', 'alone.example'),
      zone('copied', 'copied.example', {
        soa: { refreshSeconds: 600, retrySeconds: 60 },
        transfers: { allow: [{ ranges: ['192.0.2.0/24'] }] },
      }),
    );
    expect(copyDelayMs(of(world, 'alone'))).toBe(0);
    expect(copyDelayMs(of(world, 'copied'))).toBe(660_000);
  });
});
