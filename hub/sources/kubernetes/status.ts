import { READINESS_TYPES, readiness, type Verdict } from '../../../src/resources/kstatus.ts';
import type { Condition } from '../../../src/resources/metadata.ts';
import { canonicalJson } from '../../store/canonical.ts';
import type { Outcome } from '../contract.ts';
import type { HubEntry } from './hub-view.ts';
import type { Mirrored } from './mirrored.ts';
import {
  listOf,
  ownOf,
  type ParentRef,
  type Refusal,
  refusedAncestors,
  refusedParents,
} from './shared-status.ts';
import { inSeconds, standingConditions } from './standing-conditions.ts';

/** What should stand in the status of an object, and what of it people are told in an Event. */
export interface StatusWish {
  readonly status: Readonly<Record<string, unknown>>;
  /** Undefined: nothing new is known. */
  readonly accepted: Verdict | undefined;
}

/** A condition's message has 32 KiB at most; more than this nobody reads in one. */
const MESSAGE_CHARACTERS = 4_000;

/** What the hub says of an object after a pass. Undefined: it says nothing new, so what stands there stays. */
export function acceptedOf(
  { deleting, of }: Mirrored,
  outcome: Outcome,
  entry: HubEntry | undefined,
): Verdict | undefined {
  const refuse = (reason: string, message: string): Verdict => ({
    type: 'Accepted',
    status: 'False',
    reason,
    message: message.slice(0, MESSAGE_CHARACTERS),
  });
  switch (outcome.state) {
    case 'applied': {
      const said =
        entry === undefined ? undefined : conditionsIn(entry).find(({ type }) => type === 'Accepted');
      if (said !== undefined && said.status !== 'True')
        return { type: 'Accepted', status: said.status, reason: said.reason, message: said.message };
      return {
        type: 'Accepted',
        status: 'True',
        reason: 'Applied',
        message: said?.message ?? 'the hub has it',
      };
    }
    case 'refused':
      return refuse(deleting ? 'RemovalRefused' : invalid(of.status), refusalText(outcome));
    case 'conflict':
      return refuse('Conflict', `MANAGED_ELSEWHERE: ${outcome.message}`);
    case 'held': {
      const { id, violations } = outcome.hold;
      const why = violations.map(({ message }) => message).join('; ');
      const what = deleting ? 'its removal is held' : 'the change is held';
      return refuse(
        'GuardHeld',
        `${what} (${id}): ${why}. An admin lets it through with: portolan source approve ${id} --reason …`,
      );
    }
    case 'failed':
    case 'removed':
      return undefined;
  }
}

/** The word of the Gateway API for a route is the nearest that it has. */
function invalid(mode: Mirrored['of']['status']): string {
  return mode === 'parents' ? 'UnsupportedValue' : 'Invalid';
}

function refusalText({ code, message, fix, violations }: Extract<Outcome, { state: 'refused' }>): string {
  if (violations.length === 0) return `${code}: ${message}. ${fix}`;
  return violations.map((v) => `${v.path === '' ? '' : `${v.path} `}${v.message}. ${v.fix}`).join(' ');
}

function conditionsIn({ status }: HubEntry): readonly Condition[] {
  return status !== undefined && 'conditions' in status ? status.conditions : [];
}

/**
 * The status that an object should have: the hub's own, in the words of Kubernetes. Pure; equal for equal arguments.
 * @param nowIso for conditions that turn now
 * @param isHubs whether the Gateway that a route names is the hub's
 */
export function statusWish(
  mirrored: Mirrored,
  outcome: Outcome,
  entry: HubEntry | undefined,
  nowIso: string,
  isHubs: (parent: ParentRef) => boolean = () => false,
): StatusWish | undefined {
  const accepted = acceptedOf(mirrored, outcome, entry);
  // What it was refused for is about this spec, what another sets in the hub is not about this object.
  if (accepted === undefined) return undefined;
  // The store's watch is behind the commit: what it has is of the spec before.
  if (outcome.state === 'applied' && (entry === undefined || entry.generation < outcome.generation))
    return undefined;
  const own = entry?.manager === 'kubernetes' ? entry : undefined;
  switch (mirrored.of.status) {
    case 'none':
      return { status: {}, accepted };
    case 'whole':
      return { status: wholeStatus(mirrored, outcome, own, accepted, nowIso), accepted };
    case 'gateway':
      return { status: gatewayStatus(mirrored, outcome, own, accepted, nowIso), accepted };
    case 'parents':
    case 'ancestors': {
      const list = mirrored.of.status;
      const said = listOf(translated(own?.status ?? {}, own, mirrored, outcome), list);
      if (outcome.state === 'applied') return { status: { [list]: said }, accepted };
      const standing = ownOf(mirrored.status, list);
      const refusal: Refusal = { accepted, generation: mirrored.generation, nowIso };
      const refused =
        list === 'parents'
          ? refusedParents(mirrored.parents, isHubs, said, standing, refusal)
          : refusedAncestors(said, standing, refusal);
      return { status: { [list]: refused }, accepted };
    }
  }
}

function wholeStatus(
  mirrored: Mirrored,
  outcome: Outcome,
  entry: HubEntry | undefined,
  accepted: Verdict,
  nowIso: string,
): Readonly<Record<string, unknown>> {
  const said = entry === undefined ? [] : conditionsIn(entry);
  const others = said.filter(({ type }) => type !== 'Accepted' && !READINESS_TYPES.includes(type));
  const ready = said.filter(({ type }) => type === 'Ready');
  const verdicts = [accepted, ...others, ...ready, ...attachment(entry)];
  const derived = readiness(verdicts, outcome.state === 'applied' && !hasLooked(entry));
  const fields = Object.fromEntries(
    Object.entries(entry?.status ?? {})
      .filter(([field]) => field !== 'conditions' && field !== 'observedGeneration')
      .map(([field, value]) => [field, translated(value, entry, mirrored, outcome)]),
  );
  return {
    ...fields,
    observedGeneration: mirrored.generation,
    conditions: timed([accepted, ...derived], others, entry, mirrored, outcome, nowIso),
  };
}

