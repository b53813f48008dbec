import type { Socket } from 'node:net';
import type { Connection, GatewayCore } from '../core.ts';
import { Slots } from '../slots.ts';

/** How often connections are looked at: one is closed this much too late at most, and as much again. */
const LOOK_MS = 1_000;

interface Watched {
  readonly socket: Socket;
  readonly connection: Connection;
  /** That the client had sent at the last look. */
  octets: number;
  /** Since when nothing came and nothing was under way. */
  restsSinceMs: number;
}

/**
 * Closes connections of HTTP/1.1 whose client sends no further request. All are looked at now and then; node:http would set and clear
 * a timer for each request. The wait for the first request is the server's (`headersTimeout`).
 */
export class IdleConnections {
  /** 0: they may rest for ever. */
  limitMs = 0;
  /** How long the head of a further request may take. */
  headMs = 0;
  readonly #core: GatewayCore;
  readonly #watched = new Slots<Watched>();
  #looking = false;

  constructor(core: GatewayCore) {
    this.#core = core;
  }

  watch(socket: Socket, connection: Connection): void {
    const slot = this.#watched.put({ socket, connection, octets: 0, restsSinceMs: 0 });
    socket.on('close', () => this.#watched.release(slot));
    if (!this.#looking) this.#lookLater();
  }

  #lookLater(): void {
    this.#looking = true;
    this.#core.deps.after(LOOK_MS, () => {
      this.#looking = false;
      this.#look();
      if (this.#watched.size > 0) this.#lookLater();
    });
  }

  #look(): void {
    const { limitMs } = this;
    const now = this.#core.deps.monotonicMs();
    this.#watched.each((watched) => {
      const { socket, connection, octets, restsSinceMs } = watched;
      const { bytesRead } = socket;
      if (connection.open > 0 || bytesRead !== octets) {
        watched.octets = bytesRead;
        watched.restsSinceMs = now;
        // Empty lines are skipped (RFC 9112 §2.2): one now and then is no request.
        const asksNothing = connection.open === 0 && connection.begun;
        if (limitMs > 0 && asksNothing && now - connection.restingSinceMs >= limitMs + this.headMs)
          socket.destroy();
      } else if (limitMs > 0 && connection.begun && now - restsSinceMs >= limitMs) socket.destroy();
    });
  }
}
