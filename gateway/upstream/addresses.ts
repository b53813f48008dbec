import { isIP } from 'node:net';
import { messageOf } from '../../src/errors/error.ts';
import { checkAddress } from '../../src/health/address-policy.ts';

/** All addresses of a name. Rejects when the name cannot be resolved. */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** How long addresses of a name are used before it is looked up again. */
const PINNED_MS = 30_000;
/** A name that cannot be resolved is not asked for with every request. */
const FAILED_MS = 1_000;
/** Resolvers take their time; requests of a name that was never resolved wait no longer. */
const LOOKUP_MS = 5_000;

export interface AddressBookDeps {
  readonly resolve: Resolve;
  /** CIDR blocks the operator permits although they would be refused (`network.allowedRanges`). */
  readonly allowedRanges: readonly string[];
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
}

interface Pinned {
  addresses: readonly string[];
  /** Why there are none. */
  failure: string | undefined;
  next: number;
  staleMs: number;
  looking: boolean;
  waiting: ((address: string | undefined, failure: string) => void)[];
}

/**
 * The addresses connections to backends may go to (I32). A name is looked up once per half minute, each of its addresses is judged, and
 * connections go to those and never to the name again. One forbidden address refuses the whole name. While a resolver fails, what it
 * said last goes on.
 */
export class AddressBook {
  readonly #deps: AddressBookDeps;
  readonly #names = new Map<string, Pinned>();

  constructor(deps: AddressBookDeps) {
    this.#deps = deps;
  }

  /**
   * The address for the next connection: several take turns, IPv4 before IPv6. Calls back at once when it is known.
   * @param found gets undefined and why when there is none
   */
  next(host: string, found: (address: string | undefined, failure: string) => void): void {
    const pinned = this.#names.get(host) ?? this.#add(host);
    const address = pinned.addresses[pinned.next % pinned.addresses.length];
    const stale = pinned.staleMs <= this.#deps.monotonicMs();
    if (stale && !pinned.looking) this.#look(host, pinned);
    if (address !== undefined) {
      pinned.next = (pinned.next + 1) % pinned.addresses.length;
      found(address, '');
    } else if (pinned.looking) pinned.waiting.push(found);
    else found(undefined, pinned.failure ?? `${host} has no address`);
  }

  /** Names of an older configuration are let go. */
  keep(hosts: ReadonlySet<string>): void {
    for (const [host, pinned] of this.#names)
      if (!hosts.has(host) && pinned.waiting.length === 0) this.#names.delete(host);
  }

  /** An address that nobody is expected to connect to any more; one that somebody does is judged anew. */
  drop(address: string): void {
    if (isIP(address) !== 0) this.#names.delete(address);
  }

  #add(host: string): Pinned {
    const pinned: Pinned = {
      addresses: [],
      failure: undefined,
      next: 0,
      staleMs: 0,
      looking: false,
      waiting: [],
    };
    if (isIP(host) !== 0) {
      pinned.failure = this.#refusal(host, [host]);
      pinned.addresses = pinned.failure === undefined ? [host] : [];
      pinned.staleMs = Number.POSITIVE_INFINITY;
    }
    this.#names.set(host, pinned);
    return pinned;
  }

  #look(host: string, pinned: Pinned): void {
    pinned.looking = true;
    let settled = false;
    const settle = (addresses: readonly string[] | undefined, failure: string | undefined): void => {
      if (settled) return;
      settled = true;
      cancel();
      pinned.looking = false;
      const refusal = failure ?? this.#refusal(host, addresses ?? []);
      if (refusal === undefined) {
        pinned.addresses = ipv4First(addresses ?? []);
        pinned.next = 0;
      } else if (failure === undefined) pinned.addresses = [];
      pinned.failure = refusal;
      pinned.staleMs = this.#deps.monotonicMs() + (refusal === undefined ? PINNED_MS : FAILED_MS);
      const waiting = pinned.waiting;
      pinned.waiting = [];
      for (const found of waiting) this.next(host, found);
    };
    const cancel = this.#deps.after(LOOKUP_MS, () => settle(undefined, `${host}: no answer of the resolver`));
    this.#deps.resolve(host).then(
      (addresses) => settle(addresses, undefined),
      (thrown: unknown) => settle(undefined, `${host} cannot be resolved: ${messageOf(thrown)}`),
    );
  }

  #refusal(host: string, addresses: readonly string[]): string | undefined {
    if (addresses.length === 0) return `${host} has no address`;
    for (const address of addresses) {
      const hit = checkAddress(address, this.#deps.allowedRanges);
      if (hit === undefined) continue;
      const what = address === host ? address : `${host} resolves to ${address}, which`;
      return `${what} lies in ${hit.range}: ${hit.why}`;
    }
    return undefined;
  }
}

function ipv4First(addresses: readonly string[]): readonly string[] {
  const ipv4 = addresses.filter((address) => isIP(address) === 4);
  return ipv4.length > 0 ? ipv4 : addresses;
}
