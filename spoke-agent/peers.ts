import { createServer } from 'node:net';
import type { Client, ServerDuplexStream, ServiceError } from '@grpc/grpc-js';
import { PortolanError } from '../src/errors/error.ts';
import { type AgentCertificate, readAgentCertificate } from '../src/identity/certificate.ts';
import { backoffDelayMs } from '../src/protocol/backoff.ts';
import type { LinkClock } from '../src/protocol/clock.ts';
import { PeerLink, type PeerMessage, type VoteBatch } from '../src/protocol/generated/portolan_pb.js';
import { openStream } from '../src/protocol/grpc.ts';
import { createMutualTlsServer, type TlsIdentity } from '../src/protocol/mutual-tls.ts';
import { fromServiceError, toStatus } from '../src/protocol/stream-errors.ts';
import type { ListenAddress } from './config.ts';
import type { AgentIdentityHolder } from './identity-files.ts';
import { listenAt } from './listening.ts';
import { isPeer, MAX_PEER_MESSAGE_OCTETS, type PeerEntry, peerClient, samePeer } from './peer-client.ts';
import { beginExchange, type PeerExchange } from './peer-exchange.ts';

/** Whose votes they are. */
export interface VotingPeer {
  readonly agentUid: string;
  readonly cluster: string;
  readonly failureDomain: string;
  /** Changes when the peer restarts: its sequence numbers start again. */
  readonly incarnation: string;
}

export interface PeerLinksOptions {
  readonly identity: AgentIdentityHolder;
  readonly listen: ListenAddress;
  readonly clock: LinkClock;
  readonly random: () => number;
  /** As in the Hello to the hub. */
  readonly hello: { readonly incarnation: string; readonly agentVersion: string };
  /** `receivedAtMs` is this agent's monotonic clock. Batches may repeat or come late: compare sequences. */
  readonly onVotes: (peer: VotingPeer, batch: VoteBatch, receivedAtMs: number) => void;
  /** Something was heard from a peer of this failure domain. */
  readonly onContact: (failureDomain: string) => void;
  /** A complete batch, made anew for every call. */
  readonly currentVotes: () => VoteBatch;
  /** Streams that could not be opened, were refused or broke. */
  readonly onError?: (error: PortolanError, peer: PeerEntry | undefined) => void;
}

export interface PeerLinks {
  readonly host: string;
  readonly port: number;
  /** The current peers: streams with any other agent, or with an older generation, end at once. */
  setPeers(peers: readonly PeerEntry[]): void;
  /** Sends these votes now, beside the complete ones of every second. */
  publish(batch: VoteBatch): void;
  /** Peers with a stream on which they have said Hello. */
  connectedPeers(): readonly PeerEntry[];
  close(): Promise<void>;
}

const VOTES_EVERY_MS = 1_000;
const HELLO_LIMIT_MS = 5_000;
const STABLE_MS = 10_000;
/** Only one agent of a pair dials (the lower uid); the other one helps out when nothing came for this long. */
const HELP_AFTER_MS = 2_000;
const LINGER_MS = 500;
const MAX_CONNECTIONS = 1_024;

interface Stream {
  readonly exchange: PeerExchange;
  readonly certificate: AgentCertificate | undefined;
  /** Ends the stream without a report. */
  readonly drop: (reason: PortolanError) => void;
}

interface PeerState {
  readonly peer: PeerEntry;
  outbound: Stream | undefined;
  inbound: Stream | undefined;
  failures: number;
  cancelDial: () => void;
}

/**
 * Streams with every other agent, for votes (without the hub they decide). Both ends prove who they are with the
 * certificate of the hub's CA, and must be in the current peer list with that generation. One stream per pair is enough: the agent
 * with the lower uid dials, the other one only when that does not work.
 * @throws PortolanError PORT_IN_USE, CONFIG_INVALID
 */
