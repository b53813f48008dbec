import type { Resource } from '../resources/catalogue.ts';
import { type AnyRoute, type Attachment, attach } from './attachment.ts';
import { finding } from './compile-report.ts';
import type { Hostname } from './hostnames.ts';
import type { JudgedListener } from './listeners.ts';
import { nameOf } from './policy-index.ts';
import { crossKindConflicts } from './route-conflicts.ts';
import { sameMembers, sameValue } from './same-value.ts';

/** A route at a listener it is attached to. */
export interface AttachedAt {
  readonly route: AnyRoute;
  readonly listener: JudgedListener;
  /** Hosts that it is served for there. */
  readonly hostnames: readonly Hostname[];
}

export interface AttachedRoute {
  readonly route: AnyRoute;
  /** What became of it at each of its parents. */
  readonly parents: readonly Attachment[];
  /** Each listener once, in their order. */
  readonly places: readonly AttachedAt[];
  /** Those that are served. */
  readonly served: readonly AttachedAt[];
}

export interface AttachmentInput {
  /** In order: the listeners have theirs, and routes that came first have their way. */
  readonly routes: readonly AnyRoute[];
  /** Where each route stood the last time; -1: nowhere. */
  readonly placesBefore: readonly number[];
  readonly listeners: readonly JudgedListener[];
  /** Every Gateway there is. */
  readonly gateways: ReadonlyMap<string, Resource<'Gateway'>>;
  /** Labels of a Kubernetes namespace. */
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>>;
  /** What `namespaceLabels` tells of: it says the same while this is the same object. */
  readonly namespaces: unknown;
}

/**
 * Attachments from both sides, after routes of the two kinds that want one host were told apart. What is attached as it was before is the
 * same object.
 */
export class Attachments {
  readonly #input: AttachmentInput;
  /** Before the kinds were told apart; in the order of the input, as `routes`. */
  readonly #alone: AttachedRoute[] = [];
  readonly #byListener = new Map<JudgedListener, AttachedAt[]>();
  #routes: readonly AttachedRoute[] = this.#alone;

  private constructor(input: AttachmentInput) {
    this.#input = input;
  }

  /** Takes a breath after each `step` routes that are looked at anew. */
  static *of(
    input: AttachmentInput,
    step: number,
    before: Attachments | undefined,
  ): Generator<undefined, Attachments, undefined> {
    const own = new Attachments(input);
    const same = before !== undefined && sameSurroundings(before.#input, input);
    const attachRoute = attacher(input);
    for (let at = 0; at < input.routes.length; ) {
      at = own.#attach(at, step, before, same, attachRoute);
      yield;
    }
    own.#settle(before);
    return own;
  }

  /** @returns where `step` routes were attached anew */
  #attach(
    from: number,
    step: number,
    before: Attachments | undefined,
    same: boolean,
    attachRoute: (route: AnyRoute) => AttachedRoute,
  ): number {
    const { routes, placesBefore } = this.#input;
    const known = before === undefined ? NO_ROUTES : before.#alone;
    let anew = 0;
    let at = from;
    for (; at < routes.length && anew < step; at += 1) {
      const route = routes[at];
      if (route === undefined) continue;
      const last = known[placesBefore[at] ?? -1];
      const holds = same && last?.route === route;
      if (!holds) anew += 1;
      const attached = holds ? last : keptAttached(last, attachRoute(route));
      this.#alone.push(attached);
      for (const place of attached.places) {
        const there = this.#byListener.get(place.listener);
        if (there === undefined) this.#byListener.set(place.listener, [place]);
        else there.push(place);
      }
    }
    return at;
  }

  /** Takes from routes what those of the other kind have. */
  #settle(before: Attachments | undefined): void {
    const lost = new Map<JudgedListener, ReadonlyMap<AnyRoute, AnyRoute>>();
    for (const [listener, there] of this.#byListener) {
      const losers = crossKindConflicts(there);
      if (losers.size === 0) continue;
      lost.set(listener, losers);
      this.#byListener.set(
        listener,
        there.filter(({ route }) => !losers.has(route)),
      );
    }
    if (lost.size === 0) return;
    const known = before === undefined ? NO_ROUTES : before.#routes;
    this.#routes = this.#alone.map((attached, at) => {
      const left = without(attached, lost);
      return left === attached ? left : keptAttached(known[this.#input.placesBefore[at] ?? -1], left);
    });
  }

  /** In the order of the input. */
  get routes(): readonly AttachedRoute[] {
    return this.#routes;
  }

  /** Routes at a listener. */
  countAt(listener: JudgedListener): number {
    return this.#byListener.get(listener)?.length ?? 0;
  }
}

