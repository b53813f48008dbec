import type { KubeClient } from '../../kube/contract.ts';
import { LEASES } from '../../kube/lease.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { AgentLog } from '../log.ts';
import { AGENT_LEASE } from './rules.ts';
import { type StatusCondition, standingConditions } from './status-content.ts';

/** Condition of a GatewayClass: whose agents write the statuses of its Gateways. */
const CONDITION = 'portolan.dev/StatusWriter';
const LOOK_MS = 5_000;
/** A Lease that is not renewed for twice its duration has no agents behind it. */
const DEAD_MS = 30_000;

/**
 * Agents of one installation agree by their Lease, which is in their namespace. Two installations in one cluster have two: each GatewayClass names the Lease
 * that writes, and who finds another one there writes nothing for as long as that is held.
 */
export interface StatusOwner {
  /** Namespace of the other installation that writes; undefined: none does. */
  readonly other: string | undefined;
  /** Said of it, for people. */
  readonly problem: string | undefined;
  /** The classes may name another one. */
  look(): void;
  close(): void;
}

/** What a GatewayClass of ours says of it. */
export function ownerCondition(namespace: string, observedGeneration: number): StatusCondition {
  return {
    type: CONDITION,
    status: 'True',
    reason: 'Lease',
    message: `${namespace}/${AGENT_LEASE}`,
    observedGeneration,
    lastTransitionTime: '',
  };
}

/** The namespace that a GatewayClass names; undefined: none. */
export function ownerOf(status: unknown): string | undefined {
  const message = standingConditions(status).find(({ type }) => type === CONDITION)?.message;
  return message?.endsWith(`/${AGENT_LEASE}`) === true ? message.slice(0, message.indexOf('/')) : undefined;
}

export function createStatusOwner(options: {
  readonly client: Pick<KubeClient, 'get' | 'namespace'>;
  /** What the GatewayClasses of ours name, in the order of their names. */
  readonly owners: () => readonly string[];
  /** `other` is otherwise. */
  readonly onChange: () => void;
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly log: Pick<AgentLog, 'warn' | 'info'>;
}): StatusOwner {
  const { client, log } = options;
  /** The one that is named, and its Lease as it was last seen. */
  let seen: { readonly namespace: string; version: string | undefined; sinceMs: number } | undefined;
  let other: string | undefined;
  let why = '';
  /** Its Lease is not held: what it wrote is ours to replace. */
  const gone = new Set<string>();
  let cancel: (() => void) | undefined;
  let closed = false;

  const set = (next: string | undefined): void => {
    if (other === next) return;
    other = next;
    if (next === undefined) log.info({}, 'no other installation writes the statuses of the cluster any more');
    else
      log.warn(
        { namespace: next },
        'another installation in this cluster writes its statuses; this one writes none until that Lease is given up',
      );
    options.onChange();
  };

  const ask = async (): Promise<void> => {
    const now = seen;
    if (now === undefined) return;
    try {
      const lease = await client.get({ resource: LEASES, namespace: now.namespace, name: AGENT_LEASE });
      why = '';
      if (closed || seen !== now) return;
      const nowMs = options.monotonicMs();
      const version = lease?.metadata.resourceVersion;
      if (version !== now.version) {
        now.version = version;
        now.sinceMs = nowMs;
        if (lease !== undefined) gone.delete(now.namespace);
      }
      if (lease === undefined || nowMs - now.sinceMs >= DEAD_MS) {
        gone.add(now.namespace);
        seen = undefined;
        set(undefined);
        return;
      }
    } catch (thrown) {
      const { message, fix } = PortolanError.from(thrown);
      why = `; whether it is still held cannot be seen: ${message}; ${fix}`;
    }
    if (!closed && seen === now) cancel = options.after(LOOK_MS, () => void ask());
  };

  return {
    get other() {
      return other;
    },
    get problem() {
      return other === undefined
        ? undefined
        : `the agents of namespace ${other} write the statuses of this cluster (they hold the Lease ${other}/${AGENT_LEASE}), so that those of ${client.namespace} write none: one installation in a cluster is enough, remove the other${why}`;
    },
    look() {
      if (closed) return;
      // Of several classes the first one counts, so that two installations that each got one agree.
      const [named] = options.owners();
      if (named === client.namespace) gone.clear();
      const found = named === client.namespace || gone.has(named ?? '') ? undefined : named;
      if (found === seen?.namespace) return;
      cancel?.();
      seen =
        found === undefined
          ? undefined
          : { namespace: found, version: undefined, sinceMs: options.monotonicMs() };
      set(found);
      if (found !== undefined) void ask();
    },
    close() {
      closed = true;
      cancel?.();
    },
  };
}
