import type { AttachedRoute } from './attachments.ts';
import type { RouteReport } from './compile-report.ts';
import { type CompiledRoute, compileRoute, type RouteBooks } from './compile-route.ts';
import type { JudgedListener } from './listeners.ts';
import type { HostedRoute } from './virtual-hosts.ts';

/** All routes of a cluster, compiled a few at a time. */
export class CompiledRoutes {
  readonly all: CompiledRoute[] = [];
  readonly reports: RouteReport[] = [];
  readonly #hosted = new Map<JudgedListener, HostedRoute[]>();
  readonly #attached: readonly AttachedRoute[];
  readonly #placesBefore: readonly number[];
  readonly #books: RouteBooks;
  readonly #before: readonly CompiledRoute[];

  /** @param before what the routes at `placesBefore` were compiled to */
  constructor(
    attached: readonly AttachedRoute[],
    placesBefore: readonly number[],
    books: RouteBooks,
    before: readonly CompiledRoute[],
  ) {
    this.#attached = attached;
    this.#placesBefore = placesBefore;
    this.#books = books;
    this.#before = before;
  }

  /**
   * Goes on until so many were compiled anew.
   * @param steady what all routes depend on is as it was before
   * @returns false when there are no more
   */
  next(anew: number, steady: boolean): boolean {
    let left = anew;
    for (let at = this.all.length; at < this.#attached.length; at += 1) {
      const attached = this.#attached[at];
      if (attached === undefined) continue;
      if (left === 0) return true;
      const before = this.#before[this.#placesBefore[at] ?? -1];
      const own = compileRoute(attached, this.#books, before, steady);
      if (own !== before) left -= 1;
      this.#add(own);
    }
    return false;
  }

  #add(own: CompiledRoute): void {
    this.all.push(own);
    if (own.report !== undefined) this.reports.push(own.report);
    const { served } = own.attached;
    for (let at = 0; at < served.length; at += 1) {
      const [place, route] = [served[at], own.hosted[at]];
      if (place === undefined || route === undefined) continue;
      const there = this.#hosted.get(place.listener);
      if (there === undefined) this.#hosted.set(place.listener, [route]);
      else there.push(route);
    }
  }

  /** Those that a listener serves. */
  at(listener: JudgedListener): readonly HostedRoute[] {
    return this.#hosted.get(listener) ?? [];
  }
}
