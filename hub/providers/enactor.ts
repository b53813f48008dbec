import type {
  Batch,
  Capabilities,
  Provider,
  ProviderClock,
  ProviderError,
  ProviderZone,
  ZoneContent,
} from '../../providers/contract.ts';
import type { DomainName } from '../../src/dns/name.ts';
import type { PortolanError } from '../../src/errors/error.ts';
import { fenceChange, firstStep, packGroups } from '../../src/plan/batches.ts';
import type { FenceStamp } from '../../src/plan/fence.ts';
import type { ChangeGroup, RecordSet } from '../../src/plan/record-set.ts';
import type { HeldName, ZonePlan } from '../../src/plan/zone-plan.ts';
import { type Backoff, backoffOf } from './backoff.ts';
import {
  failureOf,
  judge,
  type Progress,
  readAgain,
  type Sent,
  type Stop,
  supersededBy,
} from './request-failures.ts';
import { contentAfter, leftOf, misses } from './zone-content.ts';

export interface EnactInput {
  readonly provider: Pick<Provider, 'read' | 'apply'>;
  readonly capabilities: Pick<Capabilities, 'preconditions' | 'batch'>;
  readonly zone: ProviderZone;
  readonly plan: ZonePlan;
  /** What the plan was made from. */
  readonly content: ZoneContent;
  /** When `content` was read, on `clock.monotonicMs`; absent: long ago. Unless the provider applies all or nothing, old content is read again first. */
  readonly readAtMs?: number;
  readonly clock: ProviderClock;
  /** In [0, 1). */
  readonly random: () => number;
  /** The hub ends, or lost its lead. */
  readonly signal: AbortSignal;
  /** False once a newer plan of the zone is there: no further request of this one is sent. */
  readonly isNewest: () => boolean;
  /** Writes the fence even if there is nothing else to write: whoever wrote before with an older epoch is refused from then on. */
  readonly claims?: boolean;
  /** Instant on `clock.monotonicMs` after which nothing more is sent; default: 4 minutes from now. */
  readonly untilMs?: number;
}

/**
 * - `applied`: all of it, but for what is held. - `conflict`: the zone is not as it was read; `content` is what it is now, if known: plan again.
 * - `superseded`: a newer hub writes this zone (PROVIDER_SUPERSEDED): stop for good. - `overtaken`: a newer plan is there. - `stopped`: by `signal`.
 * - `unavailable`: it did not answer within the time. - `failed`: it will not without a person (credentials, zone gone).
 */
export type EnactmentEnd =
  | 'applied'
  | 'conflict'
  | 'superseded'
  | 'overtaken'
  | 'stopped'
  | 'unavailable'
  | 'failed';

export interface Enactment {
  readonly end: EnactmentEnd;
  /** Groups that the provider has. */
  readonly applied: readonly ChangeGroup[];
  /** Names that were refused, each with why. Not those that the plan held already. */
  readonly held: readonly HeldName[];
  /** The zone as it is now; `undefined`: it has to be read before the next plan. */
  readonly content: ZoneContent | undefined;
  /** Something is left to do that a new plan from `content` (or a new read) may do. */
  readonly replan: boolean;
  /** What ended it, with `superseded`, `unavailable` and `failed`; with `overtaken`: what the request met that was not tried again. */
  readonly failure: PortolanError | ProviderError | undefined;
  /** Where nothing is checked: names that are not as they were written, found by reading again. */
  readonly differences: readonly DomainName[];
  /** The newest stamp that we know to be in the fence. */
  readonly stamp: FenceStamp | undefined;
  /** Requests sent to change something, tries included. */
  readonly requests: number;
}

/** Content older than this is read again where a batch is not all or nothing. */
const TRUSTED_MS = 2_000;
const PATIENCE_MS = 240_000;

/**
 * Sends a plan, request by request. What was planned against something that is not there any more is not sent, or not taken; what was taken though its answer
 * was lost is not sent twice; one record that is refused holds up no other. Never rejects.
 */
export async function enact(input: EnactInput): Promise<Enactment> {
  const { plan, content } = input;
  const progress: Progress = {
    content,
    fenceSet: plan.fenceSet,
    stamp: plan.foundStamp,
    step: firstStep(plan),
    requests: 0,
    applied: [],
    held: [],
  };
  const newer = supersededBy(plan, plan.foundStamp);
  if (newer !== undefined) return outcome(progress, newer, []);
  if (plan.groups.length === 0 && input.claims !== true) return outcome(progress, undefined, []);
  const backoff = backoffOf(
    input.clock,
    input.random,
    input.untilMs ?? input.clock.monotonicMs() + PATIENCE_MS,
  );
  const stop = await sendAll(input, progress, backoff);
  return await confirm(input, progress, backoff, stop);
}

