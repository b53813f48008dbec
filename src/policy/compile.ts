import type { Resource } from '../resources/catalogue.ts';
import { CLUSTERS_ANNOTATION } from '../resources/gateway.ts';
import { type AnyRoute, type Attachment, attach } from './attachment.ts';
import { BackendBook } from './backend-book.ts';
import { authBlock } from './compile-auth.ts';
import type { CompileContext, CompiledGateways, GatewayObjects } from './compile-contract.ts';
import { edgeBlock } from './compile-edge.ts';
import { QuotaBook, quotaBlock } from './compile-quota.ts';
import { finding, type RouteReport } from './compile-report.ts';
import { type FoundObjects, namespaceLabels, withFound } from './found-objects.ts';
import { Grants } from './grants.ts';
import type { Hostname } from './hostnames.ts';
import { compareHostnames } from './hostnames.ts';
import {
  badSecret,
  certificateKey,
  type JudgedListener,
  judgeListeners,
  type ListenerWorld,
} from './listeners.ts';
import {
  type CompiledListener,
  type GatewayPart,
  type GatewayPort,
  NO_GATEWAY,
  type QuotaPart,
} from './model.ts';
import { nameOf, PolicyIndex } from './policy-index.ts';
import { bookDomains } from './quota-domains.ts';
import { gatewayReport, type RuleAt, routeReport } from './reports.ts';
import { type ResidencyWish, residencyWishes } from './residency.ts';
import { crossKindConflicts } from './route-conflicts.ts';
import { RuleBook } from './rule-book.ts';
import { SecretRefBook } from './secret-refs.ts';
import { type HostedRoute, virtualHosts } from './virtual-hosts.ts';

/**
 * The Gateways of one cluster with everything that hangs on them, as one value (`model.ts`), the Secrets it names, and what became of
 * each object. Pure, and the same octets for the same objects in whatever order. Never throws on what is stored: what cannot be used is
 * left out and reported.
 * @param cluster `namespace/name`
 */
