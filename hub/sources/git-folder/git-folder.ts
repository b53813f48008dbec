import { messageOf, PortolanError } from '../../../src/errors/error.ts';
import type { Outcome, Source, SourcePass, SourceStatus, SourceSync, WantedSet } from '../contract.ts';
import { createFolderWatch, type FolderWatch } from './folder-watch.ts';
import { type ParsedFolder, type Problem, parseFolder } from './parse-folder.ts';
import { type FolderListing, linkFolders, listFolder, readListed, revisionOf } from './read-folder.ts';
import { type GitFolderStatus, writeStatusFile } from './status-file.ts';

export interface GitFolderOptions {
  /** Absolute; may be a symbolic link that is swapped. */
  readonly path: string;
  /** Milliseconds between two looks when nothing was heard of a change. */
  readonly intervalMs: number;
  /** Absolute; written after every pass. */
  readonly statusFile?: string;
  /** False: nothing is ever removed. */
  readonly prune: boolean;
  /** True: the document of a TrafficPolicy or Zone may go like any other. */
  readonly removeHostnames: boolean;
  readonly sync: Pick<SourceSync, 'pass' | 'held'>;
  readonly clock: {
    wallMs(): number;
    after(delayMs: number, task: () => void): () => void;
  };
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  readonly watch?: (onChange: () => void) => FolderWatch;
}

/** A change is looked at so long after it was heard of: more follow mostly. */
const GATHER_MS = 50;
/** Two looks so far apart must see the same before anything is read: a file that is being written is not taken as it is. */
const SETTLE_MS = 200;
/** A folder that changes for longer is not waited for; nothing is removed then. */
const SETTLE_LIMIT_MS = 10_000;
/** After what the store did not take. */
const RETRY_MS = 5_000;
const MAX_SHOWN = 100;

/** What the folder says, as it was last read. */
interface Reading {
  readonly fingerprint: string;
  readonly parsed: ParsedFolder;
  readonly revision: string;
}

/**
 * A folder of YAML and JSON files, such as a Git checkout or what git-sync keeps, as a source. The whole folder is the whole set; nothing
 * is remembered. It is looked at on every change that the system tells of, and every `intervalMs` whatever is told.
 */
