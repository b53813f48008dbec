/** Holds the data directory named on the command line until its input ends. */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { openDataDirectory } from '../../hub/data-dir.ts';
import { PortolanError } from '../../src/errors/error.ts';

const directory = process.argv[2];
if (directory === undefined) throw new Error('usage: store-lock-child DIRECTORY');
try {
  const held = await openDataDirectory(directory);
  writeSync(1, 'held\n');
  process.stdin.resume();
  await once(process.stdin, 'end');
  await held.release();
} catch (error) {
  writeSync(1, `refused ${PortolanError.from(error).code}\n`);
}
