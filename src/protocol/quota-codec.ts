import { create } from '@bufbuild/protobuf';
import { PortolanError } from '../errors/error.ts';
import type {
  EntryGrant,
  EntryReport,
  HoldingGrant,
  HoldingReport,
  QuotaReply,
  QuotaRequest,
} from '../quota/messages.ts';
import {
  QuotaReplySchema,
  QuotaRequestSchema,
  type QuotaReply as ReplyMessage,
  type QuotaRequest as RequestMessage,
} from './generated/portolan_pb.js';

/** Keys in one message: more are refused rather than read. */
export const MAX_ENTRIES = 1_000_000;

export function encodeQuotaRequest(request: QuotaRequest): RequestMessage {
  const { waiver, entries } = request;
  const message = create(QuotaRequestSchema, {
    session: request.session,
    sentMs: request.sentMs,
    ledger: request.ledger,
    budgetsVersion: request.budgets,
    shares: request.shares.map((share) => ({ ...share })),
    names: request.names.map((name) => ({ ...name })),
    ...(waiver === undefined ? {} : { waivedSinceMs: waiver.sinceMs, waivedUntilMs: waiver.untilMs }),
    ...(request.takenHubMs === undefined ? {} : { takenHubMs: request.takenHubMs }),
  });
  for (const { id, demand, waiting, holdings } of entries) {
    message.ids.push(id);
    message.demand.push(demand);
    message.waiting.push(waiting);
    message.holdingCounts.push(holdings.length);
    for (const { startMs, returned, spent, marks = [] } of holdings) {
      message.startMs.push(startMs);
      message.returned.push(returned);
      message.spent.push(spent);
      message.markCounts.push(marks.length);
      for (const mark of marks) {
        message.markSpent.push(mark.spent);
        message.markAgeMs.push(mark.ageMs);
      }
    }
  }
  return message;
}

/** @throws PortolanError VALIDATION_FAILED when columns do not fit together or a number is none that can be meant */
export function decodeQuotaRequest(message: RequestMessage): QuotaRequest {
  const { ids, demand, waiting, holdingCounts, startMs, returned, spent, markCounts, markSpent, markAgeMs } =
    message;
  sameLength(ids, demand, waiting, holdingCounts);
  sameLength(startMs, returned, spent, markCounts);
  sameLength(markSpent, markAgeMs);
  whole(returned);
  whole(spent);
  whole(markSpent);
  positive(demand);
  whole(waiting);
  positive(markAgeMs);
  finite(startMs);
  const entries: EntryReport[] = [];
  let holding = 0;
  let mark = 0;
  for (let at = 0; at < ids.length; at += 1) {
    const holdings: HoldingReport[] = [];
    for (const end = upTo(holding, holdingCounts[at], startMs.length); holding < end; holding += 1) {
      const marks: { spent: number; ageMs: number }[] = [];
      for (const last = upTo(mark, markCounts[holding], markSpent.length); mark < last; mark += 1)
        marks.push({ spent: markSpent[mark] ?? 0, ageMs: markAgeMs[mark] ?? 0 });
      holdings.push({
        startMs: startMs[holding] ?? 0,
        returned: returned[holding] ?? 0,
        spent: spent[holding] ?? 0,
        ...(marks.length === 0 ? {} : { marks }),
      });
    }
    entries.push({ id: ids[at] ?? 0, demand: demand[at] ?? 0, waiting: waiting[at] ?? 0, holdings });
  }
  if (holding !== startMs.length || mark !== markSpent.length) throw misfit();
  const { waivedSinceMs: sinceMs, waivedUntilMs: untilMs } = message;
  finite([message.sentMs, message.budgetsVersion, sinceMs ?? 0, untilMs ?? 0, message.takenHubMs ?? 0]);
  return {
    session: message.session,
    sentMs: message.sentMs,
    ledger: message.ledger,
    budgets: message.budgetsVersion,
    ...(message.takenHubMs === undefined ? {} : { takenHubMs: message.takenHubMs }),
    ...(sinceMs === undefined || untilMs === undefined ? {} : { waiver: { sinceMs, untilMs } }),
    shares: message.shares.map(({ scope, millionths }) => ({ scope, millionths })),
    names: message.names.map(({ id, budget, key }) => ({ id, budget, key })),
    entries,
  };
}

