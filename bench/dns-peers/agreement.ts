import { askNameServer } from '../../nameserver/ask.ts';
import type { ClientAddress } from '../../src/dns/client.ts';
import { TYPE } from '../../src/dns/types.ts';
import type { BenchName, ClientNetwork, DnsWorld } from '../dns-world.ts';

const SAMPLES = 60;

/**
 * A figure says something only when the server does the work: geographic names are asked from networks in the countries of
 * their places, and the answer must be that place's; a weighted name must have addresses of its members, and a failover name that
 * of its primary, which is up. Not how many: CoreDNS answers a weighted name with all three members and puts the one that it drew first;
 * the others answer with that one alone.
 * @throws Error naming the first answer that differs
 */
export async function agreesOn(
  server: string,
  port: number,
  world: DnsWorld,
  networks: readonly ClientNetwork[],
): Promise<void> {
  const ask = (name: BenchName, subnet?: ClientAddress) => addressesOf(port, name, subnet);
  for (const kind of ['weighted', 'failover'] as const) {
    const name = world.names.find((each) => each.kind === kind);
    if (name === undefined) throw new Error(`there is no ${kind} name`);
    const right = rightOf(name);
    const found = await ask(name);
    if (found.length === 0 || !found.every((address) => right.includes(address)))
      throw new Error(`${server} answers ${name.name} with ${shown(found)}, not of ${right.join(' ')}`);
  }

  const names = world.names.filter((name) => name.kind === 'geo');
  let asked = 0;
  for (const [at, network] of networks.entries()) {
    if (asked === SAMPLES) return;
    const name = names[(at * 37) % names.length];
    const place = name?.places.find(({ countries }) => countries.includes(network.country));
    if (name === undefined || place === undefined) continue;
    asked += 1;
    const found = await ask(name, {
      family: 4,
      bytes: Uint8Array.from([...network.octets, 0]),
      prefixLength: 24,
      source: 'ecs',
    });
    if (found.join(' ') !== place.address)
      throw new Error(
        `${server} answers ${name.name} from ${network.country} with ${shown(found)}, not ${place.address}`,
      );
  }
  if (asked === 0) throw new Error('there is no network to ask from');
}

/** The addresses of which an answer to nobody in particular may have some. */
function rightOf(name: BenchName): readonly string[] {
  switch (name.kind) {
    case 'geo':
      return [name.otherwise];
    case 'weighted':
      return name.members.map(({ address }) => address);
    case 'failover':
      return [name.primary];
  }
}

async function addressesOf(
  port: number,
  { name }: BenchName,
  subnet: ClientAddress | undefined,
): Promise<readonly string[]> {
  const question = { host: '127.0.0.1', port, name, type: TYPE.A, timeoutMs: 2_000 };
  const { answers } = await askNameServer(subnet === undefined ? question : { ...question, subnet });
  return answers.map(({ data }) => data);
}

function shown(addresses: readonly string[]): string {
  return addresses.join(' ') || 'nothing';
}
