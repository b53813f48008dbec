import { setImmediate } from 'node:timers/promises';
import type { KeyMark } from '../../gateway/keys/image.ts';
import type { SharedKeys } from '../../gateway/keys/layout.ts';
import { createSharedKeyTable, type SharedKeyTable } from '../../gateway/keys/writer.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { KeyEntry } from '../../src/protocol/credential-entry.ts';
import type { AgentLog } from '../log.ts';
import { type KeyPosition, NO_POSITION, openKeyFiles } from './files.ts';
import type { KeysMessage } from './messages.ts';

export interface KeyKeeperOptions {
  /** `keyFolder(dataDir)` */
  readonly directory: string;
  readonly wallMs: () => number;
  readonly log: Pick<AgentLog, 'warn' | 'info'>;
  /** Told of each key that changes after `load`, once it is in the table. */
  readonly onChange?: (entry: KeyEntry) => void;
  /** Lets other work run between two steps; default: a turn of the event loop. */
  readonly breathe?: () => Promise<unknown>;
}

/**
 * The keys in the data process: the one writer of the shared table. It starts from the disk without the control process, and from
 * then on does what the disk says whenever it is told that there is something new.
 */
export interface KeyKeeper {
  /** For every gateway thread, as `workerData`; the same for as long as the process lives. */
  readonly shared: SharedKeys;
  readonly size: number;
  readonly mark: KeyMark;
  /** All keys as they are now. */
  entries(): Iterable<KeyEntry>;
  /** Resolves when the keys of the disk are in the table; call it before the first thread serves. Never rejects. */
  load(): Promise<void>;
  receive(message: KeysMessage): void;
  /** Resolves when everything received is in the table. */
  idle(): Promise<void>;
}

/** Keys looked at between two turns of the event loop: a few milliseconds. */
const STEP = 1_000;

export function createKeyKeeper(options: KeyKeeperOptions): KeyKeeper {
  const { wallMs, log } = options;
  const breathe = options.breathe ?? (() => setImmediate());
  const files = openKeyFiles(options.directory, (err) =>
    log.warn({ err }, 'keys on the disk cannot be used'),
  );
  const table = createSharedKeyTable();
  let position: KeyPosition = NO_POSITION;
  let work: Promise<void> = Promise.resolve();

  const apply = (entry: KeyEntry): void => {
    table.apply(entry);
    options.onChange?.(entry);
  };

  async function reload(): Promise<void> {
    // An empty table is read from the disk as it is: a million keys take tens of milliseconds.
    const fresh = position.mark.feed === '' && table.size === 0;
    const loaded = await files.load(fresh ? table : undefined);
    if (!fresh) {
      // A disk that cannot be read says nothing about the keys: those known go on counting.
      if (loaded.position.mark.feed === '') return;
      await makeEqual(table, loaded.table, apply, breathe);
    }
    position = loaded.position;
    if (position.heardWallMs > 0) table.heard(Math.max(0, wallMs() - position.heardWallMs));
  }

  async function follow({ mark, synced }: KeysMessage): Promise<void> {
    if (synced > position.generation) return reload();
    if (same(position.mark, mark)) return;
    const found = await files.after(position);
    if (found === undefined || position.mark.feed === '') return reload();
    let steps = 0;
    for (const frame of found.frames)
      for (const entry of frame.entries) {
        apply(entry);
        steps += 1;
        if (steps % STEP === 0) await breathe();
      }
    position = found.position;
    // The control process may have gone on meanwhile; behind it means that the files were replaced.
    if (position.mark.feed !== mark.feed || position.mark.sequence < mark.sequence) await reload();
  }

  const next = (task: () => Promise<void>): Promise<void> => {
    work = work.then(task).catch((thrown: unknown) => {
      log.warn({ err: PortolanError.from(thrown) }, 'the keys could not be brought up to date');
    });
    return work;
  };

  return {
    shared: table.shared,
    get size() {
      return table.size;
    },
    get mark() {
      return position.mark;
    },
    entries: () => table.entries(),
    load: () => next(reload),
    receive(message) {
      void next(async () => {
        await follow(message);
        if (message.heardAgoMs >= 0 && same(position.mark, message.mark)) table.heard(message.heardAgoMs);
      });
    },
    idle: () => work,
  };
}

/** Changes `table` into `wanted` step by step, while threads read it: no key is missed that both have. */
async function makeEqual(
  table: SharedKeyTable,
  wanted: SharedKeyTable,
  apply: (entry: KeyEntry) => void,
  breathe: () => Promise<unknown>,
): Promise<void> {
  let steps = 0;
  const step = async (): Promise<void> => {
    steps += 1;
    if (steps % STEP === 0) await breathe();
  };
  // What is refused comes first.
  for (const digest of wanted.revoked()) {
    const entry = wanted.get(Buffer.from(digest, 'hex'));
    if (entry !== undefined) apply(entry);
    await step();
  }
  const surplus: Buffer[] = [];
  for (const entry of table.entries()) {
    if (wanted.get(entry.digest) === undefined) surplus.push(Buffer.from(entry.digest));
    await step();
  }
  for (const digest of surplus) {
    const entry = table.get(digest);
    if (entry !== undefined) apply({ ...entry, removed: true });
    await step();
  }
  for (const entry of wanted.entries()) {
    if (!equal(table.get(entry.digest), entry)) apply(entry);
    await step();
  }
}

function equal(a: object | undefined, b: object): boolean {
  return a !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

function same(a: KeyMark, b: KeyMark): boolean {
  return a.feed === b.feed && a.sequence === b.sequence && a.hash === b.hash;
}
