import type { Resource } from '../resources/catalogue.ts';
import { CLUSTERS_ANNOTATION } from '../resources/gateway.ts';
import type { AnyRoute } from './attachment.ts';
import { Attachments } from './attachments.ts';
import { BackendBook } from './backend-book.ts';
import { authBlock } from './compile-auth.ts';
import type { CompileContext, CompiledGateways, GatewayObjects } from './compile-contract.ts';
import { edgeBlock } from './compile-edge.ts';
import { type CompileMemory, memoryOf, remember, sameSurroundings } from './compile-memory.ts';
import { type HostingListener, portsOf } from './compile-ports.ts';
import { QuotaBook, quotaBlock } from './compile-quota.ts';
import { CompiledRoutes } from './compile-routes.ts';
import { type FoundObjects, namespaceLabels, withFound } from './found-objects.ts';
import { Grants } from './grants.ts';
import { badSecret, certificateKey, judgeListeners, type ListenerWorld } from './listeners.ts';
import { type GatewayPart, NO_GATEWAY, type QuotaPart } from './model.ts';
import { nameOf, PolicyIndex } from './policy-index.ts';
import { bookDomains } from './quota-domains.ts';
import { gatewayReport } from './reports.ts';
import { type ResidencyWish, residencyWishes } from './residency.ts';
import { RuleBook } from './rule-book.ts';
import { kept, keptMembers, sameFields, sameMembers } from './same-value.ts';
import { SecretRefBook } from './secret-refs.ts';
import { namesInOrder, placesBefore } from './sorted-record.ts';
import { type ListenerHosts, virtualHosts } from './virtual-hosts.ts';

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

/** Routes or hosts that are compiled anew in one go: some ten milliseconds. */
const STEP = 500;

/**
 * The same, a piece at a time: whoever has something else to do meanwhile does it between two pieces. What is compiled must not change.
 * With `context.before` it costs what differs, and what says the same is the same object.
 */
export function* compileInSteps(
  stored: GatewayObjects,
  cluster: string,
  context: CompileContext,
): Generator<undefined, CompiledGateways, undefined> {
  const { found, before } = context;
  const memory = memoryOf(before);
  const objects = withFound(stored, found);
  const place = objects.Cluster.get(cluster);
  const gateways = place === undefined ? [] : gatewaysOf(objects, place, found);
  const secrets = new SecretRefBook();
  const quotaBook = new QuotaBook(before?.part.quota);
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
  const listeners = judgeListeners(gateways, listenerWorld, secrets, memory?.listeners);
  const names = {
    HTTPRoute: namesInOrder(objects.HTTPRoute, memory?.names.HTTPRoute),
    GRPCRoute: namesInOrder(objects.GRPCRoute, memory?.names.GRPCRoute),
  };
  const routes: readonly AnyRoute[] = [
    ...routesOf(names.HTTPRoute, objects.HTTPRoute),
    ...routesOf(names.GRPCRoute, objects.GRPCRoute),
  ];
  const places = placesOf(names, memory?.names);
  const attachments = yield* Attachments.of(
    {
      routes,
      placesBefore: places,
      listeners,
      gateways: objects.Gateway,
      namespaceLabels: (namespace) => namespaceLabels(found, namespace),
      namespaces: found?.namespaces,
    },
    STEP,
    memory?.attachments,
  );
  const policies = policyIndexes(objects, place, memory?.policies);
  const backends = new BackendBook(
    {
      backends: objects.Backend,
      tlsPolicies: [...objects.BackendTLSPolicy.values()],
      secrets: objects.Secret,
      clusterSecrets: found?.secrets,
      services: found?.services,
      grants: listenerWorld.grants,
      referenceGrants: objects.ReferenceGrant,
      cluster: place.metadata.name,
    },
    secrets,
    memory?.backends,
  );
  const certificates = new Map(
    gateways.map((gateway) => [gateway, clientCertificateOf(gateway, listenerWorld, secrets)]),
  );
  const surroundings = {
    clientCertificates: new Map(gateways.map((gateway) => [gateway, certificates.get(gateway)?.key])),
    callerRoutings: objects.CallerRouting,
    trafficPolicies: [...objects.TrafficPolicy.values()].filter(({ spec }) => spec.residency.length > 0),
    country: place.spec.location.country,
    regions: context.regions,
  };
  const rules = new RuleBook(
    {
      ...policies,
      quotaBook,
      secrets,
      wishesOf: wishesByNamespace(surroundings.trafficPolicies, place.metadata.namespace),
      country: surroundings.country,
      regions: surroundings.regions,
    },
    memory?.rules,
  );
  const books = { ...surroundings, rules, backends };
  const steady = sameSurroundings(memory?.surroundings, surroundings);
  const compiled = new CompiledRoutes(attachments.routes, places, books, memory?.routes ?? []);
  while (compiled.next(STEP, steady)) yield;
  const hosting: HostingListener[] = [];
  const hosts = new Map<string, ListenerHosts>();
  for (const listener of listeners) {
    if (!listener.served) continue;
    const own = yield* virtualHosts(compiled.at(listener), STEP, memory?.hosts.get(listener.id));
    hosts.set(listener.id, own);
    hosting.push({ listener, hosts: own.hosts });
  }
  const ports = portsOf(hosting, (gateway) => rules.portEdge(gateway), before?.part.ports ?? []);
  rules.close();
  backends.close();
  const result = keptResult(before, {
    part: withQuota(
      { ports, ...rules.compiled(), backends: backends.compiled() },
      quotaBook.part(context.quotaVersion ?? 0),
    ),
    secretRefs: secrets.refs(),
    reports: {
      gateways: gateways.map((gateway) =>
        gatewayReport(
          gateway,
          listeners.filter((listener) => listener.gateway === gateway),
          (listener) => attachments.countAt(listener),
          certificates.get(gateway)?.problem,
        ),
      ),
      routes: compiled.reports,
      policies: [
        ...policies.auth.reports(),
        ...policies.edge.reports(),
        ...policies.quota.reports(),
        ...domains,
        ...backends.policyReports(gateways.map(nameOf)),
      ],
    },
  });
  remember(result, {
    names,
    listeners,
    attachments,
    surroundings,
    policies,
    rules,
    backends,
    routes: compiled.all,
    hosts,
  });
  return result;
}

