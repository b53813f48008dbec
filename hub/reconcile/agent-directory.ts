import type { Hello } from '../../src/protocol/generated/portolan_pb.js';
import { snapshotPartsOf } from '../agents/hello.ts';
import type { AgentIdentity } from '../store/contract.ts';
import { objectKey } from './objects.ts';

/** What the hub knows of one agent: its identity from the store, and what it said of itself since it connected. */
export interface KnownAgent {
  readonly identity: AgentIdentity;
  readonly connected: boolean;
  readonly version: string;
  /** `host:port`; kept while the agent is away, so that peers still find it. */
  readonly peerAddress: string | undefined;
  readonly nameServers: readonly string[];
  /** Names of the snapshot's parts that it reads; empty: not said yet. */
  readonly snapshotParts: readonly string[];
  /** `scheme://host:port`; undefined: not said yet. */
  readonly gateways: readonly string[] | undefined;
  /** Why a listener is not served, by its id. */
  readonly gatewayProblems: Readonly<Record<string, string>>;
  readonly lastSeenWallMs: number | undefined;
  /** Snapshot it confirmed last. */
  readonly applied:
    | {
        readonly version: number;
        readonly hash: string;
        readonly sequence: number;
        /** Digest of the gateway configuration it serves. */
        readonly gateway?: string;
      }
    | undefined;
  /** Why it refused the last snapshot. */
  readonly refused: string | undefined;
  readonly clockDifferenceMs: number | undefined;
  /** A vote of it has arrived since it connected. */
  readonly voted: boolean;
}

export type AgentNews = Partial<Omit<KnownAgent, 'identity'>>;

/** Every agent that is not revoked, connected or not. Readers get immutable values. */
export interface AgentDirectory {
  setIdentities(identities: readonly AgentIdentity[]): void;
  hello(agentUid: string, hello: Hello, wallMs: number): void;
  note(agentUid: string, news: AgentNews): void;
  get(agentUid: string): KnownAgent | undefined;
  readonly all: readonly KnownAgent[];
  /** Agent of a cluster (`namespace/name`). */
  ofCluster(cluster: string): KnownAgent | undefined;
}

export function createAgentDirectory(): AgentDirectory {
  const agents = new Map<string, KnownAgent>();

  function note(agentUid: string, news: AgentNews): void {
    const known = agents.get(agentUid);
    if (known !== undefined) agents.set(agentUid, { ...known, ...news });
  }

  return {
    setIdentities(identities) {
      const current = identities.filter((i) => !i.revoked);
      const uids = new Set(current.map((i) => i.agentUid));
      for (const uid of [...agents.keys()]) if (!uids.has(uid)) agents.delete(uid);
      for (const identity of current) {
        const known = agents.get(identity.agentUid) ?? UNSEEN;
        agents.set(identity.agentUid, { ...known, identity });
      }
    },
    hello(agentUid, hello, wallMs) {
      note(agentUid, {
        connected: true,
        version: hello.agentVersion,
        peerAddress: hello.peerAddress === '' ? undefined : hello.peerAddress,
        nameServers: hello.nameServers,
        snapshotParts: snapshotPartsOf(hello),
        gateways: hello.gateways,
        lastSeenWallMs: wallMs,
        clockDifferenceMs: Number(hello.wallMs) - wallMs,
        refused: undefined,
        voted: false,
      });
    },
    note,
    get: (uid) => agents.get(uid),
    get all() {
      return [...agents.values()].sort((a, b) => (a.identity.agentUid < b.identity.agentUid ? -1 : 1));
    },
    ofCluster(cluster) {
      return [...agents.values()].find(
        (a) => objectKey(a.identity.cluster.namespace, a.identity.cluster.name) === cluster,
      );
    },
  };
}

const UNSEEN: Omit<KnownAgent, 'identity'> = {
  connected: false,
  version: '',
  peerAddress: undefined,
  nameServers: [],
  snapshotParts: [],
  gateways: undefined,
  gatewayProblems: {},
  lastSeenWallMs: undefined,
  applied: undefined,
  refused: undefined,
  clockDifferenceMs: undefined,
  voted: false,
};
