import { PortolanError } from '../../src/errors/error.ts';
import type { AgentLog } from '../log.ts';
import { type ClusterWatch, type WatchDeps, watchCluster } from './cluster-watch.ts';
import { hasPair, type KeptSecret, projectSecret, unseenSecret } from './project-core.ts';
import { SECRETS } from './resources.ts';
import { type ClusterSecretFile, type SecretValues, writeClusterSecrets } from './secret-file.ts';

/** Each is watched by itself, so that a Role can name it. */
const MAX_SECRETS = 256;
const TOO_MANY = `the agent follows ${MAX_SECRETS} Secrets at most`;
const NOT_NAMED = 'kubernetes.secrets of the agent does not name it';
const WRITE_AFTER_MS = 50;
const WRITE_AGAIN_MS = 5_000;

export interface ClusterSecretsOptions {
  readonly watch: WatchDeps;
  readonly dataDir: string;
  readonly file: ClusterSecretFile;
  /** Only these may be read; undefined: whatever Gateways refer to. */
  readonly granted: readonly string[] | undefined;
  /** What is told of one is otherwise. */
  readonly onChange: (name: string) => void;
  /** The file holds other values. */
  readonly onWritten: () => void;
  readonly log: AgentLog;
}

/** Secrets of the cluster that its Gateways refer to, by name and no others. Their values go into the file, and nowhere else. */
export interface ClusterSecrets {
  /** From now on these (`namespace/name`). Not before what refers to them is known: values that are not named any more leave the file. */
  want(names: ReadonlySet<string>): void;
  content(name: string): string | undefined;
  names(): Iterable<string>;
  readonly watches: readonly ClusterWatch<KeptSecret>[];
  /** Named by Gateways, and not by the configuration. */
  readonly notGranted: readonly string[];
  readonly settled: boolean;
  close(): Promise<void>;
}

export function createClusterSecrets(options: ClusterSecretsOptions): ClusterSecrets {
  const { granted, log, watch } = options;
  const digestKey = Buffer.from(options.file.digestKey, 'base64');
  const watches = new Map<string, ClusterWatch<KeptSecret>>();
  const good = new Map<string, SecretValues>(Object.entries(options.file.secrets));
  let notGranted: readonly string[] = [];
  /** Named, and not followed: why. */
  let leftOut: ReadonlyMap<string, string> = new Map();
  let standing = JSON.stringify(options.file.secrets);
  let isWanted = false;
  let cancel: (() => void) | undefined;
  let writing: Promise<void> = Promise.resolve();
  let closed = false;

  const item = (name: string): KeptSecret | undefined => watches.get(name)?.items.get(name);

  const save = (delayMs: number): void => {
    if (closed || !isWanted) return;
    cancel ??= watch.after(delayMs, () => {
      cancel = undefined;
      writing = writing.then(write);
    });
  };

  const write = async (): Promise<void> => {
    if (closed) return;
    const secrets = Object.fromEntries([...watches.keys()].sort().flatMap((name) => entry(name)));
    const next = JSON.stringify(secrets);
    if (next === standing) return;
    try {
      await writeClusterSecrets(options.dataDir, { digestKey: options.file.digestKey, secrets });
      standing = next;
      options.onWritten();
    } catch (thrown) {
      const err = PortolanError.from(thrown);
      log.error(
        { err },
        "certificates of the cluster's Secrets cannot be kept; what was served before stays",
      );
      save(WRITE_AGAIN_MS);
    }
  };

  /** Values of before while there is no word of a Secret, and while what it holds cannot be served. */
  const entry = (name: string): readonly (readonly [string, SecretValues])[] => {
    const found = item(name);
    const seen = watches.get(name)?.states.some(({ state }) => state.synced) === true;
    if (found === undefined && seen) good.delete(name);
    const values = good.get(name);
    return values === undefined ? [] : [[name, values]];
  };

  /** Why there has been no word of a Secret yet, when that is for want of a right. */
  const denialOf = (name: string): string | undefined => {
    for (const { state } of watches.get(name)?.states ?? [])
      if (!state.synced && state.problem?.kind === 'forbidden') return state.problem.message;
    return undefined;
  };

  const open = (name: string): ClusterWatch<KeptSecret> => {
    const at = name.indexOf('/');
    let denied: string | undefined;
    const onState = (): void => {
      // What is told of one that may not be read goes by that.
      const now = denialOf(name);
      if (now !== denied) options.onChange(name);
      denied = now;
      watch.onState();
    };
    const one = watchCluster<KeptSecret>(
      { ...watch, onState },
      {
        versions: [SECRETS],
        only: { namespace: name.slice(0, at), name: name.slice(at + 1) },
        project(object, before) {
          const found = projectSecret(digestKey, object, before, () => hasPair(good.get(name)));
          // Kept at once: the next event may be a pair that does not fit.
          if (found !== undefined && (found.servable || !hasPair(good.get(name))))
            good.set(name, found.values);
          return found;
        },
        onChange() {
          options.onChange(name);
          save(WRITE_AFTER_MS);
        },
      },
    );
    one.start();
    return one;
  };

  return {
    want(names) {
      const allowed = granted === undefined ? names : new Set(granted);
      notGranted = [...names].filter((name) => !allowed.has(name)).sort();
      const wanted = new Set([...allowed].slice(0, MAX_SECRETS));
      for (const [name, one] of watches) {
        if (wanted.has(name)) continue;
        watches.delete(name);
        good.delete(name);
        void one.close();
        options.onChange(name);
      }
      for (const name of wanted) if (!watches.has(name)) watches.set(name, open(name));
      const before = leftOut;
      leftOut = new Map(
        [...names]
          .filter((name) => !wanted.has(name))
          .map((name) => [name, allowed.has(name) ? TOO_MANY : NOT_NAMED]),
      );
      for (const name of new Set([...before.keys(), ...leftOut.keys()]))
        if (before.get(name) !== leftOut.get(name)) options.onChange(name);
      isWanted = true;
      save(WRITE_AFTER_MS);
    },
    content(name) {
      const found = item(name);
      if (found !== undefined) return found.content;
      const why = leftOut.get(name);
      if (why !== undefined) return unseenSecret(digestKey, undefined, why);
      const denial = denialOf(name);
      return denial === undefined
        ? undefined
        : unseenSecret(digestKey, good.get(name), `the agent may not read it (${denial})`);
    },
    names: () => [...watches.keys(), ...leftOut.keys()],
    get watches() {
      return [...watches.values()];
    },
    get notGranted() {
      return notGranted;
    },
    get settled() {
      return isWanted && [...watches.values()].every((one) => one.settled);
    },
    async close() {
      closed = true;
      cancel?.();
      await Promise.all([...watches.values()].map((one) => one.close()));
      await writing;
    },
  };
}
