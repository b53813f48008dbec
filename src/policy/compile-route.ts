import { sha256Hex } from '../identity/digest.ts';
import type { Resource } from '../resources/catalogue.ts';
import type { BackendObjectReference } from '../resources/route-fields.ts';
import type { AnyRoute } from './attachment.ts';
import type { AttachedAt, AttachedRoute } from './attachments.ts';
import type { BackendBook, Resolution } from './backend-book.ts';
import type { RouteReport } from './compile-report.ts';
import type { CompiledRule } from './model.ts';
import { nameOf } from './policy-index.ts';
import { type BookedRule, type RuleAt, routeReport } from './reports.ts';
import { compileRuleBody, type RuleBody, ruleNameOf } from './route-rules.ts';
import type { EffectivePolicies, NamedEdge, RuleBook } from './rule-book.ts';
import { samePolicies } from './rule-book.ts';
import { kept, sameMembers, sameValue } from './same-value.ts';
import type { HostedRoute } from './virtual-hosts.ts';

/** What a route became, and all that it depended on. */
export interface CompiledRoute {
  readonly attached: AttachedRoute;
  /** By listener that is served; rule by rule, or one for all. */
  readonly policies: readonly (readonly EffectivePolicies[])[];
  readonly resolutions: readonly Resolution[];
  readonly rules: readonly CompiledRule[];
  readonly edges: readonly NamedEdge[];
  /** By listener that is served. */
  readonly hosted: readonly HostedRoute[];
  /** Undefined when none of its parents is of this cluster, and all exist. */
  readonly report: RouteReport | undefined;
}

export interface RouteBooks {
  readonly rules: RuleBook;
  readonly backends: BackendBook;
  readonly callerRoutings: ReadonlyMap<string, Resource<'CallerRouting'>>;
  /** What a Gateway shows to backends with TLS. */
  readonly clientCertificates: ReadonlyMap<Resource<'Gateway'>, string | undefined>;
}

/**
 * Compiles a route at all its listeners; a rule that is the same at several of them is one.
 * @param before what the route of this name became before
 * @param steady what all routes depend on is as it was then
 * @returns `before` itself when nothing is otherwise
 */
export function compileRoute(
  attached: AttachedRoute,
  books: RouteBooks,
  before: CompiledRoute | undefined,
  steady: boolean,
): CompiledRoute {
  const route =
    steady && before?.attached === attached && holds(before, books) ? before : made(attached, books, before);
  books.backends.take(route.resolutions);
  books.rules.add(route.rules, route.edges);
  return route;
}

function holds({ attached, policies, resolutions }: CompiledRoute, { rules, backends }: RouteBooks): boolean {
  let same = true;
  // Each is asked for: policies are in use because of that.
  for (let at = 0; at < policies.length; at += 1) {
    const place = attached.served[at];
    if (place === undefined) return false;
    const now = rules.policiesAt(place.listener, place.route);
    same &&= now === policies[at] || samePoliciesOf(policies[at] ?? [], now);
  }
  for (const resolution of resolutions) same &&= backends.holds(resolution);
  return same;
}

function samePoliciesOf(before: readonly EffectivePolicies[], now: readonly EffectivePolicies[]): boolean {
  return before.length === now.length && before.every((own, at) => samePolicies(own, now[at]));
}

/** What a rule became so far; several where policies differ between listeners. */
interface Variant {
  readonly auth: string | undefined;
  readonly edge: string;
  readonly quota: string | undefined;
  readonly clientCertificate: string | undefined;
  readonly booked: BookedRule;
}

function made(attached: AttachedRoute, books: RouteBooks, before: CompiledRoute | undefined): CompiledRoute {
  const { route, parents, served } = attached;
  const policies = served.map(({ listener }) => books.rules.policiesAt(listener, route));
  const draft = new Draft(route, books);
  const rulesAt: RuleAt[] = [];
  const hosted = served.map((at, place): HostedRoute => {
    const own = policies[place] ?? [];
    const booked = route.spec.rules.flatMap((_, index) => {
      const held = own[index] ?? own[0];
      return held === undefined ? [] : [draft.rule(at, index, held)];
    });
    rulesAt.push(...booked.map((rule, index) => ({ rule, index, listener: at.listener.id })));
    return keptHosted(before?.hosted[place], {
      route,
      hostnames: at.hostnames,
      ruleIds: booked.map(({ id }) => id),
    });
  });
  return {
    attached,
    policies,
    resolutions: [...draft.resolutions],
    rules: draft.rules,
    edges: [...draft.edges],
    hosted,
    report: parents.length === 0 ? undefined : kept(before?.report, routeReport(route, parents, rulesAt)),
  };
}

