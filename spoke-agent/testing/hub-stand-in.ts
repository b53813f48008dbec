import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseName } from '../../src/dns/name.ts';
import { DEFAULT_QUORUM, type Target } from '../../src/health/types.ts';
import { createCa, openCa } from '../../src/identity/ca.ts';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import { createCsr, newAgentKey } from '../../src/identity/csr.ts';
import {
  newSnapshotKey,
  openSnapshotSigner,
  type SignedSnapshot,
  type SnapshotKey,
  signSnapshot,
} from '../../src/identity/snapshot-signing.ts';
import { type GatewayPart, type GatewaySecrets, NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import type { DnsPart, PeersPart, ProbesPart, RoutingPart } from '../../src/protocol/snapshot.ts';
import type { RoutedPolicy } from '../../src/routing/model.ts';
import { policyOf, tier } from '../../src/routing/testing/world.ts';
import { saveIdentity } from '../identity-files.ts';
import { createSnapshotStore } from '../snapshot-store.ts';

/** What a test may change of a snapshot. */
export interface SnapshotRecipe {
  readonly epoch?: number;
  readonly version?: number;
  readonly routing?: Partial<RoutingPart>;
  readonly probes?: Partial<ProbesPart>;
  readonly peers?: Partial<PeersPart>;
  /** For a name server; left out as an older hub does. */
  readonly dns?: DnsPart;
  /** For a cluster with a Gateway. */
  readonly gateway?: { readonly part: GatewayPart; readonly secrets: GatewaySecrets };
  /** The same in pieces; `sent`: those that travel, default all. */
  readonly frame?: { readonly frame: unknown; readonly sent: Iterable<Uint8Array> };
  readonly issuedAtMs?: number;
  readonly minimumAgent?: string;
}

/** The part of a hub that agents depend on without its process: a CA, an identity for one agent, signed snapshots. */
export interface HubStandIn {
  readonly hubUid: string;
  readonly clusterUid: string;
  readonly agentUid: string;
  readonly keys: readonly SnapshotKey[];
  snapshot(recipe?: SnapshotRecipe): SignedSnapshot;
  /** Makes a data directory of an agent that has joined; its hub does not answer. */
  join(dataDir: string): Promise<void>;
  /** Puts snapshots into the data directory as an agent that accepted them would. */
  store(dataDir: string, ...snapshots: readonly SignedSnapshot[]): Promise<void>;
}

export async function createHubStandIn(): Promise<HubStandIn> {
  const [hubUid, clusterUid, agentUid] = [randomUUID(), randomUUID(), randomUUID()];
  const ca = await openCa(await createCa({ hubUid, nowMs: Date.now(), randomBytes }), randomBytes);
  const signer = openSnapshotSigner(newSnapshotKey());
  const keys = [{ id: signer.keyId, publicKeyPem: signer.publicKeyPem }];

  const snapshot = (recipe: SnapshotRecipe = {}): SignedSnapshot => {
    const issuedAtMs = recipe.issuedAtMs ?? Date.now();
    const routing: RoutingPart = {
      sequence: recipe.version ?? 1,
      zones: [{ namespace: 'default', name: 'example', spec: ZONE }],
      policies: [WWW],
      regions: { EU: ['DE', 'FR'] },
      geoSha256: '',
      drains: [],
      issuedAtMs,
      ...recipe.routing,
    };
    const probes: ProbesPart = {
      quorum: DEFAULT_QUORUM,
      targets: TARGETS,
      assigned: [],
      caBundles: {},
      ...recipe.probes,
    };
    const peers: PeersPart = {
      self: { agentUid, cluster: 'default/eu-1', failureDomain: 'eu-1' },
      peers: [],
      ...recipe.peers,
    };
    const bytes = (value: unknown): Uint8Array => Buffer.from(canonicalJson(value));
    return signSnapshot(
      {
        hub: hubUid,
        cluster: clusterUid,
        epoch: recipe.epoch ?? 1,
        version: recipe.version ?? 1,
        previous: '',
        issuedAtMs,
        minimumAgent: recipe.minimumAgent ?? '0.1.0',
      },
      {
        routing: bytes(routing),
        probes: bytes(probes),
        peers: bytes(peers),
        ...(recipe.dns === undefined ? {} : { dns: bytes(recipe.dns) }),
        ...(recipe.gateway === undefined
          ? {}
          : { gateway: bytes(recipe.gateway.part), gatewaySecrets: bytes(recipe.gateway.secrets) }),
        ...(recipe.frame === undefined
          ? {}
          : { gatewayFrame: bytes(recipe.frame.frame), gatewaySecrets: bytes(NO_GATEWAY_SECRETS) }),
      },
      signer,
      [...(recipe.frame?.sent ?? [])],
    );
  };

  return {
    hubUid,
    clusterUid,
    agentUid,
    keys,
    snapshot,
    async join(dataDir) {
      await mkdir(dataDir, { recursive: true });
      const privateKeyPem = newAgentKey();
      await saveIdentity(dataDir, {
        hubUid,
        clusterUid,
        cluster: { namespace: 'default', name: 'eu-1' },
        agentUid,
        generation: 1,
        privateKeyPem,
        certificateChainPem: await ca.issueAgent({
          csrDer: createCsr(privateKeyPem),
          principal: { hubUid, clusterUid, agentUid },
          generation: 1,
          nowMs: Date.now(),
        }),
        caPem: ca.certificatePem,
        snapshotKeys: keys.map((key) => ({ ...key })),
        // Discard: nobody listens there.
        linkAddresses: ['127.0.0.1:9'],
        joinUrls: ['https://127.0.0.1:9'],
      });
    },
    async store(dataDir, ...snapshots) {
      const files = createSnapshotStore({
        directory: join(dataDir, 'snapshots'),
        hubUid,
        clusterUid,
        agentVersion: '0.1.0',
        keys: () => keys,
        check: () => Promise.resolve(),
        onDamaged: (error) => {
          throw error;
        },
      });
      for (const each of snapshots) await files.accept(each);
    },
  };
}

export const target = (id: string, cluster: string): Target => ({
  id,
  cluster: `default/${cluster}`,
  failureDomain: cluster,
  address: '127.0.0.1',
  port: 9,
  check: {
    protocol: 'tcp',
    port: 9,
    intervalSeconds: 1,
    timeoutMs: 700,
    fall: 3,
    rise: 2,
    confirmDelaysMs: [300, 600],
  },
  defaultHost: 'www.example.test',
});

export const TARGETS: readonly Target[] = [target('t-eu', 'eu-1'), target('t-us', 'us-1')];

const ZONE: RoutingPart['zones'][number]['spec'] = {
  origin: parseName('example.test'),
  nameServers: [{ name: parseName('ns1.example.test'), addresses: ['192.0.2.53'] }],
  soa: { refreshSeconds: 7200, retrySeconds: 1800, expireSeconds: 1_209_600, minimumSeconds: 60 },
  ttlSeconds: 300,
  records: [],
};

/** eu-1 answers; us-1 when eu-1 is down. */
export const WWW: RoutedPolicy = policyOf({
  name: 'www',
  hostnames: [parseName('www.example.test')],
  endpoints: [
    {
      name: 'eu',
      cluster: 'default/eu-1',
      country: 'DE',
      capacity: 1,
      kind: 'addresses',
      addresses: [{ address: '192.0.2.1', family: 4, targetId: 't-eu' }],
    },
    {
      name: 'us',
      cluster: 'default/us-1',
      country: 'US',
      capacity: 1,
      kind: 'addresses',
      addresses: [{ address: '192.0.2.2', family: 4, targetId: 't-us' }],
    },
  ],
  defaultTiers: [tier('eu'), tier('us')],
});
