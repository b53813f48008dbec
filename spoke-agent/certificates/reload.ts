import { spawn } from 'node:child_process';
import { PortolanError } from '../../src/errors/error.ts';

/** Enough to see what went wrong. */
const MAX_OUTPUT = 1_000;

/**
 * Runs a command of the machine's operator: without a shell, bounded in time, and ended with it.
 * @throws PortolanError EXPORT_FAILED: it cannot be run, failed or took too long; the end of what it wrote is in the message
 */
export function runReload(
  command: readonly string[],
  options: {
    readonly timeoutMs: number;
    /** Beside the agent's own environment. */
    readonly env: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    let output = '';
    const hear = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-MAX_OUTPUT);
    };
    const fail = (what: string): void => {
      const said = output.trim();
      reject(
        new PortolanError('EXPORT_FAILED', `${command.join(' ')} ${what}${said === '' ? '' : `: ${said}`}`),
      );
    };
    const child = spawn(file, args, {
      shell: false,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      // A group of its own, so that what it started ends with it.
      detached: true,
    });
    let late = false;
    const kill = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended already.
      }
    };
    const timer = setTimeout(() => {
      late = true;
      kill();
    }, options.timeoutMs);
    options.signal.addEventListener('abort', kill, { once: true });
    const end = (): void => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', kill);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', (error) => {
      end();
      fail(`cannot be run (${'code' in error ? String(error.code) : error.message})`);
    });
    // Not `close`: a daemon that it leaves behind may hold its output open.
    child.once('exit', (code, signal) => {
      end();
      if (code === 0) resolve();
      else if (late) fail(`took longer than ${options.timeoutMs / 1000} s and was ended`);
      else fail(signal === null ? `ended with ${code}` : `was ended by ${signal}`);
      child.stdout.destroy();
      child.stderr.destroy();
    });
  });
}
