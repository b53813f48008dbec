import { askNameServer, type DnsReply } from '../../../nameserver/ask.ts';
import type { ClientAddress } from '../../../src/dns/client.ts';
import type { DomainName } from '../../../src/dns/name.ts';
import { parseType } from '../../../src/dns/types.ts';

/** Asks the name server on a port of 127.0.0.1, on behalf of the client `from` where one is given. */
export function askServer(
  port: number,
  name: DomainName,
  type: string,
  from?: ClientAddress,
): Promise<DnsReply> {
  return askNameServer({
    host: '127.0.0.1',
    port,
    name,
    type: parseType(type) ?? 0,
    timeoutMs: 5_000,
    ...(from === undefined ? {} : { subnet: from }),
  });
}
