import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askNameServer } from '../../nameserver/ask.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { type RunningUpdatable, runUpdatable, UPDATE_KEY } from '../conformance/providers/updatable.ts';
import { type Pebble, requirePebble, startPebble } from '../support/pebble.ts';
import { startUpdatableBind } from '../support/primaries.ts';
import { pathOf, requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Installation, startInstallation } from './dnssec-agents/installation.ts';

const SUITE = 'certificates by dns-01';
const pebble = await requirePebble(SUITE);
const named = await requireServer('named', SUITE);
const WAIT_MS = 90_000;

/** The CA looks at the servers of the zones themselves, as a resolver with an empty cache would. */
describe.skipIf(!pebble.available || !named.available)('a CA that looks', () => {
  let hub: Installation;
  let bind: RunningUpdatable;
  const authorities: Pebble[] = [];

  const issuer = (name: string, ca: Pebble): readonly object[] => [
    { kind: 'Secret', metadata: { name: `${name}-roots` }, spec: { stringData: { 'ca.crt': ca.serverCa } } },
    {
      kind: 'Issuer',
      metadata: { name },
      spec: {
        acme: {
          directory: ca.directory,
          termsOfServiceAgreed: true,
          caSecret: { name: `${name}-roots`, key: 'ca.crt' },
        },
      },
    },
  ];

  const policy = (name: string, by: string, dnsNames: readonly string[]): object => ({
    kind: 'CertificatePolicy',
    metadata: { name },
    spec: { issuers: [by], dnsNames, challenge: 'dns-01' },
  });

  async function untilIssued(name: string): Promise<readonly string[]> {
    let last = '';
    try {
      const { value } = await until(
        `${name} is there`,
        async () => {
          const found = await hub.client.get('CertificatePolicy', { namespace: 'default', name });
          const certificates = found?.status?.certificates ?? [];
          last = JSON.stringify(found?.status);
          const valid = certificates.filter(({ state, sha256 }) => state === 'valid' && sha256 !== undefined);
          return valid.length > 0 && valid.length === certificates.length
            ? valid.flatMap(({ dnsNames }) => dnsNames)
            : undefined;
        },
        WAIT_MS,
        200,
      );
      return value;
    } catch (cause) {
      throw new Error(`${last}\n${hub.log.slice(-3_000)}`, { cause });
    }
  }

  const texts = async (port: number, name: string): Promise<readonly string[]> => {
    const reply = await askNameServer({
      host: '127.0.0.1',
      port,
      name: parseName(name),
      type: TYPE.TXT,
      timeoutMs: 5_000,
    });
    return reply.answers.map(({ data }) => data);
  };

  beforeAll(async () => {
    bind = await runUpdatable((options) => startUpdatableBind(pathOf(named), options), 'nsupdate');
    hub = await startInstallation(() => ({}));
  });
  afterAll(async () => {
    await Promise.all(authorities.map((one) => one.stop()));
    await hub?.close();
    await bind?.close();
  });

  it('at an agent finds the texts of a name, of its wildcard and of a name below another one, in a signed Zone', async () => {
    const ca = await startPebble({ dnsServer: `127.0.0.1:${hub.agentPorts[1] ?? 0}` });
    authorities.push(ca);
    await hub.apply({
      kind: 'Zone',
      metadata: { name: 'shop' },
      spec: {
        origin: 'shop.example',
        nameServers: [{ name: 'ns1.shop.example', addresses: ['127.0.0.1'] }],
        dnssec: {},
        records: [{ name: '*', type: 'A', data: ['192.0.2.7'] }],
      },
    });
    // An agent that nobody knows yet is waited for by nobody: the CA asks just that one.
    await hub.untilServed();
    await hub.apply(
      ...issuer('near', ca),
      policy('shop', 'near', ['shop.example', '*.shop.example', 'a.b.shop.example']),
    );
    expect(await untilIssued('shop')).toEqual(['*.shop.example', 'a.b.shop.example', 'shop.example']);
    for (const name of ['_acme-challenge.shop.example', '_acme-challenge.a.b.shop.example'])
      await until(
        `${name} is clean`,
        async () => {
          const ports = [hub.hubDnsPort, ...hub.agentPorts];
          return (await Promise.all(ports.map((port) => texts(port, name)))).flat().length === 0;
        },
        WAIT_MS,
        200,
      );
    const zone = await hub.client.get('Zone', { namespace: 'default', name: 'shop' });
    expect(zone?.spec.records).toHaveLength(1);
    expect(zone?.metadata.generation).toBe(1);
  });

  it('at BIND finds them, and nothing is left there nor in the history', async () => {
    const port = bind.primary().port;
    const ca = await startPebble({ dnsServer: `127.0.0.1:${port}` });
    authorities.push(ca);
    await hub.apply(
      { kind: 'Secret', metadata: { name: 'tsig' }, spec: { stringData: { ...UPDATE_KEY } } },
      {
        kind: 'DNSProvider',
        metadata: { name: 'bind' },
        spec: {
          zones: [{ origin: 'update.example' }],
          rfc2136: { server: '127.0.0.1', port: bind.relay.port, tsigSecret: 'tsig' },
          verify: { servers: [{ address: '127.0.0.1', port }] },
        },
      },
      ...issuer('far', ca),
      policy('update', 'far', ['update.example', '*.update.example', 'a.www.update.example']),
    );
    expect(await untilIssued('update')).toHaveLength(3);
    for (const name of ['_acme-challenge.update.example', '_acme-challenge.a.www.update.example'])
      await until(`${name} is clean`, async () => (await texts(port, name)).length === 0, WAIT_MS, 200);
    const provider = await hub.client.get('DNSProvider', { namespace: 'default', name: 'bind' });
    expect(provider?.status?.zones?.[0]).toMatchObject({ names: 0, held: [] });
    expect(await hub.portolan('provider', 'history', 'bind')).not.toContain('_acme-challenge');
  });
});
