import { Resolver } from 'node:dns/promises';
import { askNameServer, type DnsQuestion, type DnsReply } from '../../nameserver/ask.ts';
import type { ParentDs, ParentView } from '../../src/dns/dnssec/parent-view.ts';
import { type DomainName, parentOf } from '../../src/dns/name.ts';
import { RCODE, rcodeName, TYPE } from '../../src/dns/types.ts';
import { messageOf, PortolanError } from '../../src/errors/error.ts';

/** Looks at the DS set of a zone, at every server of its parent. Never rejects: what was not seen is in the view. */
export type ParentLook = (origin: DomainName) => Promise<ParentView>;

export interface ParentLookOptions {
  /** By zone: the servers of its parent. Those of other zones are found by the system's resolver. */
  readonly servers: Readonly<Record<string, readonly ServerAddress[]>>;
  readonly wallMs: () => number;
  readonly ask?: (question: DnsQuestion) => Promise<DnsReply>;
  /** Names and addresses of the zone's servers that the system's resolver knows; `undefined`: the name is no zone. */
  readonly serversOf?: (zone: DomainName) => Promise<readonly ServerAddress[] | undefined>;
}

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

const TIMEOUT_MS = 3_000;
const TRIES = 2;
const DNS_PORT = 53;

export function createParentLook(options: ParentLookOptions): ParentLook {
  const ask = options.ask ?? askNameServer;
  const serversOf = options.serversOf ?? systemServersOf;

  async function look(
    { host, port }: ServerAddress,
    origin: DomainName,
  ): Promise<ParentView['servers'][number]> {
    const address = port === DNS_PORT ? host : `${host} port ${port}`;
    let error = '';
    for (let tries = 0; tries < TRIES; tries += 1) {
      try {
        const reply = await ask({ host, port, name: origin, type: TYPE.DS, timeoutMs: TIMEOUT_MS });
        // A name that does not exist at the parent has no DS either.
        if (reply.rcode !== RCODE.NOERROR && reply.rcode !== RCODE.NXDOMAIN)
          return { address, error: `it answers ${rcodeName(reply.rcode)}` };
        // Only the parent's own word counts: a resolver's cache would show what was.
        if (!reply.message.flags.authoritative)
          return { address, error: 'it is not authoritative for the parent' };
        if (reply.truncated) return { address, error: 'its answer is cut short' };
        const found = reply.message.answers.filter((record) => record.rdata.type === 'DS');
        const ds = found.flatMap(({ rdata }): readonly ParentDs[] =>
          rdata.type === 'DS'
            ? [
                {
                  keyTag: rdata.keyTag,
                  algorithm: rdata.algorithm,
                  digestType: rdata.digestType,
                  digest: Buffer.from(rdata.digest).toString('hex'),
                },
              ]
            : [],
        );
        return { address, ds, ttlSeconds: Math.max(0, ...found.map((record) => record.ttlSeconds)) };
      } catch (thrown) {
        error = messageOf(thrown);
      }
    }
    return { address, error };
  }

  return async (origin) => {
    const atMs = options.wallMs();
    try {
      const servers = options.servers[origin] ?? (await parentServers(origin, serversOf));
      return { atMs, servers: await Promise.all(servers.map((address) => look(address, origin))) };
    } catch (thrown) {
      return { atMs, servers: [{ address: 'the parent', error: messageOf(thrown) }] };
    }
  };
}

/** Addresses of the servers of the closest zone above. */
async function parentServers(
  origin: DomainName,
  serversOf: NonNullable<ParentLookOptions['serversOf']>,
): Promise<readonly ServerAddress[]> {
  for (let name = parentOf(origin); name !== undefined; name = parentOf(name)) {
    const servers = await serversOf(name);
    if (servers !== undefined) return servers;
  }
  throw new PortolanError('NOT_FOUND', `no servers of the parent of ${origin} were found`);
}

async function systemServersOf(zone: DomainName): Promise<readonly ServerAddress[] | undefined> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  const text = zone === '.' ? '.' : zone.slice(0, -1);
  const names = await resolver.resolveNs(text).catch((error: unknown) => {
    if (isNoSuchName(error)) return [];
    throw error;
  });
  if (names.length === 0) return undefined;
  const addresses = await Promise.all(
    names.map(async (name) => {
      const of = [
        await resolver.resolve4(name).catch(() => []),
        await resolver.resolve6(name).catch(() => []),
      ];
      // One address a name: both belong to one server, and many machines have no IPv6.
      return of.flat()[0] ?? name;
    }),
  );
  return addresses.map((host) => ({ host, port: DNS_PORT }));
}

function isNoSuchName(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && (error.code === 'ENODATA' || error.code === 'ENOTFOUND')
  );
}
