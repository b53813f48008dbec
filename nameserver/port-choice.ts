import { createNameServer, type ListenAddress } from './server.ts';

/**
 * Finds out that every address can be bound, and by nobody else; a port 0 becomes a free port. To be asked before threads
 * share ports: with SO_REUSEPORT the system would silently share them with any other process of the same user too, and that one
 * would take half of the queries. Nothing is bound any more when it returns.
 * @throws PortolanError PORT_IN_USE, UNSUPPORTED
 */
export async function chooseAddresses(listen: readonly ListenAddress[]): Promise<readonly ListenAddress[]> {
  const probe = createNameServer({ listen, table: () => undefined });
  const bound = await probe.start();
  await probe.close();
  return bound;
}
