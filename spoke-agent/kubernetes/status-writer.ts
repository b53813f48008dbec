import type { KubeClient, KubeObject, KubeResource } from '../../kube/contract.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { AgentLog } from '../log.ts';
import { BACKEND_TLS_POLICIES, GATEWAY_CLASSES, GATEWAYS, GRPC_ROUTES, HTTP_ROUTES } from './resources.ts';
import {
  digestOf,
  type GatewayStatusContent,
  gatewayWithTimes,
  type OwnEntry,
  type StatusCondition,
  standingConditions,
  standingFeatures,
  standingGateway,
  statusWith,
  textOfClass,
  textOfGateway,
  withTimes,
} from './status-content.ts';
import { createStatusFailures } from './status-failures.ts';

/** Who owns the fields of statuses in server-side apply. */
export const FIELD_MANAGER = 'portolan-agent';
/** Each waits for the API server twice. More of them are no faster where agent and API server share a busy machine, and keep the agent from its snapshot. */
const AT_ONCE = 8;
/** One object is not written more often: two controllers that disagree must not busy an API server. */
const COOL_MS = 1_000;
const CONFLICTS = 5;

export type WantedStatus =
  | {
      readonly kind: 'GatewayClass';
      readonly conditions: readonly StatusCondition[];
      /** Sorted. */
      readonly features: readonly string[];
    }
  | { readonly kind: 'Gateway'; readonly status: GatewayStatusContent }
  | {
      readonly kind: 'HTTPRoute' | 'GRPCRoute' | 'BackendTLSPolicy';
      readonly entries: readonly OwnEntry[];
    };
export type WrittenKind = WantedStatus['kind'];

/** `Kind namespace/name`; of the whole cluster `Kind name`. */
export type StatusKey = `${WrittenKind} ${string}`;

export interface StatusWriterOptions {
  readonly client: KubeClient;
  /** Another agent of the cluster may be the one that writes. */
  readonly mayWrite: () => boolean;
  /** The status that an object should have; undefined: leave it alone. */
  readonly wanted: (key: StatusKey) => WantedStatus | undefined;
  /** What stands there as `ownEntries` has it, and whose it is; undefined: the object is gone. */
  readonly standing: (key: StatusKey) => { readonly uid: string; readonly status: string } | undefined;
  /** The API server as a whole does not answer. */
  readonly serverAway: () => boolean;
  readonly wallMs: () => number;
  readonly monotonicMs: () => number;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly log: AgentLog;
}

export interface StatusStats {
  readonly written: number;
  readonly failed: number;
  /** To be looked at, or under way. */
  readonly waiting: number;
  /** The API server did not take them; they are tried again. */
  readonly failing: number;
}

/** Brings statuses in the API server in line with what they should be, and writes nothing where they are. */
export interface StatusWriter {
  /** Its status may not be what it should be. */
  check(key: StatusKey): void;
  readonly stats: StatusStats;
  /** Why statuses of a resource cannot be written, by its plural name. */
  readonly problems: ReadonlyMap<string, string>;
  /** Nothing is under way or waits, but what failed. */
  idle(): boolean;
  close(): Promise<void>;
}

const RESOURCES: Readonly<Record<WrittenKind, KubeResource>> = {
  GatewayClass: GATEWAY_CLASSES,
  Gateway: GATEWAYS,
  HTTPRoute: HTTP_ROUTES,
  GRPCRoute: GRPC_ROUTES,
  BackendTLSPolicy: BACKEND_TLS_POLICIES,
};

export function createStatusWriter(options: StatusWriterOptions): StatusWriter {
  const { client } = options;
  const queue = new Set<StatusKey>();
  const working = new Map<StatusKey, Promise<void>>();
  /** Looked at at the server, and there was nothing to do: what stood there and what was wanted. */
  const verified = new Map<StatusKey, string>();
  const cooling = new Set<StatusKey>();
  const cancels = new Set<() => void>();
  let written = 0;
  let failed = 0;
  let closed = false;

  const later = (delayMs: number, task: () => void): void => {
    const cancel = options.after(delayMs, () => {
      cancels.delete(cancel);
      if (!closed) task();
    });
    cancels.add(cancel);
  };

  const failures = createStatusFailures<StatusKey>({
    again(key) {
      queue.add(key);
      pump();
    },
    tryOne: (key) => begin(key),
    serverAway: options.serverAway,
    monotonicMs: options.monotonicMs,
    after: later,
    log: options.log,
  });

  const pump = (): void => {
    if (closed) return;
    for (const key of queue) {
      if (working.size >= AT_ONCE) return;
      if (working.has(key) || cooling.has(key)) continue;
      queue.delete(key);
      if (!failures.holds(pluralOf(key), key) && !begin(key)) failures.settled(pluralOf(key), key);
    }
  };

  /** False: there is nothing to write. */
  const begin = (key: StatusKey): boolean => {
    const wanted = options.wanted(key);
    const standing = options.standing(key);
    if (standing === undefined) {
      verified.delete(key);
      return false;
    }
    if (wanted === undefined || !options.mayWrite()) return false;
    const both = `${standing.uid} ${standing.status} ${textOf(wanted)}`;
    if (standing.status === textOf(wanted) || verified.get(key) === both) return false;
    const work = one(key, wanted, standing.uid, both).finally(() => {
      if (working.get(key) === work) working.delete(key);
      pump();
    });
    working.set(key, work);
    return true;
  };

  const one = async (key: StatusKey, wanted: WantedStatus, uid: string, both: string): Promise<void> => {
    const { plural } = RESOURCES[wanted.kind];
    try {
      const outcome = await write(client, key, wanted, uid, new Date(options.wallMs()).toISOString());
      if (outcome === 'same') {
        verified.set(key, both);
        failures.settled(plural, key);
        return;
      }
      written += 1;
      failures.taken(plural, key);
      cooling.add(key);
      later(COOL_MS, () => {
        cooling.delete(key);
        pump();
      });
    } catch (thrown) {
      if (closed) return;
      failed += 1;
      failures.failed(plural, key, thrown);
    }
  };

  return {
    check(key) {
      queue.add(key);
      pump();
    },
    get stats() {
      return {
        written,
        failed,
        waiting: queue.size + working.size,
        failing: failures.waiting,
      };
    },
    get problems() {
      return failures.problems;
    },
    idle: () => queue.size === 0 && working.size === 0,
    async close() {
      closed = true;
      for (const cancel of cancels) cancel();
      await Promise.all(working.values());
    },
  };
}