export function encodeQuotaReply(reply: QuotaReply): ReplyMessage {
  const message = create(QuotaReplySchema, {
    session: reply.session,
    ledger: reply.ledger,
    epoch: reply.epoch,
    hubMs: reply.hubMs,
    sentMs: reply.sentMs,
    closed: reply.closed,
    leaseMs: reply.leaseMs,
    intervalMs: reply.intervalMs,
    shares: reply.shares.map((share) => ({ ...share })),
    unknown: [...reply.unknown],
  });
  for (const { id, limit, horizonMs, holdings } of reply.entries) {
    message.ids.push(id);
    message.limit.push(limit);
    message.horizonMs.push(horizonMs);
    message.holdingCounts.push(holdings.length);
    for (const { startMs, endMs, granted, left, elsewhere } of holdings) {
      message.startMs.push(startMs);
      message.endMs.push(endMs);
      message.granted.push(granted);
      message.left.push(left);
      if (elsewhere !== undefined) message.elsewhere.push(elsewhere);
    }
  }
  return message;
}

/** @throws PortolanError VALIDATION_FAILED */
export function decodeQuotaReply(message: ReplyMessage): QuotaReply {
  const { ids, limit, horizonMs, holdingCounts, startMs, endMs, granted, left, elsewhere } = message;
  sameLength(ids, limit, horizonMs, holdingCounts);
  sameLength(startMs, endMs, granted, left);
  if (elsewhere.length > 0) sameLength(startMs, elsewhere);
  whole(granted);
  whole(elsewhere);
  positive(limit);
  positive(horizonMs);
  const { epoch, hubMs, sentMs, leaseMs, intervalMs } = message;
  finite([epoch, hubMs, sentMs]);
  positive([leaseMs, intervalMs]);
  const entries: EntryGrant[] = [];
  let holding = 0;
  for (let at = 0; at < ids.length; at += 1) {
    const holdings: HoldingGrant[] = [];
    for (const end = upTo(holding, holdingCounts[at], startMs.length); holding < end; holding += 1)
      holdings.push({
        startMs: startMs[holding] ?? 0,
        endMs: endMs[holding] ?? 0,
        granted: granted[holding] ?? 0,
        left: left[holding] ?? 0,
        ...(elsewhere.length === 0 ? {} : { elsewhere: elsewhere[holding] ?? 0 }),
      });
    entries.push({ id: ids[at] ?? 0, limit: limit[at] ?? 0, horizonMs: horizonMs[at] ?? 0, holdings });
  }
  if (holding !== startMs.length) throw misfit();
  return {
    session: message.session,
    ledger: message.ledger,
    epoch,
    hubMs,
    sentMs,
    closed: message.closed,
    leaseMs,
    intervalMs,
    shares: message.shares.map(({ scope, millionths }) => ({ scope, millionths })),
    entries,
    unknown: message.unknown,
  };
}

function upTo(from: number, count: number | undefined, length: number): number {
  const end = from + (count ?? 0);
  if (end > length) throw misfit();
  return end;
}

function sameLength(...columns: readonly (readonly number[])[]): void {
  const length = columns[0]?.length ?? 0;
  if (length > MAX_ENTRIES || columns.some((column) => column.length !== length)) throw misfit();
}

function whole(column: readonly number[]): void {
  if (!column.every((value) => Number.isSafeInteger(value) && value >= 0)) throw misfit();
}

function positive(column: readonly number[]): void {
  if (!column.every((value) => value >= 0 && Number.isFinite(value))) throw misfit();
}

function finite(column: readonly number[]): void {
  if (!column.every(Number.isFinite)) throw misfit();
}

function misfit(): PortolanError {
  return new PortolanError('VALIDATION_FAILED', 'the columns of a quota message do not fit together');
}
