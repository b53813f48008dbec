import { askNameServer } from '../../nameserver/ask.ts';
import { TYPE } from '../../src/dns/types.ts';
import type { ClientNetwork, DnsWorld } from '../dns-world.ts';

const SAMPLES = 60;

/**
 * A figure says something only when the server does the work: geographic names are asked from networks in the countries of
 * their places, and the answer must be that place's.
 * @throws Error naming the first answer that differs
 */
export async function agreesOn(
  server: string,
  port: number,
  world: DnsWorld,
  networks: readonly ClientNetwork[],
): Promise<void> {
  const names = world.names.filter((name) => name.kind === 'geo');
  let asked = 0;
  for (const [at, network] of networks.entries()) {
    if (asked === SAMPLES) return;
    const name = names[(at * 37) % names.length];
    const place = name?.places.find(({ countries }) => countries.includes(network.country));
    if (name === undefined || place === undefined) continue;
    asked += 1;
    const reply = await askNameServer({
      host: '127.0.0.1',
      port,
      name: name.name,
      type: TYPE.A,
      subnet: {
        family: 4,
        bytes: Uint8Array.from([...network.octets, 0]),
        prefixLength: 24,
        source: 'ecs',
      },
      timeoutMs: 2_000,
    });
    const found = reply.answers.map(({ data }) => data).join(' ');
    if (found !== place.address)
      throw new Error(
        `${server} answers ${name.name} from ${network.country} with ${found || 'nothing'}, not ${place.address}`,
      );
  }
  if (asked === 0) throw new Error('there is no network to ask from');
}