/** Of a key; only our own keys are asked for. */
function pluralOf(key: StatusKey): string {
  const word = key.slice(0, key.indexOf(' '));
  return Object.values(RESOURCES).find(({ kind }) => kind === word)?.plural ?? word;
}

/** What stands in an object whose status is this one, as `ownEntries` has it. */
function textOf(wanted: WantedStatus): string {
  switch (wanted.kind) {
    case 'GatewayClass':
      return textOfClass(wanted.conditions, wanted.features);
    case 'Gateway':
      return textOfGateway(wanted.status);
    default:
      return wanted.entries.length === 0 ? '' : digestOf(wanted.entries);
  }
}

/** Reads the object as it is now, and writes only what differs. */
async function write(
  client: KubeClient,
  key: StatusKey,
  wanted: WantedStatus,
  uid: string,
  nowIso: string,
): Promise<'written' | 'same'> {
  const resource = RESOURCES[wanted.kind];
  const place = key.slice(key.indexOf(' ') + 1).split('/');
  const name = place.at(-1) ?? '';
  const ref = { resource, name, ...(place.length > 1 ? { namespace: place[0] ?? '' } : {}) };
  // metav1.Time has seconds.
  const now = nowIso.replace(/\.\d+Z$/, 'Z');
  for (let tries = 1; ; tries += 1) {
    const found = await client.get(ref);
    // Another object of the same name: the hub has not looked at it yet.
    if (found === undefined || found.metadata.uid !== uid) return 'same';
    try {
      if (wanted.kind === 'Gateway' || wanted.kind === 'GatewayClass') {
        const status = appliedStatus(wanted, found, now);
        if (status === undefined) return 'same';
        const { apiVersion, kind, metadata } = found;
        const { namespace } = metadata;
        const named = { name, uid, ...(namespace === undefined ? {} : { namespace }) };
        await client.apply({ apiVersion, kind, metadata: named, status }, resource, {
          fieldManager: FIELD_MANAGER,
          force: true,
          subresource: 'status',
        });
        return 'written';
      }
      const status = statusWith(wanted.kind, found.status, wanted.entries, now);
      if (status === undefined) return 'same';
      // The list is atomic: whoever wrote meanwhile makes this a conflict, by the version that was read.
      await client.replace({ ...found, status }, resource, 'status');
      return 'written';
    } catch (thrown) {
      if (tries >= CONFLICTS || PortolanError.from(thrown).code !== 'KUBERNETES_CONFLICT') throw thrown;
    }
  }
}

function appliedStatus(
  wanted: Extract<WantedStatus, { kind: 'Gateway' | 'GatewayClass' }>,
  { status }: KubeObject,
  now: string,
): object | undefined {
  if (wanted.kind === 'GatewayClass') {
    const standing = standingConditions(status);
    const types = wanted.conditions.map(({ type }) => type);
    const same = textOfClass(withoutPending(standing, types), standingFeatures(status)) === textOf(wanted);
    if (same) return undefined;
    const supported = wanted.features.map((name) => ({ name }));
    return {
      conditions: withTimes(wanted.conditions, standing, now),
      ...(supported.length === 0 ? {} : { supportedFeatures: supported }),
    };
  }
  const standing = standingGateway(status);
  const compared: GatewayStatusContent = {
    ...standing,
    conditions: [
      ...withoutPending(
        standing.conditions,
        wanted.status.conditions.map(({ type }) => type),
      ),
    ],
  };
  if (textOfGateway(compared) === textOfGateway(wanted.status)) return undefined;
  return gatewayWithTimes(wanted.status, standing, now);
}

/** Conditions that the definition puts there by default say only that nobody wrote yet, and go when their type is not written. */
function withoutPending(
  standing: readonly StatusCondition[],
  types: readonly string[],
): readonly StatusCondition[] {
  return standing.filter(({ type, reason }) => types.includes(type) || reason !== 'Pending');
}