/** What of a result says the same as before is that. */
function keptResult(before: CompiledGateways | undefined, now: CompiledGateways): CompiledGateways {
  if (before === undefined) return now;
  const { routes } = now.reports;
  const reports = {
    gateways: keptMembers(before.reports.gateways, now.reports.gateways),
    routes: sameMembers(before.reports.routes, routes) ? before.reports.routes : routes,
    policies: keptMembers(before.reports.policies, now.reports.policies),
  };
  const result = {
    part: sameFields(before.part, now.part) ? before.part : now.part,
    secretRefs: kept(before.secretRefs, now.secretRefs),
    reports: sameFields(before.reports, reports) ? before.reports : reports,
  };
  return sameFields(before, result) ? before : result;
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
  return routesOf(namesInOrder(objects), objects);
}

function routesOf<R>(names: readonly string[], objects: ReadonlyMap<string, R>): readonly R[] {
  const routes: R[] = [];
  for (const name of names) {
    const route = objects.get(name);
    if (route !== undefined) routes.push(route);
  }
  return routes;
}

/** Where each route, those of the one kind before those of the other, stood before; -1: nowhere. */
function placesOf(
  names: CompileMemory['names'],
  before: CompileMemory['names'] | undefined,
): readonly number[] {
  const http = before?.HTTPRoute ?? [];
  const grpc = placesBefore(names.GRPCRoute, before?.GRPCRoute ?? []);
  return [
    ...placesBefore(names.HTTPRoute, http),
    ...grpc.map((place) => (place < 0 ? -1 : place + http.length)),
  ];
}

function policyIndexes(
  objects: GatewayObjects,
  { metadata }: Resource<'Cluster'>,
  before: CompileMemory['policies'] | undefined,
): CompileMemory['policies'] {
  const world = { targets: objects, clusterLabels: metadata.labels };
  const limiting = [...objects.RateLimitPolicy.values()].filter(({ spec }) => spec.domain === undefined);
  return {
    auth: new PolicyIndex('AuthPolicy', [...objects.AuthPolicy.values()], authBlock, world, before?.auth),
    edge: new PolicyIndex(
      'GatewayPolicy',
      [...objects.GatewayPolicy.values()],
      edgeBlock,
      world,
      before?.edge,
    ),
    quota: new PolicyIndex('RateLimitPolicy', limiting, quotaBlock, world, before?.quota),
  };
}

/**
 * Of the Gateway's namespace; and of the cluster's, where the TrafficPolicies are that lead to it, when the Gateway was found in another.
 */
function wishesByNamespace(
  policies: readonly Resource<'TrafficPolicy'>[],
  own: string,
): (namespace: string) => readonly ResidencyWish[] {
  const known = new Map<string, readonly ResidencyWish[]>();
  return (namespace) => {
    const wishes =
      known.get(namespace) ??
      [...new Set([namespace, own])].flatMap((place) => residencyWishes(policies, place));
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
