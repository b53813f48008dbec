import { type ChildProcess, fork } from 'node:child_process';
import { invalid } from './snapshot-file.ts';

/** What the check program answers. */
export type CheckVerdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** A snapshot file and the hex SHA-256 of its manifest. */
export interface CheckedFile {
  readonly path: string;
  readonly hash: string;
}

/** What the check program is asked: answered when there is something to check. */
export interface CheckOrder {
  /** Was tried out before, by another process of the program: what is the same is not tried out again. */
  readonly before?: CheckedFile;
  readonly check?: CheckedFile;
}

export interface SacrificialCheckOptions {
  /** File of `snapshot-check`. */
  readonly program: string;
  readonly timeLimitMs?: number;
  /** A process that nobody needs waits this long for the next snapshot; default 5 s. */
  readonly idleMs?: number;
  /** Whoever asked is ending: the process is ended too, and gone when what was asked rejects. */
  readonly signal?: AbortSignal;
}

/**
 * Tries snapshot files out in a process of its own (I11). A process and not a thread: what it must survive includes running
 * out of memory and crashes in native code, which end all threads of a process; and its memory goes back to the system.
 */
export interface SacrificialCheck {
  /**
   * A snapshot may come soon: the process is started, and knows what is tried out already. It ends again when none comes.
   * @param before the one in use
   */
  prepare(before: CheckedFile | undefined): void;
  /**
   * @param before as for `prepare`; only what is new since then is tried out, if this agent process has tried it out before
   * @throws PortolanError SNAPSHOT_INVALID with what the check found, or how it ended
   */
  tryOut(file: CheckedFile, before?: CheckedFile): Promise<void>;
}

/** Longer than the largest snapshot (10,000 names) takes on a slow machine; a loop must end at some time. */
const TIME_LIMIT_MS = 20_000;
/** Megabytes of heap: beyond what the largest snapshot needs, and far below what would hurt the machine. */
const HEAP_LIMIT_MB = 512;
/** Changes come in rows: the next one finds a process that is warm. */
const IDLE_MS = 5_000;
/** Of files that were good: the one in use is among them. */
const REMEMBERED = 8;

export function createSacrificialCheck(options: SacrificialCheckOptions): SacrificialCheck {
  const { program, timeLimitMs = TIME_LIMIT_MS, idleMs = IDLE_MS, signal } = options;
  let running: CheckProcess | undefined;
  let idle: NodeJS.Timeout | undefined;
  let asking = 0;
  /** Hashes of files that were good, the newest first. */
  let good: readonly string[] = [];

  const ending = (): boolean => signal?.aborted === true;
  const end = (): void => {
    clearTimeout(idle);
    running?.kill();
    running = undefined;
  };
  const endSoon = (): void => {
    clearTimeout(idle);
    // One that is at work ends soon after it.
    if (asking > 0) return;
    idle = setTimeout(end, idleMs);
    idle.unref();
  };
  const orderOf = (before: CheckedFile | undefined, check?: CheckedFile): CheckOrder => ({
    ...(before !== undefined && good.includes(before.hash) ? { before } : {}),
    ...(check === undefined ? {} : { check }),
  });

  const ask = async (order: CheckOrder): Promise<void> => {
    if (ending()) throw invalid('it was not tried out: the agent is ending');
    clearTimeout(idle);
    const waited = running?.alive === true ? running : undefined;
    const asked = waited ?? startProcess(program);
    running = asked;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      asked.kill();
    }, timeLimitMs);
    asking += 1;
    const answer = await asked.answer(order);
    asking -= 1;
    clearTimeout(timer);
    if ('ok' in answer && answer.ok) return endSoon();
    // What it knows now is a snapshot that is no good.
    end();
    if ('ok' in answer) throw invalid(answer.reason);
    if (late) throw invalid(`trying it out took longer than ${timeLimitMs} ms`);
    // What ended it may have been there before this snapshot: one that is new decides.
    if (waited === undefined || ending()) throw invalid(`trying it out ended with ${answer.ended}`);
    return ask(order);
  };

  signal?.addEventListener('abort', end);

  return {
    prepare(before) {
      if (ending()) return;
      if (running?.alive !== true) {
        running = startProcess(program);
        running.ask(orderOf(before));
      }
      endSoon();
    },
    async tryOut(file, before) {
      await ask(orderOf(before, file));
      good = [file.hash, ...good].slice(0, REMEMBERED);
    },
  };
}

interface CheckProcess {
  readonly alive: boolean;
  ask(order: CheckOrder): void;
  /** To one order at a time. `ended`: such as `exit code 1` or `SIGKILL`, and the process is gone. */
  answer(order: CheckOrder): Promise<CheckVerdict | { readonly ended: string }>;
  kill(): void;
}

function startProcess(program: string): CheckProcess {
  const child: ChildProcess = fork(program, [], {
    execArgv: [`--max-old-space-size=${HEAP_LIMIT_MB}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  let failure: Error | undefined;
  let onVerdict: (verdict: CheckVerdict) => void = () => undefined;
  // The program is of the same release and says nothing else.
  child.on('message', (verdict) => onVerdict(verdict as CheckVerdict));
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      failure = error;
      resolve(error.message);
    });
    child.once('exit', (code, by) => resolve(by ?? `exit code ${code}`));
  });
  // The end may be seen before what was said last.
  const over = ended.then((how) =>
    child.connected && failure === undefined
      ? new Promise<string>((resolve) => child.once('disconnect', () => resolve(how)))
      : how,
  );
  const ask = (order: CheckOrder): void => {
    // How it ended is said by its end.
    if (child.connected) child.send(order, () => undefined);
  };
  return {
    get alive() {
      return child.connected && child.exitCode === null && child.signalCode === null && failure === undefined;
    },
    ask,
    answer(order) {
      const verdict = new Promise<CheckVerdict>((resolve) => {
        onVerdict = resolve;
      });
      ask(order);
      return Promise.race([verdict, over.then((how) => ({ ended: how }))]);
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
