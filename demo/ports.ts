import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/** The wanted port when it is free for TCP (and UDP where asked), else one the system chooses. */
export async function freePort(host: string, wanted: number, udp = false): Promise<number> {
  if (await isFree(host, wanted, udp)) return wanted;
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const port = await anyPort(host);
    if (!udp || (await isFree(host, port, true))) return port;
  }
  return wanted;
}

async function isFree(host: string, port: number, udp: boolean): Promise<boolean> {
  const tcp = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
  if (!tcp || !udp) return tcp;
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, host, () => socket.close(() => resolve(true)));
  });
}

function anyPort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
