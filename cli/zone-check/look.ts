import { randomBytes } from 'node:crypto';
import { addressesIn, delegationOf, messageIn, namesOf, serialOf } from '../../src/dns/delegation/reading.ts';
import type {
  DelegationView,
  ParentServer,
  Reply,
  ServerAddress,
  WantedZone,
  ZoneServer,
} from '../../src/dns/delegation/view.ts';
import { type DomainName, isAtOrBelow, parentOf, parseName } from '../../src/dns/name.ts';
import { EDNS_OPTION, TYPE } from '../../src/dns/types.ts';
import { type Asked, exchange, type Patience } from './exchange.ts';
import { ROOT_SERVERS, Walker } from './walk.ts';

export interface LookOptions {
  /** Servers to begin at instead of the root's: of the zone above, or of one further up. */
  readonly parents: readonly { readonly host: string; readonly port: number }[];
  /** Where name servers listen; 53 everywhere but in tests and private trees. */
  readonly port: number;
  readonly wanted: WantedZone | undefined;
  readonly patience: Patience;
  readonly nowSeconds: () => number;
}

const MOST_PARENTS = 6;
const MOST_SERVERS = 40;

/** Looks at a delegation from outside. Never rejects; ends with the patience's signal at the latest. */
export async function lookAtDelegation(zone: DomainName, options: LookOptions): Promise<DelegationView> {
  const { patience, port, wanted } = options;
  const cookie = new Uint8Array(randomBytes(8));
  const ask = (server: ServerAddress, name: DomainName, type: number): Promise<Reply> =>
    withTcp({ address: server.address, port: server.port, name, type }, patience);
  const start =
    options.parents.length === 0
      ? ROOT_SERVERS.map((server) => ({ ...server, port }))
      : options.parents.map(({ host, port: at }): ServerAddress => ({ name: ROOT, address: host, port: at }));
  const walker = new Walker(ask, start, port);
  const above = await walker.parentOf(zone);
  const parents = await Promise.all(
    above.servers.slice(0, MOST_PARENTS).map(
      async (server): Promise<ParentServer> => ({
        ...server,
        referral: await ask(server, zone, TYPE.NS),
        ds: await withTcp(
          { address: server.address, port: server.port, name: zone, type: TYPE.DS, dnssecOk: true },
          patience,
        ),
      }),
    ),
  );

  const names = new Map<DomainName, Set<string>>();
  const add = (name: DomainName, addresses: readonly string[]): void => {
    const known = names.get(name) ?? new Set();
    for (const address of addresses) known.add(address);
    names.set(name, known);
  };
  for (const parent of parents) {
    const delegation = delegationOf(parent, zone);
    if (delegation === undefined) continue;
    for (const name of delegation.names) add(name, delegation.glueOf(name));
  }
  for (const server of wanted?.nameServers ?? []) add(server.name, server.addresses);
  await findAddresses(names, zone, walker);

  const servers = new Map<string, ZoneServer>();
  const parentZone = above.parentZone ?? parentOf(zone);
  // Twice: the zone itself may name servers that nobody above knows.
  for (let round = 0; round < 2; round += 1) {
    const fresh = [...names]
      .flatMap(([name, addresses]) =>
        [...addresses].map((address): ServerAddress => ({ name, address, port })),
      )
      .filter((server) => !servers.has(`${server.name} ${server.address}`))
      .slice(0, Math.max(0, MOST_SERVERS - servers.size));
    const inZone = [...names.keys()].filter((name) => isAtOrBelow(name, zone));
    const looked = await Promise.all(
      fresh.map((server) => lookAtServer(server, zone, parentZone, inZone, cookie, patience)),
    );
    for (const server of looked) servers.set(`${server.name} ${server.address}`, server);
    for (const server of looked) {
      if (serialOf(server, zone) === undefined) continue;
      for (const name of namesOf(server, zone)) if (!names.has(name)) add(name, []);
    }
    await findAddresses(names, zone, walker, [...servers.values()], patience);
  }
  return {
    zone,
    parentZone: zone === '.' ? undefined : above.parentZone,
    parentProblem: above.problem,
    parents,
    servers: [...servers.values()],
    unresolved: [...names].filter(([, addresses]) => addresses.size === 0).map(([name]) => name),
    wanted,
    cookie,
    nowSeconds: options.nowSeconds(),
  };
}

