import { ProviderError, type ZoneContent } from '../../providers/contract.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { fenceChange } from '../../src/plan/batches.ts';
import { compareStamps, type FenceStamp } from '../../src/plan/fence.ts';
import { compareFences } from '../../src/plan/publication.ts';
import type { ChangeGroup, RecordSet } from '../../src/plan/record-set.ts';
import { readFence, takeInventory } from '../../src/plan/zone-inventory.ts';
import type { HeldName, ZonePlan } from '../../src/plan/zone-plan.ts';
import type { Backoff } from './backoff.ts';
import type { EnactInput, EnactmentEnd } from './enactor.ts';
import { asPortolanError } from './failures.ts';
import { leftOf, withdrawal } from './zone-content.ts';

/** Where the sending of a plan stands. */
export interface Progress {
  /** The zone as it is now, as far as that is certain. */
  content: ZoneContent | undefined;
  fenceSet: RecordSet | undefined;
  stamp: FenceStamp | undefined;
  /** Of the next request. */
  step: number;
  requests: number;
  readonly applied: ChangeGroup[];
  readonly held: HeldName[];
}

/** Nothing more is sent. */
export type Stop = {
  readonly end: Exclude<EnactmentEnd, 'applied'>;
  readonly failure?: PortolanError | ProviderError;
};

/** What became of a request; `split`: what is to be sent instead, in this order. */
export type Sent = 'applied' | Stop | { readonly split: readonly (readonly ChangeGroup[])[] };

interface Failed {
  readonly error: ProviderError;
  readonly attempt: number;
  readonly groups: readonly ChangeGroup[];
  readonly stamp: FenceStamp;
}

type Verdict = Sent | { readonly again: readonly ChangeGroup[] };

/** What a failure means for the request that met it. */
export async function judge(
  input: EnactInput,
  progress: Progress,
  backoff: Backoff,
  failed: Failed,
): Promise<Verdict> {
  const { error, attempt, groups } = failed;
  switch (error.failure) {
    case 'throttled':
    case 'busy':
    case 'transient':
      return (await backoff.pause(attempt, error, input.signal))
        ? { again: groups }
        : unavailable(input, error);
    case 'ambiguous':
    case 'conflict':
      return await look(input, progress, backoff, failed);
    case 'invalid':
    case 'unsupported':
      return await refused(input, progress, backoff, failed);
    case 'denied':
    case 'gone':
      return { end: 'failed', failure: error };
  }
}

/** Reads what there is now, and decides by the fence where the provider keeps to it, else by the records. */
async function look(
  input: EnactInput,
  progress: Progress,
  backoff: Backoff,
  failed: Failed,
): Promise<Verdict> {
  const { capabilities } = input;
  const { error, attempt, groups, stamp } = failed;
  const expected = progress.fenceSet;
  const stop = await readAgain(input, progress, backoff);
  if (stop !== undefined) return stop;
  const found = progress.stamp;
  if (capabilities.preconditions === 'atomic') {
    // The stamp is ours, so it was applied and only the answer was lost.
    if (found !== undefined && compareStamps(found, stamp) === 0 && found.plan === stamp.plan) {
      progress.step += 1;
      return 'applied';
    }
    const unchanged = progress.fenceSet?.values.join() === expected?.values.join();
    if (error.failure === 'conflict' || !unchanged) return { end: 'conflict' };
    return (await backoff.pause(attempt, error, input.signal))
      ? { again: groups }
      : unavailable(input, error);
  }
  const left = leftOf(groups, progress.content);
  if (left === 'conflict') return await withdraw(input, progress, backoff, groups);
  if (left.length === 0) {
    progress.step += 1;
    return 'applied';
  }
  if (!(await backoff.pause(attempt, error, input.signal))) return unavailable(input, error);
  return { again: left };
}

