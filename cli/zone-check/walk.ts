import { addressesIn, dataOf, messageIn } from '../../src/dns/delegation/reading.ts';
import type { Reply, ServerAddress } from '../../src/dns/delegation/view.ts';
import { type DomainName, isAtOrBelow, labelsOf, parentOf, parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import type { Message } from '../../src/dns/wire/message.ts';

/** A question to one server, over UDP and, when it is truncated, over TCP. */
export type Ask = (server: ServerAddress, name: DomainName, type: number) => Promise<Reply>;

/** https://www.iana.org/domains/root/servers */
const ROOT_ADDRESSES: readonly (readonly [string, string, string])[] = [
  ['a', '198.41.0.4', '2001:503:ba3e::2:30'],
  ['b', '170.247.170.2', '2801:1b8:10::b'],
  ['c', '192.33.4.12', '2001:500:2::c'],
  ['d', '199.7.91.13', '2001:500:2d::d'],
  ['e', '192.203.230.10', '2001:500:a8::e'],
  ['f', '192.5.5.241', '2001:500:2f::f'],
  ['g', '192.112.36.4', '2001:500:12::d0d'],
  ['h', '198.97.190.53', '2001:500:1::53'],
  ['i', '192.36.148.17', '2001:7fe::53'],
  ['j', '192.58.128.30', '2001:503:c27::2:30'],
  ['k', '193.0.14.129', '2001:7fd::1'],
  ['l', '199.7.83.42', '2001:500:9f::42'],
  ['m', '202.12.27.33', '2001:dc3::35'],
];

export const ROOT_SERVERS: readonly ServerAddress[] = [1, 2].flatMap((column) =>
  ROOT_ADDRESSES.map((row) => ({
    name: parseName(`${row[0]}.root-servers.net`),
    address: row[column] ?? '',
    port: 53,
  })),
);

const MAX_STEPS = 20;
const MAX_QUESTIONS = 300;
const MAX_DEPTH = 6;
/** Addresses of the parent that are asked, and servers that are tried at a step. */
const MOST_SERVERS = 8;

export interface FoundParent {
  readonly parentZone: DomainName | undefined;
  readonly servers: readonly ServerAddress[];
  readonly problem?: string;
}

/** Walks down the tree by referrals, as a resolver without a memory would; bounded in steps, questions and depth. */
export class Walker {
  readonly #ask: Ask;
  readonly #start: readonly ServerAddress[];
  readonly #startZone: DomainName;
  readonly #port: number;
  #questions = 0;
  /** Servers by zone, as referrals gave them. */
  readonly #known = new Map<DomainName, readonly ServerAddress[]>();

  /**
   * @param start servers to begin at: the root's, or of a zone above the one that is asked for
   * @param port where servers from referrals listen
   */
  constructor(ask: Ask, start: readonly ServerAddress[], port: number) {
    this.#ask = ask;
    this.#start = start;
    this.#startZone = parseName('.');
    this.#port = port;
    this.#known.set(this.#startZone, start);
  }

  /** The servers that delegate `zone`, or should. */
  async parentOf(zone: DomainName): Promise<FoundParent> {
    let servers = this.#start;
    let at: DomainName | undefined;
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const { message, problem } = await this.#first(servers, zone, TYPE.NS);
      if (message === undefined) return { parentZone: at, servers, problem };
      const cut = cutIn(message, zone);
      // A referral to the zone, an answer of the zone's own, or a denial: whoever said so stands above it.
      if (cut === undefined || cut === zone)
        return { parentZone: at ?? (await this.#zoneAbove(servers, zone)), servers };
      if (at !== undefined && !isDeeper(cut, at))
        return { parentZone: at, servers, problem: `the referral to ${cut} leads nowhere` };
      const below = await this.#serversIn(message, cut, 0);
      if (below.length === 0)
        return { parentZone: at, servers, problem: `no server of ${cut} has an address` };
      this.#known.set(cut, below);
      [at, servers] = [cut, below];
    }
    return { parentZone: at, servers, problem: `the tree is deeper than ${MAX_STEPS} zones` };
  }

  /** The nearest zone above that these servers answer for. */
  async #zoneAbove(servers: readonly ServerAddress[], zone: DomainName): Promise<DomainName | undefined> {
    for (let name = parentOf(zone); name !== undefined; name = parentOf(name)) {
      const { message } = await this.#first(servers, name, TYPE.SOA);
      const own = message?.flags.authoritative === true && dataOf(message.answers, name, 'SOA').length > 0;
      if (own) return name;
    }
    return undefined;
  }

  /** The addresses of a name, found from the nearest zone that is known. */
  async addressesOf(name: DomainName, depth = 0): Promise<readonly string[]> {
    if (depth > MAX_DEPTH) return [];
    const found = await Promise.all([TYPE.A, TYPE.AAAA].map((type) => this.#lookUp(name, type, depth)));
    return [...new Set(found.flat())].sort();
  }

  async #lookUp(name: DomainName, type: number, depth: number): Promise<readonly string[]> {
    let at = this.#startZone;
    for (const zone of this.#known.keys()) {
      if (isAtOrBelow(name, zone) && isDeeper(zone, at)) at = zone;
    }
    let servers = this.#known.get(at) ?? this.#start;
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const { message } = await this.#first(servers, name, type);
      if (message === undefined) return [];
      const addresses = addressesIn(message.answers, name);
      if (addresses.length > 0 || message.flags.authoritative) return addresses;
      const cut = cutIn(message, name);
      if (cut === undefined || !isDeeper(cut, at)) return [];
      const below = await this.#serversIn(message, cut, depth + 1);
      if (below.length === 0) return [];
      this.#known.set(cut, below);
      [at, servers] = [cut, below];
    }
    return [];
  }

  /** The first answer of any of the servers. */
  async #first(
    servers: readonly ServerAddress[],
    name: DomainName,
    type: number,
  ): Promise<
    | { readonly message: Message; readonly problem?: never }
    | { readonly message?: never; readonly problem: string }
  > {
    let problem = 'there is no server to ask';
    for (const server of servers.slice(0, MOST_SERVERS)) {
      this.#questions += 1;
      if (this.#questions > MAX_QUESTIONS)
        return { problem: `more than ${MAX_QUESTIONS} questions were needed` };
      const reply = await this.#ask(server, name, type);
      const message = messageIn(reply);
      if (message !== undefined && (message.rcode === 0 || message.rcode === 3)) return { message };
      problem = `${server.address}: ${reply.kind === 'none' ? reply.detail : 'it refuses'}`;
    }
    return { problem };
  }

  /** The servers a referral names: with the addresses in it, else looked up. */
  async #serversIn(message: Message, cut: DomainName, depth: number): Promise<readonly ServerAddress[]> {
    const names = dataOf(message.authorities, cut, 'NS').map((ns) => ns.target);
    const servers = names.flatMap((name) => this.#at(name, addressesIn(message.additionals, name)));
    if (servers.length > 0) return v4First(servers);
    for (const name of names) {
      // What lies below the cut itself cannot be found without glue.
      if (isAtOrBelow(name, cut)) continue;
      const found = this.#at(name, await this.addressesOf(name, depth + 1));
      if (found.length > 0) return v4First(found);
    }
    return [];
  }

  #at(name: DomainName, addresses: readonly string[]): readonly ServerAddress[] {
    return addresses.map((address) => ({ name, address, port: this.#port }));
  }
}

/** IPv6 is often missing where people check from. */
function v4First(servers: readonly ServerAddress[]): readonly ServerAddress[] {
  return [...servers].sort((a, b) => Number(a.address.includes(':')) - Number(b.address.includes(':')));
}

/** The delegation towards `name` that a message holds. */
function cutIn(message: Message, name: DomainName): DomainName | undefined {
  if (message.answers.length > 0) return undefined;
  return message.authorities.find((r) => r.type === TYPE.NS && isAtOrBelow(name, r.name))?.name;
}

function isDeeper(a: DomainName, b: DomainName): boolean {
  return labelsOf(a).length > labelsOf(b).length;
}
