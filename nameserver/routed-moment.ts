import type { ClientAddress } from '../src/dns/client.ts';
import type { RoutingMoment } from '../src/dns/routed.ts';
import { numberOfPlace } from '../src/routing/client-classes.ts';
import { isStale } from '../src/routing/decide.ts';
import type { EvaluationCache } from '../src/routing/evaluation-cache.ts';
import { UNLOCATED } from '../src/routing/location.ts';
import type { Located } from '../src/routing/model.ts';
import { usableClient } from '../src/routing/walk.ts';
import type { Asker } from './routed-name.ts';

/** What all routed names of one asker go by, now. */
export class AskerMoment implements RoutingMoment {
  readonly #asker: Asker;
  readonly #evaluations: EvaluationCache;
  /** Of the client last located. */
  located: Located = UNLOCATED;
  place = -1;
  scope = 0;

  constructor(asker: Asker, evaluations: EvaluationCache) {
    this.#asker = asker;
    this.#evaluations = evaluations;
  }

  isOf({ geo, random }: Asker): boolean {
    return this.#asker.geo === geo && this.#asker.random === random;
  }

  epoch(): number {
    const view = this.#asker.view();
    return isStale(view) ? -1 : this.#evaluations.follow(view);
  }

  locate(client: ClientAddress): void {
    const usable = usableClient(client);
    const { geo } = this.#asker;
    const located = usable === undefined || geo === undefined ? UNLOCATED : geo.locate(usable);
    this.located = located;
    this.place = numberOfPlace(located);
    this.scope = usable === undefined ? 0 : located.prefixLength;
  }

  random(): number {
    return this.#asker.random();
  }
}
