import { createAuthorizer } from '../../../gateway/auth/authorizer.ts';
import { keyTableOf } from '../../../gateway/auth/testing/world.ts';
import { quotaWorld } from '../../../gateway/external/testing/quota-world.ts';
import { createOutboundClient } from '../../../gateway/outbound/client.ts';
import { startGateway } from '../../../gateway/testing/gateway-fixture.ts';
import { compileGateways } from '../../../src/policy/compile.ts';
import { objectsOf, type Stored, stored } from '../../../src/policy/testing/gateway-objects.ts';
import { regionTable } from '../../../src/routing/geography.ts';
import { startInstallation } from '../../integration/gateway-agents/installation.ts';
import type { TestCertificate } from '../../support/certificates.ts';
import { until } from '../../support/until.ts';
import { open } from './clients.ts';
import { DOMAIN, type Document } from './documents.ts';
import type { Column } from './world.ts';

const NAMESPACE = 'default';
const CLUSTER = 'east';
/** Outside of the region that the host `residency` is for. */
const COUNTRY = 'CA';

/** What both kinds of columns are started with. */
export interface Offered {
  readonly documents: readonly Document[];
  readonly tls: TestCertificate;
  readonly ca: string;
}

/** The compiler and one gateway in this process; its one key is given. */
export async function oneGateway({ documents, tls, ca }: Offered): Promise<Column> {
  const key = 'ptk_of-the-conformance-table';
  const objects = documents.map(
    ({ kind, metadata: { name }, spec }) => stored(kind, name, spec, { namespace: NAMESPACE }) as Stored,
  );
  const cluster = stored('Cluster', CLUSTER, { location: { country: COUNTRY } }, { namespace: NAMESPACE });
  const { part } = compileGateways(objectsOf(cluster, ...objects), `${NAMESPACE}/${CLUSTER}`, {
    regions: regionTable(),
  });
  const secrets = { certificates: { [`${NAMESPACE}/tls`]: tls }, bundles: {}, values: {} };
  const outbound = createOutboundClient({ allowedRanges: ['127.0.0.0/8'] });
  const authorizer = createAuthorizer({
    keys: keyTableOf({
      [key]: {
        type: 'known',
        record: {
          id: 'k-table',
          namespace: NAMESPACE,
          principal: 'shop',
          roles: [],
          labels: {},
          attributes: {},
        },
      },
    }),
    secrets: () => secrets,
    outbound,
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
    log: { warn: (details, message) => console.warn(message, details) },
  });
  const quota = part.quota === undefined ? undefined : quotaWorld(part.quota);
  const gateway = await startGateway(part, {
    secrets,
    decide: authorizer.decide.bind(authorizer),
    ...(quota === undefined ? {} : { quota: { gate: quota.gate, policies: () => quota.policies } }),
  });
  return {
    addresses: [{ http: gateway.port(80), https: gateway.port(443) }],
    key,
    ca,
    async close() {
      await gateway[Symbol.asyncDispose]();
      outbound.close();
    },
  };
}

/** A hub and three agents, each a process; the documents go through the hub's API, the key is made there. */
export async function threeAgents({ documents, ca }: Offered): Promise<Column> {
  const at = await startInstallation(COUNTRY);
  try {
    await at.apply(...documents);
    const { key } = await at.createKey('shop');
    const serves = async (port: number): Promise<boolean> => {
      const exchange = open(
        'HTTP/1.1',
        { http: port, https: 0 },
        {
          host: `auth.${DOMAIN}`,
          method: 'GET',
          path: '/',
          headers: { 'x-api-key': key },
          empty: true,
          ca,
        },
      );
      exchange.out.end();
      const { status } = await exchange.answer.finally(exchange.close);
      return status === 200;
    };
    await until(
      'all gateways serve, and know the key',
      async () =>
        (await Promise.all(at.agents.map(({ http }) => serves(http).catch(() => false)))).every(Boolean),
      60_000,
      50,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${at.log.slice(-4_000)}`);
    });
    return { addresses: at.agents, key, ca, close: () => at.close() };
  } catch (error) {
    await at.close();
    throw error;
  }
}
