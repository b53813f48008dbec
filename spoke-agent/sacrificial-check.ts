import { fork } from 'node:child_process';
import { PortolanError } from '../src/errors/error.ts';
import { reportOf } from './child-report.ts';
import { invalid } from './snapshot-file.ts';

/** What the check program answers. */
export type CheckVerdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Longer than the largest snapshot (10,000 names) takes on a slow machine; a loop must end at some time. */
const TIME_LIMIT_MS = 20_000;
/** Megabytes of heap: beyond what the largest snapshot needs, and far below what would hurt the machine. */
const HEAP_LIMIT_MB = 512;

/**
 * Tries a snapshot file out in a process of its own (I11). A process and not a thread: what it must survive includes running
 * out of memory and crashes in native code, which end all threads of a process; its memory goes back to the system; and
 * snapshots change with configuration, not with health, so the 0.2 s of its start do not matter.
 * @param program file of `snapshot-check`
 * @param signal whoever asked is ending: the process is ended too, and gone when this rejects
 * @throws PortolanError SNAPSHOT_INVALID with what the check found, or how it ended
 */
export async function tryOut(
  program: string,
  snapshotPath: string,
  { timeLimitMs = TIME_LIMIT_MS, signal }: { timeLimitMs?: number; signal?: AbortSignal } = {},
): Promise<void> {
  if (signal?.aborted === true) throw invalid('it was not tried out: the agent is ending');
  const child = fork(program, [snapshotPath], {
    execArgv: [`--max-old-space-size=${HEAP_LIMIT_MB}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeLimitMs);
  const abandon = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', abandon);
  try {
    const { said, ended } = await reportOf(child);
    // The program is of the same release and says nothing else.
    const verdict = said as CheckVerdict | undefined;
    if (late) throw invalid(`trying it out took longer than ${timeLimitMs} ms`);
    if (verdict === undefined) throw invalid(`trying it out ended with ${ended}`);
    if (!verdict.ok) throw invalid(verdict.reason);
  } catch (error) {
    throw PortolanError.from(error, 'SNAPSHOT_INVALID');
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abandon);
  }
}
