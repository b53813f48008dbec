import { google as kind } from '../../../providers/google/provider.ts';
import { writeRecordSet } from '../../../providers/google/records.ts';
import { parseName } from '../../../src/dns/name.ts';
import { googleSpec, HEALTH_CHECK_LINK, openGoogle } from '../../fakes/google-dns/open.ts';
import { resourceRecordSet } from '../../fakes/google-dns/schema.ts';
import { startFakeGoogle } from '../../fakes/google-dns/server.ts';
import { askServer } from '../provider/ask-server.ts';
import { HERE, type ProviderHarness, type Running } from '../provider-harness.ts';

async function start(): Promise<Running> {
  const fake = await startFakeGoogle({ healthChecks: [HEALTH_CHECK_LINK] });
  const origin = parseName('google.example');
  const zone = fake.addZone({ name: 'google-example', origin });
  const spec = googleSpec(fake, origin);
  return {
    spec,
    zone: { origin, id: zone.name, private: false, nameServers: zone.nameServers },
    open: (overrides = {}) => openGoogle(fake, spec, overrides),
    ask: (name, type, from) => askServer(fake.dns.port, name, type, from),
    async writeForeign(set) {
      const before = zone.find(set.name, set.type);
      zone.edit({
        additions: [resourceRecordSet.parse(writeRecordSet(set))],
        ...(before === undefined ? {} : { deletions: [before] }),
      });
    },
    async deleteForeign(set) {
      const before = zone.find(set.name, set.type);
      if (before !== undefined) zone.edit({ deletions: [before] });
    },
    async addZones(count) {
      for (let i = 0; i < count; i += 1) fake.addZone({ name: `zone-${i}`, origin: `zone-${i}.example.` });
    },
    requests: () => new Map(fake.requests),
    faults: {
      latency: (delayMs) => {
        fake.faults.latencyMs = delayMs;
      },
      throttle: (share) => {
        fake.faults.throttledShare = share;
      },
      loseNextAnswer: () => {
        fake.faults.loseNextAnswer = '500';
      },
      revoke: () => fake.tokens.revoke(),
      deleteZone: () => fake.deleteZone(zone.name),
    },
    setHealth: async (address, up) => fake.setHealth(address, up),
    close: () => fake.close(),
  };
}

/** Google Cloud DNS. */
export const google: ProviderHarness = {
  name: 'google',
  kind,
  server: async () => HERE,
  holes: {},
  start,
};
