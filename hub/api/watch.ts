import { PortolanError } from '../../src/errors/error.ts';
import type { AnyResource, Kind } from '../../src/resources/catalogue.ts';
import type { PlacedEvent } from '../store/contract.ts';
import type { ApiContext } from './endpoint.ts';
import { may } from './permissions.ts';
import type { Principal } from './principal.ts';
import { presentable } from './writes.ts';

export interface WatchRequest {
  readonly kind?: Kind;
  readonly namespace?: string;
  /** Events after this revision; without it the present objects come first, as `added`, then `synced`. */
  readonly fromRevision?: number;
  /** With `fromRevision`: after this event of it, where a commit was given in part. */
  readonly fromPosition?: number;
  readonly principal: Principal;
  readonly signal: AbortSignal;
}

/**
 * The body of a watch as server-sent events: `added`, `modified`, `deleted` with `id` = revision.position and `data` = {type, revision,
 * object}; `synced` after the initial list; `error` with a Problem (WATCH_EXPIRED, UNAUTHENTICATED) before the stream ends by itself.
 * A comment every heartbeat keeps proxies and the reader's own deadline calm, and is when the token is checked again.
 */
export async function* watchEvents(request: WatchRequest, context: ApiContext): AsyncGenerator<string> {
  const { principal } = request;
  const abort = new AbortController();
  const signal = AbortSignal.any([request.signal, abort.signal]);
  const filter = {
    ...(request.kind === undefined ? {} : { kind: request.kind }),
    ...(request.namespace === undefined ? {} : { namespace: request.namespace }),
  };
  const visible = (object: AnyResource): boolean =>
    may(principal.bindings, `${object.kind}.read`, object.metadata.namespace);
  yield ': portolan watch\n\n';
  try {
    let from = request.fromRevision;
    const place =
      from === undefined || request.fromPosition === undefined ? {} : { fromPosition: request.fromPosition };
    if (from === undefined) {
      const { items, revision } = await context.store.list(filter);
      for (const object of items) {
        if (visible(object))
          yield message('added', {
            type: 'added',
            revision: Number(object.metadata.resourceVersion),
            object: presentable(object),
          });
      }
      yield message('synced', { revision }, revision);
      from = revision;
    }
    const events = context.store
      .watch({ ...filter, fromRevision: from, ...place, signal })
      [Symbol.asyncIterator]();
    let next = events.next();
    for (;;) {
      const winner = await firstOf(next, context.streams.heartbeatMs, signal);
      if (winner === 'aborted') return;
      if (winner === 'heartbeat') {
        if (!(await principal.stillValid()))
          throw new PortolanError('UNAUTHENTICATED', 'the token of this watch was revoked or has expired');
        yield ': heartbeat\n\n';
        continue;
      }
      if (winner.done === true) return;
      next = events.next();
      // Kept handled while we are suspended in the yield below; it is awaited by the next round.
      next.catch(() => undefined);
      if (visible(winner.value.object)) yield eventMessage(winner.value);
    }
  } catch (thrown) {
    yield message('error', PortolanError.from(thrown).toProblem());
  } finally {
    abort.abort();
  }
}

async function firstOf(
  next: Promise<IteratorResult<PlacedEvent>>,
  heartbeatMs: number,
  signal: AbortSignal,
): Promise<IteratorResult<PlacedEvent> | 'heartbeat' | 'aborted'> {
  if (signal.aborted) return 'aborted';
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await Promise.race([
      next,
      new Promise<'heartbeat'>((resolve) => {
        timer = setTimeout(() => resolve('heartbeat'), heartbeatMs);
      }),
      new Promise<'aborted'>((resolve) => {
        onAbort = () => resolve('aborted');
        signal.addEventListener('abort', onAbort, { once: true });
      }),
    ]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

function eventMessage(event: PlacedEvent): string {
  const { type, revision, position, object } = event;
  return message(type, { type, revision, object: presentable(object) }, `${revision}.${position}`);
}

/** One server-sent event. JSON has no raw line breaks, so `data` is one line. */
function message(event: string, data: unknown, id?: number | string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
