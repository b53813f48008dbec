import type { AddressInfo, Server } from 'node:net';
import { PortolanError } from '../../src/errors/error.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
}

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
  return addressOf(server);
}

function addressOf(server: Server): ListenAddress {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string')
    throw new PortolanError('INTERNAL', 'a listener has no address');
  return { host: address.address, port: address.port };
}
