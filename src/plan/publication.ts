import { PortolanError } from '../errors/error.ts';

/** Orders publications: a newer leader's epoch first, then the content generation within it. */
export interface Fence {
  readonly epoch: number;
  readonly generation: number;
}

/** Negative when `a` is older than `b`. */
export function compareFences(a: Fence, b: Fence): number {
  return a.epoch === b.epoch ? a.generation - b.generation : a.epoch - b.epoch;
}

/** One complete desired content, named by the hash of its bytes. */
export interface Publication {
  readonly hash: string;
  readonly fence: Fence;
  readonly content: string;
}

/**
 * What was planned and what is live. Immutable: every function returns a new log. The rules that keep a slow enactor and
 * an eager cleanup from emptying a record stand here and nowhere else:
 * - a publication older than the live one is refused (I1), however late it comes;
 * - what is live, or referenced by anyone, is never collected (I3);
 * - a rollback is a new generation with old content.
 */
export interface PublicationLog {
  readonly live: Publication | undefined;
  readonly known: ReadonlyMap<string, Publication>;
}

export const EMPTY_LOG: PublicationLog = { live: undefined, known: new Map() };

/** Remembers a planned publication; it is not live yet. The same content planned again keeps its newest fence. */
export function register(log: PublicationLog, publication: Publication): PublicationLog {
  const known = log.known.get(publication.hash);
  if (known !== undefined && compareFences(known.fence, publication.fence) >= 0) return log;
  return { ...log, known: new Map(log.known).set(publication.hash, publication) };
}

export type ApplyResult =
  | { readonly applied: true; readonly log: PublicationLog }
  | { readonly applied: false; readonly error: PortolanError };

/** Makes `hash` live under `fence`, unless something newer is, or it was collected. */
export function apply(log: PublicationLog, hash: string, fence: Fence): ApplyResult {
  const publication = log.known.get(hash);
  if (publication === undefined) {
    return {
      applied: false,
      error: new PortolanError('CONFLICT', `publication ${hash} is not known any more; plan again`),
    };
  }
  const order = log.live === undefined ? 1 : compareFences(fence, log.live.fence);
  if (log.live !== undefined && (order < 0 || (order === 0 && log.live.hash !== hash))) {
    const { epoch, generation } = log.live.fence;
    return {
      applied: false,
      error: new PortolanError(
        'CONFLICT',
        `publication ${fence.epoch}.${fence.generation} is not newer than the live ${epoch}.${generation}; it was not applied`,
      ),
    };
  }
  const live = { ...publication, fence };
  return { applied: true, log: { live, known: new Map(log.known).set(hash, live) } };
}

/** Forgets old publications: never the live one, never a referenced one, never one planned after the live one. */
export function collect(
  log: PublicationLog,
  referenced: ReadonlySet<string>,
  keepNewest: number,
): PublicationLog {
  const byAge = [...log.known.values()].sort((a, b) => compareFences(b.fence, a.fence));
  const kept = byAge.filter(
    (p, rank) =>
      rank < keepNewest ||
      p.hash === log.live?.hash ||
      referenced.has(p.hash) ||
      (log.live !== undefined && compareFences(p.fence, log.live.fence) > 0),
  );
  return { ...log, known: new Map(kept.map((p) => [p.hash, p])) };
}
