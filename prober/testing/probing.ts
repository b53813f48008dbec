import type { AddressInfo, Server, Socket } from 'node:net';
import type { Target } from '../../src/health/types.ts';
import { checkSpec } from '../../src/resources/health-check.ts';
import { type ProbeIo, type ProbeOutcome, systemProbeIo } from '../probe.ts';
import { probeTarget } from '../probe-target.ts';

export interface ListeningServer {
  readonly port: number;
  /** Connections open right now. */
  connections(): number;
  close(): Promise<void>;
}

/** Binds a server to a free port of loopback. */
export async function listen(server: Server): Promise<ListeningServer> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: portOf(server.address()),
    connections: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new TypeError('the server has no port');
  return address.port;
}

/** A patient check unless told otherwise: a busy machine is no failing endpoint. */
export function targetOf(
  check: Readonly<Record<string, unknown>>,
  port: number,
  more: Partial<Target> = {},
): Target {
  return {
    id: `t-${port}`,
    cluster: 'default/eu-1',
    failureDomain: 'eu-1',
    address: '127.0.0.1',
    port,
    check: checkSpec.parse({
      intervalSeconds: 5,
      timeoutMs: 5_000,
      ...(check.protocol === 'tcp' ? { port } : {}),
      ...check,
    }),
    defaultHost: 'api.example.com.',
    ...more,
  };
}

/** One real probe of a server on loopback, which the guard is told to allow; again when a busy machine stalled it. */
export async function probeOnce(
  target: Target,
  more: { readonly ca?: string; readonly io?: Partial<ProbeIo>; readonly signal?: AbortSignal } = {},
): Promise<ProbeOutcome> {
  const guard = {
    allowedRanges: ['127.0.0.0/8', '::1/128'],
    resolve: () => Promise.reject(new Error('no name is looked up here')),
    random: () => 0,
  };
  const io = { ...systemProbeIo, ...more.io };
  const signal = more.signal ?? new AbortController().signal;
  const probe = () => probeTarget({ target, inside: false, ca: more.ca }, io, guard, signal);
  let outcome = await probe();
  // A test with a clock of its own wants the stall.
  for (let again = 0; again < 5 && outcome.kind === 'stalled' && more.io?.clock === undefined; again += 1) {
    outcome = await probe();
  }
  return outcome;
}

/** What people read of an outcome; the latency of a success left out. */
export function saying(outcome: ProbeOutcome): string {
  switch (outcome.kind) {
    case 'ok':
    case 'stalled':
      return outcome.kind;
    case 'failed':
      return outcome.detail;
    case 'unable':
      return `unable: ${outcome.detail}`;
  }
}
