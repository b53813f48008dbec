import { createServer, isIP, type Server, type Socket } from 'node:net';
import { plainAddress } from '../client-address.ts';
import { Connection, type GatewayCore, type PortState } from '../core.ts';
import type { ServedPort, Serving } from '../serving.ts';
import { Slots } from '../slots.ts';
import type { TlsContexts } from '../tls/contract.ts';
import { Http1Front } from './http1-front.ts';
import { Http2Front } from './http2-front.ts';
import { readOpening, speaksHttp2 } from './opening.ts';
import { passThrough } from './passthrough.ts';
import { readProxyHeader } from './proxy-protocol.ts';

export interface PortBinding {
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly reusePort: boolean;
}

/** One port: its socket, the connections it accepted, and what they speak. */
export class PortServer {
  readonly state: PortState;
  readonly #core: GatewayCore;
  readonly #tls: TlsContexts;
  readonly #binding: PortBinding;
  readonly #server: Server;
  readonly #http1: Http1Front;
  readonly #http2: Http2Front;
  readonly #sockets = new Slots<Socket>();
  #closed: Promise<void> | undefined;

  constructor(
    core: GatewayCore,
    tls: TlsContexts,
    binding: PortBinding,
    serving: Serving,
    served: ServedPort,
  ) {
    this.#core = core;
    this.#tls = tls;
    this.#binding = binding;
    this.state = { number: served.port.port, serving, served, draining: false };
    this.#http1 = new Http1Front(core, served.edge.edge);
    this.#http2 = new Http2Front(core, served.edge.edge);
    this.#server = createServer(
      // node:http and passthrough see to half-closed connections themselves; TLS has no such thing.
      { noDelay: true, allowHalfOpen: served.port.protocol !== 'https' },
      (socket) => this.#accept(socket),
    );
  }

  /** @throws the error of the system, such as EADDRINUSE */
  listen(): Promise<void> {
    const { host, port, reusePort } = this.#binding;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port, reusePort, backlog: 4096 }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => {
          this.#core.deps.log.warn(
            { port: this.state.number, error: error.message },
            'a port failed to accept',
          );
        });
        resolve();
      });
    });
  }

  get host(): string {
    return this.#binding.host;
  }

  get boundPort(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Requests that begin from now on are served by this. */
  configure(serving: Serving, served: ServedPort): void {
    this.state.serving = serving;
    this.state.served = served;
    this.#http1.configure(served.edge.edge);
    this.#http2.configure(served.edge.edge);
  }

  /** Accepts nothing more; resolves when the last connection has ended by itself. */
  drain(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.state.draining = true;
      this.#server.close(() => {
        this.#http1.close();
        resolve();
      });
      this.#http1.closeIdle();
      this.#http2.drain();
    });
    return this.#closed;
  }

  /** Cuts what is left. */
  destroy(): void {
    this.#sockets.each((socket) => socket.destroy());
  }

  #accept(socket: Socket): void {
    const { edge } = this.state.served.edge;
    if (this.#sockets.size >= edge.limits.maxConnections) {
      socket.destroy();
      return;
    }
    const slot = this.#sockets.put(socket);
    socket.on('close', () => this.#sockets.release(slot));
    socket.on('error', () => socket.destroy());
    const address = plainAddress(socket.remoteAddress);
    const port = socket.remotePort ?? 0;
    if (edge.clientAddress.proxyProtocol === 'off') {
      this.#speak(socket, address, port, address);
      return;
    }
    if (!this.state.served.edge.trusted.has(address)) {
      if (edge.clientAddress.proxyProtocol === 'require') socket.destroy();
      // Nobody who may say so: what looks like a PROXY header is then no HTTP and no TLS, and refused as that.
      else this.#speak(socket, address, port, address);
      return;
    }
    this.#readProxy(socket, address, port, edge.clientAddress.proxyProtocol === 'require');
  }

  #readProxy(socket: Socket, peer: string, peerPort: number, required: boolean): void {
    let source = { address: peer, port: peerPort };
    const { headerTimeoutMs } = this.state.served.edge.edge.limits;
    const examine = (octets: Buffer): number | undefined => {
      const header = readProxyHeader(octets, isIP);
      if (header.type === 'incomplete') return undefined;
      if (header.type === 'found') {
        source = header.source ?? source;
        return header.length;
      }
      if (header.type === 'invalid' || required) socket.destroy();
      return 0;
    };
    readOpening(socket, headerTimeoutMs, this.#core.deps.after, examine, () => {
      if (!socket.destroyed) this.#speak(socket, plainAddress(source.address), source.port, peer);
    });
  }

  #speak(socket: Socket, address: string, port: number, peer: string): void {
    const { state } = this;
    const { headerTimeoutMs } = state.served.edge.edge.limits;
    const { protocol } = state.served.port;
    if (protocol === 'tls') {
      passThrough(this.#core, state, socket, address);
      return;
    }
    if (protocol === 'https') {
      this.#tls.accept(socket, state.number, headerTimeoutMs, {
        secure: (secured, tls) => {
          secured.on('error', () => secured.destroy());
          const connection = new Connection(state, address, port, peer, tls);
          if (secured.alpnProtocol === 'h2') this.#http2.accept(secured, connection);
          else this.#http1.accept(secured, connection);
        },
        refused: () => {},
      });
      return;
    }
    const connection = new Connection(state, address, port, peer, undefined);
    let http2 = false;
    const examine = (octets: Buffer): number | undefined => {
      const speaks = speaksHttp2(octets);
      if (speaks === undefined) return undefined;
      http2 = speaks;
      return 0;
    };
    readOpening(socket, headerTimeoutMs, this.#core.deps.after, examine, () => {
      if (http2) {
        // A client of HTTP/2 that says it has ended is gone (node:http2 would not notice).
        socket.allowHalfOpen = false;
        this.#http2.accept(socket, connection);
      } else this.#http1.accept(socket, connection);
    });
    socket.resume();
  }
}
