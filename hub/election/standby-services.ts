import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { PortolanError } from '../../src/errors/error.ts';
import { renderMetrics } from '../../src/telemetry/metric-text.ts';
import type { HubServices, HubStatus } from '../api/services.ts';
import type { Store } from '../store/contract.ts';
import type { HubMember } from './leading.ts';
import type { PassOn } from './pass-on.ts';
import type { Relay } from './relay.ts';
import type { StandbyDns } from './standby-name-server.ts';

export interface StandbyServicesOptions {
  readonly store: Pick<Store, 'hubUid' | 'listAgents' | 'ping'>;
  readonly version: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly hubs: () => readonly HubMember[];
  readonly leader: () => HubMember | undefined;
  readonly dns: StandbyDns;
  /** `host:port` of its name server. */
  readonly nameServers: readonly string[];
  readonly relays: readonly { readonly listener: string; readonly relay: Pick<Relay, 'connections'> }[];
  readonly passOn: Pick<PassOn, 'counts'>;
  readonly stopping: () => boolean;
}

type OwnServices = Pick<HubServices, 'ready' | 'metrics' | 'status'>;

/** What a hub that stands by knows by itself. */
export function createStandbyServices(options: StandbyServicesOptions): OwnServices {
  const { dns, store } = options;
  const metrics = createStandbyMetrics(options);
  return {
    metrics: async () => (await metrics.metrics()) + renderMetrics(dns.stats().families),
    async ready() {
      if (options.stopping()) return { ready: false, role: 'standby', reasons: ['stopping'] };
      const reasons = await store.ping().then(
        () => [],
        (thrown: unknown) => [`store: ${PortolanError.from(thrown).message}`],
      );
      return { ready: reasons.length === 0, role: 'standby', reasons };
    },
    async status(): Promise<HubStatus> {
      const agents = await store.listAgents();
      return {
        hub: {
          uid: store.hubUid,
          version: options.version,
          epoch: dns.reader.epoch,
          startedAt: options.startedAt,
          sequence: dns.sequence,
        },
        hubs: options.hubs(),
        nameServers: [
          {
            id: 'hub',
            addresses: options.nameServers,
            sequence: dns.sequence,
            state: dns.sequence > 0 ? 'serving' : 'behind',
            detail: 'no hub leads: it answers by what the last one published',
          },
        ],
        agents: agents.map(({ agentUid, cluster, revoked }) => ({
          uid: agentUid,
          cluster: `${cluster.namespace}/${cluster.name}`,
          failureDomain: '',
          version: '',
          connected: false,
          revoked,
          snapshotSequence: 0,
        })),
        // The states are there, but not who saw what: that is the leader's.
        targets: [],
      };
    },
  };
}

/**
 * The services of a hub that stands by, for the API. What is not among its own is passed on before a handler runs; should one run all
 * the same, it is refused.
 */
export function servicesOf(own: OwnServices): HubServices {
  const refuse = (): never => {
    throw new PortolanError('NOT_LEADER', 'this hub stands by');
  };
  const refusing: object = new Proxy(refuse, {
    get: (_target, name) => (name === 'then' ? undefined : refusing),
  });
  // Every member, also one that a later release adds, is there and refuses.
  return new Proxy(own, {
    get: (target, name): unknown =>
      Object.hasOwn(target, name) ? Reflect.get(target, name) : name === 'then' ? undefined : refusing,
  }) as HubServices;
}

function createStandbyMetrics(options: StandbyServicesOptions): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  new Gauge({
    name: 'portolan_build_info',
    help: 'Version of the hub; always 1',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version: options.version }, 1);
  gauge('portolan_hub_leader', '1 while this hub leads, 0 while it stands by or has lost its lead', () => 0);
  gauge(
    'portolan_content_sequence',
    'Content sequence: the SOA serial of every zone',
    () => options.dns.sequence,
  );
  gauge(
    'portolan_standby_leader_age_seconds',
    'How long ago the hub that leads was heard; -1 while none is known',
    () => {
      const leader = options.leader();
      return leader === undefined ? -1 : leader.heardAgoMs / 1_000;
    },
  );
  gauge(
    'portolan_standby_read_age_seconds',
    'How long ago the hub that stands by last read what the leader publishes; -1: never',
    () => (Number.isFinite(options.dns.reader.readAgeMs) ? options.dns.reader.readAgeMs / 1_000 : -1),
  );
  new Gauge({
    name: 'portolan_standby_relayed_connections',
    help: 'Connections of agents that this hub gives to the one that leads',
    labelNames: ['listener'],
    registers: [registry],
    collect() {
      for (const { listener, relay } of options.relays) this.set({ listener }, relay.connections);
    },
  });
  new Counter({
    name: 'portolan_standby_passed_on_total',
    help: 'Requests that this hub passed on to the one that leads, by how that ended',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      this.inc({ outcome: 'answered' }, options.passOn.counts.answered);
      this.inc({ outcome: 'refused' }, options.passOn.counts.refused);
    },
  });
  return registry;
}
