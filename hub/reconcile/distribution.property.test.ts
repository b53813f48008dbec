import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_QUORUM } from '../../src/health/types.ts';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import { newSnapshotKey, openSnapshotSigner, SNAPSHOT_PARTS } from '../../src/identity/snapshot-signing.ts';
import {
  type CompiledBackend,
  type GatewayPart,
  NO_GATEWAY,
  NO_GATEWAY_SECRETS,
} from '../../src/policy/model.ts';
import { type GatewayFrame, type GatewayPiece, joinGateway } from '../../src/policy/pieces.ts';
import { compiled as compiledOf, gatewayOf, stored } from '../../src/policy/testing/gateway-objects.ts';
import { HelloSchema, type Snapshot } from '../../src/protocol/generated/portolan_pb.js';
import { type ClusterPieces, writePieces } from '../gateways/gateway-pieces.ts';
import { createAgentDirectory } from './agent-directory.ts';
import { createDistribution, type Distribution } from './distribution.ts';
import { snapshotAgents } from './snapshot-agents.ts';
import { CONTEXT, cluster, worldOf } from './testing.ts';
import { routingContent } from './world.ts';

const AGENT = 'agent-eu';
const signer = openSnapshotSigner(newSnapshotKey());
const world = worldOf(cluster('eu', 'DE', '192.0.2.1'));
const published = { sequence: 1, hash: 'hash', content: routingContent(world, CONTEXT, 'geo') };

interface Rig {
  readonly distribution: Distribution;
  /** What agents of the cluster are to have from now on. */
  give(part: GatewayPart): Promise<void>;
  hello(parts?: readonly string[]): void;
  readonly sent: readonly Snapshot[];
}

function rig(): Rig {
  const agents = createAgentDirectory();
  agents.setIdentities([
    {
      agentUid: AGENT,
      clusterUid: 'cluster-eu',
      cluster: { kind: 'Cluster', namespace: 'default', name: 'eu' },
      generation: 1,
      revoked: false,
      joinedAt: '2026-01-01T00:00:00.000Z',
      spkiSha256: '',
      certificateChainPem: '',
    },
  ]);
  const sent: Snapshot[] = [];
  let version = 0;
  let gateway: { readonly part: GatewayPart; readonly pieces: ClusterPieces } | undefined;
  const distribution = createDistribution({
    store: { hubUid: 'hub', epoch: 1, increment: async () => (version += 1) },
    signer,
    agents,
    send: (_uid, { kind }) => {
      if (kind.case === 'snapshot') sent.push(kind.value);
    },
    input: () => ({
      published,
      drains: [],
      quorum: DEFAULT_QUORUM,
      targets: [],
      caBundles: {},
      dns: { signing: {}, tsigKeys: {} },
      gateways:
        gateway === undefined
          ? new Map()
          : new Map([
              ['default/eu', { ...gateway, secrets: NO_GATEWAY_SECRETS, digest: gateway.pieces.digest }],
            ]),
      agents: snapshotAgents(agents.all, world, { heardAfterMs: 0, hubStartedMs: 0 }),
      hub: { id: 'hub/h', kind: 'hub', failureDomain: 'hub' },
      wallMs: 0,
    }),
    log: { warn: () => undefined },
  });
  return {
    distribution,
    sent,
    async give(part) {
      gateway = { part, pieces: await writePieces(part, gateway, async () => undefined) };
      await distribution.refresh();
    },
    hello(snapshotParts = SNAPSHOT_PARTS) {
      agents.hello(AGENT, create(HelloSchema, { agentVersion: '1', snapshotParts: [...snapshotParts] }), 0);
      distribution.greet(AGENT, { epoch: 0, version: 0 });
    },
  };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const frameOf = ({ parts }: Snapshot): GatewayFrame =>
  JSON.parse(
    text(parts.find(({ name }) => name === 'gatewayFrame')?.content ?? new Uint8Array()),
  ) as GatewayFrame;
const versionOf = ({ manifest }: Snapshot): bigint =>
  BigInt((JSON.parse(text(manifest)) as { readonly version: number }).version);

/** The pieces of a snapshot by their digest, with those that the agent has; undefined: one is missing. */
function completed(
  snapshot: Snapshot,
  base: ReadonlyMap<string, Uint8Array>,
): ReadonlyMap<string, Uint8Array> | undefined {
  const here = new Map([...base, ...snapshot.pieces.map((piece) => [sha256Hex(piece), piece] as const)]);
  const own = new Map<string, Uint8Array>();
  for (const { sha256 } of frameOf(snapshot).pieces) {
    const content = here.get(sha256);
    if (content === undefined) return undefined;
    own.set(sha256, content);
  }
  return own;
}

const joined = (snapshot: Snapshot, pieces: ReadonlyMap<string, Uint8Array>): string => {
  const frame = frameOf(snapshot);
  return canonicalJson(
    joinGateway(
      frame,
      frame.pieces.map(
        ({ sha256 }) => JSON.parse(text(pieces.get(sha256) ?? new Uint8Array())) as GatewayPiece,
      ),
    ),
  );
};

const backend = (port: number): CompiledBackend => ({ ...anyBackend, port }) as CompiledBackend;
const [anyBackend] = Object.values(
  compiledOf(
    gatewayOf(),
    stored('Backend', 'b', { endpoints: [{ address: '10.0.0.1', port: 8080 }] }),
    stored('HTTPRoute', 'r', {
      parentRefs: [{ name: 'web' }],
      rules: [{ backendRefs: [{ name: 'b', kind: 'Backend', group: 'portolan.dev', port: 8080 }] }],
    }),
  ).part.backends,
);
const partWith = (ports: readonly number[]): GatewayPart => ({
  ...NO_GATEWAY,
  backends: Object.fromEntries(ports.map((port, at) => [`shop/b${at}:80`, backend(port)])),
});
const hundred = (change: Readonly<Record<number, number>> = {}): GatewayPart =>
  partWith(Array.from({ length: 100 }, (_, at) => change[at] ?? 8080));

type Step =
  | { readonly does: 'change'; readonly at: number; readonly port: number; readonly count: number }
  | { readonly does: 'take' | 'confirm' | 'refuse' | 'reconnect' };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('change' as const),
      at: fc.nat(2),
      port: fc.constantFrom(80, 8080),
      count: fc.constantFrom(100, 100, 100, 30, 300),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constantFrom('take' as const, 'confirm' as const, 'refuse' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('reconnect' as const) }) },
);

