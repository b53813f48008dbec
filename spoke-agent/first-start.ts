import { mkdir, readFile } from 'node:fs/promises';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { loadIdentity } from './identity-files.ts';
import { joinCluster } from './join.ts';

/**
 * Joins with the token of a file when the data folder has no identity yet, as in a pod that starts on a new volume. Every later start goes by the identity on
 * the disk: the token is spent then, and its file may be gone.
 * @throws PortolanError JOIN_TOKEN_…, HUB_UNREACHABLE, CA_PIN_MISMATCH, CLOCK_SKEW, CONFIG_INVALID (the file), DATA_DIR_INVALID
 */
export async function joinOnFirstStart(
  dataDir: string,
  tokenFile: string,
  /** What it does, line by line, for the log. */
  onProgress: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
): Promise<void> {
  if ((await loadIdentity(dataDir)) !== undefined) return;
  let token: string;
  try {
    token = (await readFile(tokenFile, 'utf8')).trim();
  } catch (cause) {
    throw new PortolanError(
      'CONFIG_INVALID',
      `there is no agent identity in ${dataDir}, and the join token ${tokenFile} cannot be read: ${messageOf(cause)}`,
      { cause, fix: 'Make a token with `portolan cluster token <cluster>` and put it into that file.' },
    );
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await joinCluster({ token, dataDir, wallMs: Date.now, onProgress });
}
