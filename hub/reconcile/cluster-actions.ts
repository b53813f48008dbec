import { PortolanError } from '../../src/errors/error.ts';
import { formatJoinToken, joinSecretSha256, newJoinSecret } from '../../src/identity/join-token.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { ChangeContext, HubServices, ProposedChange } from '../api/services.ts';
import type { CommitOptions, Key, Store } from '../store/contract.ts';
import type { Engine } from './engine.ts';
import { type Judge, refuse } from './judge.ts';
import { objectKey } from './objects.ts';

export interface ClusterActionsOptions {
  readonly store: Store;
  readonly engine: Pick<Engine, 'identitiesChanged'>;
  readonly judge: Judge;
  /** Join listeners as agents reach them, `https://host:port`. */
  readonly joinUrls: () => readonly string[];
  readonly caSpkiSha256: readonly string[];
  /** Cuts the agent's stream after its identity was revoked. */
  readonly cutAgent: (agentUid: string) => void;
  readonly wallMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

export type ClusterActions = Pick<HubServices, 'clusterToken' | 'drain' | 'undrain' | 'remove'>;

/** What a person does to a cluster beyond writing its object. */
export function createClusterActions(options: ClusterActionsOptions): ClusterActions {
  const { store, judge, wallMs } = options;
  const nameOf = (key: Key<'Cluster'>): string => objectKey(key.namespace, key.name);

  async function requireCluster(key: Key<'Cluster'>): Promise<Resource<'Cluster'>> {
    const cluster = await store.get(key);
    if (cluster !== undefined) return cluster;
    throw new PortolanError('NOT_FOUND', `there is no Cluster ${nameOf(key)}`, {
      fix: `List them with \`portolan get clusters -n ${key.namespace}\`.`,
    });
  }

  async function drainsOf(key: Key<'Cluster'>): Promise<readonly Resource<'Drain'>[]> {
    const { items } = await store.list({ kind: 'Drain', namespace: key.namespace });
    return items.flatMap((d) => (d.kind === 'Drain' && d.spec.cluster === key.name ? [d] : []));
  }

  return {
    async clusterToken(key, { ttlSeconds, actor }) {
      const cluster = await requireCluster(key);
      const { id, secret } = newJoinSecret(options.randomBytes);
      const expiresAt = new Date(wallMs() + ttlSeconds * 1000).toISOString();
      const clusterUid = cluster.metadata.uid;
      await store.createJoinToken(
        { id, cluster: key, clusterUid, expiresAt, secretSha256: joinSecretSha256(secret) },
        actor,
      );
      const token = formatJoinToken({
        clusterUid,
        cluster: { namespace: key.namespace, name: key.name },
        urls: options.joinUrls(),
        id,
        secret,
        caSpkiSha256: options.caSpkiSha256,
      });
      return { token, expiresAt, command: `portolan cluster join ${token} --data-dir ./agent-${key.name}` };
    },

    async drain(key, drainOptions) {
      await requireCluster(key);
      const { expiresAt } = drainOptions;
      if (expiresAt !== undefined && Date.parse(expiresAt) <= wallMs()) throw alreadyOver(expiresAt);
      const current = (await drainsOf(key))[0];
      const drainKey: Key<'Drain'> = {
        kind: 'Drain',
        namespace: key.namespace,
        name: current?.metadata.name ?? (await freeName(store, key)),
      };
      const spec = {
        cluster: key.name,
        reason: drainOptions.reason ?? '',
        ...(expiresAt === undefined ? {} : { expiresAt }),
      };
      const { labels, annotations, finalizers } = current?.metadata ?? {
        labels: {},
        annotations: {},
        finalizers: [],
      };
      const next = { ...drainKey, spec, labels, annotations, finalizers };
      const proposed: ProposedChange =
        current === undefined
          ? { type: 'create', key: drainKey, next }
          : { type: 'update', key: drainKey, current: { ...current, kind: 'Drain' }, next };
      const { outcome } = await judge.judge([proposed], drainOptions);
      refuse(outcome);
      const content = { key: drainKey, spec, labels, annotations };
      await store.commit(
        [
          // Without a version: a status that the hub writes meanwhile must not make a conflict of it.
          { type: current === undefined ? 'create' : 'update', ...content },
        ],
        commitOptions(drainOptions, 'cluster.drain'),
      );
      const until = expiresAt === undefined ? 'until it is undrained' : `until ${expiresAt}`;
      return {
        cluster: nameOf(key),
        state: 'draining',
        message: `${nameOf(key)} leaves the answers ${until}`,
        warnings: outcome.warnings,
      };
    },

    async undrain(key, context) {
      await requireCluster(key);
      const drains = await drainsOf(key);
      if (drains.length > 0) {
        await store.commit(
          drains.map((d) => ({ type: 'delete', key: keyOf(d) })),
          commitOptions(context, 'cluster.undrain'),
        );
      }
      const message =
        drains.length === 0 ? `${nameOf(key)} was not draining` : `${nameOf(key)} is answered again`;
      return { cluster: nameOf(key), state: 'active', message, warnings: [] };
    },

    async remove(key, context) {
      const cluster = await requireCluster(key);
      const world = await judge.currentWorld();
      const users = [...world.policies].flatMap(([policy, { resource }]) =>
        resource.metadata.namespace === key.namespace &&
        resource.spec.endpoints.some((e) => e.cluster === key.name)
          ? [policy]
          : [],
      );
      if (users.length > 0) {
        throw new PortolanError(
          'IN_USE',
          `TrafficPolicy ${users.join(', ')} still has endpoints on ${nameOf(key)}`,
          {
            fix: 'Remove these endpoints from the policies first; `portolan cluster drain` takes the cluster out of answers meanwhile.',
          },
        );
      }
      const drill = [...world.objects.Drill.values()].find(
        (d) =>
          d.metadata.namespace === key.namespace &&
          d.spec.cluster === key.name &&
          (d.status?.phase === 'Running' || d.status?.phase === 'RollingBack'),
      );
      if (drill !== undefined) {
        const { name, namespace } = drill.metadata;
        throw new PortolanError('DRILL_ACTIVE', `Drill ${namespace}/${name} is running on ${nameOf(key)}`, {
          fix: `Abort it first: \`portolan drill abort ${name} -n ${namespace}\`.`,
        });
      }
      const state = context.dryRun ? 'removing' : 'removed';
      if (!context.dryRun) {
        // First the identity, then the object: what a crash leaves in between is safe, and removing again completes it.
        for (const agent of await store.listAgents()) {
          if (agent.clusterUid !== cluster.metadata.uid || agent.revoked) continue;
          await store.updateAgent(agent.agentUid, { revoked: true }, context.actor);
          options.cutAgent(agent.agentUid);
        }
        await options.engine.identitiesChanged();
      }
      await store.commit(
        [...(await drainsOf(key)).map(keyOf), key].map((k) => ({ type: 'delete', key: k })),
        commitOptions(context, 'cluster.remove'),
      );
      return {
        cluster: nameOf(key),
        state,
        message: context.dryRun
          ? `${nameOf(key)} would be removed and its agent revoked`
          : `${nameOf(key)} is removed and its agent's identity revoked`,
        warnings: [],
      };
    },
  };
}

/** A Drain has the name of its cluster, unless a Drain of another cluster has taken that. */
async function freeName(store: Store, { namespace, name }: Key<'Cluster'>): Promise<string> {
  const { items } = await store.list({ kind: 'Drain', namespace });
  const taken = new Set(items.map((d) => d.metadata.name));
  if (!taken.has(name)) return name;
  let n = 2;
  while (taken.has(`${name.slice(0, 50)}-${n}`)) n += 1;
  return `${name.slice(0, 50)}-${n}`;
}

function alreadyOver(expiresAt: string): PortolanError {
  const fix = 'Give an instant in the future, or leave it out.';
  const message = `${expiresAt} is over already; the drain would do nothing`;
  return new PortolanError('VALIDATION_FAILED', message, {
    fix,
    violations: [{ path: 'expiresAt', code: 'VALIDATION_FAILED', message, fix }],
  });
}

function keyOf({ kind, metadata }: Resource): Key {
  return { kind, namespace: metadata.namespace, name: metadata.name };
}

function commitOptions(context: ChangeContext, verb: string): CommitOptions {
  const reason = context.force ? `forced: ${context.reason ?? ''}` : context.reason;
  return {
    actor: context.actor,
    dryRun: context.dryRun,
    verb,
    ...(reason === undefined ? {} : { reason }),
  };
}
