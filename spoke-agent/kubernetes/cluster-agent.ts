import type { KubeClient, ReflectorState } from '../../kube/contract.ts';
import { createLeaseElection } from '../../kube/lease.ts';
import { createReflector } from '../../kube/reflector.ts';
import { INVENTORY_LIMITS, type InventoryFacts, type InventoryKind } from '../../src/inventory/contract.ts';
import type { ServiceEndpoints } from '../../src/kubernetes/service-endpoints.ts';
import type { LinkClock } from '../../src/protocol/clock.ts';
import type { Inventory, InventoryStatuses } from '../../src/protocol/generated/portolan_pb.js';
import { GATEWAY_CLASS } from '../../src/resources/gateway.ts';
import type { AgentLog } from '../log.ts';
import { allOf, type CollectionName, followCluster } from './cluster-collections.ts';
import { createClusterSecrets } from './cluster-secrets.ts';
import { createClusterVersion } from './cluster-version.ts';
import type { WatchDeps } from './cluster-watch.ts';
import { factsOf } from './facts.ts';
import { classConditions } from './gateway-class.ts';
import { createHubStatuses } from './hub-statuses.ts';
import { createInventorySender } from './inventory-sender.ts';
import { createInventorySet, type InventorySource, keyOf } from './inventory-set.ts';
import { contentAt } from './project-gateway-api.ts';
import { AGENT_LEASE } from './rules.ts';
import type { ClusterSecretFile } from './secret-file.ts';
import type { KubernetesSettings } from './settings.ts';
import { createStatusOwner } from './status-owner.ts';
import { createStatusWriter, type StatusKey, type StatusStats, type WantedStatus } from './status-writer.ts';
import { supportedFeatures } from './supported-features.ts';
import { createWatchProblems } from './watch-problems.ts';

const LOOK_EVERY_MS = 5_000;

export interface ClusterAgentOptions {
  readonly client: KubeClient;
  readonly settings: Omit<KubernetesSettings, 'enabled' | 'kubeconfig'>;
  readonly dataDir: string;
  readonly secretFile: ClusterSecretFile;
  /** Of this process alone: the inventory's, and the holder of the Lease. */
  readonly session: string;
  /** The name of this pod and of its node, where they are known. */
  readonly podName?: string;
  readonly nodeName?: string;
  /** Where endpoints of pods go. */
  readonly feed: ServiceEndpoints;
  /** To the hub; false: there is no stream, or too much waits in it. */
  readonly send: (message: Inventory) => boolean;
  /** The file of Secrets holds other values. */
  readonly onSecrets: () => void;
  readonly clock: LinkClock;
  readonly random: () => number;
  readonly log: AgentLog;
}

/** Figures for metrics and for people. */
export interface ClusterAgentStats {
  /** Objects that are kept, by plural name. */
  readonly objects: Readonly<Record<string, number>>;
  readonly watches: readonly { readonly resource: string; readonly state: WatchState }[];
  readonly lists: number;
  readonly restarts: number;
  readonly told: { readonly messages: number; readonly objects: number; readonly waiting: number };
  readonly complete: boolean;
  readonly statuses: StatusStats;
  readonly leads: boolean;
  readonly holder: string | undefined;
  readonly problems: InventoryFacts['problems'];
}
export type WatchState = 'synced' | 'syncing' | 'forbidden' | 'absent' | 'unavailable';

/** The agent's part in a Kubernetes cluster: what it holds goes to the hub, what the hub says of it goes into statuses. */
export interface ClusterAgent {
  streamOpened(): void;
  streamEnded(): void;
  statuses(message: InventoryStatuses): void;
  readonly stats: ClusterAgentStats;
  close(): Promise<void>;
}

