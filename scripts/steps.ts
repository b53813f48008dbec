import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';

export interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}

export interface StepResult {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
}

/** Runs one command; its output is shown when it fails, or always with `loud`. */
export function runStep(step: Step, loud = false): Promise<StepResult> {
  const started = performance.now();
  const [file, ...args] = step.command;
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      env: { ...process.env, ...step.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      if (loud) process.stdout.write(chunk);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const done = (ok: boolean): void => {
      const seconds = (performance.now() - started) / 1000;
      process.stdout.write(`${ok ? 'ok  ' : 'FAIL'} ${step.name} (${seconds.toFixed(1)} s)\n`);
      if (!ok && !loud) process.stdout.write(`${output}\n`);
      resolve({ name: step.name, ok, seconds, output });
    };
    child.on('error', (error) => {
      output += `${error.message}\n`;
      done(false);
    });
    child.on('close', (code) => done(code === 0));
  });
}
