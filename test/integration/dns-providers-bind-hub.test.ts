import { afterAll, beforeAll, describe, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { type RunningUpdatable, runUpdatable, UPDATE_KEY } from '../conformance/providers/updatable.ts';
import { startUpdatableBind } from '../support/primaries.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Backends, failover, startBackends } from './dns-hub/backends.ts';
import { type Installation, startInstallation } from './dnssec-agents/installation.ts';

const named = await requireServer('named', 'the hub with BIND');
const WAIT_MS = 60_000;

describe.skipIf(!named.available)('the hub publishes into BIND', () => {
  let hub: Installation;
  let backends: Backends;
  let bind: RunningUpdatable;
  const www = parseName('www.update.example.');

  const values = async (): Promise<string> => {
    if ('why' in bind.ask) throw new Error(bind.ask.why);
    return (await bind.ask(www, 'A')).answers
      .map(({ data }) => data)
      .sort()
      .join();
  };

  beforeAll(async () => {
    backends = await startBackends();
    await backends.open(2);
    if (!named.available) return;
    bind = await runUpdatable((options) => startUpdatableBind(named.path, options), 'nsupdate');
    hub = await startInstallation(() => ({}), [backends.address(1), backends.address(2)]);
  });
  afterAll(async () => {
    await hub?.close();
    await backends?.close();
    await bind?.close();
  });

  it('a policy, its failover, and the end of the policy', async () => {
    await hub.apply(
      { kind: 'Secret', metadata: { name: 'tsig' }, spec: { stringData: { ...UPDATE_KEY } } },
      {
        kind: 'DNSProvider',
        metadata: { name: 'bind' },
        spec: {
          zones: [{ origin: 'update.example' }],
          rfc2136: { server: '127.0.0.1', port: bind.relay.port, tsigSecret: 'tsig' },
          verify: { servers: [{ address: '127.0.0.1', port: bind.primary().port }] },
        },
      },
      failover('www', ['www.update.example'], ['east', 'west'], backends.port),
    );
    await until('the record', async () => (await values()) === backends.address(1), WAIT_MS);
    await until(
      'Verified',
      async () => {
        const found = await hub.client.get('TrafficPolicy', { namespace: 'default', name: 'www' });
        return found?.status?.conditions.some((c) => c.type === 'Verified' && c.status === 'True');
      },
      WAIT_MS,
    );
    await backends.shut(1);
    await until('failover', async () => (await values()) === backends.address(2), WAIT_MS);
    await hub.client.apply({
      documents: [],
      delete: [{ kind: 'TrafficPolicy', namespace: 'default', name: 'www' }],
    });
    await until('nothing is left', async () => (await values()) === '', WAIT_MS);
  });

  it('a zone that is gone is said, and nothing else is harmed', async () => {
    if ('why' in bind.faults.deleteZone) throw new Error(bind.faults.deleteZone.why);
    await hub.apply(failover('again', ['www.update.example'], ['west'], backends.port));
    await until('the record', async () => (await values()) === backends.address(2), WAIT_MS);
    await bind.faults.deleteZone();
    await hub.apply(
      failover('again', ['www.update.example', 'other.update.example'], ['west'], backends.port),
    );
    // A question that gets no answer in time, on a busy machine, stands there until the next one.
    await until(
      'the status that says why',
      async () => {
        const found = await hub.client.get('DNSProvider', { namespace: 'default', name: 'bind' });
        const ready = found?.status?.conditions.find((c) => c.type === 'Ready');
        return ready?.status === 'False' && ['ZoneMissing', 'Denied'].includes(ready.reason);
      },
      WAIT_MS,
    );
  });
});