export function compileGateways(
  stored: GatewayObjects,
  cluster: string,
  context: CompileContext,
): CompiledGateways {
  const steps = compileInSteps(stored, cluster, context);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Routes that are compiled in one go: some ten milliseconds. */
const STEP = 500;

/** The same, a piece at a time: whoever has something else to do meanwhile does it between two pieces. What is compiled must not change. */
export function* compileInSteps(
  stored: GatewayObjects,
  cluster: string,
  context: CompileContext,
): Generator<undefined, CompiledGateways, undefined> {
  const { found } = context;
  const objects = withFound(stored, found);
  const place = objects.Cluster.get(cluster);
  const gateways = place === undefined ? [] : gatewaysOf(objects, place, found);
  const secrets = new SecretRefBook();
  const quotaBook = new QuotaBook();
  const domains =
    place === undefined
      ? []
      : bookDomains(objects.RateLimitPolicy.values(), place.metadata.namespace, quotaBook);
  if (place === undefined || gateways.length === 0) {
    return {
      part: withQuota(NO_GATEWAY, quotaBook.part(context.quotaVersion ?? 0)),
      secretRefs: secrets.refs(),
      reports: { gateways: [], routes: [], policies: domains },
    };
  }
  const listenerWorld = {
    secrets: objects.Secret,
    clusterSecrets: found?.secrets,
    certificatePolicies: objects.CertificatePolicy,
    grants: new Grants([...objects.ReferenceGrant.values()]),
  };
  const listeners = judgeListeners(gateways, listenerWorld, secrets);
  const routes: readonly AnyRoute[] = [...byName(objects.HTTPRoute), ...byName(objects.GRPCRoute)];
  const attached = yield* attachAll(routes, listeners, objects, found);
  const policyWorld = {
    gateways: [...objects.Gateway.values()],
    httpRoutes: [...objects.HTTPRoute.values()],
    grpcRoutes: [...objects.GRPCRoute.values()],
    clusterLabels: place.metadata.labels,
  };
  const auth = new PolicyIndex('AuthPolicy', [...objects.AuthPolicy.values()], authBlock, policyWorld);
  const edge = new PolicyIndex('GatewayPolicy', [...objects.GatewayPolicy.values()], edgeBlock, policyWorld);
  const limiting = [...objects.RateLimitPolicy.values()].filter(({ spec }) => spec.domain === undefined);
  const quota = new PolicyIndex('RateLimitPolicy', limiting, quotaBlock, policyWorld);
  const backends = new BackendBook(
    {
      backends: objects.Backend,
      tlsPolicies: [...objects.BackendTLSPolicy.values()],
      secrets: objects.Secret,
      clusterSecrets: found?.secrets,
      services: found?.services,
      grants: listenerWorld.grants,
      cluster: place.metadata.name,
    },
    secrets,
  );
  const book = new RuleBook({
    auth,
    edge,
    quota,
    quotaBook,
    backends,
    callerRoutings: objects.CallerRouting,
    secrets,
    wishesOf: wishesByNamespace(objects, place.metadata.namespace),
    country: place.spec.location.country,
    regions: context.regions,
  });
  const clientCertificates = new Map(
    gateways.map((gateway) => [gateway, clientCertificateOf(gateway, listenerWorld, secrets)]),
  );
  const rulesAt = new Map<AnyRoute, RuleAt[]>();
  const compiled: { readonly listener: JudgedListener; readonly compiled: CompiledListener }[] = [];
  for (const listener of listeners) {
    if (!listener.served) continue;
    const shown = clientCertificates.get(listener.gateway)?.key;
    const own = yield* compileListener(listener, attached.at(listener), shown, book, rulesAt);
    compiled.push({ listener, compiled: own });
  }
  const part = withQuota(
    { ports: portsOf(compiled, book), ...book.compiled(), backends: backends.compiled() },
    quotaBook.part(context.quotaVersion ?? 0),
  );
  const reports: RouteReport[] = [];
  for (const [at, route] of routes.entries()) {
    if (at % STEP === 0) yield;
    const parents = attached.of(route);
    if (parents.length > 0) reports.push(routeReport(route, parents, rulesAt.get(route) ?? []));
  }
  return {
    part,
    secretRefs: secrets.refs(),
    reports: {
      gateways: gateways.map((gateway) =>
        gatewayReport(
          gateway,
          listeners.filter((listener) => listener.gateway === gateway),
          (listener) => attached.at(listener).length,
          clientCertificates.get(gateway)?.problem,
        ),
      ),
      routes: reports,
      policies: [
        ...auth.reports(),
        ...edge.reports(),
        ...quota.reports(),
        ...domains,
        ...backends.policyReports(gateways.map(nameOf)),
      ],
    },
  };
}

function withQuota(part: GatewayPart, quota: QuotaPart | undefined): GatewayPart {
  return quota === undefined ? part : { ...part, quota };
}

/** Those that were found in it; and of the hub's those of its namespace whose annotation, when there is one, names it. */
function gatewaysOf(
  objects: GatewayObjects,
  cluster: Resource<'Cluster'>,
  found: FoundObjects | undefined,
): readonly Resource<'Gateway'>[] {
  return byName(objects.Gateway).filter((gateway) => {
    const { metadata } = gateway;
    if (found?.resources.Gateway.get(nameOf(gateway)) === gateway) return true;
    if (metadata.namespace !== cluster.metadata.namespace) return false;
    const wanted = metadata.annotations[CLUSTERS_ANNOTATION];
    return wanted === undefined || wanted.split(',').some((name) => name.trim() === cluster.metadata.name);
  });
}

function byName<R extends Resource>(objects: ReadonlyMap<string, R>): readonly R[] {
  return [...objects.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}

/**
 * Of the Gateway's namespace; and of the cluster's, where the TrafficPolicies are that lead to it, when the Gateway was found in another.
 */
function wishesByNamespace(
  objects: GatewayObjects,
  own: string,
): (namespace: string) => readonly ResidencyWish[] {
  const known = new Map<string, readonly ResidencyWish[]>();
  return (namespace) => {
    const wishes =
      known.get(namespace) ??
      [...new Set([namespace, own])].flatMap((place) =>
        residencyWishes([...objects.TrafficPolicy.values()], place),
      );
    known.set(namespace, wishes);
    return wishes;
  };
}

function clientCertificateOf(
  gateway: Resource<'Gateway'>,
  world: ListenerWorld,
  secrets: SecretRefBook,
): { readonly key?: string; readonly problem?: string } {
  const ref = gateway.spec.tls?.backend?.clientCertificateRef;
  if (ref === undefined) return {};
  const bad = badSecret(gateway, ref, world, 'certificate');
  if (bad !== undefined) return { problem: bad.message };
  return { key: certificateKey(ref.namespace ?? gateway.metadata.namespace, ref.name, world, secrets) };
}

interface AtListener {
  readonly route: AnyRoute;
  readonly hostnames: readonly Hostname[];
}

/** Attachments from both sides, after routes of the two kinds that want one host were told apart. */
class Attachments {
  readonly #byRoute = new Map<AnyRoute, readonly Attachment[]>();
  readonly #byListener = new Map<JudgedListener, AtListener[]>();

  constructor(attachments: ReadonlyMap<AnyRoute, readonly Attachment[]>) {
    for (const [route, parents] of attachments) {
      const here = new Map<JudgedListener, AtListener>();
      for (const { listeners } of parents) {
        for (const { listener, hostnames } of listeners) here.set(listener, { route, hostnames });
      }
      for (const [listener, entry] of here) {
        const known = this.#byListener.get(listener);
        if (known === undefined) this.#byListener.set(listener, [entry]);
        else known.push(entry);
      }
    }
    const lost = new Map<JudgedListener, ReadonlyMap<AnyRoute, AnyRoute>>();
    for (const [listener, entries] of this.#byListener) {
      const losers = crossKindConflicts(entries);
      if (losers.size === 0) continue;
      lost.set(listener, losers);
      this.#byListener.set(
        listener,
        entries.filter(({ route }) => !losers.has(route)),
      );
    }
    for (const [route, parents] of attachments) {
      this.#byRoute.set(
        route,
        lost.size === 0 ? parents : parents.map((parent) => without(parent, route, lost)),
      );
    }
  }

  of(route: AnyRoute): readonly Attachment[] {
    return this.#byRoute.get(route) ?? [];
  }

  at(listener: JudgedListener): readonly AtListener[] {
    return this.#byListener.get(listener) ?? [];
  }
}

