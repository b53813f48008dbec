import {
  ChangeResourceRecordSetsCommand,
  CreateHostedZoneCommand,
  GetHostedZoneCommand,
  Route53Client,
} from '@aws-sdk/client-route-53';
import { plainId } from '../../../providers/route53/names.ts';
import { route53 as kind } from '../../../providers/route53/provider.ts';
import { setToApi } from '../../../providers/route53/records.ts';
import { parseName } from '../../../src/dns/name.ts';
import type { RecordSet } from '../../../src/plan/record-set.ts';
import { openAccount, specFor } from '../../fakes/route53/account.ts';
import { requireMoto, startMoto } from '../../support/moto.ts';
import { pathOf } from '../../support/servers.ts';
import type { ProviderHarness, Running } from '../provider-harness.ts';

const NO_DNS = 'moto answers no DNS';
const FORGIVES = 'moto deletes and creates whatever is there, unlike Route 53; the strict server shows it';
const NO_FAULTS = 'moto has no way to do this';

async function start(): Promise<Running> {
  const state = await requireMoto('provider route53 (moto)');
  const moto = await startMoto(pathOf(state));
  const { endpoint, accessKeyId, secretAccessKey } = moto;
  const client = new Route53Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
  });
  const create = async (name: string): Promise<string> => {
    const { HostedZone } = await client.send(
      new CreateHostedZoneCommand({ Name: name, CallerReference: name }),
    );
    return plainId(HostedZone?.Id ?? '');
  };
  const origin = parseName('route53.example');
  const id = await create(origin);
  const { DelegationSet } = await client.send(new GetHostedZoneCommand({ Id: id }));
  const spec = specFor(moto, { origin, id, private: false });
  const change = async (Action: 'UPSERT' | 'DELETE', set: RecordSet): Promise<void> => {
    await client.send(
      new ChangeResourceRecordSetsCommand({
        HostedZoneId: id,
        ChangeBatch: { Changes: [{ Action, ResourceRecordSet: setToApi(set) }] },
      }),
    );
  };
  return {
    spec,
    zone: {
      origin,
      id,
      private: false,
      nameServers: (DelegationSet?.NameServers ?? []).map((name) => parseName(name)).sort(),
    },
    open: (overrides = {}) => openAccount(moto, spec, overrides),
    ask: { why: NO_DNS },
    writeForeign: (set) => change('UPSERT', set),
    deleteForeign: (set) => change('DELETE', set),
    async addZones(count) {
      for (let i = 0; i < count; i += 1) await create(`zone-${i}.example`);
    },
    requests: { why: 'moto does not count requests' },
    faults: {
      latency: { why: NO_FAULTS },
      throttle: { why: NO_FAULTS },
      loseNextAnswer: { why: NO_FAULTS },
      revoke: { why: 'moto takes any credentials' },
      deleteZone: { why: 'moto deletes zones by the API only, which refuses those with records' },
    },
    setHealth: { why: 'moto checks no health' },
    async close() {
      client.destroy();
      await moto.close();
    },
  };
}

/** Amazon Route 53, on a server that is not ours: what it lets pass is shown by `route53`. */
export const route53Moto: ProviderHarness = {
  name: 'route53 (moto)',
  kind,
  server: () => requireMoto('provider route53 (moto)'),
  holes: {
    'safe.notAsRead': FORGIVES,
    'safe.atomic': FORGIVES,
    'safe.fence': FORGIVES,
    'safe.badRecord': 'moto does not look at the values of records; the strict server shows it',
  },
  start,
};
