import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { create, type DescMessage, type DescMethodUnary, type MessageShape } from '@bufbuild/protobuf';
import { ChannelCredentials, Client, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { PortolanError } from '../src/errors/error.ts';
import { HUB_SERVER_NAME } from '../src/identity/certificate.ts';
import { backoffDelayMs } from '../src/protocol/backoff.ts';
import type { LinkClock } from '../src/protocol/clock.ts';
import {
  AgentLink,
  type AgentMessage,
  AgentMessageSchema,
  type AgentStatus,
  type CertificateRequests,
  type CredentialAck,
  type CredentialDelta,
  type CredentialPage,
  type CredentialsRequest,
  type DecisionBatch,
  type FaultLeases,
  type FindKeyRequest,
  type FindKeyResponse,
  GeoDatabaseRequestSchema,
  type Hello,
  type HubMessage,
  type Inventory,
  type InventoryStatuses,
  type ObservationBatch,
  type Observe,
  type QuotaReply,
  type QuotaRequest,
  RenewRequestSchema,
  type Snapshot,
  type SnapshotAck,
  type UsageAck,
  type UsageBatch,
  type VoteBatch,
  type Welcome,
} from '../src/protocol/generated/portolan_pb.js';
import { callUnary, openStream } from '../src/protocol/grpc.ts';
import { KEEPALIVE } from '../src/protocol/mutual-tls.ts';
import { sizedWriter } from '../src/protocol/sized-writer.ts';
import { fromServiceError } from '../src/protocol/stream-errors.ts';
import type { AgentIdentityHolder, IdentityFile } from './identity-files.ts';
import { keepRenewed } from './renewal.ts';

/** What the hub says. Called in the order of the stream, never after `close()`. */
interface HubLinkEvents {
  /** The first message of every stream; `up` comes right before it. */
  readonly welcome: (welcome: Welcome) => void;
  readonly snapshot: (snapshot: Snapshot) => void;
  readonly decisions: (batch: DecisionBatch) => void;
  readonly faults: (leases: FaultLeases) => void;
  readonly observe: (observe: Observe) => void;
  readonly usageAck: (ack: UsageAck) => void;
  readonly quota: (reply: QuotaReply) => void;
  readonly credentials: (delta: CredentialDelta) => void;
  readonly inventoryStatuses?: (statuses: InventoryStatuses) => void;
  readonly up: () => void;
  /** A stream ended or could not be opened; the link goes on trying. AGENT_REVOKED means that a new join is needed. */
  readonly down: (reason: PortolanError) => void;
  /** The certificate was renewed (and is in use), or that failed and will be tried again. */
  readonly renewed?: (failure: PortolanError | undefined) => void;
}

export interface HubLinkOptions {
  readonly identity: AgentIdentityHolder;
  /** `host:port`, tried in turn; default: those of the identity. */
  readonly hubAddresses?: readonly string[];
  /** Made anew for every stream. */
  readonly hello: () => Hello;
  readonly clock: LinkClock;
  readonly random: () => number;
  readonly on: HubLinkEvents;
}

export interface HubLink {
  /** False when there is no stream or it is too slow: nothing is queued, and the next complete batch makes up for it. */
  sendVotes(batch: VoteBatch): boolean;
  /** As `sendVotes`: the next status makes up for it. */
  sendStatus(status: AgentStatus): boolean;
  /** False when there is no stream; the Hello of the next one says which snapshot is in use. */
  sendAck(ack: SnapshotAck): boolean;
  sendObservations(batch: ObservationBatch): boolean;
  /** False when there is no stream or it is too slow: the outbox keeps it. */
  sendUsage(batch: UsageBatch): boolean;
  /** False when there is no stream or it is too slow: the next request says it again. */
  sendQuota(request: QuotaRequest): boolean;
  sendCredentialAck(ack: CredentialAck): boolean;
  /** False when there is no stream or it is too slow: it is given again, or anew on the next stream. */
  sendInventory(message: Inventory): boolean;
  /** False when there is no stream; after the next Hello all are said again. */
  sendCertificateRequests(requests: CertificateRequests): boolean;
  /** API keys of this cluster, page by page. Rejects with HUB_UNREACHABLE, or CONFLICT when the first page is to be asked for again. */
  credentials(request: CredentialsRequest): Promise<CredentialPage>;
  /** One API key by the hub's digest. Rejects with HUB_UNREACHABLE, after a second at most. */
  findKey(request: FindKeyRequest): Promise<FindKeyResponse>;
  /** A part of the hub's GeoIP database. Rejects with HUB_UNREACHABLE, or NOT_FOUND when the hub uses another one. */
  geoDatabase(
    sha256: string,
    offset: number,
  ): Promise<{ readonly total: number; readonly content: Uint8Array }>;
  /** Milliseconds since the hub's last message on any stream; infinite when there never was one. */
  lastHeardAgeMs(): number;
  isUp(): boolean;
  close(): void;
}

/** From the first packet to the hub's Welcome; longer is as good as no hub. */
const WELCOME_LIMIT_MS = 5_000;
/** A stream that held this long was a good one: the next failure starts from the shortest delay. */
const STABLE_MS = 10_000;
const MAX_PENDING_OCTETS = 8 * 1024 * 1024;
/** Repeated messages (votes, status) are left out while this much waits: a newer one follows. */
const REPEATED_PENDING_OCTETS = 256 * 1024;
const MAX_MESSAGE_OCTETS = 256 * 1024 * 1024;
const RENEW_TIMEOUT_MS = 10_000;
const GEO_TIMEOUT_MS = 30_000;
const CREDENTIALS_TIMEOUT_MS = 15_000;
/** A request waits for it. */
const FIND_KEY_TIMEOUT_MS = 900;

/** One try at a stream, from dialling to its end. */
interface Attempt {
  readonly client: Client;
  readonly end: (reason: PortolanError) => void;
  readonly send: (message: AgentMessage, limitOctets?: number) => boolean;
  readonly isUp: () => boolean;
}

/**
 * The agent's one stream to the hub: opened again whenever it ends, with full-jitter back-off (0.25 s to 8 s), the hub's
 * addresses in turn, never two at a time. A black-holed network is noticed within 2.5 s by keepalive pings.
 */
export function createHubLink(options: HubLinkOptions): HubLink {
  const { identity, clock, random, on } = options;
  let attempt: Attempt | undefined;
  let failures = 0;
  let turn = 0;
  let lastHeardMs: number | undefined;
  let closed = false;
  let cancelRetry: () => void = () => undefined;

  const addresses = (): readonly string[] => options.hubAddresses ?? identity.current().linkAddresses;

  function dial(): void {
    const all = addresses();
    const address = all[turn % all.length] ?? '';
    turn += 1;
    attempt = open(address, (reason, lastedMs) => {
      attempt = undefined;
      if (closed) return;
      failures = lastedMs >= STABLE_MS ? 1 : failures + 1;
      on.down(reason);
      if (closed) return;
      // Every address is tried once before the delays grow.
      const round = Math.ceil(failures / all.length);
      cancelRetry = clock.after(backoffDelayMs(round, random), dial);
    });
  }

  function open(address: string, onEnd: (reason: PortolanError, lastedMs: number) => void): Attempt {
    const client = hubClient(address, identity.current());
    const stream: ClientDuplexStream<AgentMessage, HubMessage> = openStream(client, AgentLink.method.connect);
    const writer = sizedWriter(
      AgentMessageSchema,
      { write: (m, done) => stream.write(m, done) },
      MAX_PENDING_OCTETS,
    );
    let upSinceMs: number | undefined;
    let over = false;
    const end = (reason: PortolanError): void => {
      if (over) return;
      over = true;
      cancelWelcome();
      stream.cancel();
      client.close();
      onEnd(reason, upSinceMs === undefined ? 0 : clock.monotonicMs() - upSinceMs);
    };
    const cancelWelcome = clock.after(WELCOME_LIMIT_MS, () =>
      end(
        new PortolanError(
          'HUB_UNREACHABLE',
          `the hub at ${address} did not answer within ${WELCOME_LIMIT_MS} ms`,
        ),
      ),
    );
    stream.on('error', (error: ServiceError) => end(fromServiceError(error, 'HUB_UNREACHABLE')));
    // An error comes before its status: what ends here without one, the hub ended without a reason.
    stream.on('status', () =>
      end(new PortolanError('HUB_UNREACHABLE', `the hub at ${address} closed the stream`)),
    );
    stream.on('data', (message: HubMessage) => {
      if (over || closed) return;
      lastHeardMs = clock.monotonicMs();
      if (upSinceMs === undefined) {
        const { kind } = message;
        if (kind.case !== 'welcome') {
          return end(new PortolanError('HUB_UNREACHABLE', `${address} did not greet as a hub does`));
        }
        const { hubUid } = identity.current();
        if (kind.value.hubUid !== hubUid) {
          return end(
            new PortolanError(
              'HUB_UNREACHABLE',
              `${address} is hub ${kind.value.hubUid}, this agent belongs to ${hubUid}`,
            ),
          );
        }
        cancelWelcome();
        upSinceMs = clock.monotonicMs();
        on.up();
      }
      dispatch(message);
    });
    const send = (message: AgentMessage, limitOctets?: number): boolean => {
      if (over || (limitOctets !== undefined && writer.pendingOctets() > limitOctets)) return false;
      if (writer.send(message)) return true;
      end(
        new PortolanError(
          'LINK_CONGESTED',
          `${writer.pendingOctets()} octets wait for a hub that reads too slowly`,
        ),
      );
      return false;
    };
    send(create(AgentMessageSchema, { kind: { case: 'hello', value: options.hello() } }));
    return { client, end, send, isUp: () => upSinceMs !== undefined && !over };
  }

  function dispatch({ kind }: HubMessage): void {
    switch (kind.case) {
      case 'welcome':
        on.welcome(kind.value);
        break;
      case 'snapshot':
        on.snapshot(kind.value);
        break;
      case 'decisions':
        on.decisions(kind.value);
        break;
      case 'faults':
        on.faults(kind.value);
        break;
      case 'observe':
        on.observe(kind.value);
        break;
      case 'credentials':
        on.credentials(kind.value);
        break;
      case 'usageAck':
        on.usageAck(kind.value);
        break;
      case 'quota':
        on.quota(kind.value);
        break;
      case 'inventoryStatuses':
        on.inventoryStatuses?.(kind.value);
        break;
      case undefined:
        // A message of a newer hub: ignored, so that releases mix (I12).
        break;
    }
  }

  const send = (kind: AgentMessage['kind'], limitOctets?: number): boolean =>
    attempt?.isUp() === true && attempt.send(create(AgentMessageSchema, { kind }), limitOctets);

  const renewal = keepRenewed({
    identity,
    clock,
    random,
    overLink(csrDer) {
      if (attempt?.isUp() !== true) return undefined;
      return renewOverLink(attempt.client, csrDer, clock.wallMs());
    },
    onRenewed() {
      // The new certificate proves itself while the old one is still good.
      attempt?.end(
        new PortolanError('HUB_UNREACHABLE', 'the stream is opened again with the renewed certificate'),
      );
      on.renewed?.(undefined);
    },
    onError: (error) => on.renewed?.(error),
  });

  async function unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    timeoutMs: number,
  ): Promise<MessageShape<O>> {
    if (attempt?.isUp() !== true) throw new PortolanError('HUB_UNREACHABLE', 'there is no stream to the hub');
    return asked(callUnary(attempt.client, method, request, { timeoutMs, nowMs: clock.wallMs() }));
  }

  dial();
  return {
    sendVotes: (value) => send({ case: 'votes', value }, REPEATED_PENDING_OCTETS),
    sendStatus: (value) => send({ case: 'status', value }, REPEATED_PENDING_OCTETS),
    sendAck: (value) => send({ case: 'snapshotAck', value }),
    sendObservations: (value) => send({ case: 'observations', value }),
    sendCredentialAck: (value) => send({ case: 'credentialAck', value }),
    sendCertificateRequests: (value) => send({ case: 'certificateRequests', value }),
    credentials: (request) => unary(AgentLink.method.credentials, request, CREDENTIALS_TIMEOUT_MS),
    findKey: (request) => unary(AgentLink.method.findKey, request, FIND_KEY_TIMEOUT_MS),
    sendInventory: (value) => send({ case: 'inventory', value }, REPEATED_PENDING_OCTETS),
    sendUsage: (value) => send({ case: 'usage', value }, REPEATED_PENDING_OCTETS),
    // Not held back by what waits: a message of many keys is itself large, and one is under way at a time.
    sendQuota: (value) => send({ case: 'quota', value }),
    async geoDatabase(sha256, offset) {
      const request = create(GeoDatabaseRequestSchema, { sha256, offset: BigInt(offset) });
      const part = await unary(AgentLink.method.geoDatabase, request, GEO_TIMEOUT_MS);
      return { total: Number(part.total), content: part.content };
    },
    lastHeardAgeMs: () =>
      lastHeardMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() - lastHeardMs,
    isUp: () => attempt?.isUp() === true,
    close() {
      closed = true;
      cancelRetry();
      renewal.close();
      attempt?.end(new PortolanError('NOT_READY', 'the agent is stopping'));
    },
  };
}

