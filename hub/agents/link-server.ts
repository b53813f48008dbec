import { createServer } from 'node:net';
import { create } from '@bufbuild/protobuf';
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import { PortolanError } from '../../src/errors/error.ts';
import {
  type AgentCertificate,
  readAgentCertificate,
  readCertificate,
  splitPem,
} from '../../src/identity/certificate.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';
import {
  AgentLink,
  type AgentMessage,
  type GeoDatabasePart,
  GeoDatabasePartSchema,
  type GeoDatabaseRequest,
  type Hello,
  HubMessageSchema,
  type RenewRequest,
  type RenewResponse,
  RenewResponseSchema,
} from '../../src/protocol/generated/portolan_pb.js';
import { createMutualTlsServer, type TlsIdentity } from '../../src/protocol/mutual-tls.ts';
import { toStatus } from '../../src/protocol/stream-errors.ts';
import type { CredentialFeed, FeedAgent } from '../credentials/feed.ts';
import type { GeoLibrary } from '../geo/library.ts';
import type { AgentIdentity, Store } from '../store/contract.ts';
import { type Enrolment, requireCurrent } from './enrolment.ts';
import { checkHello } from './hello.ts';
import type { AgentLinkHandlers } from './link-handlers.ts';
import {
  type AgentCall,
  type AgentSession,
  type CallEnding,
  createSession,
  endCall,
} from './link-session.ts';
import { type ListenAddress, listenAt } from './listening.ts';
import type { HubCertificate } from './server-certificate.ts';

export interface AgentLinkServerOptions {
  readonly listen: ListenAddress;
  readonly certificate: HubCertificate;
  readonly caBundlePem: string;
  readonly store: Pick<Store, 'agent' | 'listAgents' | 'hubUid' | 'epoch'>;
  readonly enrolment: Pick<Enrolment, 'renewFor'>;
  /** For agents that lack the GeoIP database in use. */
  readonly geo: Pick<GeoLibrary, 'read'>;
  /** For agents that read the API keys of their cluster. */
  readonly credentials: Pick<CredentialFeed, 'page' | 'find'>;
  readonly clock: LinkClock;
  readonly hubVersion: string;
  readonly handlers: AgentLinkHandlers;
  /** Connections refused, handlers that threw, a store that does not answer. */
  readonly onError: (error: PortolanError, agentUid: string | undefined) => void;
  /** Octets queued for one slow agent before its stream is cut; default 32 MiB. */
  readonly maxPendingOctets?: number;
}

export interface AgentLinkServer {
  readonly host: string;
  readonly port: number;
  sessions(): readonly AgentSession[];
  /** Cuts this agent's stream now; whether it may come back is the store's word. */
  revoke(agentUid: string): void;
  /** Compares every stream with the store now; also done every 750 ms, so that any hub's revocation cuts within 1 s. */
  recheck(): Promise<void>;
  close(): Promise<void>;
}

const MAX_PENDING_OCTETS = 32 * 1024 * 1024;
/** Agents with a million keys of limits in use say so in one message. */
const MAX_MESSAGE_OCTETS = 32 * 1024 * 1024;
const RECHECK_MS = 750;
const HELLO_LIMIT_MS = 5_000;
const MAX_CONNECTIONS = 4_096;
/** Of the GeoIP database in one message; the link's other messages go in between. */
const GEO_PART_OCTETS = 256 * 1024;

interface Live {
  readonly session: AgentSession;
  readonly end: (reason: PortolanError) => void;
}

