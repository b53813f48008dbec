import { readFile } from 'node:fs/promises';
import { messageOf } from '../src/errors/error.ts';
import type { CheckOrder, CheckVerdict } from './sacrificial-check.ts';
import { createSnapshotTrial } from './snapshot-trial.ts';

/*
 * The program that tries snapshot files out before they are believed (I11). Whatever happens here ends this process alone. It goes on until
 * its parent ends it or is gone.
 */

const trial = createSnapshotTrial();
/** Hex SHA-256 of the manifest of what was tried out last, here or in a process before this one. */
let tried = '';

async function follow({ before, check }: CheckOrder): Promise<void> {
  if (before !== undefined && tried === '') {
    tried = before.hash;
    // One that cannot be read any more spares nothing.
    await readFile(before.path)
      .then((file) => trial.believe(file))
      .catch(() => undefined);
  }
  if (check === undefined) return;
  let verdict: CheckVerdict;
  try {
    const reason = await trial.problems(await readFile(check.path));
    verdict = reason === '' ? { ok: true } : { ok: false, reason };
  } catch (error) {
    verdict = { ok: false, reason: messageOf(error) };
  }
  tried = check.hash;
  process.send?.(verdict);
}

// One after the other, in the order they come.
let last: Promise<void> = Promise.resolve();
process.on('message', (order: CheckOrder) => {
  last = last.then(() => follow(order));
});
process.on('disconnect', () => process.exit(0));