async function renewOverLink(client: Client, csrDer: Uint8Array, nowMs: number): Promise<string> {
  const request = create(RenewRequestSchema, { csrDer: Uint8Array.from(csrDer) });
  const limits = { timeoutMs: RENEW_TIMEOUT_MS, nowMs };
  const reply = await asked(callUnary(client, AgentLink.method.renew, request, limits));
  return reply.chainDer.map((der) => new X509Certificate(der).toString()).join('');
}

/** The reply, or the hub's refusal as our error. */
async function asked<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw error instanceof Error && 'metadata' in error
      ? fromServiceError(error as ServiceError, 'HUB_UNREACHABLE')
      : error;
  }
}

/** A channel of its own for every try: nothing of a failed one lingers, and names are resolved anew. */
function hubClient(address: string, identity: IdentityFile): Client {
  const context = createSecureContext({
    ca: identity.caPem,
    cert: identity.certificateChainPem,
    key: identity.privateKeyPem,
    minVersion: 'TLSv1.3',
  });
  return new Client(address, ChannelCredentials.createFromSecureContext(context), {
    ...KEEPALIVE,
    'grpc.ssl_target_name_override': HUB_SERVER_NAME,
    'grpc.default_authority': HUB_SERVER_NAME,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.max_receive_message_length': MAX_MESSAGE_OCTETS,
    // A snapshot of megabytes over a long way must not wait for a window of 64 kB per round trip.
    'grpc-node.flow_control_window': 1024 * 1024,
  });
}
