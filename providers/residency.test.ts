import { describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { compileName } from '../src/plan/native-or-computed.ts';
import { poolSuffix } from '../src/plan/ownership.ts';
import { dnsProviderSpec } from '../src/resources/dns-provider.ts';
import type { ResidencySpec } from '../src/resources/traffic-policy.ts';
import { compilePolicy } from '../src/routing/compiled.ts';
import { regionTable } from '../src/routing/geography.ts';
import { dualStack, geoRule, policyOf, stateOf, tier } from '../src/routing/testing/world.ts';
import { azure } from './azure/provider.ts';
import type { ProviderKind } from './contract.ts';
import { google } from './google/provider.ts';
import { powerdns } from './powerdns/provider.ts';
import { rfc2136 } from './rfc2136/provider.ts';
import { route53 } from './route53/provider.ts';

/* A policy as people write it, and not a table made for the provider: clients of the EU stay in it, everybody else gets the default. */

const HOST = parseName('www.example.com');
const ZONE = parseName('example.com');
const azureAccount = {
  subscriptionId: '11111111-2222-3333-4444-555555555555',
  resourceGroup: 'dns',
  trafficManager: true,
};

const SETTINGS: readonly (readonly [ProviderKind, object, outcome: string])[] = [
  [route53, { route53: {} }, 'native'],
  [azure, { azure: azureAccount }, 'native'],
  [powerdns, { powerdns: { url: 'http://127.0.0.1:8081', secret: 'key', lua: true } }, 'native'],
  [google, { google: { project: 'p-1234' } }, 'refused'],
  [rfc2136, { rfc2136: { server: '127.0.0.1', tsigSecret: 'key' } }, 'refused'],
];

// Traffic Manager takes no addresses of documentation.
const inCountry = (name: string, country: string, n: number) =>
  dualStack(name, country, {
    addresses: [
      { address: `20.50.0.${n}`, family: 4, targetId: name },
      { address: `2603:1020::${n}`, family: 6, targetId: `${name}/6` },
    ],
  });

const RULES: readonly ResidencySpec[] = (['restrict', 'allow'] as const).flatMap((unknownLocation) =>
  [{ action: 'panic' as const }, { action: 'maintenance' as const, addresses: ['20.50.0.9'] }].map(
    (onAllDown) => ({ region: 'EU', unknownLocation, onAllDown }),
  ),
);

describe.each(RULES)(
  'residency in the EU, unknown: $unknownLocation, all down: $onAllDown.action',
  (rule) => {
    const policy = compilePolicy(
      policyOf({
        endpoints: [inCountry('eu', 'DE', 1), inCountry('us', 'US', 2)],
        geo: [geoRule('eu', { regions: ['EU'] }, tier('eu'))],
        defaultTiers: [tier('us')],
        residency: [rule],
      }),
      regionTable(),
    );

    it.each(
      SETTINGS.flatMap(([kind, settings, outcome]) =>
        [[], ['eu', 'eu/6']].map((down) => ({ type: kind.type, kind, settings, outcome, down })),
      ),
    )('$type, $down down: $outcome', ({ kind, settings, outcome, down }) => {
      const spec = dnsProviderSpec.parse({ zones: [{ origin: 'example.com' }], ...settings });
      const { report } = compileName({
        policy,
        hostname: HOST,
        dns: { decider: 'portolan', form: 'auto', accept: [], shared: false },
        state: stateOf({ down }),
        regions: regionTable(),
        target: () => undefined,
        zone: ZONE,
        provider: {
          ...kind.capabilities,
          name: `shop/${kind.type}`,
          compile: (placement) =>
            kind.compile({
              placement,
              zone: { origin: ZONE, id: 'Z1', private: false, nameServers: [] },
              spec,
              poolSuffix: poolSuffix(ZONE, HOST),
            }),
        },
      });
      expect(report.outcome).toBe(outcome);
      if (outcome === 'native')
        expect(report.features).toContainEqual(
          expect.objectContaining({ feature: 'residency', handling: 'native' }),
        );
      else expect(report.features.find(({ handling }) => handling === 'refused')?.fix).toContain('delegat');
    });
  },
);
