import type { Provider, ProviderKind, ProviderOptions } from '../contract.ts';
import { applyBatch } from './apply.ts';
import { capabilities } from './capabilities.ts';
import { checkAccount } from './check.ts';
import { openApi } from './client.ts';
import { compile } from './compile.ts';
import { describeAid } from './describe-aid.ts';
import { healthChecks } from './health-checks.ts';
import { listZones, readZone } from './zones.ts';

/** Amazon Route 53: https://docs.aws.amazon.com/Route53/latest/APIReference/ */
export const route53: ProviderKind = {
  type: 'route53',
  capabilities,
  compile,
  describeAid,
  open,
};

async function open(options: ProviderOptions): Promise<Provider> {
  const api = await openApi(options);
  const wanted = {
    origins: new Set(options.spec.zones.map(({ origin }) => origin)),
    ids: options.spec.zones.flatMap(({ id }) => (id === undefined ? [] : [id])),
  };
  return {
    zones: (signal) => listZones(api, wanted, signal),
    read: (zone, signal) => readZone(api, zone, signal),
    apply: (zone, batch, signal) => applyBatch(api, options.clock, zone, batch, signal),
    aids: healthChecks(api, options),
    check: (zones, signal) => checkAccount(api, options, zones, signal),
    async close() {
      api.close();
    },
  };
}
