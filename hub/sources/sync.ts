import { PortolanError } from '../../src/errors/error.ts';
import type { AnyResource } from '../../src/resources/catalogue.ts';
import { type ParsedInput, parseResource } from '../../src/resources/validate.ts';
import { despiteLostRaces } from '../api/lost-race.ts';
import type { AdmissionViolation, HubServices } from '../api/services.ts';
import type { WriteLane } from '../api/write-lane.ts';
import { anyObject, notFound, refusalOf, updateOf } from '../api/writes.ts';
import type { Actor, CommitOptions, Store } from '../store/contract.ts';
import {
  type HeldChange,
  MANAGED_BY,
  type Outcome,
  type SourceName,
  type SourcePass,
  type SourceSync,
  TAKEN_OVER,
  type Wanted,
  type WantedSet,
} from './contract.ts';
import {
  type Decision,
  type Difference,
  decide,
  decideRemoval,
  difference,
  type Step,
} from './difference.ts';
import { canBeHeld, type Held, heldByGuard, heldByPruning, pruneLimit } from './held.ts';
import { lastAnswers } from './last-answers.ts';
import { idOf, keyOfStored, managerOf, SOURCE_TITLES } from './managed.ts';

export interface SourceSyncOptions {
  readonly store: Pick<Store, 'list' | 'get' | 'commit' | 'secretData' | 'epoch'>;
  readonly services: Pick<HubServices, 'admit'>;
  /** The one that requests of the API pass too. */
  readonly lane: WriteLane;
  readonly wallMs: () => number;
  /** Throws NOT_LEADER while another hub leads. */
  readonly assertLeads?: () => void;
}

/** Refused changes are set aside so often before the rest is tried one by one. */
const MAX_ROUNDS = 8;

/** What a commit of several says when one of them is not possible; after anything else there is no sense in trying each by itself. */
const OF_ONE_CHANGE: readonly string[] = [
  'CONFLICT',
  'ALREADY_EXISTS',
  'NOT_FOUND',
  'VALIDATION_FAILED',
  'PAYLOAD_TOO_LARGE',
];

/** So many failures in a row are not about the objects: the rest waits for the next pass. */
const MAX_FAILURES = 3;

/**
 * See `SourceSync`. What belongs together is committed together: all changes of a pass in one commit, without those that the guards refuse;
 * these are then tried one by one, in the order of references.
 */
