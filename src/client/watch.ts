import { PortolanError } from '../errors/error.ts';
import type { AnyResource } from '../resources/catalogue.ts';
import { readEvents } from './event-stream.ts';
import { errorOfProblem, errorOfResponse, unreachable } from './problem.ts';
import { isResource } from './stored.ts';

export type WatchedChange =
  | {
      readonly type: 'added' | 'modified' | 'deleted';
      readonly revision: number;
      readonly object: AnyResource;
    }
  /** Every object that was there has been given as `added`; from here on come changes. */
  | { readonly type: 'synced'; readonly revision: number }
  /** What was missed cannot be told any more: forget everything; `added` for all and `synced` follow. */
  | { readonly type: 'restarted' };

export interface WatchOptions {
  readonly signal: AbortSignal;
  /** Only changes after this revision; without it the present objects come first. */
  readonly fromRevision?: number;
  /** Called when the stream broke and is opened again. */
  readonly onReconnect?: (error: PortolanError) => void;
}

export interface WatchTransport {
  /** For messages. */
  readonly server: string;
  /** Opens the stream; `lastEventId` is absent when it starts with the present objects. */
  readonly open: (lastEventId: string | undefined, signal: AbortSignal) => Promise<Response>;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A stream without even a heartbeat for this long is taken for dead (the hub sends one every 15 s). */
const SILENCE_MS = 45_000;
const FIRST_DELAY_MS = 250;
const LAST_DELAY_MS = 5_000;

/**
 * Follows changes until `signal` aborts. A broken stream is opened again where it broke; nothing is lost or given twice.
 * @throws PortolanError when the first connection fails, or the hub refuses (UNAUTHENTICATED, FORBIDDEN, …)
 */
export async function* watchChanges(
  transport: WatchTransport,
  options: WatchOptions,
): AsyncGenerator<WatchedChange> {
  /** The place to resume after: a revision, or `revision.position` within a commit. */
  let place = options.fromRevision === undefined ? undefined : String(options.fromRevision);
  /** Revisions given before `synced` are no place to resume from: the list was not complete. */
  let listing = place === undefined;
  let delayMs = FIRST_DELAY_MS;
  let connectedBefore = false;
  while (!options.signal.aborted) {
    const attempt = new AbortController();
    const signal = AbortSignal.any([options.signal, attempt.signal]);
    try {
      const response = await transport.open(place, signal);
      if (!response.ok) throw await errorOfResponse(response, transport.server);
      if (response.body === null)
        throw new PortolanError('HUB_UNREACHABLE', `${transport.server} sent an empty answer`);
      connectedBefore = true;
      let silence = setTimeout(() => attempt.abort(), SILENCE_MS);
      const alive = (): void => {
        clearTimeout(silence);
        silence = setTimeout(() => attempt.abort(), SILENCE_MS);
      };
      try {
        for await (const event of readEvents(response.body, alive)) {
          if (event.event === 'error')
            throw errorOfProblem(parse(event.data)) ?? new PortolanError('INTERNAL', 'the watch failed');
          const change = changeOf(event.event, event.data);
          if (change === undefined) continue;
          delayMs = FIRST_DELAY_MS;
          if (change.type === 'synced') listing = false;
          if (change.type !== 'restarted' && !listing)
            place = event.id === '' ? String(change.revision) : event.id;
          yield change;
        }
      } finally {
        clearTimeout(silence);
        attempt.abort();
      }
      throw new PortolanError('HUB_UNREACHABLE', `${transport.server} ended the watch`);
    } catch (thrown) {
      if (options.signal.aborted) return;
      const error = unreachable(thrown, transport.server);
      const restart = error.code === 'WATCH_EXPIRED' && place !== undefined;
      const passing = [
        'HUB_UNREACHABLE',
        'NOT_READY',
        'STORE_UNAVAILABLE',
        'TIMEOUT',
        'TOO_MANY_WATCHES',
      ].includes(error.code);
      if (!connectedBefore || !(restart || passing || error.code === 'WATCH_EXPIRED')) throw error;
      options.onReconnect?.(error);
      if (restart || listing) {
        place = undefined;
        listing = true;
        yield { type: 'restarted' };
      }
      await transport.sleep(delayMs, options.signal).catch(() => undefined);
      delayMs = Math.min(delayMs * 2, LAST_DELAY_MS);
    }
  }
}

function changeOf(event: string, data: string): WatchedChange | undefined {
  const body = parse(data);
  if (typeof body !== 'object' || body === null || !('revision' in body) || typeof body.revision !== 'number')
    return undefined;
  if (event === 'synced') return { type: 'synced', revision: body.revision };
  if (
    (event === 'added' || event === 'modified' || event === 'deleted') &&
    'object' in body &&
    isResource(body.object)
  ) {
    return { type: event, revision: body.revision, object: body.object };
  }
  return undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
