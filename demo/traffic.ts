import { request } from 'node:http';
import { askNameServer } from '../nameserver/ask.ts';
import { parseName } from '../src/dns/name.ts';
import { TYPE } from '../src/dns/types.ts';
import type { ClientAddress } from '../src/routing/model.ts';

/** What one place's client saw so far. */
export interface PlaceTraffic {
  readonly place: string;
  readonly ok: number;
  /** Requests that got no good answer. */
  readonly errors: number;
  /** Errors at an address that DNS had already left: the cached answer was stale. */
  readonly stale: number;
  /** Queries no name server answered. */
  readonly dnsErrors: number;
  readonly address: string;
}

export interface NameServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface TrafficOptions {
  readonly hostname: string;
  readonly port: number;
  /** The network a place's resolver announces. */
  readonly places: ReadonlyMap<string, ClientAddress>;
  readonly nameServers: readonly NameServerAddress[];
  readonly signal: AbortSignal;
}

interface Cached {
  readonly addresses: readonly string[];
  readonly expiresAtMs: number;
}

const PAUSE_MS = 200;
const REQUEST_TIMEOUT_MS = 1_000;

/** A client per place that follows DNS as a resolver does: caches by TTL, asks another name server when one is silent. */
export function startTraffic(options: TrafficOptions): { readonly seen: () => readonly PlaceTraffic[] } {
  const counts = new Map<string, { -readonly [K in keyof PlaceTraffic]: PlaceTraffic[K] }>();
  for (const [place, network] of options.places) {
    const count = { place, ok: 0, errors: 0, stale: 0, dnsErrors: 0, address: '' };
    counts.set(place, count);
    void follow(network, count);
  }

  async function follow(
    network: ClientAddress,
    count: { ok: number; errors: number; stale: number; dnsErrors: number; address: string },
  ): Promise<void> {
    let cached: Cached | undefined;
    while (!options.signal.aborted) {
      if (cached === undefined || performance.now() >= cached.expiresAtMs)
        cached = (await lookUp(network)) ?? cached;
      const address = cached?.addresses[0];
      if (cached === undefined || address === undefined) {
        count.dnsErrors += 1;
      } else {
        count.address = address;
        if (await get(address)) {
          count.ok += 1;
        } else {
          count.errors += 1;
          const fresh = await lookUp(network);
          if (fresh !== undefined && !fresh.addresses.includes(address)) count.stale += 1;
        }
      }
      await pause();
    }
  }

  async function lookUp(subnet: ClientAddress): Promise<Cached | undefined> {
    const name = parseName(options.hostname);
    const first = Math.floor(Math.random() * options.nameServers.length);
    for (let i = 0; i < options.nameServers.length; i += 1) {
      const server = options.nameServers[(first + i) % options.nameServers.length];
      if (server === undefined) continue;
      const reply = await askNameServer({ ...server, name, type: TYPE.A, subnet, timeoutMs: 500 }).catch(
        () => undefined,
      );
      if (reply === undefined || reply.answers.length === 0) continue;
      const ttl = Math.min(...reply.answers.map((a) => a.ttlSeconds));
      return {
        addresses: reply.answers.filter((a) => a.type === TYPE.A).map((a) => a.data),
        expiresAtMs: performance.now() + ttl * 1000,
      };
    }
    return undefined;
  }

  function get(address: string): Promise<boolean> {
    return new Promise((resolve) => {
      const sent = request(
        { host: address, port: options.port, path: '/', agent: false, headers: { host: options.hostname } },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode === 200));
          response.on('error', () => resolve(false));
        },
      );
      const deadline = setTimeout(() => sent.destroy(), REQUEST_TIMEOUT_MS);
      sent.on('close', () => {
        clearTimeout(deadline);
        resolve(false);
      });
      sent.on('error', () => resolve(false));
      sent.end();
    });
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PAUSE_MS);
      timer.unref();
      options.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  return { seen: () => [...counts.values()].map((c) => ({ ...c })) };
}
