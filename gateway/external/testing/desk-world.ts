import type { Server } from 'node:http';
import type { Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { CompiledAuth, GatewayPart } from '../../../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../../../src/policy/model.ts';
import { createAuthorizer } from '../../auth/authorizer.ts';
import { celCheck, keyOfBilling, keyTableOf, policyOf } from '../../auth/testing/world.ts';
import { Networks } from '../../client-address.ts';
import { createOutboundClient } from '../../outbound/client.ts';
import type { ExchangeRecord } from '../../telemetry/contract.ts';
import { matchOf, partOf, ruleOf } from '../../testing/gateway-fixture.ts';
import type { UsageHit } from '../../usage/contract.ts';
import { type AuthorizationDesk, createAuthorizationDesk } from '../desk.ts';
import { createGrpcDesk } from '../grpc-desk.ts';
import { createHttpDesk } from '../http-desk.ts';

const HEADERS: CompiledAuth['response'] = {
  headers: [['x-principal', 'auth.principal']],
  unauthenticated: { status: 401, headers: { 'www-authenticate': 'APIKEY realm="shop"' } },
  unauthorized: { status: 403, headers: {} },
};

/** `/orders` takes a key; `/admin` takes a key and refuses whoever is no admin; `/open` takes everybody. */
export const PROTECTED: GatewayPart = partOf(1, {
  rules: [ruleOf('orders', { auth: 'keys' }), ruleOf('admin', { auth: 'admins' }), ruleOf('open')],
  hosts: [
    {
      hostname: 'api.example.com',
      matches: [
        matchOf('admin', { path: { type: 'prefix', value: '/admin' } }),
        matchOf('orders', { path: { type: 'prefix', value: '/orders' } }),
        matchOf('open', { path: { type: 'prefix', value: '/open' } }),
      ],
    },
  ],
  auth: {
    keys: policyOf({ response: HEADERS }),
    admins: policyOf({
      source: [{ kind: 'AuthPolicy', name: 'shop/admins' }],
      response: HEADERS,
      authorization: [celCheck('"admin" in auth.roles')],
    }),
  },
});

export interface DeskWorld extends AsyncDisposable {
  readonly desk: AuthorizationDesk;
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly hits: UsageHit[];
  readonly records: ExchangeRecord[];
  /** Keys that are known: `good`. */
  readonly keys: Map<string, boolean>;
}

/** Both desks on loopback over the real engine. The key `good` is billing's, who has the role `reader`. */
export async function deskWorld(
  part: GatewayPart | undefined = PROTECTED,
  trusted: readonly string[] = ['127.0.0.0/8'],
): Promise<DeskWorld> {
  const hits: UsageHit[] = [];
  const records: ExchangeRecord[] = [];
  const keys = new Map([['good', true]]);
  const table = keyTableOf({ good: { type: 'known', record: keyOfBilling() } });
  const outbound = createOutboundClient({ allowedRanges: [] });
  const clock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };
  const log = { warn: () => undefined };
  const desk = createAuthorizationDesk({
    ...clock,
    name: 'external',
    authorizer: createAuthorizer({
      ...clock,
      keys: {
        ...table,
        find: (key, pairId, wallMs) =>
          keys.get(key) === false ? { type: 'revoked', id: 'k-billing' } : table.find(key, pairId, wallMs),
      },
      secrets: () => NO_GATEWAY_SECRETS,
      outbound,
      log,
    }),
    usage: { count: (hit) => void hits.push(hit) },
    telemetry: { ended: (record) => void records.push(record) },
    random: Math.random,
    country: () => undefined,
    log,
  });
  if (part !== undefined) desk.serve(part, NO_GATEWAY_SECRETS);
  const http = createHttpDesk(desk, new Networks(trusted));
  const grpc = createGrpcDesk(desk, new Networks(trusted));
  const httpPort = await listening(http);
  const grpcPort = await listening(grpc);
  return {
    desk,
    httpPort,
    grpcPort,
    hits,
    records,
    keys,
    async [Symbol.asyncDispose]() {
      http.closeAllConnections();
      await Promise.all([http, grpc].map((server) => new Promise((resolve) => server.close(resolve))));
      outbound.close();
    },
  };
}

async function listening(server: Server | Http2Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
