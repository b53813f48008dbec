import type { HubStatus } from '../api/services.ts';
import type { HubMember, StandbyNameServer } from '../election/leading.ts';
import type { Store } from '../store/contract.ts';
import type { Engine } from './engine.ts';
import { objectKey } from './objects.ts';
import { failureDomainOf } from './snapshot-agents.ts';

export interface StatusSource {
  readonly store: Pick<Store, 'hubUid' | 'epoch'>;
  readonly engine: Engine;
  readonly version: string;
  /** Where the hub's own name server answers, `host:port`. */
  readonly nameServers: () => readonly string[];
  /** False while the hub's own name server says SERVFAIL because it has not heard its agents since it started. */
  readonly answersDns: () => boolean;
  /** Where several hubs share the store. */
  readonly hubs?: () => readonly HubMember[];
  readonly standbyNameServers?: () => readonly StandbyNameServer[];
}

/** What is known of name servers, agents and targets at this moment. */
export function hubStatus(options: StatusSource, startedAt: string): HubStatus {
  const { engine, store } = options;
  const sequence = engine.published?.sequence ?? 0;
  const { world, health } = engine;
  return {
    hub: { uid: store.hubUid, version: options.version, epoch: store.epoch, startedAt, sequence },
    ...(options.hubs === undefined ? {} : { hubs: options.hubs() }),
    nameServers: [
      {
        id: 'hub',
        addresses: options.nameServers(),
        sequence,
        ...(options.answersDns()
          ? { state: 'serving' as const, detail: 'answers from the live table' }
          : {
              state: 'behind' as const,
              detail:
                'just restarted: SERVFAIL for some seconds, until it has heard what its agents saw meanwhile',
            }),
      },
      ...(options.standbyNameServers?.() ?? []).map((server) => ({
        ...server,
        ...(server.sequence === sequence
          ? { state: 'serving' as const, detail: 'answers from the live content; its hub stands by' }
          : {
              state: 'behind' as const,
              detail: `its hub stands by and ${server.sequence === 0 ? 'has no content yet' : `answers from sequence ${server.sequence}`}`,
            }),
      })),
      ...engine.agents.all
        .filter((a) => a.nameServers.length > 0)
        .map((a) => {
          const applied = a.applied?.sequence ?? 0;
          const state = !a.connected
            ? ('unreachable' as const)
            : applied === sequence
              ? ('serving' as const)
              : ('behind' as const);
          const detail = !a.connected
            ? 'no connection to the hub; it answers by its own quorum from its last snapshot'
            : applied === sequence
              ? 'answers from the live content'
              : `answers from sequence ${applied}${a.refused === undefined ? '' : `: ${a.refused}`}`;
          return {
            id: `agent/${a.identity.agentUid}`,
            cluster: objectKey(a.identity.cluster.namespace, a.identity.cluster.name),
            addresses: a.nameServers,
            sequence: applied,
            state,
            detail,
          };
        }),
    ],
    agents: engine.agents.all.map((a) => {
      const cluster = objectKey(a.identity.cluster.namespace, a.identity.cluster.name);
      return {
        uid: a.identity.agentUid,
        cluster,
        failureDomain: failureDomainOf(a, world),
        version: a.version,
        connected: a.connected,
        revoked: a.identity.revoked,
        ...(a.lastSeenWallMs === undefined ? {} : { lastSeenAt: new Date(a.lastSeenWallMs).toISOString() }),
        snapshotSequence: a.applied?.sequence ?? 0,
      };
    }),
    targets: [...world.targets.values()].flatMap((target) => {
      const state = health.explain(target.id);
      if (state === undefined) return [];
      return [
        {
          id: target.id,
          cluster: target.cluster,
          address: target.address,
          port: target.port,
          protocol: target.check.protocol,
          state: state.state,
          degraded: state.degraded,
          since: new Date(state.sinceWallMs).toISOString(),
          reason: state.reason,
          votes: state.votes,
          usedBy: world.usedBy.get(target.id) ?? [],
        },
      ];
    }),
  };
}
