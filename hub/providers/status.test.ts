import { describe, expect, it } from 'vitest';
import { objectKey } from '../reconcile/objects.ts';
import { cluster, document, policy, worldOf } from '../reconcile/testing.ts';
import { createDnsStatus } from './status.ts';
import { createZoneFinder } from './zone-keys.ts';

const world = worldOf(
  cluster('eu', 'DE', '198.51.100.1'),
  policy('www', ['www.example.com'], ['eu']),
  document('DNSProvider', 'ns1', {
    zones: [{ origin: 'example.com' }],
    powerdns: { url: 'https://ns1.example.net:8081', secret: 'key' },
  }),
);

describe('the status of a policy whose zone was not read yet', () => {
  it('calls it neither programmed nor verified', () => {
    const status = createDnsStatus({
      desk: {
        started: true,
        zones: new Map(),
        zonesOf: () => [],
        problemOf: () => undefined,
        zonesFor: (namespace, hostname) => createZoneFinder(world).of(namespace, hostname),
      },
      verification: () => undefined,
    });
    const resource = world.objects.TrafficPolicy.get(objectKey('default', 'www'));
    const found = resource === undefined ? undefined : status.policy(resource);
    if (found === undefined || found === 'starting') throw new Error('the zone holds its hostname');
    expect(found.verdicts.map(({ type, status: is, reason }) => `${type} ${is} ${reason}`)).toEqual([
      'Programmed False Pending',
      'Verified Unknown Pending',
    ]);
  });
});