function without(
  parent: Attachment,
  route: AnyRoute,
  lost: ReadonlyMap<JudgedListener, ReadonlyMap<AnyRoute, AnyRoute>>,
): Attachment {
  const winners = parent.listeners.flatMap(({ listener }) => lost.get(listener)?.get(route) ?? []);
  const [winner] = winners;
  if (winner === undefined) return parent;
  const listeners = parent.listeners.filter(({ listener }) => lost.get(listener)?.has(route) !== true);
  if (listeners.length > 0) return { ...parent, listeners };
  const message = `${winner.kind} ${nameOf(winner)} is older and takes a host of this one; routes of two kinds cannot share one.`;
  return { ...parent, listeners, accepted: finding('Accepted', false, 'Conflicted', message) };
}

function* attachAll(
  routes: readonly AnyRoute[],
  listeners: readonly JudgedListener[],
  objects: GatewayObjects,
  found: FoundObjects | undefined,
): Generator<undefined, Attachments, undefined> {
  const byGateway = new Map<string, JudgedListener[]>();
  for (const listener of listeners) {
    const name = nameOf(listener.gateway);
    const known = byGateway.get(name);
    if (known === undefined) byGateway.set(name, [listener]);
    else known.push(listener);
  }
  const world = {
    listeners: byGateway,
    gateways: objects.Gateway,
    namespaceLabels: (namespace: string) => namespaceLabels(found, namespace),
  };
  const attachments = new Map<AnyRoute, readonly Attachment[]>();
  for (const route of routes) {
    if (attachments.size % STEP === 0) yield;
    attachments.set(route, attach(route, world));
  }
  return new Attachments(attachments);
}

function* compileListener(
  listener: JudgedListener,
  attached: readonly AtListener[],
  clientCertificate: string | undefined,
  book: RuleBook,
  rulesAt: Map<AnyRoute, RuleAt[]>,
): Generator<undefined, CompiledListener, undefined> {
  const { gateway, spec } = listener;
  const hosted: HostedRoute[] = [];
  for (const { route, hostnames } of attached) {
    if (hosted.length % STEP === 0) yield;
    const place = { gateway, listener: spec.name, route };
    const booked = route.spec.rules.map((_, index) => book.rule(place, index, hostnames, clientCertificate));
    const known = rulesAt.get(route) ?? [];
    known.push(...booked.map((rule, index) => ({ rule, index, listener: listener.id })));
    rulesAt.set(route, known);
    hosted.push({ route, hostnames, ruleIds: booked.map(({ id }) => id) });
  }
  yield;
  return {
    id: listener.id,
    source: { kind: 'Gateway', name: nameOf(gateway), sectionName: spec.name },
    ...(spec.hostname === undefined ? {} : { hostname: spec.hostname }),
    ...(listener.tls === undefined ? {} : { tls: listener.tls }),
    hosts: virtualHosts(hosted),
  };
}

/** Connections have the edge of the oldest Gateway on their port: before the first request nobody knows whose they are. */
function portsOf(
  compiled: readonly { readonly listener: JudgedListener; readonly compiled: CompiledListener }[],
  book: RuleBook,
): readonly GatewayPort[] {
  const ports = new Map<number, (typeof compiled)[number][]>();
  for (const one of compiled) {
    const known = ports.get(one.listener.spec.port);
    if (known === undefined) ports.set(one.listener.spec.port, [one]);
    else known.push(one);
  }
  return [...ports]
    .sort((a, b) => a[0] - b[0])
    .flatMap(([port, all]): readonly GatewayPort[] => {
      // Listeners were judged oldest Gateway first.
      const [oldest] = all;
      if (oldest === undefined) return [];
      return [
        {
          port,
          protocol: oldest.listener.spec.protocol === 'HTTPS' ? 'https' : 'http',
          edge: book.portEdge(oldest.listener.gateway),
          listeners: all
            .map((one) => one.compiled)
            .sort((a, b) => compareHostnames(a.hostname, b.hostname) || (a.id < b.id ? -1 : 1)),
        },
      ];
    });
}
