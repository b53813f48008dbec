import type { PortolanError } from '../../src/errors/error.ts';
import type {
  AgentStatus,
  CertificateRequests,
  CredentialAck,
  Hello,
  Inventory,
  ObservationBatch,
  QuotaRequest,
  SnapshotAck,
  UsageBatch,
  VoteBatch,
} from '../../src/protocol/generated/portolan_pb.js';
import type { AgentSession } from './link-session.ts';

/** What the hub does with what agents say. All run in the order of the stream; what they throw goes to `onError`. */
export interface AgentLinkHandlers {
  /** A session has begun (its Welcome is sent): send the snapshot if it has another one, decisions, faults. */
  onHello(session: AgentSession, hello: Hello): void | Promise<void>;
  /** `receivedAtMs` is the hub's monotonic clock. */
  onVotes(session: AgentSession, batch: VoteBatch, receivedAtMs: number): void;
  onStatus(session: AgentSession, status: AgentStatus): void;
  onSnapshotAck(session: AgentSession, ack: SnapshotAck): void;
  onObservations(session: AgentSession, batch: ObservationBatch): void;
  onUsage(session: AgentSession, batch: UsageBatch): void | Promise<void>;
  onCredentialAck(session: AgentSession, ack: CredentialAck): void | Promise<void>;
  /** Answered later, and only when what the answer grants is durable. */
  onQuota(session: AgentSession, request: QuotaRequest): void;
  onCertificateRequests(session: AgentSession, requests: CertificateRequests): void;
  /** What it throws ends the stream. */
  onInventory(session: AgentSession, inventory: Inventory): void;
  /** Once per session that had an onHello. */
  onClosed(session: AgentSession, reason: PortolanError): void;
}
