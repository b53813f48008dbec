import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testAuthority } from '../support/certificates.ts';
import { type Backends, startBackends } from './gateway/backends.ts';
import type { Behaviour, Show } from './gateway/behaviour.ts';
import type { Protocol } from './gateway/clients.ts';
import { type Offered, oneGateway, threeAgents } from './gateway/columns.ts';
import { DOMAIN, documentsOf } from './gateway/documents.ts';
import { BEHAVIOURS } from './gateway/index.ts';
import { type Column, worldOf } from './gateway/world.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** Column of the gateway's conformance table (scripts/conformance.ts); its row is `behaviour`. */
    gateway?: string;
  }
}

const PROTOCOLS: readonly Protocol[] = ['HTTP/1.1', 'h2c', 'HTTP/2 over TLS', 'gRPC'];
/** Each as a column over each protocol; the agents are asked at once, and must agree. */
const PLACES = { 'one gateway': oneGateway, 'three agents': threeAgents } as const;

let backends: Backends;
let offered: Offered;

beforeAll(async () => {
  backends = await startBackends();
  const authority = await testAuthority();
  const tls = await authority.issue({ dns: [`*.${DOMAIN}`] });
  offered = { documents: documentsOf(backends.ports, tls), tls, ca: authority.certificatePem };
});
afterAll(() => backends.close());

function shownOver({ http, http2 = http, grpc }: Behaviour, protocol: Protocol): Show | string {
  if (protocol === 'gRPC') return grpc;
  return protocol === 'HTTP/1.1' ? http : http2;
}

describe.each(Object.entries(PLACES))('gateway, %s', (place, start) => {
  let column: Column;
  beforeAll(async () => {
    column = await start(offered);
  });
  afterAll(() => column?.close());

  describe.each(PROTOCOLS)('over %s shows, or explains why it cannot, that it', (protocol) => {
    for (const [id, behaviour] of Object.entries(BEHAVIOURS)) {
      const shown = shownOver(behaviour, protocol);
      const meta = {
        behaviour: id,
        gateway: `${place}, ${protocol}`,
        ...(typeof shown === 'string' ? { hole: shown } : {}),
      };
      it(`${behaviour.title} [${id}]`, { meta }, async () => {
        // A reason is a sentence; anything less would be a silent hole.
        if (typeof shown === 'string') expect(shown).toMatch(/^.{20,}\.$/);
        else {
          const world = worldOf(protocol, column, backends);
          await shown(world).finally(() => world.close());
        }
      });
    }
  });
});