export function startClusterAgent(options: ClusterAgentOptions): ClusterAgent {
  const { client, settings, clock, log, feed, random, session } = options;
  const monotonicMs = () => clock.monotonicMs();
  const after = (delayMs: number, task: () => void) => clock.after(delayMs, task);
  let ours: ReadonlySet<string> = new Set();
  let factsText: string | undefined;
  let fed = false;
  let electionProblem: string | undefined;
  let closed = false;

  // --- what is followed
  const watch: WatchDeps = {
    client,
    reflector: createReflector,
    namespaces: settings.namespaces,
    monotonicMs,
    after,
    random,
    onState: () => look(),
  };
  const collections = followCluster(watch, (collection, names) => changed(collection, names), feed);
  const { classes, gateways, routes, grants, policies, services, slices, ingresses, nodes, namespaces } =
    collections;
  const secrets = createClusterSecrets({
    watch,
    dataDir: options.dataDir,
    file: options.secretFile,
    granted: settings.secrets,
    onChange(name) {
      set.touch(keyOf('Secret', name));
      sender.changed();
    },
    onWritten: options.onSecrets,
    log,
  });
  const version = createClusterVersion({
    client,
    after,
    onChange() {
      factsText = undefined;
      for (const name of classes.items.keys()) writer.check(`GatewayClass ${name}`);
      sender.changed();
    },
  });
  const problems = createWatchProblems({ server: client.server, monotonicMs, log });
  const allWatches = () => [...allOf(collections), ...secrets.watches];

  // --- what the hub is told
  const isOurs = (gateway: string): boolean => ours.has(gateway);
  const route = (kind: 'HTTPRoute' | 'GRPCRoute'): InventorySource => ({
    names: () => routes[kind].items.keys(),
    content(name) {
      const item = routes[kind].items.get(name);
      return item === undefined ? undefined : contentAt(item, isOurs);
    },
  });
  const plain = (from: {
    readonly items: ReadonlyMap<string, { readonly content: string }>;
  }): InventorySource => ({
    names: () => from.items.keys(),
    content: (name) => from.items.get(name)?.content,
  });
  const sources: Readonly<Record<InventoryKind, InventorySource>> = {
    Gateway: {
      names: () => gateways.items.keys(),
      content: (name) => (isOurs(name) ? gateways.items.get(name)?.content : undefined),
    },
    HTTPRoute: route('HTTPRoute'),
    GRPCRoute: route('GRPCRoute'),
    BackendTLSPolicy: plain(policies),
    ReferenceGrant: plain(grants),
    Service: plain(services),
    Secret: secrets,
    Namespace: plain(namespaces),
  };
  const set = createInventorySet(sources, INVENTORY_LIMITS);
  const settled = () => allOf(collections).every((one) => one.settled) && secrets.settled;
  const sender = createInventorySender({
    session,
    set,
    isComplete: settled,
    facts: () => {
      factsText ??= JSON.stringify(facts());
      return factsText;
    },
    send: options.send,
    after,
  });

  const allProblems = (): InventoryFacts['problems'] => [
    ...problems.facts,
    ...[...writer.problems].map(([resource, message]) => ({ resource: `${resource}/status`, message })),
    ...secrets.notGranted.map((name) => ({
      resource: `secrets ${name}`,
      message: 'a Gateway refers to it, and kubernetes.secrets of the agent does not name it',
    })),
    ...(owner.problem === undefined ? [] : [{ resource: 'gatewayclasses/status', message: owner.problem }]),
    ...(electionProblem === undefined ? [] : [{ resource: 'leases', message: electionProblem }]),
    ...set.problems,
  ];
  const facts = (): InventoryFacts =>
    factsOf({
      version: version.kubernetes,
      gatewayService: settings.gatewayService,
      nodeAddresses: settings.nodeAddresses,
      services: services.items,
      gateways: ours,
      ingresses: ingresses.items,
      nodes: nodes.items,
      problems: allProblems(),
    });

  // --- what is written back
  const hub = createHubStatuses(session, log);
  const writer = createStatusWriter({
    client,
    mayWrite: () => election.leads && classes.settled && owner.other === undefined,
    wanted,
    standing,
    serverAway: () => problems.counts.unavailable > 0,
    wallMs: () => clock.wallMs(),
    monotonicMs,
    after,
    log,
  });
  const owner = createStatusOwner({
    client,
    owners: () =>
      [...classes.items]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([, item]) => (item.ours && item.owner !== undefined ? [item.owner] : [])),
    onChange() {
      factsText = undefined;
      if (owner.other === undefined) checkAll();
    },
    monotonicMs,
    after,
    log,
  });
  const election = createLeaseElection({
    client,
    namespace: client.namespace,
    name: AGENT_LEASE,
    identity: `${options.podName ?? 'agent'}_${session}`,
    onChange(leads) {
      log.info(
        leads ? {} : { holder: election.holder },
        leads
          ? 'this agent writes the statuses of the cluster'
          : 'this agent no longer writes the statuses of the cluster',
      );
      if (leads) checkAll();
    },
    onProblem(problem) {
      electionProblem = problem;
      factsText = undefined;
      if (problem !== undefined)
        log.warn({}, `the Lease ${AGENT_LEASE} cannot be held, so that no status is written: ${problem}`);
    },
    monotonicMs,
    now: () => new Date(clock.wallMs()),
    after,
    random,
  });

  function wanted(key: StatusKey): WantedStatus | undefined {
    const { kind, name } = placeOf(key);
    const item = kept(key);
    if (item === undefined) return undefined;
    switch (kind) {
      case 'GatewayClass': {
        const found = classes.items.get(name);
        return found?.ours === true
          ? {
              kind,
              conditions: classConditions(found, version.gatewayApi, client.namespace),
              features: supportedFeatures(version.gatewayApi),
            }
          : undefined;
      }
      case 'Gateway':
        return isOurs(name) ? hub.of(key, item.uid) : undefined;
      case 'HTTPRoute':
      case 'GRPCRoute': {
        const found = routes[kind].items.get(name);
        if (found?.parents.some((parent) => isOurs(parent)) === true) return hub.of(key, item.uid);
        // What was said of parents that it no longer has is taken back, once it is known that it has none.
        return gateways.listed && classes.listed ? { kind, entries: [] } : undefined;
      }
      case 'BackendTLSPolicy':
        return hub.of(key, item.uid);
    }
  }

  function standing(key: StatusKey): { readonly uid: string; readonly status: string } | undefined {
    const item = kept(key);
    if (item === undefined) hub.forget(key);
    return item;
  }

  function kept(key: StatusKey): { readonly uid: string; readonly status: string } | undefined {
    const { kind, name } = placeOf(key);
    switch (kind) {
      case 'GatewayClass':
        return classes.items.get(name);
      case 'Gateway':
        return gateways.items.get(name);
      case 'BackendTLSPolicy':
        return policies.items.get(name);
      case 'HTTPRoute':
      case 'GRPCRoute':
        return routes[kind].items.get(name);
    }
  }

  function checkAll(): void {
    for (const name of classes.items.keys()) writer.check(`GatewayClass ${name}`);
    for (const name of gateways.items.keys()) writer.check(`Gateway ${name}`);
    checkRoutes();
    for (const name of policies.items.keys()) writer.check(`BackendTLSPolicy ${name}`);
  }

  function checkRoutes(): void {
    for (const kind of ['HTTPRoute', 'GRPCRoute'] as const)
      for (const name of routes[kind].items.keys()) writer.check(`${kind} ${name}`);
  }

  // --- what changed
  function changed(collection: CollectionName, names: Iterable<string>): void {
    if (closed) return;
    switch (collection) {
      case 'classes':
        owner.look();
        for (const name of names) writer.check(`GatewayClass ${name}`);
        set.touchKind('Gateway');
        judgeGateways();
        break;
      case 'gateways':
        for (const name of names) {
          set.touch(keyOf('Gateway', name));
          writer.check(`Gateway ${name}`);
        }
        judgeGateways();
        break;
      case 'HTTPRoute':
      case 'GRPCRoute':
        for (const name of names) {
          set.touch(keyOf(collection, name));
          writer.check(`${collection} ${name}`);
        }
        break;
      case 'policies':
        for (const name of names) {
          set.touch(keyOf('BackendTLSPolicy', name));
          writer.check(`BackendTLSPolicy ${name}`);
        }
        wantSecrets();
        break;
      case 'grants':
        for (const name of names) set.touch(keyOf('ReferenceGrant', name));
        break;
      case 'namespaces':
        for (const name of names) set.touch(keyOf('Namespace', name));
        break;
      case 'services':
        for (const name of names) set.touch(keyOf('Service', name));
        factsText = undefined;
        break;
      case 'nodes':
        if (options.nodeName !== undefined) {
          const zone = nodes.items.get(options.nodeName)?.zone;
          feed.zone(zone === '' ? undefined : zone);
        }
        factsText = undefined;
        break;
      case 'ingresses':
        factsText = undefined;
        break;
      case 'slices':
        break;
    }
    if (collection !== 'slices') sender.changed();
  }

  /** Which Gateways are ours goes by their classes; where these cannot be read, by the name that ours has. */
  function judgeGateways(): void {
    const blind = classes.settled && !classes.listed;
    const next = new Set(
      [...gateways.items].flatMap(([name, { className }]) =>
        (blind ? className === GATEWAY_CLASS : classes.items.get(className)?.ours === true) ? [name] : [],
      ),
    );
    const same = next.size === ours.size && [...next].every((name) => ours.has(name));
    if (!same) {
      ours = next;
      factsText = undefined;
      set.touchKind('Gateway');
      set.touchKind('HTTPRoute');
      set.touchKind('GRPCRoute');
      checkRoutes();
    }
    wantSecrets();
  }

  function wantSecrets(): void {
    if (closed || !classes.settled || !gateways.settled || !policies.settled) return;
    const named = [...ours].flatMap((name) => gateways.items.get(name)?.secrets ?? []);
    // Policies of a cluster without a Gateway of ours are somebody else's.
    const authorities = ours.size === 0 ? [] : [...policies.items.values()].flatMap((one) => one.secrets);
    secrets.want(new Set([...named, ...authorities]));
  }

  let cancelLook: (() => void) | undefined;
  /** States come one by one and change together: looked at once. */
  function look(): void {
    if (closed) return;
    problems.look(allWatches());
    if (!fed && services.listed && slices.listed) {
      fed = true;
      feed.synced();
    }
    judgeGateways();
    // Problems have messages that come and go: facts are made anew, and sent when they differ.
    factsText = undefined;
    sender.changed();
  }
  const again = (): void => {
    look();
    cancelLook = after(LOOK_EVERY_MS, again);
  };

  for (const one of allOf(collections)) one.start();
  election.start();
  version.start();
  cancelLook = after(LOOK_EVERY_MS, again);

  return {
    streamOpened: () => sender.streamOpened(),
    streamEnded: () => sender.streamEnded(),
    statuses(message) {
      for (const key of hub.take(message)) writer.check(key);
    },
    get stats() {
      const watches = allWatches();
      const states = watches.flatMap(({ resource, states: all }) =>
        all.map(({ state }) => ({ resource, state })),
      );
      const lists = states.reduce((sum, { state }) => sum + state.lists, 0);
      const opened = states.reduce((sum, { state }) => sum + state.watches, 0);
      const objects: Record<string, number> = {};
      for (const { resource, items } of watches) objects[resource] = (objects[resource] ?? 0) + items.size;
      const { messages, waiting, complete } = sender.stats;
      return {
        objects,
        watches: states.map(({ resource, state }) => ({ resource, state: watchState(state) })),
        lists,
        restarts: opened,
        told: { messages, objects: set.contents.size, waiting },
        complete,
        statuses: writer.stats,
        leads: election.leads,
        holder: election.holder,
        problems: allProblems(),
      };
    },
    async close() {
      closed = true;
      cancelLook?.();
      sender.close();
      version.close();
      owner.close();
      await Promise.all([
        ...allOf(collections).map((one) => one.close()),
        secrets.close(),
        writer.close(),
        election.close(),
      ]);
    },
  };
}

function watchState({ problem, synced }: ReflectorState): WatchState {
  return problem?.kind ?? (synced ? 'synced' : 'syncing');
}

/** `Kind namespace/name`, apart. */
function placeOf(key: StatusKey): { readonly kind: WantedStatus['kind']; readonly name: string } {
  const at = key.indexOf(' ');
  const word = key.slice(0, at);
  const kinds = ['GatewayClass', 'Gateway', 'HTTPRoute', 'GRPCRoute', 'BackendTLSPolicy'] as const;
  return { kind: kinds.find((kind) => kind === word) ?? 'Gateway', name: key.slice(at + 1) };
}