export async function createPeerLinks(options: PeerLinksOptions): Promise<PeerLinks> {
  const { identity, clock, random } = options;
  const selfUid = identity.certificate().principal.agentUid;
  const states = new Map<string, PeerState>();
  let closed = false;

  const report = (error: PortolanError, peer: PeerEntry | undefined): void => options.onError?.(error, peer);
  const isCurrent = (state: PeerState): boolean => !closed && states.get(state.peer.agentUid) === state;
  const saidHello = (stream: Stream | undefined): boolean => stream?.exchange.incarnation() !== undefined;
  const dials = (state: PeerState): boolean => selfUid < state.peer.agentUid;

  /** The one of two parallel streams that carries this agent's votes: both ends choose the same. */
  const chosen = (state: PeerState): Stream | undefined => {
    const [first, second] = dials(state) ? [state.outbound, state.inbound] : [state.inbound, state.outbound];
    return saidHello(first) ? first : saidHello(second) ? second : undefined;
  };

  const exchangeOf = (
    state: PeerState,
    stream: Parameters<typeof beginExchange>[0]['stream'],
    on: {
      readonly hello: () => void;
      readonly fault: (what: string) => void;
    },
  ): PeerExchange => {
    const { agentUid, cluster, failureDomain } = state.peer;
    return beginExchange({
      stream,
      hello: options.hello,
      currentVotes: options.currentVotes,
      onHello() {
        if (!isCurrent(state)) return;
        on.hello();
        options.onContact(failureDomain);
      },
      onVotes(batch, incarnation) {
        if (!isCurrent(state)) return;
        options.onContact(failureDomain);
        options.onVotes({ agentUid, cluster, failureDomain, incarnation }, batch, clock.monotonicMs());
      },
      onProtocolError: on.fault,
    });
  };

  function planDial(state: PeerState, delayMs: number): void {
    state.cancelDial();
    state.cancelDial = clock.after(delayMs, () => {
      // A peer that the hub has not heard from yet has no address; it can still dial.
      if (state.peer.address === '') return;
      if (!isCurrent(state) || state.outbound !== undefined || state.inbound !== undefined) return;
      dial(state);
    });
  }

  function dial(state: PeerState): void {
    const { peer } = state;
    let client: Client;
    try {
      client = peerClient(peer, identity.current());
    } catch (cause) {
      // The address comes from another agent by way of the hub: one that cannot be used must cost nobody but that peer.
      state.failures += 1;
      report(
        new PortolanError('PEER_UNREACHABLE', `peer ${peer.agentUid} has an address that cannot be dialled`, {
          cause,
        }),
        peer,
      );
      planDial(state, HELP_AFTER_MS + backoffDelayMs(state.failures, random));
      return;
    }
    const stream = openStream(client, PeerLink.method.exchange);
    let upSinceMs: number | undefined;
    let over = false;
    const drop = (): void => {
      over = true;
      cancelHello();
      stream.cancel();
      client.close();
      if (state.outbound === own) state.outbound = undefined;
    };
    const fail = (reason: PortolanError): void => {
      if (over) return;
      drop();
      if (!isCurrent(state)) return;
      const stable = upSinceMs !== undefined && clock.monotonicMs() - upSinceMs >= STABLE_MS;
      state.failures = stable ? 1 : state.failures + 1;
      report(reason, peer);
      planDial(state, (dials(state) ? 0 : HELP_AFTER_MS) + backoffDelayMs(state.failures, random));
    };
    const cancelHello = clock.after(HELLO_LIMIT_MS, () =>
      fail(unreachable(peer, 'it did not answer in time')),
    );
    stream.on('error', (error: ServiceError) => fail(fromServiceError(error, 'PEER_UNREACHABLE')));
    stream.on('status', () => fail(unreachable(peer, 'it closed the stream')));
    const exchange = exchangeOf(state, stream, {
      hello() {
        cancelHello();
        upSinceMs = clock.monotonicMs();
        // The peer's own stream came up meanwhile, and that is the one to keep.
        if (!dials(state) && saidHello(state.inbound)) drop();
      },
      fault: (what) => fail(unreachable(peer, what)),
    });
    const own: Stream = { exchange, certificate: undefined, drop };
    state.outbound = own;
  }

  function serve(call: ServerDuplexStream<PeerMessage, PeerMessage>): void {
    const socket = server.connectionOf(call.getPeer());
    call.on('error', () => undefined);
    const end = (reason: PortolanError): void => {
      const cancel = clock.after(LINGER_MS, () => socket?.destroy());
      call.once('close', cancel);
      call.once('cancelled', cancel);
      call.emit('error', toStatus(reason));
    };
    const raw = call.getAuthContext().sslPeerCertificate?.raw;
    const certificate = raw === undefined ? undefined : readAgentCertificate(raw);
    const state = certificate === undefined ? undefined : states.get(certificate.principal.agentUid);
    if (
      certificate === undefined ||
      state === undefined ||
      !isPeer(certificate, state.peer, identity.current().hubUid)
    ) {
      const who = certificate === undefined ? 'this client' : `agent ${certificate.principal.agentUid}`;
      const refusal = new PortolanError('UNAUTHENTICATED', `${who} is not among the current peers`, {
        fix: 'Nothing to do when it was revoked or replaced; else wait for both agents to get the same snapshot.',
      });
      report(refusal, undefined);
      end(refusal);
      return;
    }
    let over = false;
    const finish = (): boolean => {
      if (over) return false;
      over = true;
      cancelHello();
      if (state.inbound === own) state.inbound = undefined;
      if (isCurrent(state)) planDial(state, dials(state) ? backoffDelayMs(1, random) : HELP_AFTER_MS);
      return true;
    };
    const drop = (reason: PortolanError): void => {
      if (finish()) end(reason);
    };
    const cancelHello = clock.after(HELLO_LIMIT_MS, () =>
      drop(unreachable(state.peer, 'it did not say Hello in time')),
    );
    const gone = (): void => {
      if (finish()) call.end();
    };
    call.on('cancelled', gone);
    call.on('end', gone);
    call.on('close', gone);
    const before = state.inbound;
    const exchange = exchangeOf(state, call, {
      hello() {
        cancelHello();
        if (!dials(state)) state.outbound?.drop(unreachable(state.peer, 'its own stream is used'));
      },
      fault: (what) => drop(new PortolanError('VALIDATION_FAILED', what)),
    });
    const own: Stream = { exchange, certificate, drop };
    state.inbound = own;
    before?.drop(new PortolanError('AGENT_DUPLICATE', 'a newer stream of this agent took its place'));
  }

  const tls = (): TlsIdentity => {
    const { caPem, certificateChainPem, privateKeyPem } = identity.current();
    return { caPem, certificatePem: certificateChainPem, privateKeyPem };
  };
  const server = createMutualTlsServer({
    service: PeerLink,
    handlers: { exchange: serve },
    identity: tls(),
    clock,
    channel: { 'grpc.max_receive_message_length': MAX_PEER_MESSAGE_OCTETS },
  });
  const forgetIdentity = identity.onChange(() => server.useIdentity(tls()));
  const intake = createServer({ noDelay: true }, (socket) => server.accept(socket));
  intake.maxConnections = MAX_CONNECTIONS;
  const { host, port } = await listenAt(intake, options.listen, 'peer link');
  intake.on('error', (error) => report(PortolanError.from(error), undefined));

  function publish(batch: VoteBatch): void {
    for (const state of states.values()) chosen(state)?.exchange.offer(batch);
  }

  function everySecond(): void {
    if ([...states.values()].some((state) => chosen(state) !== undefined)) publish(options.currentVotes());
    for (const { inbound, peer } of states.values()) {
      if (inbound?.certificate === undefined || inbound.certificate.notAfterMs > clock.wallMs()) continue;
      inbound.drop(
        new PortolanError('UNAUTHENTICATED', `the certificate of agent ${peer.agentUid} has expired`),
      );
    }
    cancelTick = clock.after(VOTES_EVERY_MS, everySecond);
  }
  let cancelTick = clock.after(VOTES_EVERY_MS, everySecond);

  function forget(state: PeerState): void {
    states.delete(state.peer.agentUid);
    state.cancelDial();
    const reason = new PortolanError('UNAUTHENTICATED', 'this agent is no longer among the current peers');
    state.outbound?.drop(reason);
    state.inbound?.drop(reason);
  }

  return {
    host,
    port,
    setPeers(peers) {
      const wanted = new Map(
        peers.filter((peer) => peer.agentUid !== selfUid).map((peer) => [peer.agentUid, peer]),
      );
      for (const state of [...states.values()]) {
        const now = wanted.get(state.peer.agentUid);
        if (now !== undefined && samePeer(now, state.peer)) wanted.delete(now.agentUid);
        else forget(state);
      }
      for (const peer of wanted.values()) {
        const state: PeerState = {
          peer,
          outbound: undefined,
          inbound: undefined,
          failures: 0,
          cancelDial: () => undefined,
        };
        states.set(peer.agentUid, state);
        planDial(state, dials(state) ? backoffDelayMs(1, random) : HELP_AFTER_MS);
      }
    },
    publish,
    connectedPeers: () =>
      [...states.values()].filter((state) => chosen(state) !== undefined).map(({ peer }) => peer),
    async close() {
      closed = true;
      cancelTick();
      forgetIdentity();
      for (const state of [...states.values()]) forget(state);
      const ended = new Promise<void>((resolve) => void intake.close(() => resolve()));
      server.close();
      await ended;
    },
  };
}

function unreachable(peer: PeerEntry, reason: string): PortolanError {
  return new PortolanError('PEER_UNREACHABLE', `agent ${peer.agentUid} at ${peer.address}: ${reason}`);
}
