/**
 * Why a call was not answered. `forbidden`: an address or URL that may not be called (I32). `redirected`: 3xx, which is never followed.
 * `overloaded`: too many calls are under way. `limit`: the answer is longer than allowed or encoded. `network`: everything else.
 */
export type OutboundReason =
  | 'forbidden'
  | 'redirected'
  | 'timeout'
  | 'limit'
  | 'overloaded'
  | 'network'
  | 'answer';

/** A call that gave no usable answer. The message names host and cause; it never holds a header, a body or a query. */
export class OutboundFailure extends Error {
  override readonly name = 'OutboundFailure';
  readonly reason: OutboundReason;
  /** The connection was an old one that the other side may just have closed: worth one more try. */
  readonly stale: boolean;

  constructor(
    reason: OutboundReason,
    message: string,
    options: { readonly cause?: unknown; readonly stale?: boolean } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = reason;
    this.stale = options.stale ?? false;
  }
}
