import { createServer, type Server } from 'node:net';

/** Addresses of loopback on which a port is open or not, which the hub's TCP checks see. */
export interface Backends {
  readonly port: number;
  /** The n-th address. */
  address(n: number): string;
  open(n: number): Promise<void>;
  shut(n: number): Promise<void>;
  close(): Promise<void>;
}

export async function startBackends(): Promise<Backends> {
  const servers = new Map<number, Server>();
  const net = `127.${10 + (process.pid % 40)}.${Math.floor(Math.random() * 250)}`;
  const address = (n: number): string => `${net}.${n}`;
  const listen = (n: number, port: number): Promise<Server> =>
    new Promise((resolve, reject) => {
      const server = createServer((socket) => socket.on('error', () => socket.destroy()).destroy());
      server.once('error', reject);
      server.listen(port, address(n), () => resolve(server));
    });
  const first = await listen(1, 0);
  const bound = first.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  servers.set(1, first);
  const shut = async (n: number): Promise<void> => {
    const server = servers.get(n);
    servers.delete(n);
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  };
  return {
    port,
    address,
    async open(n) {
      if (!servers.has(n)) servers.set(n, await listen(n, port));
    },
    shut,
    async close() {
      for (const n of [...servers.keys()]) await shut(n);
    },
  };
}

/** A policy over clusters of the same names, one after the other: each is a tier. */
export const failover = (
  name: string,
  hostnames: readonly string[],
  clusters: readonly string[],
  port: number,
  more: Readonly<Record<string, unknown>> = {},
): object => ({
  kind: 'TrafficPolicy',
  metadata: { name },
  spec: {
    hostnames,
    ttlSeconds: 30,
    endpoints: clusters.map((c) => ({ name: c, cluster: c })),
    healthCheck: {
      inline: {
        protocol: 'tcp',
        port,
        intervalSeconds: 0.5,
        timeoutMs: 400,
        fall: 2,
        rise: 1,
        confirmDelaysMs: [100],
      },
    },
    routing: { default: { tiers: clusters.map((endpoint) => ({ members: [{ endpoint }] })) } },
    ...more,
  },
});
