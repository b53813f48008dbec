/** One DS record; the digest is hex in lower case. */
export interface ParentDs {
  readonly keyTag: number;
  readonly algorithm: number;
  readonly digestType: number;
  readonly digest: string;
}

/** What the servers of the parent zone said about the zone's DS set, each asked for itself. */
export interface ParentView {
  /** Wall clock. */
  readonly atMs: number;
  readonly servers: readonly (
    | {
        readonly address: string;
        /** Empty: it has none. */
        readonly ds: readonly ParentDs[];
        /** Of the DS set; 0 when there is none. */
        readonly ttlSeconds: number;
      }
    | { readonly address: string; readonly error: string }
  )[];
}

/** Whether every server of the parent has one of these DS; `unknown` while one of them, or none at all, answered. */
export function dsEverywhere(
  view: ParentView,
  wanted: readonly ParentDs[],
): 'everywhere' | 'missing' | 'unknown' {
  const missing = view.servers.some(
    (server) => 'ds' in server && !server.ds.some((ds) => wanted.some((key) => sameDs(ds, key))),
  );
  if (missing) return 'missing';
  return view.servers.length > 0 && view.servers.every((server) => 'ds' in server) ? 'everywhere' : 'unknown';
}

/** True when every server of the parent answered that there is no DS. */
export function dsNowhere(view: ParentView): boolean {
  return view.servers.length > 0 && view.servers.every((server) => 'ds' in server && server.ds.length === 0);
}

/** Longest TTL of a DS set that was seen; `undefined` when none was. */
export function longestDsTtl(view: ParentView): number | undefined {
  const ttls = view.servers.flatMap((server) =>
    'ds' in server && server.ds.length > 0 ? [server.ttlSeconds] : [],
  );
  return ttls.length === 0 ? undefined : Math.max(...ttls);
}

function sameDs(a: ParentDs, b: ParentDs): boolean {
  return (
    a.keyTag === b.keyTag &&
    a.algorithm === b.algorithm &&
    a.digestType === b.digestType &&
    a.digest === b.digest
  );
}
