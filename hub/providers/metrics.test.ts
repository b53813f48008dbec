import { expect, it } from 'vitest';
import { createAccount } from './account.ts';
import { type Family, providerMetrics } from './metrics.ts';
import { createVirtualClock } from './virtual-clock.ts';

it('metrics of DNS providers are named as people spell, and count every call by provider and action', async () => {
  const found = new Map<string, string[]>();
  const family: Family = (name, _help, _labels, read) => {
    const values: string[] = [];
    read((labels, value) => values.push(`${Object.values(labels).join(' ')} ${value}`));
    found.set(name, values);
  };
  const account = createAccount({
    capabilities: { rate: { perSecond: 10, burst: 10 } },
    clock: createVirtualClock(),
    random: () => 0.5,
  });
  for (let i = 0; i < 3; i += 1)
    await account.turn('shop/main')('ListHostedZones', new AbortController().signal);
  account.throttled(undefined);
  providerMetrics(
    {
      accounts: new Map([['route53  KEY', account]]),
      operations: [{ provider: 'shop/main', operation: 'read', outcome: 'ok', count: 4 }],
      phases: { plan: { count: 5, sumMs: 1_500 }, apply: { count: 6, sumMs: 500 } },
      zones: new Map(),
      readAges: new Map(),
    },
    family,
    family,
  );
  expect(Object.fromEntries(found)).toMatchObject({
    portolan_dns_provider_requests_total: ['shop/main ListHostedZones 3'],
    portolan_dns_provider_operations_total: ['shop/main read ok 4'],
    portolan_dns_provider_throttled_total: ['0 1'],
    portolan_dns_provider_waiting_requests: ['0 0'],
    portolan_dns_zone_plan_seconds_total: [' 1.5'],
    portolan_dns_zone_plans_total: [' 5'],
    portolan_dns_zone_apply_seconds_total: [' 0.5'],
    portolan_dns_zone_applies_total: [' 6'],
  });
});
