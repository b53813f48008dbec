import { connect, createServer, type Socket } from 'node:net';
import { type ListenAddress, listenAt } from '../agents/listening.ts';

export interface RelayOptions {
  readonly listen: ListenAddress;
  /** For messages: `join listener`. */
  readonly what: string;
  /** Where the leader listens, `host:port`; `undefined` while nobody leads. */
  readonly target: () => string | undefined;
  readonly monotonicMs: () => number;
  readonly onError: (error: unknown) => void;
}

/** Connections of agents, given to the hub that leads as they are: TLS stays between the agent and that hub. */
export interface Relay extends ListenAddress {
  readonly connections: number;
  /** Ends the connections: who was connected comes again, and finds the one that leads now. */
  cut(): void;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 4_096;
/** An agent waits 5 s for its hub: within that a hand-over costs it nothing. */
const PATIENCE_MS = 4_000;
const RETRY_MS = 150;
const CONNECT_MS = 1_500;

export async function createRelay(options: RelayOptions): Promise<Relay> {
  const open = new Set<Socket>();
  const joined = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true }, (socket) => {
    track(socket);
    socket.on('error', () => socket.destroy());
    void join(socket);
  });
  server.maxConnections = MAX_CONNECTIONS;

  function track(socket: Socket): void {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  }

  async function join(socket: Socket): Promise<void> {
    const untilMs = options.monotonicMs() + PATIENCE_MS;
    for (;;) {
      const upstream = await dial(options.target());
      if (socket.destroyed) {
        upstream?.destroy();
        return;
      }
      if (upstream !== undefined) {
        track(upstream);
        joined.add(socket);
        socket.on('close', () => joined.delete(socket));
        couple(socket, upstream);
        return;
      }
      if (options.monotonicMs() > untilMs) {
        socket.destroy();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  const { host, port } = await listenAt(server, options.listen, options.what);
  server.on('error', options.onError);
  return {
    host,
    port,
    get connections() {
      return joined.size;
    },
    cut() {
      for (const socket of joined) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function dial(target: string | undefined): Promise<Socket | undefined> {
  const at = target === undefined ? undefined : new URL(`tcp://${target}`);
  if (at === undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const socket = connect({
      host: at.hostname.replace(/^\[|\]$/g, ''),
      port: Number(at.port),
      noDelay: true,
      keepAlive: true,
    });
    const give = (result: Socket | undefined): void => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      socket.removeAllListeners('connect');
      // Whoever has it now listens for the next one.
      socket.on('error', () => socket.destroy());
      if (result === undefined) socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => give(undefined), CONNECT_MS);
    socket.once('error', () => give(undefined));
    socket.once('connect', () => give(socket));
  });
}

/** Each way by itself, so that a half-closed connection still carries what comes the other way. */
function couple(agent: Socket, hub: Socket): void {
  agent.pipe(hub);
  hub.pipe(agent);
  agent.on('close', () => hub.destroy());
  hub.on('close', () => agent.destroy());
}