/** The Gateway API's schema has no other fields. */
function gatewayStatus(
  mirrored: Mirrored,
  outcome: Outcome,
  entry: HubEntry | undefined,
  accepted: Verdict,
  nowIso: string,
): Readonly<Record<string, unknown>> {
  const said = entry === undefined ? [] : conditionsIn(entry);
  const applied = outcome.state === 'applied';
  const others = applied ? said : said.filter(({ type }) => type !== 'Accepted' && type !== 'Programmed');
  const { reason, message } = accepted;
  const refused: readonly Verdict[] = applied
    ? []
    : [accepted, { type: 'Programmed', status: 'False', reason, message }];
  const status: object = entry?.status ?? {};
  return {
    conditions: timed(refused, others, entry, mirrored, outcome, nowIso),
    ...('addresses' in status ? { addresses: status.addresses } : {}),
    ...('listeners' in status ? { listeners: translated(status.listeners, entry, mirrored, outcome) } : {}),
  };
}

/** One verdict over all that a policy is attached to, for kinds whose conditions stand there only. */
function attachment(entry: HubEntry | undefined): readonly Verdict[] {
  const { status } = entry ?? {};
  if (status === undefined || !('ancestors' in status)) return [];
  const bad = status.ancestors
    .flatMap(({ conditions }) => conditions)
    .find(({ status: is }) => is !== 'True');
  if (bad === undefined) return [];
  const { status: is, reason, message } = bad;
  return [{ type: 'Programmed', status: is, reason, message }];
}

/** The hub has said something of the spec that it has now. */
function hasLooked(entry: HubEntry | undefined): boolean {
  if (entry?.status === undefined) return false;
  const all = allConditions(entry);
  return all.length === 0 || all.some(({ observedGeneration }) => observedGeneration === entry.generation);
}

function allConditions({ status }: HubEntry): readonly Condition[] {
  if (status === undefined) return [];
  const top = 'conditions' in status ? status.conditions : [];
  const nested =
    'ancestors' in status
      ? status.ancestors.flatMap(({ conditions }) => conditions)
      : 'parents' in status
        ? status.parents.flatMap(({ conditions }) => conditions)
        : [];
  return [...top, ...nested];
}

/** `observedGeneration` within what the hub says is of its own counting: of Kubernetes' where it is the newest, else left out. */
function translated(
  value: unknown,
  entry: HubEntry | undefined,
  { generation }: Mirrored,
  { state }: Outcome,
): unknown {
  const walk = (at: unknown): unknown => {
    if (Array.isArray(at)) return at.map(walk);
    if (typeof at !== 'object' || at === null) return at;
    return Object.fromEntries(
      Object.entries(at).flatMap(([field, inner]): [string, unknown][] => {
        if (field !== 'observedGeneration') return [[field, walk(inner)]];
        return state === 'applied' && inner === entry?.generation ? [[field, generation]] : [];
      }),
    );
  };
  return walk(value);
}

function timed(
  ours: readonly Verdict[],
  hubs: readonly Condition[],
  entry: HubEntry | undefined,
  mirrored: Mirrored,
  outcome: Outcome,
  nowIso: string,
): readonly object[] {
  const standing = standingConditions(mirrored.status);
  const before = (type: string) => standing.find((one) => one.type === type);
  const since = (type: string, status: string, fallback: string): string => {
    const one = before(type);
    return one?.status === status && one.lastTransitionTime !== '' ? one.lastTransitionTime : fallback;
  };
  return [
    ...ours.map(({ type, status, reason, message }) => ({
      type,
      status,
      reason,
      message,
      observedGeneration: mirrored.generation,
      lastTransitionTime: since(type, status, inSeconds(nowIso)),
    })),
    ...hubs.map(({ type, status, reason, message, lastTransitionTime, observedGeneration }) => {
      const newest = outcome.state === 'applied' && observedGeneration === entry?.generation;
      const observed = newest ? mirrored.generation : before(type)?.observedGeneration;
      return {
        type,
        status,
        reason,
        message,
        ...(observed === undefined ? {} : { observedGeneration: observed }),
        lastTransitionTime: since(type, status, inSeconds(lastTransitionTime)),
      };
    }),
  ].sort((a, b) => (a.type < b.type ? -1 : 1));
}

/** Text of what stands in an object, as far as it is ours: equal to `textOfWish` when there is nothing to write. */
export function textOfStanding({ of, status }: Mirrored): string {
  return canonicalJson(comparable(of.status, status));
}

export function textOfWish({ of }: Mirrored, { status }: StatusWish): string {
  return canonicalJson(comparable(of.status, status));
}

function comparable(mode: Mirrored['of']['status'], status: unknown): unknown {
  switch (mode) {
    case 'none':
      return {};
    case 'whole':
    case 'gateway': {
      if (typeof status !== 'object' || status === null) return {};
      const conditions = [...standingConditions(status)].sort((a, b) => (a.type < b.type ? -1 : 1));
      return { ...status, conditions };
    }
    case 'parents':
    case 'ancestors':
      return ownOf(status, mode);
  }
}
