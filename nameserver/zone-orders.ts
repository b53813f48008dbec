import type { DomainName } from '../src/dns/name.ts';
import { namesInOrder } from '../src/dns/transfer/signed-content.ts';
import type { Zone } from '../src/dns/zone.ts';

/** What a transfer of a signed zone has to know of all its names before it can begin. */
export interface ZoneOrder {
  /** Those with an NSEC record, in canonical order. */
  readonly names: readonly DomainName[];
  /** Those below delegations. */
  readonly glue: readonly DomainName[];
}

interface Held {
  readonly order: Promise<ZoneOrder>;
  readonly users: Set<object>;
}

/**
 * The names of signed zones in order, for as long as somebody copies the zone. Many copies of one version share them: sorting takes time,
 * and some hundred octets a name.
 */
export class ZoneOrders {
  readonly #held = new Map<Zone, Held>();
  readonly #nextTurn: () => Promise<void>;

  /** @param nextTurn lets other work go on */
  constructor(nextTurn: () => Promise<void>) {
    this.#nextTurn = nextTurn;
  }

  get size(): number {
    return this.#held.size;
  }

  /** @param user by whom the order is kept until `release` */
  of(zone: Zone, user: object): Promise<ZoneOrder> {
    let held = this.#held.get(zone);
    if (held === undefined) {
      held = { order: this.#made(zone), users: new Set() };
      this.#held.set(zone, held);
    }
    held.users.add(user);
    return held.order;
  }

  release(user: object): void {
    for (const [zone, { users }] of this.#held) {
      if (users.delete(user) && users.size === 0) this.#held.delete(zone);
    }
  }

  async #made(zone: Zone): Promise<ZoneOrder> {
    const glue: DomainName[] = [];
    const steps = namesInOrder(zone, glue);
    let step = steps.next();
    while (step.done !== true) {
      await this.#nextTurn();
      step = steps.next();
    }
    return { names: step.value, glue };
  }
}