const NO_ROUTES: readonly AttachedRoute[] = [];

/** True when a route is attached to what it was attached to before. */
function sameSurroundings(before: AttachmentInput, now: AttachmentInput): boolean {
  const selecting = now.listeners.some(({ spec }) => spec.allowedRoutes.namespaces.from === 'Selector');
  return (
    sameMembers(before.listeners, now.listeners) &&
    before.gateways.size === now.gateways.size &&
    [...now.gateways.keys()].every((name) => before.gateways.has(name)) &&
    (!selecting || before.namespaces === now.namespaces)
  );
}

function attacher(input: AttachmentInput): (route: AnyRoute) => AttachedRoute {
  const byGateway = new Map<string, JudgedListener[]>();
  const order = new Map<JudgedListener, number>();
  for (const listener of input.listeners) {
    order.set(listener, order.size);
    const name = nameOf(listener.gateway);
    const known = byGateway.get(name);
    if (known === undefined) byGateway.set(name, [listener]);
    else known.push(listener);
  }
  const world = { ...input, listeners: byGateway };
  return (route) => {
    const parents = attach(route, world);
    const places = new Map<JudgedListener, AttachedAt>();
    for (const { listeners } of parents)
      for (const { listener, hostnames } of listeners) places.set(listener, { route, listener, hostnames });
    const rank = ({ listener }: AttachedAt): number => order.get(listener) ?? 0;
    return atPlaces(
      route,
      parents,
      [...places.values()].sort((a, b) => rank(a) - rank(b)),
    );
  };
}

function atPlaces(
  route: AnyRoute,
  parents: readonly Attachment[],
  places: readonly AttachedAt[],
): AttachedRoute {
  const served = places.filter(({ listener }) => listener.served);
  return { route, parents, places, served: served.length === places.length ? places : served };
}

function keptAttached(before: AttachedRoute | undefined, now: AttachedRoute): AttachedRoute {
  const same =
    before?.route === now.route &&
    before.places.length === now.places.length &&
    before.places.every((at, place) => sameAt(at, now.places[place])) &&
    before.parents.length === now.parents.length &&
    before.parents.every((parent, at) => sameParent(parent, now.parents[at]));
  return same ? before : now;
}

function sameAt(a: Pick<AttachedAt, 'listener' | 'hostnames'>, b: typeof a | undefined): boolean {
  return a.listener === b?.listener && sameValue(a.hostnames, b.hostnames);
}

function sameParent(a: Attachment, b: Attachment | undefined): boolean {
  return (
    a.parentRef === b?.parentRef &&
    sameValue(a.accepted, b.accepted) &&
    a.listeners.length === b.listeners.length &&
    a.listeners.every((one, at) => sameAt(one, b.listeners[at]))
  );
}

type Lost = ReadonlyMap<JudgedListener, ReadonlyMap<AnyRoute, AnyRoute>>;

function without(attached: AttachedRoute, lost: Lost): AttachedRoute {
  const { route } = attached;
  if (!attached.places.some(({ listener }) => lost.get(listener)?.has(route) === true)) return attached;
  return atPlaces(
    route,
    attached.parents.map((parent) => parentWithout(parent, route, lost)),
    attached.places.filter(({ listener }) => lost.get(listener)?.has(route) !== true),
  );
}

function parentWithout(parent: Attachment, route: AnyRoute, lost: Lost): Attachment {
  const winners = parent.listeners.flatMap(({ listener }) => lost.get(listener)?.get(route) ?? []);
  const [winner] = winners;
  if (winner === undefined) return parent;
  const listeners = parent.listeners.filter(({ listener }) => lost.get(listener)?.has(route) !== true);
  if (listeners.length > 0) return { ...parent, listeners };
  const message = `${winner.kind} ${nameOf(winner)} is older and takes a host of this one; routes of two kinds cannot share one.`;
  return { ...parent, listeners, accepted: finding('Accepted', false, 'Conflicted', message) };
}