export function createSourceSync(options: SourceSyncOptions): SourceSync {
  const { store, services, lane } = options;
  const assertLeads = options.assertLeads ?? (() => undefined);
  const held = new Map<SourceName, readonly Held[]>();
  const origins = new Map<SourceName, ReadonlyMap<string, Wanted>>();

  async function valuesOf(
    objects: readonly AnyResource[],
  ): Promise<Map<string, Readonly<Record<string, string>>>> {
    const values = new Map<string, Readonly<Record<string, string>>>();
    for (const object of objects) {
      if (object.kind !== 'Secret') continue;
      const { namespace, name } = object.metadata;
      values.set(
        idOf({ kind: 'Secret', namespace, name }),
        (await store.secretData({ kind: 'Secret', namespace, name })) ?? {},
      );
    }
    return values;
  }

  async function look(source: SourceName, { objects, keep }: WantedSet): Promise<Difference> {
    const { items } = await store.list();
    const stored = new Map(items.map((object) => [idOf(keyOfStored(object)), object]));
    const secrets = await valuesOf(items.filter((object) => objects.has(idOf(keyOfStored(object)))));
    return difference(source, objects, stored, secrets, keep);
  }

  function optionsOf(source: SourceName): CommitOptions {
    return { actor: actorOf(source), epoch: store.epoch };
  }

  /** Everything that the guards let pass together, in one commit. Resolves to what they do not. */
  async function together(
    source: SourceName,
    steps: readonly Step[],
    commit: Store['commit'],
    outcomes: Map<string, Outcome>,
  ): Promise<readonly Step[]> {
    const aside: Step[] = [];
    let left = steps;
    for (let round = 1; left.length > 0; round += 1) {
      const admission = await services.admit(
        left.map(({ write }) => write.proposed),
        { actor: actorOf(source), dryRun: false, force: false },
      );
      if (admission.ok) {
        await write(left, commit, optionsOf(source), outcomes);
        break;
      }
      const refused = new Set(admission.violations.map(({ change }) => change));
      const all = round === MAX_ROUNDS || refused.size === 0;
      aside.push(...left.filter((_step, index) => all || refused.has(index)));
      left = left.filter((_step, index) => !all && !refused.has(index));
    }
    // In the order in which they were: what is referred to first.
    return steps.filter((step) => aside.includes(step));
  }

  /** One change by itself, decided anew on what is stored now. */
  async function alone(
    source: SourceName,
    step: Step,
    wanted: Wanted | undefined,
    hold: (held: Held) => void,
  ): Promise<Outcome> {
    const outcomes = new Map<string, Outcome>();
    return lane
      .run(() =>
        despiteLostRaces(store, async (commit) => {
          const decision = await decideNow(source, step, wanted);
          if ('outcome' in decision) return decision.outcome;
          const now = decision.step;
          const admission = await services.admit([now.write.proposed], {
            actor: actorOf(source),
            dryRun: false,
            force: false,
          });
          if (!admission.ok) return refused(source, now, admission.violations, hold);
          await write([now], commit, optionsOf(source), outcomes);
          return outcomes.get(now.id) ?? failed('the store returned no object');
        }),
      )
      .catch(failed);
  }

  async function decideNow(source: SourceName, step: Step, wanted: Wanted | undefined): Promise<Decision> {
    const current = await anyObject(store, step.key);
    if (wanted !== undefined) {
      const secrets = await valuesOf(current === undefined ? [] : [current]);
      return decide(source, wanted, current, secrets.get(step.id));
    }
    if (current === undefined) return { outcome: { state: 'removed', gone: true } };
    const manager = managerOf(current);
    if (manager === source) return decideRemoval(current);
    const message = `${step.id} is not set by ${SOURCE_TITLES[source]} any more`;
    return { outcome: { state: 'conflict', manager: manager ?? 'api', message } };
  }

  function refused(
    source: SourceName,
    step: Step,
    violations: readonly AdmissionViolation[],
    hold: (held: Held) => void,
  ): Outcome {
    if (canBeHeld(violations)) {
      const one = heldByGuard(source, step, violations, now());
      hold(one);
      return { state: 'held', hold: one.change };
    }
    const { code, message, fix, violations: found } = refusalOf(violations);
    return { state: 'refused', code, message, fix, violations: found };
  }

  function now(): string {
    return new Date(options.wallMs()).toISOString();
  }

  /** Replaces what is held of a source; what was held before keeps its time. */
  function keep(source: SourceName, next: readonly Held[]): ReadonlyMap<string, HeldChange> {
    const since = new Map((held.get(source) ?? []).map(({ change }) => [change.id, change.since]));
    const kept = next.map(({ change, step }) => ({
      step,
      change: { ...change, since: since.get(change.id) ?? change.since },
    }));
    held.set(source, kept);
    return new Map(kept.map(({ change, step }) => [step.id, change]));
  }

  async function passOf(source: SourceName, wanted: WantedSet): Promise<SourcePass> {
    const outcomes = new Map<string, Outcome>();
    const holds: Held[] = [];
    let aside: readonly Step[] = [];
    let before: Difference | undefined;
    try {
      await despiteLostRaces(store, async (commit) => {
        outcomes.clear();
        holds.length = 0;
        before = await look(source, wanted);
        for (const [id, outcome] of before.outcomes) outcomes.set(id, outcome);
        const prune = wanted.complete
          ? before.prune
          : before.prune.filter(({ id }) => wanted.removed?.has(id) === true);
        const tooMany = prune.length > pruneLimit(before.managed);
        if (tooMany) holds.push(...heldByPruning(source, prune, before.managed, now()));
        const freely: Step[] = [];
        for (const step of tooMany ? [] : prune) {
          const asked = wanted.removed?.has(step.id) === true || wanted.removesHostnames === true;
          const lost = asked ? undefined : lastAnswers(step, wanted.objects);
          if (lost === undefined) freely.push(step);
          else holds.push(heldByGuard(source, step, [lost], now()));
        }
        const steps = [...before.steps, ...freely];
        aside = steps;
        if (steps.length > 0) aside = await lane.run(() => together(source, steps, commit, outcomes));
      });
    } catch (thrown) {
      const error = PortolanError.from(thrown);
      if (before === undefined || !OF_ONE_CHANGE.includes(error.code)) {
        const ids = before === undefined ? [...wanted.objects.keys()] : aside.map(({ id }) => id);
        for (const id of ids) outcomes.set(id, failed(error));
        aside = [];
      }
    }
    let failures = 0;
    for (const step of aside) {
      assertLeads();
      const outcome: Outcome =
        failures === MAX_FAILURES
          ? { state: 'failed', message: 'it was not tried, as those before it failed' }
          : await alone(source, step, wanted.objects.get(step.id), (one) => holds.push(one));
      failures = outcome.state !== 'failed' ? 0 : Math.min(MAX_FAILURES, failures + 1);
      outcomes.set(step.id, outcome);
    }
    for (const [id, hold] of keep(source, holds)) outcomes.set(id, { state: 'held', hold });
    return { outcomes, managed: managedAfter(before, outcomes), unmanaged: before?.unmanaged ?? [] };
  }

  return {
    async pass(source, wanted) {
      assertLeads();
      origins.set(source, wanted.objects);
      return passOf(source, wanted);
    },
    get held() {
      return [...held.values()].flatMap((ones) => ones.map(({ change }) => change));
    },
    originOf(key) {
      const id = idOf(key);
      for (const wanted of origins.values()) {
        const origin = wanted.get(id)?.origin;
        if (origin !== undefined) return origin;
      }
      return undefined;
    },
    async giveBack(key, actor, reason) {
      assertLeads();
      const id = idOf(key);
      const source = [...origins].find(([, wanted]) => wanted.has(id))?.[0];
      if (source === undefined) {
        throw new PortolanError('SOURCE_INVALID', `no source wants ${id}`, {
          fix: 'Put its document into the source first; `portolan source status` shows what it reads.',
        });
      }
      await lane.run(() =>
        despiteLostRaces(store, async (commit) => {
          const current = await anyObject(store, key);
          if (current === undefined) throw notFound(key);
          if (current.metadata.annotations[MANAGED_BY] !== TAKEN_OVER) {
            throw new PortolanError('SOURCE_INVALID', `${id} was not taken over`, {
              fix: 'An object that was made through the API is adopted by the annotation portolan.dev/adopt: "true" in its document.',
            });
          }
          const back = updateOf(asInput(current), current, source);
          const admission = await services.admit([back.proposed], { actor, dryRun: false, force: false });
          if (!admission.ok) throw refusalOf(admission.violations);
          await commit([back.change], {
            actor,
            epoch: store.epoch,
            reason: `given back to ${source}${reason === undefined ? '' : `: ${reason}`}`,
          });
        }),
      );
      return source;
    },
    async approve(id, actor, reason) {
      assertLeads();
      const found = [...held].flatMap(([source, ones]) =>
        ones.flatMap((one) => (one.change.id === id ? [{ source, ...one }] : [])),
      );
      const source = found[0]?.source;
      if (source === undefined) throw notHeld(id);
      await lane.run(() =>
        despiteLostRaces(store, async (commit) => {
          const steps: Step[] = [];
          for (const { step, change } of found) {
            const wanted = change.verb === 'delete' ? undefined : origins.get(source)?.get(step.id);
            if (change.verb !== 'delete' && wanted === undefined) throw notHeld(id);
            const decision = await decideNow(source, step, wanted);
            if ('step' in decision) steps.push(decision.step);
          }
          // The same id again: what is written is what the person saw, whatever changed since.
          const again =
            found[0]?.change.violations[0]?.code === 'PRUNE_LIMIT'
              ? heldByPruning(source, steps, 0, '')[0]?.change.id
              : steps[0] && heldByGuard(source, steps[0], [], '').change.id;
          if (again !== id) throw notHeld(id);
          const admission = await services.admit(
            steps.map(({ write: { proposed } }) => proposed),
            { actor, dryRun: false, force: true, reason },
          );
          if (!admission.ok) throw refusalOf(admission.violations);
          await commit(
            steps.map(({ write: { change } }) => change),
            { actor, epoch: store.epoch, reason: `approved for ${source} (${id}): ${reason}` },
          );
        }),
      );
      held.set(
        source,
        (held.get(source) ?? []).filter(({ change }) => change.id !== id),
      );
    },
  };
}