async function sendAll(input: EnactInput, progress: Progress, backoff: Backoff): Promise<Stop | undefined> {
  const { plan, capabilities } = input;
  let groups = plan.groups;
  if (needsLook(input)) {
    const look = await readAgain(input, progress, backoff);
    if (look !== undefined) return look;
    const left = leftOf(groups, progress.content);
    if (left === 'conflict') return { end: 'conflict' };
    groups = left;
  }
  const { packs, held } = packGroups(plan, groups, capabilities.batch);
  progress.held.push(...held);
  const queue = packs.map((pack) => [...pack]);
  if (queue.length === 0 && input.claims === true) queue.push([]);
  for (let pack = queue.shift(); pack !== undefined; pack = queue.shift()) {
    const result = await send(input, progress, backoff, pack);
    if (result === 'applied') continue;
    if ('end' in result) return result;
    // The halves go before everything else, so that requests keep the plan's order.
    queue.unshift(...result.split.map((part) => [...part]));
  }
  return undefined;
}

/**
 * Whether old content has to be read again first: always where nothing is checked; set by set when names are created, because between our marker and a refused
 * record of ours somebody's record would look as if it were ours.
 */
function needsLook({ capabilities, plan, readAtMs, clock }: EnactInput): boolean {
  if (capabilities.preconditions === 'atomic') return false;
  if (readAtMs !== undefined && clock.monotonicMs() - readAtMs <= TRUSTED_MS) return false;
  const creates = plan.groups.some(({ changes }) => changes.some(({ before }) => before === undefined));
  return capabilities.preconditions === 'none' || creates;
}

/** One request, until it is certain what became of it. */
async function send(
  input: EnactInput,
  progress: Progress,
  backoff: Backoff,
  whole: readonly ChangeGroup[],
): Promise<Sent> {
  const { plan, provider, zone, signal } = input;
  let groups = whole;
  let failure: ProviderError | undefined;
  for (let attempt = 0; ; attempt += 1) {
    if (signal.aborted) return { end: 'stopped' };
    if (!input.isNewest())
      return failure === undefined ? { end: 'overtaken' } : { end: 'overtaken', failure };
    const stamp = { ...plan.fence, step: progress.step, plan: plan.hash };
    const fence = fenceChange(plan, progress.fenceSet, stamp);
    const batch: Batch = { groups, fence, tokens: progress.content?.tokens ?? new Map<string, string>() };
    progress.requests += 1;
    try {
      await provider.apply(zone, batch, signal);
      accept(progress, groups, fence.after, stamp);
      progress.applied.push(...whole);
      return 'applied';
    } catch (thrown) {
      // What is aborted may have been sent: nobody knows.
      if (signal.aborted) {
        progress.content = undefined;
        return { end: 'stopped' };
      }
      const error = failureOf(thrown);
      failure = error;
      const next = await judge(input, progress, backoff, {
        error,
        attempt,
        groups,
        stamp,
      });
      if (next === 'applied') {
        progress.applied.push(...whole);
        return 'applied';
      }
      if (!('again' in next)) return next;
      groups = next.again;
    }
  }
}

/** The last look: where the provider checks nothing or not all at once, the zone is read again and compared with what was written. */
async function confirm(
  input: EnactInput,
  progress: Progress,
  backoff: Backoff,
  stop: Stop | undefined,
): Promise<Enactment> {
  if (input.capabilities.preconditions === 'atomic' || progress.requests === 0)
    return outcome(progress, stop, []);
  if (stop !== undefined) {
    // What was written here has no tokens yet; after a conflict the zone was just read.
    if (stop.end !== 'conflict') progress.content = undefined;
    return outcome(progress, stop, []);
  }
  const ended = await readAgain(input, progress, backoff);
  if (ended !== undefined) return outcome(progress, ended, []);
  return outcome(progress, undefined, misses(progress.applied, progress.content));
}

function accept(
  progress: Progress,
  groups: readonly ChangeGroup[],
  fence: RecordSet,
  stamp: FenceStamp,
): void {
  progress.content = contentAfter(progress.content, groups, fence);
  progress.fenceSet = fence;
  progress.stamp = stamp;
  progress.step += 1;
}

function outcome(progress: Progress, stop: Stop | undefined, differences: readonly DomainName[]): Enactment {
  const { applied, held, content, stamp, requests } = progress;
  const end = stop?.end ?? 'applied';
  return {
    end,
    applied,
    held,
    content,
    replan: end === 'conflict' || end === 'overtaken' || differences.length > 0,
    failure: stop?.failure,
    differences,
    stamp,
    requests,
  };
}
