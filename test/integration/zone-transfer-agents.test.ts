import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askNameServer } from '../../nameserver/ask.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { freePort } from '../support/free-port.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { AGENTS, type Installation, startInstallation } from './dnssec-agents/installation.ts';
import { type Secondary, startKnotSecondary } from './zone-transfer/secondaries.ts';

const SUITE = 'a zone of two agents copied by Knot';
const knot = await requireServer('knotd', SUITE);
const GOT_MS = 40_000;
const KEY = {
  name: 'copies.agents.test',
  algorithm: 'hmac-sha384',
  secret: Buffer.alloc(48, 3).toString('base64'),
};
const ADDRESSES = ['192.0.2.1', '192.0.2.2'];

describe.skipIf(!knot.available)(SUITE, () => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-agents-transfer-'));
  const secondaries: Secondary[] = [];
  let at: Installation;
  let knotPort = 0;

  const zone = (address: string) => ({
    kind: 'Zone',
    metadata: { name: 'copied' },
    spec: {
      origin: 'agents.test',
      nameServers: [{ name: 'ns.agents.test', addresses: ['127.0.0.1'] }],
      records: [{ name: 'www', type: 'A', data: [address] }],
      transfers: {
        allow: [{ tsigSecret: 'copies' }],
        notify: [{ address: '127.0.0.1', port: knotPort, tsigSecret: 'copies' }],
      },
    },
  });
  const addressesAt = async (port: number, host: string): Promise<readonly string[]> => {
    const name = parseName(`${host}.agents.test`);
    const { answers } = await askNameServer({ host: '127.0.0.1', port, name, type: TYPE.A, timeoutMs: 1000 });
    return answers.map(({ data }) => data).toSorted();
  };
  const has = (secondary: Secondary, host: string, addresses: readonly string[]) =>
    until(
      `Knot has ${addresses.join(' ')} at ${host}`,
      async () => JSON.stringify(await addressesAt(secondary.port, host)) === JSON.stringify(addresses),
      GOT_MS,
    ).catch((error: unknown) => {
      throw new Error(`Knot said:\n${secondary.said()}`, { cause: error });
    });
  const copyFrom = async (primaryPort: number, name: string, port?: number): Promise<Secondary> => {
    const copied = { zones: ['agents.test'], primaryPort, key: KEY, folder: join(folder, name) };
    const secondary = await startKnotSecondary(
      knot.available ? knot.path : '',
      port === undefined ? copied : { ...copied, port },
    );
    secondaries.push(secondary);
    return secondary;
  };

  beforeAll(async () => {
    knotPort = await freePort();
    at = await startInstallation(() => ({}), ADDRESSES);
    await at.apply(
      { kind: 'Secret', metadata: { name: 'copies' }, spec: { stringData: KEY } },
      zone('198.51.100.1'),
      {
        kind: 'TrafficPolicy',
        metadata: { name: 'routed' },
        spec: {
          hostnames: ['routed.agents.test'],
          endpoints: AGENTS.map((name) => ({ name, cluster: name })),
          routing: { default: { tiers: [{ members: AGENTS.map((endpoint) => ({ endpoint })) }] } },
        },
      },
    );
    await at.untilServed();
  });

  afterAll(async () => {
    for (const secondary of secondaries) await secondary.stop();
    await at.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('comes from an agent, with the fallback at routed names, and its changes follow by NOTIFY', async () => {
    const [agentPort = 0] = at.agentPorts;
    const secondary = await copyFrom(agentPort, 'first', knotPort);
    await has(secondary, 'www', ['198.51.100.1']);
    await has(secondary, 'routed', ADDRESSES);
    await at.apply(zone('198.51.100.2'));
    await has(secondary, 'www', ['198.51.100.2']);
    expect(secondary.said()).toMatch(/IXFR/i);
    expect(at.log).not.toContain(KEY.secret);
  });

  it('comes from an agent that was started again without the hub', async () => {
    await at.killHub();
    await at.stopAgent(1);
    await at.startAgent(1);
    const secondary = await copyFrom(at.agentPorts[1] ?? 0, 'second');
    await has(secondary, 'www', ['198.51.100.2']);
    await has(secondary, 'routed', ADDRESSES);
  });
});
