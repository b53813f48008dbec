import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A reverse proxy on loopback that counts what passes. */
export interface CountedServer {
  readonly url: string;
  readonly port: number;
  /** Requests since the last call: those that read, and those that write (any method but GET). */
  take(): { readonly reads: number; readonly writes: number };
  close(): Promise<void>;
}

/** @param target `http://127.0.0.1:port` */
export async function countedServer(target: string): Promise<CountedServer> {
  const { hostname, port: targetPort } = new URL(target);
  let reads = 0;
  let writes = 0;
  const server = createServer((incoming, outgoing) => {
    if (incoming.method === 'GET') reads += 1;
    else writes += 1;
    const onward = request(
      { hostname, port: targetPort, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.once('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    take() {
      const seen = { reads, writes };
      reads = 0;
      writes = 0;
      return seen;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