/** @throws PortolanError PORT_IN_USE, CONFIG_INVALID */
export async function createAgentLinkServer(options: AgentLinkServerOptions): Promise<AgentLinkServer> {
  const { store, clock, handlers } = options;
  const live = new Map<string, Live>();
  let closing = false;

  const tls = (): TlsIdentity => ({ caPem: options.caBundlePem, ...options.certificate.current() });
  const server = createMutualTlsServer({
    service: AgentLink,
    handlers: {
      connect,
      renew: (call, reply) => void renew(call, reply),
      geoDatabase: (call, reply) => void geoDatabase(call, reply),
      credentials: (call, reply) =>
        void forAgent(call, reply, (agent) => options.credentials.page(agent, call.request)),
      findKey: (call, reply) =>
        void forAgent(call, reply, (agent) => options.credentials.find(agent, call.request)),
    },
    identity: tls(),
    clock,
    channel: { 'grpc.max_receive_message_length': MAX_MESSAGE_OCTETS },
  });
  options.certificate.onChange(() => server.useIdentity(tls()));

  /** @throws PortolanError when the certificate is not one of a current agent */
  const authenticate = async (call: {
    getAuthContext(): { sslPeerCertificate?: { readonly raw: Buffer } };
  }): Promise<{ readonly certificate: AgentCertificate; readonly identity: AgentIdentity }> => {
    const raw = call.getAuthContext().sslPeerCertificate?.raw;
    const certificate = raw === undefined ? undefined : readAgentCertificate(raw);
    if (certificate === undefined)
      throw new PortolanError('UNAUTHENTICATED', 'the certificate is not that of an agent');
    return { certificate, identity: await requireCurrent(store, certificate) };
  };

  function connect(call: AgentCall): void {
    const socket = server.connectionOf(call.getPeer());
    const ending: CallEnding = { call, destroy: () => socket?.destroy(), after: clock.after };
    // A stream's own error events come after its end was decided; unheard they would end the process.
    call.on('error', () => undefined);
    authenticate(call)
      .then(({ certificate, identity }) => converse(ending, certificate, identity))
      .catch((thrown: unknown) => {
        const error = PortolanError.from(thrown);
        options.onError(error, undefined);
        endCall(ending, error);
      });
  }

  function converse(ending: CallEnding, certificate: AgentCertificate, identity: AgentIdentity): void {
    const { call } = ending;
    if (call.cancelled) return;
    const agentUid = identity.agentUid;
    let current: Live | undefined;
    let over = false;
    const finish = (reason: PortolanError): boolean => {
      if (over) return false;
      over = true;
      cancelHello();
      if (current !== undefined) {
        if (live.get(agentUid) === current) live.delete(agentUid);
        const { session } = current;
        guarded(session, () => handlers.onClosed(session, reason));
      }
      return true;
    };
    const end = (reason: PortolanError): void => {
      if (finish(reason)) endCall(ending, reason);
    };
    const cancelHello = clock.after(HELLO_LIMIT_MS, () =>
      end(new PortolanError('VALIDATION_FAILED', 'no Hello came within 5 s')),
    );
    const gone = (): void => {
      finish(new PortolanError('HUB_UNREACHABLE', 'the agent closed the stream or its connection broke'));
      call.end();
    };
    call.on('cancelled', gone);
    call.on('end', gone);
    call.on('close', gone);

    const begin = (hello: Hello): void => {
      try {
        checkHello(hello);
      } catch (thrown) {
        const error = PortolanError.from(thrown);
        options.onError(error, agentUid);
        end(error);
        return;
      }
      const session = createSession({
        ending,
        certificate,
        clusterKey: `${identity.cluster.namespace}/${identity.cluster.name}`,
        incarnation: hello.incarnation,
        connectedAt: clock.wallMs(),
        maxPendingOctets: options.maxPendingOctets ?? MAX_PENDING_OCTETS,
        end,
      });
      cancelHello();
      const before = live.get(agentUid);
      current = { session, end };
      live.set(agentUid, current);
      before?.end(
        new PortolanError(
          'AGENT_DUPLICATE',
          `incarnation ${hello.incarnation} of this agent connected from ${call.getPeer()}`,
        ),
      );
      const { hubUid, epoch } = store;
      const wallMs = BigInt(Math.floor(clock.wallMs()));
      const value = { hubUid, epoch: BigInt(epoch), wallMs, hubVersion: options.hubVersion };
      session.send(create(HubMessageSchema, { kind: { case: 'welcome', value } }));
      guarded(session, () => handlers.onHello(session, hello));
    };

    call.on('data', (message: AgentMessage) => {
      if (over) return;
      if (current !== undefined) return dispatch(current.session, message, end);
      if (closing) return end(new PortolanError('NOT_READY', 'the hub is stopping'));
      if (message.kind.case === 'hello') return begin(message.kind.value);
      return end(new PortolanError('VALIDATION_FAILED', 'the first message of a stream must be Hello'));
    });
  }

  function dispatch(
    session: AgentSession,
    message: AgentMessage,
    end: (reason: PortolanError) => void,
  ): void {
    const { kind } = message;
    switch (kind.case) {
      case 'votes': {
        const receivedAtMs = clock.monotonicMs();
        guarded(session, () => handlers.onVotes(session, kind.value, receivedAtMs));
        break;
      }
      case 'status':
        guarded(session, () => handlers.onStatus(session, kind.value));
        break;
      case 'snapshotAck':
        guarded(session, () => handlers.onSnapshotAck(session, kind.value));
        break;
      case 'observations':
        guarded(session, () => handlers.onObservations(session, kind.value));
        break;
      case 'usage':
        guarded(session, () => handlers.onUsage(session, kind.value));
        break;
      case 'credentialAck':
        guarded(session, () => handlers.onCredentialAck(session, kind.value));
        break;
      case 'quota':
        guarded(session, () => handlers.onQuota(session, kind.value));
        break;
      case 'certificateRequests':
        guarded(session, () => handlers.onCertificateRequests(session, kind.value));
        break;
      case 'inventory':
        // Cumulative: after a message that cannot be used, the rest of the stream means nothing.
        try {
          handlers.onInventory(session, kind.value);
        } catch (thrown) {
          const error = PortolanError.from(thrown);
          options.onError(error, session.agentUid);
          end(error);
        }
        break;
      case 'hello':
        end(new PortolanError('VALIDATION_FAILED', 'a second Hello came on the same stream'));
        break;
      case undefined:
        // A message of a newer agent: ignored, so that releases mix (I12).
        break;
    }
  }

  /** One agent's message must not end the hub. */
  function guarded(session: AgentSession, run: () => void | Promise<void>): void {
    const report = (thrown: unknown): void => options.onError(PortolanError.from(thrown), session.agentUid);
    try {
      void Promise.resolve(run()).catch(report);
    } catch (thrown) {
      report(thrown);
    }
  }

  async function renew(
    call: ServerUnaryCall<RenewRequest, RenewResponse>,
    reply: sendUnaryData<RenewResponse>,
  ): Promise<void> {
    try {
      server.connectionOf(call.getPeer());
      const { certificate } = await authenticate(call);
      const chain = await options.enrolment.renewFor(certificate, call.request.csrDer);
      const chainDer = splitPem(chain).flatMap((pem) => readCertificate(pem)?.raw ?? []);
      reply(null, create(RenewResponseSchema, { chainDer }));
    } catch (thrown) {
      const error = PortolanError.from(thrown);
      options.onError(error, undefined);
      reply(toStatus(error));
    }
  }

  async function geoDatabase(
    call: ServerUnaryCall<GeoDatabaseRequest, GeoDatabasePart>,
    reply: sendUnaryData<GeoDatabasePart>,
  ): Promise<void> {
    try {
      server.connectionOf(call.getPeer());
      await authenticate(call);
      const { sha256, offset } = call.request;
      const part = await options.geo.read(sha256, Number(offset), GEO_PART_OCTETS);
      if (part === undefined)
        throw new PortolanError('NOT_FOUND', `the GeoIP database ${sha256.slice(0, 12)} is not in use here`);
      const content = Uint8Array.from(part.content);
      reply(null, create(GeoDatabasePartSchema, { total: BigInt(part.total), content }));
    } catch (thrown) {
      reply(toStatus(PortolanError.from(thrown)));
    }
  }

  /** Answers a question of a current agent about its own cluster. */
  async function forAgent<Q, A>(
    call: ServerUnaryCall<Q, A>,
    reply: sendUnaryData<A>,
    answer: (agent: FeedAgent) => Promise<A>,
  ): Promise<void> {
    try {
      server.connectionOf(call.getPeer());
      const { identity } = await authenticate(call);
      const { agentUid, clusterUid, cluster } = identity;
      reply(null, await answer({ agentUid, clusterUid, clusterKey: `${cluster.namespace}/${cluster.name}` }));
    } catch (thrown) {
      reply(toStatus(PortolanError.from(thrown)));
    }
  }

  async function recheck(): Promise<void> {
    if (live.size === 0) return;
    const known = new Map((await store.listAgents()).map((identity) => [identity.agentUid, identity]));
    const now = clock.wallMs();
    for (const { session, end } of [...live.values()]) {
      const identity = known.get(session.agentUid);
      const { generation, notAfterMs } = session.certificate;
      if (identity === undefined || identity.revoked || identity.generation !== generation) {
        end(
          new PortolanError(
            'AGENT_REVOKED',
            `agent ${session.agentUid} was revoked or replaced by a later join`,
          ),
        );
      } else if (now > notAfterMs) {
        end(
          new PortolanError(
            'UNAUTHENTICATED',
            'the certificate of this connection has expired; connect with the new one',
          ),
        );
      }
    }
  }

  let cancelRecheck: () => void = () => undefined;
  const scheduleRecheck = (): void => {
    cancelRecheck = clock.after(RECHECK_MS, () => {
      void recheck()
        .catch((thrown: unknown) => options.onError(PortolanError.from(thrown), undefined))
        .finally(() => {
          if (!closing) scheduleRecheck();
        });
    });
  };

  const intake = createServer({ noDelay: true }, (socket) => server.accept(socket));
  intake.maxConnections = MAX_CONNECTIONS;
  const { host, port } = await listenAt(intake, options.listen, 'agent link');
  intake.on('error', (error) => options.onError(PortolanError.from(error), undefined));
  scheduleRecheck();

  return {
    host,
    port,
    sessions: () => [...live.values()].map(({ session }) => session),
    revoke(agentUid) {
      live.get(agentUid)?.end(new PortolanError('AGENT_REVOKED', `agent ${agentUid} was revoked`));
    },
    recheck,
    async close() {
      closing = true;
      cancelRecheck();
      const ended = new Promise<void>((resolve) => void intake.close(() => resolve()));
      for (const { end } of [...live.values()]) end(new PortolanError('NOT_READY', 'the hub is stopping'));
      // What was written leaves the process before the connections do.
      await new Promise<void>((resolve) => void clock.after(50, resolve));
      server.close();
      await ended;
    },
  };
}
