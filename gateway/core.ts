import type { Exchange } from './exchange.ts';
import type { ClientSource, ConnectionTls } from './request.ts';
import type { GatewayServerDeps } from './server.ts';
import type { ServedEdge, ServedPort, Serving } from './serving.ts';
import type { Slots } from './slots.ts';
import { patienceWith } from './untaken.ts';

/** What the exchanges of one gateway thread share. */
export interface GatewayCore {
  readonly deps: GatewayServerDeps;
  /** Exchanges whose client may still send a body. */
  readonly bodies: Slots<Exchange>;
  /** Exchanges whose client does not take what was sent. */
  readonly stalled: Slots<Exchange>;
  /** Exchanges that are not over. */
  open: number;
  /** Octets held of answers that clients do not take, and how many may be. */
  untaken: number;
  readonly maxUntaken: number;
}

/** A port as its connections see it. */
export interface PortState {
  /** As the Gateway says. */
  readonly number: number;
  /** What requests are served by that begin now. */
  serving: Serving;
  served: ServedPort;
  /** No new requests are wanted on its connections. */
  draining: boolean;
}

/** A client's connection as its requests see it. */
export class Connection {
  readonly port: PortState;
  /** Its exchanges that are not over. */
  open = 0;
  /** Octets held of its answers that it does not take. */
  untaken = 0;
  /** Monotonic milliseconds: when its last request ended; 0: none did. */
  restingSinceMs = 0;
  /** Requests that it gave up before their answer was whole. */
  givenUp = 0;
  /** The one that began last. */
  latest: Exchange | undefined;
  /** It has brought a request. */
  begun = false;
  /** A request on it could be read in two ways: what follows on it is nobody's request. */
  broken = false;
  readonly tls: ConnectionTls | undefined;
  readonly #address: string;
  readonly #peerPort: number;
  readonly #peer: string;
  #edge: ServedEdge | undefined;
  #source: ClientSource | undefined;

  /** @param address after a PROXY header @param peer of the TCP connection */
  constructor(
    port: PortState,
    address: string,
    peerPort: number,
    peer: string,
    tls: ConnectionTls | undefined,
  ) {
    this.port = port;
    this.tls = tls;
    this.#address = address;
    this.#peerPort = peerPort;
    this.#peer = peer;
  }

  /**
   * Its own other end, without `X-Forwarded-For`. After a PROXY header it is trusted when the address in there is: a load balancer
   * that passes octets on does not vouch for what they say.
   */
  source(edge: ServedEdge): ClientSource {
    if (this.#edge !== edge || this.#source === undefined) {
      this.#edge = edge;
      this.#source = {
        address: this.#address,
        port: this.#peerPort,
        peer: this.#peer,
        trusted: edge.trusted.has(this.#address),
      };
    }
    return this.#source;
  }
}

/** How often clients that stopped sending or taking are looked for. */
const SWEEP_MS = 1000;

/** Ends exchanges whose client neither sends its body nor takes its answer. @returns stops it */
export function sweepIdle(core: GatewayCore): () => void {
  const everyMs = core.deps.sweepMs ?? SWEEP_MS;
  let stop = (): void => {};
  const sweep = (): void => {
    const now = core.deps.monotonicMs();
    core.bodies.each((exchange) => {
      const progress = exchange.bodyProgress();
      // While the backend does not take more, or has begun to answer, the client cannot be blamed: streams both ways may rest.
      if (progress !== exchange.bodyMark || exchange.headSent || !exchange.awaitsBody()) {
        exchange.bodyMark = progress;
        exchange.bodyMarkMs = now;
      } else if (now - exchange.bodyMarkMs > idleLimit(exchange)) {
        exchange.bodySlot = core.bodies.release(exchange.bodySlot);
        exchange.fail('REQUEST_TIMEOUT', 408, 'The body stopped arriving.');
      }
    });
    core.stalled.each((exchange) => {
      if (exchange.stalledMs === 0 || !exchange.mayTake()) exchange.stalledMs = now;
      else if (now - exchange.stalledMs > patienceWith(exchange, idleLimit(exchange))) {
        exchange.stalledSlot = core.stalled.release(exchange.stalledSlot);
        exchange.abandon();
      }
    });
    stop = core.deps.after(everyMs, sweep);
  };
  stop = core.deps.after(everyMs, sweep);
  return () => stop();
}

function idleLimit(exchange: Exchange): number {
  return (exchange.served?.edge ?? exchange.port.edge).edge.limits.bodyIdleTimeoutMs;
}
