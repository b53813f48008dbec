import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ObjectName } from '../src/client/client.ts';
import { PortolanError } from '../src/errors/error.ts';
import type { ErrorCode } from '../src/errors/table.ts';
import type { Resource } from '../src/resources/catalogue.ts';
import { clusterAddresses } from '../src/resources/cluster.ts';
import type { DrillEvent, DrillPhase } from '../src/resources/drill.ts';
import type { AddressNames } from './output/drill-report.ts';

const FINISHED: readonly DrillPhase[] = ['Completed', 'Aborted', 'Failed'];

export function isFinished(drill: Resource<'Drill'>): boolean {
  return FINISHED.some((phase) => phase === drill.status?.phase);
}

/** How long a hub that does not answer is waited for, and how often it is asked meanwhile. */
export interface OutageLimits {
  readonly giveUpMs: number;
  readonly everyMs: number;
}

const LIMITS: OutageLimits = { giveUpMs: 30_000, everyMs: 1_000 };

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Changes up to here are not looked at, so an earlier run of the same drill is not taken for this one. */
  readonly fromRevision?: number;
  readonly onEvent: (event: DrillEvent, drill: Resource<'Drill'>) => void;
  /** The watch broke, or the hub answers again: once each. */
  readonly onReconnect: (text: string) => void;
  readonly limits?: OutageLimits;
}

/**
 * Follows a drill to its end; each event of the timeline is given once, in order. While the watch is broken the drill itself is
 * asked for, so that one that a hub finished after its restart is not missed.
 * @returns the drill as it ended; `undefined` when it was deleted or `signal` aborted
 * @throws PortolanError HUB_UNREACHABLE when the hub did not answer for 30 s
 */
export async function followDrill(
  client: Pick<Client, 'get' | 'watch'>,
  name: ObjectName,
  options: FollowOptions,
): Promise<Resource<'Drill'> | undefined> {
  const { fromRevision } = options;
  const told = new Set<string>();
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  let end: { readonly drill: Resource<'Drill'> | undefined } | { readonly error: PortolanError } | undefined;
  let asking = false;

  function see(drill: Resource<'Drill'> | undefined): boolean {
    if (end !== undefined) return true;
    for (const event of drill?.status?.timeline ?? []) {
      const id = JSON.stringify(event);
      if (told.has(id)) continue;
      told.add(id);
      if (drill !== undefined) options.onEvent(event, drill);
    }
    if (drill === undefined || isFinished(drill)) end = { drill };
    return end !== undefined;
  }

  async function ask(): Promise<void> {
    const found = await askUntilAnswered(() => client.get('Drill', name), {
      name,
      signal,
      limits: options.limits ?? LIMITS,
      onAnswer: (drill) => {
        const earlier =
          drill !== undefined &&
          fromRevision !== undefined &&
          Number(drill.metadata.resourceVersion) <= fromRevision;
        return !earlier && see(drill);
      },
      onBack: () => options.onReconnect('the hub answers again'),
    });
    asking = false;
    if (found !== undefined) end ??= { error: found };
    if (end !== undefined) over.abort();
  }

  try {
    const changes = client.watch(
      { kind: 'Drill', namespace: name.namespace },
      {
        signal,
        ...(fromRevision === undefined ? {} : { fromRevision }),
        onReconnect: (error) => {
          if (asking) return;
          asking = true;
          options.onReconnect(`watching again: ${error.message}`);
          void ask();
        },
      },
    );
    for await (const change of changes) {
      if (!('object' in change) || change.object.kind !== 'Drill') continue;
      if (change.object.metadata.name !== name.name) continue;
      if (see(change.type === 'deleted' ? undefined : change.object)) break;
    }
  } finally {
    over.abort();
  }
  if (end !== undefined && 'error' in end) throw end.error;
  return end?.drill;
}

/** What passes when a hub starts again. */
const PASSING: readonly ErrorCode[] = ['HUB_UNREACHABLE', 'NOT_READY', 'STORE_UNAVAILABLE', 'TIMEOUT'];

/**
 * Asks until `onAnswer` says that it is over, or the hub has answered for as long as it would have been waited for: then the
 * watch goes on alone.
 * @returns why to give up; `undefined` when there is no reason to
 */
async function askUntilAnswered<T>(
  get: () => Promise<T>,
  {
    name,
    signal,
    limits: { giveUpMs, everyMs },
    onAnswer,
    onBack,
  }: {
    readonly name: ObjectName;
    readonly signal: AbortSignal;
    readonly limits: OutageLimits;
    readonly onAnswer: (answer: T) => boolean;
    readonly onBack: () => void;
  },
): Promise<PortolanError | undefined> {
  const sinceMs = performance.now();
  let answeredMs = sinceMs;
  let away = false;
  while (!signal.aborted) {
    try {
      const answer = await withinMs(get(), answeredMs + giveUpMs - performance.now(), signal);
      answeredMs = performance.now();
      if (away) onBack();
      away = false;
      if (onAnswer(answer) || answeredMs - sinceMs >= giveUpMs) return undefined;
    } catch (thrown) {
      if (signal.aborted) return undefined;
      const error = PortolanError.from(thrown);
      if (!PASSING.includes(error.code)) return error;
      away = true;
      if (performance.now() - answeredMs >= giveUpMs) return givenUp(error, name, giveUpMs);
    }
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

function givenUp(error: PortolanError, { namespace, name }: ObjectName, giveUpMs: number): PortolanError {
  return new PortolanError(
    'HUB_UNREACHABLE',
    `the hub did not answer for ${giveUpMs / 1000} s, so drill ${namespace}/${name} is not followed any more (${error.message}); its fault is rolled back without this command, also when the hub is dead`,
    {
      fix: `When the hub answers again: \`portolan drill report ${name} -n ${namespace}\`.`,
      cause: error,
    },
  );
}

async function withinMs<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
  const done = new AbortController();
  const late = sleep(Math.max(0, ms), undefined, { signal: AbortSignal.any([signal, done.signal]) }).then(
    () => {
      throw new PortolanError('TIMEOUT', 'the hub did not answer in time');
    },
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => undefined);
    done.abort();
  }
}

/** Which endpoint an address or CNAME target of an answer belongs to; several policies may share one. */
export async function addressNames(client: Client, namespace: string): Promise<AddressNames> {
  const [policies, clusters] = await Promise.all([
    client.list('TrafficPolicy', namespace),
    client.list('Cluster', namespace),
  ]);
  const ofCluster = new Map(clusters.items.map((c) => [c.metadata.name, clusterAddresses(c)]));
  const names = new Map<string, Set<string>>();
  for (const policy of policies.items) {
    for (const endpoint of policy.spec.endpoints) {
      const addresses = [
        ...(endpoint.addresses ??
          (endpoint.cname === undefined ? (ofCluster.get(endpoint.cluster) ?? []) : [])),
        ...(endpoint.cname === undefined ? [] : [endpoint.cname]),
      ];
      for (const address of addresses)
        names.set(address, (names.get(address) ?? new Set()).add(endpoint.name));
    }
  }
  return new Map([...names].map(([address, set]) => [address, [...set].join('/')]));
}
