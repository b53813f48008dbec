import { fork } from 'node:child_process';
import { PortolanError } from '../src/errors/error.ts';
import { ERROR_TABLE, type ErrorCode } from '../src/errors/table.ts';
import { reportOf } from './child-report.ts';
import type { BootstrapReport } from './messages.ts';

/** A good report. */
export type Bootstrapped = Extract<BootstrapReport, { ok: true }>;

const TIME_LIMIT_MS = 30_000;

/**
 * Reads the configuration and picks the snapshot to start with in a short-lived process: schema, YAML and certificate code
 * would else stay in the data process for its whole life (some 40 MB).
 * @throws PortolanError what the child found wrong; NOT_READY when it gives no report
 */
export async function bootstrapInChild(
  controlProgram: string,
  argv: readonly string[],
): Promise<Bootstrapped> {
  const child = fork(controlProgram, ['bootstrap', ...argv], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), TIME_LIMIT_MS);
  const { said, ended } = await reportOf(child);
  // The program is of the same release and says nothing else.
  const report = said as BootstrapReport | undefined;
  clearTimeout(timer);
  if (report === undefined) {
    throw new PortolanError(
      'NOT_READY',
      `the configuration could not be read: its reader ended with ${ended}`,
    );
  }
  if (!report.ok) {
    const { code, message, fix } = report.error;
    throw new PortolanError(isErrorCode(code) ? code : 'INTERNAL', message, { fix });
  }
  return report;
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, text);
}