/** A server that is known by its address only. */
const ROOT = parseName('.');

/** Adds addresses to names that have none: of the zone itself by its servers, of others by a walk. */
async function findAddresses(
  names: ReadonlyMap<DomainName, Set<string>>,
  zone: DomainName,
  walker: Walker,
  servers: readonly ZoneServer[] = [],
  patience?: Patience,
): Promise<void> {
  await Promise.all(
    [...names].map(async ([name, addresses]) => {
      if (addresses.size > 0) return;
      if (!isAtOrBelow(name, zone)) {
        for (const address of await walker.addressesOf(name)) addresses.add(address);
        return;
      }
      const [server] = servers.filter((s) => serialOf(s, zone) !== undefined);
      if (server === undefined || patience === undefined) return;
      for (const type of [TYPE.A, TYPE.AAAA]) {
        const reply = await withTcp({ address: server.address, port: server.port, name, type }, patience);
        for (const address of addressTexts(reply, name)) addresses.add(address);
      }
    }),
  );
}

async function lookAtServer(
  server: ServerAddress,
  zone: DomainName,
  parentZone: DomainName | undefined,
  inZone: readonly DomainName[],
  cookie: Uint8Array,
  patience: Patience,
): Promise<ZoneServer> {
  const { address, port } = server;
  const at = { address, port, name: zone };
  const [udp, tcp] = await Promise.all([
    exchange(
      {
        ...at,
        transport: 'udp',
        type: TYPE.SOA,
        ednsOptions: [{ code: EDNS_OPTION.COOKIE, data: cookie }],
      },
      patience,
    ),
    exchange({ ...at, transport: 'tcp', type: TYPE.SOA }, patience),
  ]);
  // A server that is silent is not asked ten more times.
  const silent: Reply = { kind: 'none', detail: 'not asked', here: false };
  const transport = tcp.kind === 'message' ? 'tcp' : udp.kind === 'message' ? 'udp' : undefined;
  const on = (asked: Omit<Asked, 'address' | 'port' | 'transport'>): Promise<Reply> =>
    transport === undefined
      ? Promise.resolve(silent)
      : exchange({ address, port, transport, ...asked }, patience);
  const dgram = (asked: Omit<Asked, 'address' | 'port' | 'transport'>): Promise<Reply> =>
    udp.kind === 'message'
      ? exchange({ address, port, transport: 'udp', ...asked }, { ...patience, attempts: 1 })
      : Promise.resolve(silent);
  const [ns, ednsVersion, recursion, keys, signedSoa, cds, addresses] = await Promise.all([
    on({ name: zone, type: TYPE.NS }),
    dgram({ name: zone, type: TYPE.SOA, ednsVersion: 1 }),
    parentZone === undefined
      ? Promise.resolve(silent)
      : dgram({ name: parentZone, type: TYPE.SOA, recursionDesired: true }),
    on({ name: zone, type: TYPE.DNSKEY, dnssecOk: true }),
    on({ name: zone, type: TYPE.SOA, dnssecOk: true }),
    on({ name: zone, type: TYPE.CDS, dnssecOk: true }),
    Promise.all(
      inZone.map(async (name) => ({
        name,
        replies: await Promise.all([TYPE.A, TYPE.AAAA].map((type) => on({ name, type }))),
      })),
    ),
  ]);
  return { ...server, udp, tcp, ns, addresses, ednsVersion, recursion, keys, signedSoa, cds };
}

async function withTcp(asked: Omit<Asked, 'transport'>, patience: Patience): Promise<Reply> {
  const reply = await exchange({ ...asked, transport: 'udp' }, patience);
  if (reply.kind === 'message' && !reply.message.flags.truncated) return reply;
  const again = await exchange({ ...asked, transport: 'tcp' }, patience);
  return again.kind === 'message' ? again : reply;
}

function addressTexts(reply: Reply, name: DomainName): readonly string[] {
  return addressesIn(messageIn(reply)?.answers, name);
}
