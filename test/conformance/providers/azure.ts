import { azure as kind } from '../../../providers/azure/provider.ts';
import { toAzure } from '../../../providers/azure/records.ts';
import { parseName } from '../../../src/dns/name.ts';
import { azureAnswers } from '../../fakes/azure/answers.ts';
import { setKeyOf, storeForeign } from '../../fakes/azure/dns-zones.ts';
import { azureSpec, openAzure } from '../../fakes/azure/open.ts';
import { startAzure } from '../../fakes/azure/server.ts';
import { startDnsFront } from '../../fakes/dns-front.ts';
import { askServer } from '../provider/ask-server.ts';
import { HERE, type ProviderHarness, type Running } from '../provider-harness.ts';

async function start(trafficManager: boolean): Promise<Running> {
  const fake = await startAzure();
  const origin = parseName('azure.example');
  const zone = fake.addZone(origin);
  const front = await startDnsFront({ answer: azureAnswers(fake.zones, fake.trafficManager) });
  const spec = azureSpec(fake, origin, trafficManager);
  const open: Running['open'] = async (overrides = {}) => openAzure(fake, spec, overrides);
  return {
    spec,
    zone: { origin, id: zone.id, private: false, nameServers: zone.nameServers.map(parseName) },
    open,
    ask: (name, type, from) => askServer(front.port, name, type, from),
    async writeForeign(set) {
      storeForeign(zone, set.name, set.type, toAzure(set));
    },
    async deleteForeign(set) {
      zone.sets.delete(setKeyOf(set.type, set.name === origin ? '@' : set.name.slice(0, -origin.length - 1)));
    },
    async addZones(count) {
      for (let i = 0; i < count; i += 1) fake.addZone(parseName(`zone-${i}.example`));
    },
    requests: () => fake.requests(),
    faults: {
      latency: (delayMs) => {
        fake.faults.latencyMs = delayMs;
      },
      throttle: (share) => {
        fake.faults.throttleShare = share;
      },
      loseNextAnswer: () => {
        fake.faults.answersToLose = 1;
      },
      revoke: () => fake.revoke(),
      deleteZone: () => {
        fake.zones.delete(origin.slice(0, -1));
      },
    },
    setHealth: trafficManager
      ? async (address, up) => {
          if (up) fake.trafficManager.down.delete(address);
          else fake.trafficManager.down.add(address);
        }
      : { why: 'Azure DNS checks no health by itself; Traffic Manager does.' },
    // Traffic Manager refuses documentation addresses; these are only ever answered, never connected to.
    ...(trafficManager
      ? {
          address: (n: number) => `20.50.${Math.floor(n / 250)}.${(n % 250) + 1}`,
          address6: (n: number) => `2603:1020::${n + 1}`,
        }
      : {}),
    async close() {
      await front.close();
      await fake.close();
    },
  };
}

/** Azure DNS with plain record sets. */
export const azure: ProviderHarness = {
  name: 'azure',
  kind,
  server: async () => HERE,
  holes: {},
  start: () => start(false),
};

/** Azure DNS with Traffic Manager behind aliases. */
export const azureTrafficManager: ProviderHarness = {
  name: 'azure (Traffic Manager)',
  kind,
  server: async () => HERE,
  holes: {},
  start: () => start(true),
};
