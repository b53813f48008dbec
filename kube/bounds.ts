/** What a client of the Kubernetes API may grow to; nothing in this folder grows without one of these. */
export interface KubeBounds {
  /** One line of a watch. An object in etcd has 1.5 MB at most, by its default. */
  readonly lineBytes: number;
  /** One answer; a page of a list that is longer is asked for anew with fewer objects in it. */
  readonly answerBytes: number;
  readonly pageObjects: number;
  /** Connections that requests share. A watch has its own. */
  readonly connections: number;
  /** From the first byte that is sent to the last that is read. */
  readonly requestMs: number;
  /** A `Retry-After` beyond this is not waited for: the caller is told. */
  readonly retryAfterMs: number;
  readonly retries: number;
  /** How long the server shall keep a watch open: drawn anew for each, so that they do not end together. */
  readonly watchSeconds: { readonly min: number; readonly max: number };
  /** A watch that had a bookmark has one every minute: so long without a byte, and it is taken for dead. */
  readonly silenceMs: number;
  /** Groups and versions whose resources are remembered, and for how long. */
  readonly served: number;
  readonly servedMs: number;
}

export const KUBE_BOUNDS: KubeBounds = {
  lineBytes: 8 * 1024 * 1024,
  answerBytes: 64 * 1024 * 1024,
  pageObjects: 500,
  connections: 16,
  requestMs: 30_000,
  retryAfterMs: 10_000,
  retries: 3,
  watchSeconds: { min: 240, max: 480 },
  silenceMs: 180_000,
  served: 256,
  servedMs: 60_000,
};
