import ora from 'ora';
import type { Terminal } from '../terminal.ts';

/** What goes on, on stderr: a line that turns at a terminal, and lines that stay. */
export interface Spinner {
  /** What is being waited for; shown at a terminal only. */
  waiting(text: string): void;
  /** A line that stays. */
  say(line: string): void;
  stop(): void;
}

/** @param quiet nothing at all is shown */
export function createSpinner(terminal: Terminal, quiet: boolean): Spinner {
  if (quiet) return { waiting: () => undefined, say: () => undefined, stop: () => undefined };
  if (!terminal.errorIsTerminal) {
    return { waiting: () => undefined, say: (line) => terminal.err(`${line}\n`), stop: () => undefined };
  }
  // Keys stay the program's own: Ctrl-C must reach it.
  const turning = ora({ stream: process.stderr, color: false, discardStdin: false });
  return {
    waiting: (text) => void turning.start(text),
    say: (line) => {
      const { isSpinning, text } = turning;
      turning.stop();
      terminal.err(`${line}\n`);
      if (isSpinning) turning.start(text);
    },
    stop: () => void turning.stop(),
  };
}
