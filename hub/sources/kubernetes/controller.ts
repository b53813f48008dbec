import type { KubeClient } from '../../../kube/contract.ts';
import { createKubeEvents, type KubeEvents } from '../../../kube/events.ts';
import { PortolanError } from '../../../src/errors/error.ts';
import type { Store } from '../../store/contract.ts';
import type { Outcome, Source, SourcePass, SourceStatus, SourceSync } from '../contract.ts';
import { type Collections, createCollections } from './collections.ts';
import { createHubView } from './hub-view.ts';
import { MIRRORED_KINDS, type MirroredKind, secretKind } from './kinds.ts';
import type { Content, Mirrored } from './mirrored.ts';
import { originOf } from './mirrored.ts';
import { type PlanDeps, planWrite } from './object-writes.ts';
import { wantedSet } from './wanted-set.ts';
import { createObjectWriter } from './writer.ts';

export interface KubernetesSourceOptions {
  /** Tried again and again until it resolves. */
  readonly open: () => Promise<KubeClient>;
  /** Undefined: all. */
  readonly namespaces?: readonly string[];
  readonly secrets: {
    /** Default: `namespaces`, else the hub's own. */
    readonly namespaces?: readonly string[];
    /** Just these, as `namespace/name`, whatever their labels and namespaces. */
    readonly names?: readonly string[];
    readonly selector: string;
  };
  readonly sync: Pick<SourceSync, 'pass'>;
  readonly store: Pick<Store, 'list' | 'watch'>;
  /** This process, in Events. */
  readonly instance: string;
  readonly clock: {
    wallMs(): number;
    monotonicMs(): number;
    after(delayMs: number, task: () => void): () => void;
  };
  readonly random: () => number;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

/** After a change; more follow mostly. */
const GATHER_MS = 100;
/** A pass that nothing asked for. */
const RESYNC_MS = 300_000;
/** After what the store did not take. */
const RETRY_MS = 5_000;
const REOPEN_MS = 15_000;
const MAX_SHOWN = 100;
const NOTHING = { applied: 0, conflict: 0, held: 0, refused: 0, failed: 0 };

/** What became of an object, and of which words of it. */
interface Judged {
  readonly outcome: Outcome;
  readonly content: Content;
}

/**
 * Custom resources, labelled Secrets and labelled objects of the Gateway API as a source: mirrored into the hub, with the hub's statuses mirrored back.
 * Level-based: what is done depends on what both sides have now, so that a restart with nothing changed writes nothing on either.
 */
export function createKubernetesSource(options: KubernetesSourceOptions): Source {
  const { sync, clock, log } = options;
  const judged = new Map<string, Judged>();
  let client: KubeClient | undefined;
  let collections: Collections | undefined;
  let events: KubeEvents | undefined;
  let opening: string | undefined = 'the API server was not asked yet';
  let closed = false;
  let started: Promise<void> | undefined;
  let running: Promise<void> | undefined;
  let asked = false;
  let lastPass: SourcePass | undefined;
  let lastPassAt: string | undefined;
  let lastFailure: { readonly message: string; readonly fix: string } | undefined;
  let cancelGather: (() => void) | undefined;
  let cancelNext: (() => void) | undefined;
  let cancelOpen: (() => void) | undefined;
  let told = '';

  const hub = createHubView(
    options.store,
    (ids, beyondStatus) => {
      for (const id of ids) if (collections?.objects.has(id) === true) writer.check(id);
      // What was refused for want of it, or stood in its way, may pass now.
      if (beyondStatus && unsettled()) soon();
    },
    (thrown) => log.warn({ err: thrown }, 'the hub cannot follow its own store for Kubernetes'),
  );
  const planDeps: PlanDeps = {
    client: () => client,
    object: (id) => collections?.objects.get(id),
    entry: (id) => hub.entries.get(id),
    outcome: outcomeOf,
    events: () => events,
    told: new Map(),
    nowIso: () => new Date(clock.wallMs()).toISOString(),
  };
  const writer = createObjectWriter({
    plan: (id) => planWrite(id, planDeps),
    onProblem: () => {
      logNews();
      soon();
    },
    after: (delayMs, task) => clock.after(delayMs, task),
    monotonicMs: () => clock.monotonicMs(),
  });

  /** Of what the object says now; what cannot be read needs no pass to be refused. */
  function outcomeOf(mirrored: Mirrored): Outcome | undefined {
    const known = judged.get(mirrored.id);
    if (!mirrored.deleting && !mirrored.content.ok) return mirrored.content.refusal;
    return known?.content === mirrored.content ? known.outcome : undefined;
  }

  function unsettled(): boolean {
    for (const { outcome } of judged.values())
      if (outcome.state !== 'applied' && outcome.state !== 'removed') return true;
    return false;
  }

  function soon(): void {
    if (closed || cancelGather !== undefined) return;
    cancelGather = clock.after(GATHER_MS, () => {
      cancelGather = undefined;
      ask();
    });
  }

  function ask(): void {
    if (closed || collections?.settled !== true) return;
    asked = true;
    running ??= work().finally(() => {
      running = undefined;
    });
  }

  async function work(): Promise<void> {
    while (asked && !closed) {
      asked = false;
      try {
        await once();
      } catch (thrown) {
        const { message, fix } = PortolanError.from(thrown);
        lastFailure = { message, fix };
        next(RETRY_MS);
      }
      logNews();
    }
  }

  async function once(): Promise<void> {
    if (collections === undefined) return;
    const { objects } = collections;
    const contents = new Map([...objects].map(([id, { content }]) => [id, content]));
    const wanted = wantedSet(objects.values(), hub.entries, {
      complete: collections.complete,
      covers: (id) => collections?.covers(id) === true,
      canHold: ({ of }) => !writer.problems.has(rightToHold(of)),
    });
    const pass = await sync.pass('kubernetes', wanted);
    lastFailure = undefined;
    lastPass = pass;
    lastPassAt = new Date(clock.wallMs()).toISOString();
    judged.clear();
    let changed = 0;
    let failed = false;
    for (const [id, outcome] of pass.outcomes) {
      const content = contents.get(id);
      if (content !== undefined) judged.set(id, { outcome, content });
      if (outcome.state === 'removed' ? outcome.gone : outcome.state === 'applied' && outcome.changed)
        changed += 1;
      failed ||= outcome.state === 'failed';
    }
    if (changed > 0) log.info({ changed }, 'custom resources of Kubernetes were applied');
    for (const id of contents.keys()) writer.check(id);
    next(failed ? RETRY_MS : RESYNC_MS);
  }

  function next(delayMs: number): void {
    cancelNext?.();
    if (!closed) cancelNext = clock.after(delayMs, ask);
  }

  async function open(): Promise<void> {
    try {
      client = await options.open();
      opening = undefined;
    } catch (thrown) {
      const { message } = PortolanError.from(thrown);
      if (opening !== message) log.warn({ problem: message }, 'Kubernetes cannot be followed');
      opening = message;
      if (!closed) cancelOpen = clock.after(REOPEN_MS, () => void open());
      return;
    }
    if (closed) return;
    await hub.start();
    events = createKubeEvents({
      client,
      controller: 'portolan.dev/hub',
      instance: options.instance,
      monotonicMs: () => clock.monotonicMs(),
      now: () => new Date(clock.wallMs()),
      after: (delayMs, task) => clock.after(delayMs, task),
      onProblem: logNews,
    });
    const { namespaces, secrets } = options;
    const ofSecrets = secrets.namespaces ?? namespaces ?? [client.namespace];
    const named = secrets.names === undefined ? {} : { names: secrets.names };
    collections = createCollections({
      client,
      kinds: [
        ...MIRRORED_KINDS.map((of) => ({ of, namespaces })),
        { of: secretKind(secrets.selector), namespaces: ofSecrets, ...named },
      ],
      onChange(changed) {
        let meant = false;
        for (const { id, before } of changed) {
          const now = collections?.objects.get(id);
          meant ||=
            before?.content !== now?.content ||
            before?.deleting !== now?.deleting ||
            before?.held !== now?.held;
          writer.check(id);
        }
        if (meant || lastPass === undefined) soon();
      },
      onState() {
        logNews();
        soonWhenSettled();
      },
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs, task) => clock.after(delayMs, task),
      random: options.random,
    });
    collections.start();
  }