/** A stored object as the document that makes it. */
function asInput({ apiVersion, kind, metadata, spec }: AnyResource): ParsedInput {
  const { namespace, name, labels, annotations, finalizers } = metadata;
  return parseResource({
    apiVersion,
    kind,
    metadata: { namespace, name, labels, annotations, finalizers },
    spec,
  });
}

/** Who a source is in the audit log. */
function actorOf(source: SourceName): Actor {
  return { id: `source/${source}`, display: SOURCE_TITLES[source] };
}

async function write(
  steps: readonly Step[],
  commit: Store['commit'],
  options: CommitOptions,
  outcomes: Map<string, Outcome>,
): Promise<void> {
  const { objects } = await commit(
    steps.map(({ write: { change } }) => change),
    options,
  );
  steps.forEach(({ id, verb }, index) => {
    const object = objects[index];
    if (object === undefined) return;
    const { resourceVersion, generation, finalizers } = object.metadata;
    outcomes.set(
      id,
      verb === 'delete'
        ? { state: 'removed', gone: finalizers.length === 0 }
        : { state: 'applied', changed: true, resourceVersion, generation },
    );
  });
}

function failed(thrown: unknown): Extract<Outcome, { state: 'failed' }> {
  return { state: 'failed', message: PortolanError.from(thrown).message };
}

function notHeld(id: string): PortolanError {
  return new PortolanError('NOT_FOUND', `no change ${id} is held (any more)`, {
    fix: 'List what is held with `portolan source held`.',
  });
}

/** Objects of the source in the store after the pass. */
function managedAfter(before: Difference | undefined, outcomes: ReadonlyMap<string, Outcome>): number {
  if (before === undefined) return 0;
  const added = before.steps.filter(
    ({ id, write: { proposed } }) =>
      outcomes.get(id)?.state === 'applied' &&
      (proposed.type === 'create' || managerOf(proposed.current) === undefined),
  );
  const gone = before.prune.filter(({ id }) => {
    const outcome = outcomes.get(id);
    return outcome?.state === 'removed' && outcome.gone;
  });
  return before.managed + added.length - gone.length;
}
