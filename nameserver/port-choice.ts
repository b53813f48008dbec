import { DEFAULT_NAME_SERVER_SETTINGS } from './default-settings.ts';
import { createNameServer, type ListenAddress } from './server.ts';
import type { NameServerSettings } from './settings.ts';

export interface ChosenAddresses {
  readonly listen: readonly ListenAddress[];
  readonly tls: NameServerSettings['tls'];
}

/**
 * Finds out that every address can be bound, and by nobody else; a port 0 becomes a free port. To be asked before threads
 * share ports: with SO_REUSEPORT the system would silently share them with any other process of the same user too, and that one
 * would take half of the queries. Nothing is bound any more when it resolves.
 * @throws PortolanError PORT_IN_USE, UNSUPPORTED, and what the files of TLS are refused with
 */
export async function chooseAddresses(
  listen: readonly ListenAddress[],
  tls: NameServerSettings['tls'],
): Promise<ChosenAddresses> {
  const { rateLimit } = DEFAULT_NAME_SERVER_SETTINGS;
  const probe = createNameServer({
    listen,
    settings: { ...DEFAULT_NAME_SERVER_SETTINGS, rateLimit: { ...rateLimit, mode: 'off' }, tls },
    table: () => undefined,
  });
  const bound = await probe.start();
  const tlsBound = probe.tlsListen();
  await probe.close();
  return { listen: bound, tls: tls === undefined ? undefined : { ...tls, listen: [...tlsBound] } };
}