  let settledAs = '';
  /** Which part of Kubernetes is seen has changed. */
  function soonWhenSettled(): void {
    const now = `${collections?.settled} ${collections?.complete} ${collections?.problems.map(({ at, state }) => `${at} ${state.problem?.kind}`).join()}`;
    if (now === settledAs) return;
    settledAs = now;
    soon();
  }

  function problems(): SourceStatus['problems'] {
    const found: SourceStatus['problems'][number][] = [];
    if (opening !== undefined)
      found.push({
        origin: 'Kubernetes',
        message: opening,
        fix: 'Run the hub in a pod with a service account, or name a kubeconfig file in sources.kubernetes.kubeconfig.',
      });
    if (lastFailure !== undefined) found.push({ origin: 'Kubernetes', ...lastFailure });
    for (const { at, of, state } of collections?.problems ?? []) {
      const kind = state.problem?.kind;
      // A cluster without the Gateway API needs none.
      if (of.optional && kind === 'absent') continue;
      const stays = 'what the hub has of it stays as it is';
      found.push({
        origin: at,
        message: `${state.problem?.message ?? ''}; ${kind === 'absent' ? 'nothing that is missing is removed until it is there' : stays}`,
        ...(kind === 'absent' ? { fix: 'kubectl apply --server-side -k deploy/crds' } : {}),
      });
    }
    for (const [right, { message, fix }] of writer.problems) found.push({ origin: right, message, fix });
    if (events?.problem !== undefined) found.push({ origin: 'Events', ...events.problem });
    for (const mirrored of collections?.objects.values() ?? []) {
      if (found.length >= MAX_SHOWN) break;
      const outcome = outcomeOf(mirrored);
      if (outcome === undefined) continue;
      const problem = problemOf(outcome);
      if (problem !== undefined) found.push({ origin: originOf(mirrored), object: mirrored.id, ...problem });
    }
    for (const [id, outcome] of lastPass?.outcomes ?? []) {
      if (found.length >= MAX_SHOWN) break;
      const problem = collections?.objects.has(id) === true ? undefined : problemOf(outcome);
      if (problem !== undefined) found.push({ origin: 'no object in Kubernetes', object: id, ...problem });
    }
    return found.slice(0, MAX_SHOWN);
  }

