import type { ServerDuplexStream } from '@grpc/grpc-js';
import { PortolanError } from '../../src/errors/error.ts';
import type { AgentCertificate } from '../../src/identity/certificate.ts';
import type { AgentMessage, HubMessage } from '../../src/protocol/generated/portolan_pb.js';
import { HubMessageSchema } from '../../src/protocol/generated/portolan_pb.js';
import { sizedWriter } from '../../src/protocol/sized-writer.ts';
import { toStatus } from '../../src/protocol/stream-errors.ts';

/** One agent's stream, from its Hello to its end. */
export interface AgentSession {
  readonly agentUid: string;
  /** `namespace/name` */
  readonly clusterKey: string;
  readonly clusterUid: string;
  /** Random per start of the agent's control process. */
  readonly incarnation: string;
  /** Hub's wall clock, milliseconds. */
  readonly connectedAt: number;
  /** Address the agent's connection comes from. */
  readonly remoteAddress: string;
  readonly certificate: AgentCertificate;
  /** Queues a message, which must not change afterwards. A stream that has too much queued is cut instead; never throws. */
  send(message: HubMessage): void;
  /** Octets queued for a receiver that is slow. */
  pendingOctets(): number;
}

export type AgentCall = ServerDuplexStream<AgentMessage, HubMessage>;

/** The two ways a call ends from here: the other end is told why, and the connection goes if it does not listen. */
export interface CallEnding {
  readonly call: AgentCall;
  /** Closes the connection under the call, now. */
  readonly destroy: () => void;
  readonly after: (delayMs: number, task: () => void) => () => void;
}

/** A peer that reads gets the reason within this time; one that does not is cut all the same. */
const LINGER_MS = 500;

export function endCall(ending: CallEnding, error: PortolanError): void {
  const cancel = ending.after(LINGER_MS, ending.destroy);
  ending.call.once('close', cancel);
  ending.call.once('cancelled', cancel);
  ending.call.emit('error', toStatus(error));
}

export function createSession(options: {
  readonly ending: CallEnding;
  readonly certificate: AgentCertificate;
  readonly clusterKey: string;
  readonly incarnation: string;
  readonly connectedAt: number;
  readonly maxPendingOctets: number;
  /** Ends this session for a reason; told once. */
  readonly end: (error: PortolanError) => void;
}): AgentSession {
  const { call } = options.ending;
  const writer = sizedWriter(
    HubMessageSchema,
    { write: (m, done) => call.write(m, done) },
    options.maxPendingOctets,
  );
  const { principal } = options.certificate;
  return {
    agentUid: principal.agentUid,
    clusterKey: options.clusterKey,
    clusterUid: principal.clusterUid,
    incarnation: options.incarnation,
    connectedAt: options.connectedAt,
    remoteAddress: call.getPeer(),
    certificate: options.certificate,
    send(message) {
      if (call.cancelled || call.writableEnded || call.destroyed) return;
      if (writer.send(message)) return;
      const waiting = writer.pendingOctets();
      options.end(
        new PortolanError('LINK_CONGESTED', `${waiting} octets wait for an agent that reads too slowly`),
      );
    },
    pendingOctets: writer.pendingOctets,
  };
}