describe('pieces of a gateway configuration', () => {
  it('complete whatever an agent holds: it skips snapshots, confirms late or refuses, and always gets to the hub’s part', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { distribution, give, hello, sent } = rig();
        let ports: readonly number[] = Array.from({ length: 100 }, () => 8080);
        let base: ReadonlyMap<string, Uint8Array> = new Map();
        let serves = '';
        /** On their way. */
        let unconfirmed: bigint[] = [];
        let taken: Snapshot | undefined;
        const take = (): void => {
          const newest = sent.at(-1);
          if (newest === undefined || newest === taken) return;
          const own = completed(newest, base);
          if (own === undefined) throw new Error('pieces are missing');
          base = own;
          serves = joined(newest, own);
          taken = newest;
          unconfirmed.push(versionOf(newest));
        };
        hello();
        await give(partWith(ports));
        for (const one of steps) {
          if (one.does === 'change') {
            ports = Array.from({ length: one.count }, (_, at) =>
              at === one.at ? one.port : (ports[at] ?? 8080),
            );
            await give(partWith(ports));
          } else if (one.does === 'take') take();
          else if (one.does === 'refuse') taken = sent.at(-1) ?? taken;
          else if (one.does === 'confirm') {
            const version = unconfirmed.shift();
            if (version !== undefined) distribution.acknowledged(AGENT, { version });
          } else {
            // What it holds stays; that it does is not for the hub to know.
            unconfirmed = [];
            hello();
            await distribution.refresh();
          }
        }
        taken = undefined;
        take();
        expect(serves).toBe(canonicalJson(partWith(ports)));
      }),
      { numRuns: 40 },
    );
  });

  it('are sent once: after an acknowledgement a change brings the one piece that it is in', async () => {
    const { distribution, give, hello, sent } = rig();
    hello();
    await give(hundred());
    expect(sent[0]?.pieces.length).toBeGreaterThan(1);
    await give(hundred({ 7: 80 }));
    expect(sent[1]?.pieces.length, 'nothing is acknowledged yet').toBe(sent[0]?.pieces.length);
    distribution.acknowledged(AGENT, { version: 2n });
    await give(hundred({ 7: 81 }));
    expect(sent[2]?.pieces).toHaveLength(1);
    hello();
    await distribution.refresh();
    expect(sent[3]?.pieces.length, 'another stream').toBe(sent[0]?.pieces.length);
  });

  it('are sent again to an agent that may have taken a snapshot without them since', async () => {
    const { distribution, give, hello, sent } = rig();
    hello();
    await give(hundred());
    distribution.acknowledged(AGENT, { version: 1n });
    await give(hundred({ 7: 80 }));
    await give(hundred());
    expect(sent[2]?.pieces).toHaveLength(1);
  });

  it('are not left out for an acknowledgement that was on its way while others were sent', async () => {
    const { distribution, give, hello, sent } = rig();
    hello();
    await give(hundred());
    await give(hundred({ 7: 80 }));
    distribution.acknowledged(AGENT, { version: 1n });
    await give(hundred());
    expect(sent[2]?.pieces).toHaveLength(1);
  });

  it('all come to an agent that says that it lacks some, and no second time when that does not help', async () => {
    const { distribution, give, hello, sent } = rig();
    hello();
    await give(hundred());
    distribution.acknowledged(AGENT, { version: 1n });
    await give(hundred({ 7: 80 }));
    expect(distribution.incomplete(AGENT)).toBe(true);
    await distribution.refresh();
    expect(sent[2]?.pieces.length).toBe(sent[0]?.pieces.length);
    expect(distribution.incomplete(AGENT)).toBe(false);
    await distribution.refresh();
    expect(sent).toHaveLength(3);
  });

  it('I12 an agent that does not read them gets the whole part, each time', async () => {
    const { distribution, give, hello, sent } = rig();
    hello(SNAPSHOT_PARTS.filter((name) => name !== 'gatewayFrame'));
    await give(hundred());
    distribution.acknowledged(AGENT, { version: 1n });
    await give(hundred({ 7: 80 }));
    for (const [at, part] of [hundred(), hundred({ 7: 80 })].entries()) {
      const names = sent[at]?.parts.map(({ name }) => name);
      expect(names).toEqual(['routing', 'probes', 'peers', 'gateway', 'gatewaySecrets']);
      expect(text(sent[at]?.parts.find(({ name }) => name === 'gateway')?.content ?? new Uint8Array())).toBe(
        canonicalJson(part),
      );
      expect(sent[at]?.pieces).toEqual([]);
    }
  });
});
