import type { Server } from 'node:net';
import { PortolanError } from '../src/errors/error.ts';
import type { ListenAddress } from './config.ts';

/** Resolves to where it listens. @throws PortolanError PORT_IN_USE, CONFIG_INVALID */
export async function listenAt(server: Server, at: ListenAddress, what: string): Promise<ListenAddress> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const code = error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : 'CONFIG_INVALID';
      reject(new PortolanError(code, `the ${what} cannot listen on ${at.host}:${at.port}`, { cause: error }));
    };
    server.once('error', fail);
    server.listen(at.port, at.host, () => {
      server.off('error', fail);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new PortolanError('INTERNAL', 'a listener has no address');
  return { host: address.address, port: address.port };
}
