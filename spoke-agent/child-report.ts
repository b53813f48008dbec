import type { ChildProcess } from 'node:child_process';

/**
 * Waits for a child process that says one thing over IPC and ends. The exit may be seen before the message, so both the end of
 * the process and the end of the channel are awaited.
 * @returns what it said (undefined: nothing) and how it ended, such as `exit code 1` or `SIGKILL`
 */
export async function reportOf(
  child: ChildProcess,
): Promise<{ readonly said: unknown; readonly ended: string }> {
  let said: unknown;
  child.on('message', (message) => {
    said = message;
  });
  const channelEnded = new Promise<void>((resolve) => child.once('disconnect', () => resolve()));
  const ended = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  await channelEnded;
  return { said, ended };
}
