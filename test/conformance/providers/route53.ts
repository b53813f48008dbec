import { route53 as kind } from '../../../providers/route53/provider.ts';
import { setToApi } from '../../../providers/route53/records.ts';
import { parseName } from '../../../src/dns/name.ts';
import type { RecordSet } from '../../../src/plan/record-set.ts';
import { openAccount, specFor } from '../../fakes/route53/account.ts';
import { startFakeRoute53 } from '../../fakes/route53/server.ts';
import { type ApiSet, apiName } from '../../fakes/route53/sets.ts';
import { askServer } from '../provider/ask-server.ts';
import { HERE, type ProviderHarness, type Running } from '../provider-harness.ts';

async function start(): Promise<Running> {
  const fake = await startFakeRoute53();
  const origin = parseName('route53.example');
  const id = fake.createZone(origin);
  const spec = specFor(fake, { origin, id, private: false });
  return {
    spec,
    zone: {
      origin,
      id,
      private: false,
      nameServers: [
        'ns-1.awsdns-01.com',
        'ns-2.awsdns-02.net',
        'ns-3.awsdns-03.org',
        'ns-4.awsdns-04.co.uk',
      ].map(parseName),
    },
    open: (overrides = {}) => openAccount(fake, spec, overrides),
    ask: (name, type, from) => askServer(fake.dns.port, name, type, from),
    writeForeign: async (set) => fake.put(id, apiSetOf(set)),
    deleteForeign: async (set) => fake.remove(id, apiSetOf(set)),
    async addZones(count) {
      for (let i = 0; i < count; i += 1) fake.createZone(`zone-${i}.example`);
    },
    requests: () => new Map(fake.requests),
    faults: {
      latency: (delayMs) => {
        fake.faults.latencyMs = delayMs;
      },
      throttle: (share) => {
        fake.faults.throttleShare = share;
      },
      loseNextAnswer: () => {
        fake.faults.loseNextAnswer = true;
      },
      revoke: () => {
        fake.faults.revoked = true;
      },
      deleteZone: () => fake.deleteZone(id),
    },
    async setHealth(address, up) {
      for (const check of fake.healthChecks.all()) if (check.config.IPAddress === address) check.up = up;
    },
    close: () => fake.close(),
  };
}

function apiSetOf(set: RecordSet): ApiSet {
  const api = setToApi(set);
  if (api.Type === undefined) throw new Error('a set has a type');
  return { ...api, Name: apiName(api.Name ?? ''), Type: api.Type };
}

/** Amazon Route 53, on a server that refuses what the documentation says is refused. */
export const route53: ProviderHarness = {
  name: 'route53',
  kind,
  server: async () => HERE,
  holes: {},
  start,
};