  function counts(): SourceStatus['objects'] {
    const objects = { ...NOTHING };
    for (const { state } of lastPass?.outcomes.values() ?? []) if (state !== 'removed') objects[state] += 1;
    for (const { content, deleting } of collections?.objects.values() ?? [])
      if (!content.ok && !deleting) objects.refused += 1;
    return objects;
  }

  function logNews(): void {
    const all = problems();
    const news = JSON.stringify(all.map(({ origin, message }) => [origin, message]));
    if (news === told) return;
    told = news;
    for (const { origin, object, message } of all)
      log.warn({ origin, ...(object === undefined ? {} : { object }) }, `Kubernetes: ${message}`);
  }

  return {
    get status(): SourceStatus {
      const all = problems();
      return {
        source: 'kubernetes',
        at: client?.server ?? 'Kubernetes',
        ready: lastPass !== undefined && all.length === 0,
        ...(lastPassAt === undefined ? {} : { lastPassAt }),
        objects: counts(),
        problems: all,
        ...(lastPass === undefined ? {} : { unmanaged: lastPass.unmanaged }),
      };
    },
    poke: ask,
    start() {
      started ??= open().catch((thrown: unknown) => {
        const { message, fix } = PortolanError.from(thrown);
        lastFailure = { message, fix };
        log.warn({ err: thrown }, 'Kubernetes cannot be followed');
      });
    },
    async close() {
      closed = true;
      cancelGather?.();
      cancelNext?.();
      cancelOpen?.();
      await started;
      await collections?.close();
      await running;
      await writer.close();
      await events?.close();
      await hub.close();
    },
  };
}

/** The right to write our finalizer, as the writer knows it. */
function rightToHold({ resource }: MirroredKind): string {
  return `patch ${resource.plural}.${resource.group}`;
}

function problemOf(outcome: Outcome): Pick<SourceStatus['problems'][number], 'message' | 'fix'> | undefined {
  switch (outcome.state) {
    case 'held': {
      const [first] = outcome.hold.violations;
      const fix = first?.fix;
      return {
        message: `held (${outcome.hold.id}): ${first?.message ?? ''}`,
        ...(fix === undefined ? {} : { fix }),
      };
    }
    case 'refused':
      return { message: outcome.message, fix: outcome.fix };
    case 'conflict':
    case 'failed':
      return { message: outcome.message };
    case 'applied':
    case 'removed':
      return undefined;
  }
}
