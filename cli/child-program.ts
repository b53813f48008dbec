import { spawn } from 'node:child_process';
import { isatty } from 'node:tty';
import { PortolanError } from '../src/errors/error.ts';
import { type Program, programArguments } from './programs.ts';

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/**
 * Runs a program in the foreground with this terminal, and passes on the signals that only this process gets.
 * @returns its exit code (128 + signal when a signal ended it, as shells say)
 */
export async function runInForeground(
  program: Program,
  args: readonly string[],
  entryUrl: string,
): Promise<number> {
  const child = spawn(process.execPath, [...programArguments(program, entryUrl), ...args], {
    stdio: 'inherit',
  });
  // Ctrl-C in a terminal reaches the whole group: passed on, it would arrive twice, which means "at once".
  const inTerminal = [0, 1, 2].some((fd) => isatty(fd));
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal);
  const interrupted = (): void => {
    if (!inTerminal) child.kill('SIGINT');
  };
  process.on('SIGINT', interrupted);
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, passOn);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', (cause) =>
        reject(new PortolanError('INTERNAL', `${program} cannot be started: ${cause.message}`, { cause })),
      );
      child.once('exit', (code, signal) =>
        resolve(signal === null ? (code ?? 1) : 128 + (SIGNAL_NUMBERS[signal] ?? 0)),
      );
    });
  } finally {
    process.off('SIGINT', interrupted);
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, passOn);
  }
}

/**
 * Runs a program to its end. Its stderr is this terminal's.
 * @returns its exit code and what it wrote to stdout
 */
export async function runToEnd(
  program: Program,
  args: readonly string[],
  entryUrl: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<{ readonly code: number; readonly stdout: string }> {
  const child = spawn(process.execPath, [...programArguments(program, entryUrl), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...env },
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', (cause) =>
      reject(new PortolanError('INTERNAL', `${program} cannot be started: ${cause.message}`, { cause })),
    );
    child.once('close', (code, signal) =>
      resolve({ code: signal === null ? (code ?? 1) : 128 + (SIGNAL_NUMBERS[signal] ?? 0), stdout }),
    );
  });
}
