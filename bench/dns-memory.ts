import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS } from '../cli/programs.ts';
import { type Figure, lowerIsBetter } from './figure.ts';

/*
 * Memory of a name server process with 1,000,000 static records in one zone: built in that process from a stream of records,
 * then asked over UDP for 100,000 of them. The peak, building included, and what stays.
 */

const RECORDS = 1_000_000;
const GOAL_MB = 600;

export async function run(): Promise<readonly Figure[]> {
  const server = fileURLToPath(new URL('dns-memory-server.ts', import.meta.url));
  const child = fork(server, [String(RECORDS)], {
    execArgv: [...NODE_FLAGS],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const measured = await new Promise<MemoryMeasured>((resolve, reject) => {
    child.once('message', (message) => resolve(message as MemoryMeasured));
    child.once('exit', (code) => reject(new Error(`the server ended with ${String(code)}`)));
  });
  child.kill('SIGKILL');
  process.stderr.write(`  packed in ${measured.buildMs} ms; ${measured.packedMb} MB shared by all threads\n`);
  const figure = (name: string, ours: number): Figure =>
    lowerIsBetter({
      bench: 'dns-memory',
      case: name,
      ours,
      peerName: 'goal',
      peer: GOAL_MB,
      unit: 'MB resident, one process, 1,000,000 records',
    });
  return [figure('peak-while-building', measured.peakMb), figure('serving', measured.servingMb)];
}

/** What the server says of itself, in megabytes. */
export interface MemoryMeasured {
  readonly peakMb: number;
  readonly servingMb: number;
  readonly packedMb: number;
  readonly buildMs: number;
}