/** Gives up names that somebody else took between our marker and our records, until nothing of ours is left there. */
async function withdraw(
  input: EnactInput,
  progress: Progress,
  backoff: Backoff,
  begun: readonly ChangeGroup[],
): Promise<Stop> {
  const { plan, provider, zone, signal } = input;
  for (let attempt = 0; ; attempt += 1) {
    const groups = withdrawal(begun, progress.content);
    if (groups.length === 0 || progress.content === undefined) return { end: 'conflict' };
    progress.step += 1;
    progress.requests += 1;
    const stamp = { ...plan.fence, step: progress.step, plan: plan.hash };
    const fence = fenceChange(plan, progress.fenceSet, stamp);
    try {
      await provider.apply(zone, { groups, fence, tokens: progress.content.tokens }, signal);
    } catch (thrown) {
      if (signal.aborted) return { end: 'stopped' };
      const error = failureOf(thrown);
      if (error.failure === 'denied' || error.failure === 'gone') return { end: 'failed', failure: error };
      if (!(await backoff.pause(attempt, error, signal))) return unavailable(input, error);
    }
    const stop = await readAgain(input, progress, backoff);
    if (stop !== undefined) return stop;
  }
}

/** A record is refused for what it is: the name it belongs to is found, by halves if need be, and the others go on. */
async function refused(
  input: EnactInput,
  progress: Progress,
  backoff: Backoff,
  failed: Failed,
): Promise<Verdict> {
  const { error } = failed;
  let { groups } = failed;
  if (input.capabilities.preconditions !== 'atomic') {
    // What came before it in the request may be there already.
    const stop = await readAgain(input, progress, backoff);
    if (stop !== undefined) return stop;
    const left = leftOf(groups, progress.content);
    if (left === 'conflict') return await withdraw(input, progress, backoff, groups);
    groups = left;
  }
  // Another content must not have the stamp of the refused one.
  progress.step += 1;
  const named = error.group === undefined ? undefined : groups.find((group) => group.name === error.group);
  const bad = named ?? (groups.length === 1 ? groups[0] : undefined);
  if (bad !== undefined) {
    progress.held.push(heldFor(bad.name, error));
    const rest = groups.filter((group) => group !== bad);
    return { split: rest.length === 0 ? [] : [rest] };
  }
  const half = Math.ceil(groups.length / 2);
  return { split: [groups.slice(0, half), groups.slice(half)].filter((part) => part.length > 0) };
}

/** Reads the zone, whatever the provider's mood; a newer writer in its fence ends everything. */
export async function readAgain(
  input: EnactInput,
  progress: Progress,
  backoff: Backoff,
): Promise<Stop | undefined> {
  const { plan, provider, zone, signal } = input;
  progress.content = undefined;
  for (let attempt = 0; ; attempt += 1) {
    if (signal.aborted) return { end: 'stopped' };
    try {
      const content = await provider.read(zone, signal);
      const fence = readFence(takeInventory(plan.origin, content.sets), plan.owner);
      progress.content = content;
      progress.fenceSet = fence.set;
      progress.stamp = fence.stamp;
      return supersededBy(plan, fence.stamp);
    } catch (thrown) {
      if (signal.aborted) return { end: 'stopped' };
      const error = failureOf(thrown);
      const lasting = ['denied', 'gone', 'unsupported', 'invalid'].includes(error.failure);
      if (lasting) return { end: 'failed', failure: error };
      if (!(await backoff.pause(attempt, error, signal))) return unavailable(input, error);
    }
  }
}

/** I1, I2: a fence that is newer than the plan means that this writer was overtaken by another one. */
export function supersededBy(plan: ZonePlan, found: FenceStamp | undefined): Stop | undefined {
  if (found === undefined || compareFences(found, plan.fence) <= 0) return undefined;
  if (found.epoch === plan.fence.epoch) return { end: 'overtaken' };
  return {
    end: 'superseded',
    failure: new PortolanError(
      'PROVIDER_SUPERSEDED',
      `a hub with epoch ${found.epoch} writes ${plan.origin}; this one has epoch ${plan.fence.epoch} and wrote nothing`,
    ),
  };
}

/** Whatever else is thrown may have been thrown after the request was sent. */
export function failureOf(thrown: unknown): ProviderError {
  if (thrown instanceof ProviderError) return thrown;
  return new ProviderError('ambiguous', PortolanError.from(thrown).message, { cause: thrown });
}

function unavailable(input: EnactInput, error: ProviderError): Stop {
  if (input.signal.aborted) return { end: 'stopped' };
  return { end: 'unavailable', failure: error };
}

function heldFor(name: DomainName, error: ProviderError): HeldName {
  const { code, message, fix } = asPortolanError(error);
  return { name, code, message, fix };
}