function keptHosted(before: HostedRoute | undefined, now: HostedRoute): HostedRoute {
  return before !== undefined &&
    before.route === now.route &&
    sameMembers(before.ruleIds, now.ruleIds) &&
    sameValue(before.hostnames, now.hostnames)
    ? before
    : now;
}

/** Rules of one route, as they are made. */
class Draft {
  readonly resolutions = new Set<Resolution>();
  readonly rules: CompiledRule[] = [];
  readonly edges = new Set<NamedEdge>();
  readonly #route: AnyRoute;
  readonly #books: RouteBooks;
  readonly #prefix: string;
  readonly #variants: Variant[][] = [];

  constructor(route: AnyRoute, books: RouteBooks) {
    this.#route = route;
    this.#books = books;
    this.#prefix = `${route.kind}/${nameOf(route)}/`;
  }

  rule({ listener, hostnames }: AttachedAt, index: number, policies: EffectivePolicies): BookedRule {
    const { auth, edge, quota } = policies;
    const { gateway } = listener;
    const clientCertificate = this.#books.clientCertificates.get(gateway);
    const named = this.#books.rules.edgeOf(edge, gateway, hostnames);
    this.edges.add(named);
    const ids = { auth: auth.made.id, edge: named.id, quota: quota.made?.id };
    const variants = this.#variants[index] ?? [];
    this.#variants[index] = variants;
    const known = variants.find(
      (v) =>
        v.auth === ids.auth &&
        v.edge === ids.edge &&
        v.quota === ids.quota &&
        v.clientCertificate === clientCertificate,
    );
    if (known !== undefined) return known.booked;
    const base = `${this.#prefix}${index}`;
    const variant = `${ids.auth ?? ''} ${ids.edge} ${clientCertificate ?? ''}${ids.quota === undefined ? '' : ` ${ids.quota}`}`;
    const id = variants.length === 0 ? base : `${base}~${sha256Hex(variant).slice(0, 8)}`;
    const body =
      variants.find((v) => v.clientCertificate === clientCertificate)?.booked.body ??
      this.#body(index, clientCertificate);
    const rule = compiledRule(id, this.#route, index, body, policies, ids);
    this.rules.push(this.#books.rules.known(rule));
    const booked = { id, body, auth: auth.entries, edge: edge.entries, quota: quota.entries };
    variants.push({ ...ids, clientCertificate, booked });
    return booked;
  }

  #body(index: number, clientCertificate: string | undefined): RuleBody {
    const { kind, metadata } = this.#route;
    const asker = { kind, namespace: metadata.namespace, clientCertificate };
    const resolve = (ref: BackendObjectReference) => {
      const resolution = this.#books.backends.resolve(ref, asker);
      this.resolutions.add(resolution);
      return resolution.led;
    };
    return compileRuleBody(this.#route, index, resolve, this.#books.callerRoutings);
  }
}

function compiledRule(
  id: string,
  route: AnyRoute,
  index: number,
  body: RuleBody,
  policies: EffectivePolicies,
  ids: Pick<Variant, 'auth' | 'edge' | 'quota'>,
): CompiledRule {
  const { filters, backends, callers, timeouts, retry, sessionPersistence } = body;
  return {
    id,
    source: { kind: route.kind, name: nameOf(route), sectionName: ruleNameOf(route, index) },
    filters,
    backends,
    callers,
    timeouts,
    ...(retry === undefined ? {} : { retry: { ...retry, budget: policies.edge.made.retryBudget } }),
    ...(sessionPersistence === undefined ? {} : { sessionPersistence }),
    ...(ids.auth === undefined ? {} : { auth: ids.auth }),
    ...(ids.quota === undefined ? {} : { quota: ids.quota }),
    edge: ids.edge,
  };
}