export function createGitFolder(options: GitFolderOptions): Source {
  const { path, sync, clock, log } = options;
  let reading: Reading | undefined;
  let status: SourceStatus = {
    source: 'git-folder',
    at: path,
    ready: false,
    objects: { applied: 0, conflict: 0, held: 0, refused: 0, failed: 0 },
    problems: [],
  };
  let closed = false;
  let running: Promise<void> | undefined;
  /** Asked for while a pass runs: `look` at the folder, or a whole `pass`. */
  let asked: 'nothing' | 'look' | 'pass' = 'nothing';
  let cancelGather: (() => void) | undefined;
  let cancelNext: (() => void) | undefined;
  let told = '';
  const watcher = (options.watch ?? createFolderWatch)(() => heard());

  function heard(): void {
    if (closed || cancelGather !== undefined) return;
    cancelGather = clock.after(GATHER_MS, () => {
      cancelGather = undefined;
      ask('look');
    });
  }

  function ask(what: 'look' | 'pass'): void {
    if (closed) return;
    if (asked !== 'pass') asked = what;
    running ??= work().finally(() => {
      running = undefined;
    });
  }

  async function work(): Promise<void> {
    while (asked !== 'nothing' && !closed) {
      const forced = asked === 'pass';
      asked = 'nothing';
      try {
        await once(forced);
      } catch (thrown) {
        // Nothing is expected here: what goes wrong with the folder or the hub is an outcome.
        log.warn({ err: thrown }, 'the Git folder could not be applied');
        next(RETRY_MS);
      }
    }
  }

  async function once(forced: boolean): Promise<void> {
    const before = reading?.fingerprint;
    const unread = await read();
    if (!forced && unread.length === 0 && reading?.fingerprint === before) return;
    const wanted: WantedSet = {
      objects: reading?.parsed.objects ?? new Map(),
      complete: options.prune && unread.length === 0 && reading?.parsed.complete === true,
      removesHostnames: options.removeHostnames,
    };
    let pass: SourcePass | undefined;
    const problems = [...unread, ...(reading?.parsed.problems ?? [])];
    try {
      pass = await sync.pass('git-folder', wanted);
    } catch (thrown) {
      const { message, fix } = PortolanError.from(thrown);
      problems.unshift({ origin: '.', message, fix });
    }
    if (closed) return;
    await tell(wanted, pass, problems);
    const failed = pass === undefined || [...pass.outcomes.values()].some(({ state }) => state === 'failed');
    next(failed ? Math.min(RETRY_MS, options.intervalMs) : options.intervalMs);
  }

  function next(delayMs: number): void {
    cancelNext?.();
    if (!closed) cancelNext = clock.after(delayMs, () => ask('pass'));
  }

  /** Reads the folder if it changed. Resolves to why it could not be. */
  async function read(): Promise<readonly Problem[]> {
    const started = clock.wallMs();
    try {
      let listing = await listFolder(path);
      await followed(listing);
      if (listing.fingerprint === reading?.fingerprint) return [];
      for (;;) {
        await wait(SETTLE_MS);
        if (closed) return [];
        const again = await listFolder(path);
        const settled = again.fingerprint === listing.fingerprint;
        listing = again;
        const late = clock.wallMs() - started > SETTLE_LIMIT_MS;
        if (!settled && !late) continue;
        const content = await readListed(listing);
        const after = await listFolder(path);
        if (after.fingerprint !== listing.fingerprint && !late) {
          listing = after;
          continue;
        }
        await followed(listing);
        const parsed = parseFolder(content);
        reading = {
          // Looked at again with the next pass when it did not settle.
          fingerprint: late && !settled ? '' : listing.fingerprint,
          parsed,
          revision: await revisionOf(listing.root, content),
        };
        return late && !settled
          ? [
              {
                origin: '.',
                message: `the folder has been changing for ${SETTLE_LIMIT_MS / 1000} s; nothing is removed`,
                fix: 'Change it in one step: a symbolic link that is swapped, or files that are renamed into place.',
              },
            ]
          : [];
      }
    } catch (thrown) {
      watcher.follow(await linkFolders(path));
      // What was read before still holds; it is read anew once it is back.
      if (reading !== undefined) reading = { ...reading, fingerprint: '' };
      return [
        {
          origin: '.',
          message: `${path} cannot be read: ${messageOf(thrown)}; nothing is removed`,
          fix: 'Correct the path (--source git-folder PATH), or let the hub read it.',
        },
      ];
    }
  }

  async function followed({ folders }: FolderListing): Promise<void> {
    watcher.follow([...(await linkFolders(path)), ...folders]);
  }

  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      clock.after(ms, resolve);
    });
  }

  async function tell(
    wanted: WantedSet,
    pass: SourcePass | undefined,
    read: readonly Problem[],
  ): Promise<void> {
    const objects = { applied: 0, conflict: 0, held: 0, refused: 0, failed: 0 };
    const problems = [...read];
    let changed = 0;
    let removed = 0;
    for (const [id, outcome] of pass?.outcomes ?? []) {
      if (outcome.state === 'removed') {
        removed += outcome.gone ? 1 : 0;
        continue;
      }
      objects[outcome.state] += 1;
      if (outcome.state === 'applied') changed += outcome.changed ? 1 : 0;
      else problems.push(problemOf(id, outcome, wanted.objects.get(id)?.origin));
    }
    const { lastPassAt: _last, revision: _revision, unmanaged: _unmanaged, ...same } = status;
    const at = pass === undefined ? status.lastPassAt : new Date(clock.wallMs()).toISOString();
    status = {
      ...same,
      ready: pass !== undefined && problems.length === 0,
      ...(at === undefined ? {} : { lastPassAt: at }),
      ...(reading === undefined ? {} : { revision: reading.revision }),
      objects,
      problems: problems.slice(0, MAX_SHOWN),
      ...(pass === undefined ? {} : { unmanaged: pass.unmanaged }),
    };
    if (changed + removed > 0)
      log.info({ changed, removed, revision: reading?.revision }, 'the Git folder was applied');
    logNews(problems);
    await writeStatus(wanted, pass);
  }

  function logNews(problems: readonly Problem[]): void {
    const news = JSON.stringify(problems.map(({ origin, message }) => [origin, message]));
    if (news === told) return;
    told = news;
    for (const { origin, object, message } of problems.slice(0, MAX_SHOWN))
      log.warn({ origin, ...(object === undefined ? {} : { object }) }, `Git folder: ${message}`);
  }

  async function writeStatus(wanted: WantedSet, pass: SourcePass | undefined): Promise<void> {
    const { statusFile } = options;
    if (statusFile === undefined) return;
    const managed = pass?.managed ?? 0;
    const left = managed - wanted.objects.size;
    const full: GitFolderStatus = {
      ...status,
      complete: reading?.parsed.complete === true,
      managed,
      held: sync.held
        .filter(({ source }) => source === 'git-folder')
        .map(({ id, key, verb, origin }) => ({ id, key, verb, origin })),
      unmanaged: status.unmanaged ?? [],
      notes: [
        ...(!options.prune && left > 0
          ? [`${left} objects are not in the folder any more and stay, as prune is false`]
          : []),
        ...(reading?.parsed.notes ?? []),
      ].slice(0, MAX_SHOWN),
    };
    await writeStatusFile(statusFile, full).catch((thrown: unknown) =>
      log.warn({ err: thrown, statusFile }, 'the status file cannot be written'),
    );
  }

  return {
    get status() {
      return status;
    },
    poke: () => ask('pass'),
    start: () => ask('pass'),
    async close() {
      closed = true;
      cancelGather?.();
      cancelNext?.();
      watcher.close();
      await running;
    },
  };
}

function problemOf(
  object: string,
  outcome: Exclude<Outcome, { state: 'applied' | 'removed' }>,
  origin = '',
): Problem {
  switch (outcome.state) {
    case 'held': {
      const [first] = outcome.hold.violations;
      const fix = first?.fix;
      const message = `held (${outcome.hold.id}): ${first?.message ?? ''}`;
      return { origin: outcome.hold.origin, object, message, ...(fix === undefined ? {} : { fix }) };
    }
    case 'refused':
      return { origin, object, message: outcome.message, fix: outcome.fix };
    case 'conflict':
    case 'failed':
      return { origin, object, message: outcome.message };
  }
}
