import { PortolanError } from '../src/errors/error.ts';
import { systemClock } from './clock.ts';
import { type Control, startControl } from './control-work.ts';
import { reportFatal } from './fatal.ts';
import { stderrLog } from './log.ts';
import type { ToControl, ToData } from './messages.ts';
import type { ProgramFiles } from './programs.ts';

/**
 * The control process: waits for its parent's `start`, works until it says `stop`, and ends by itself when the parent is gone,
 * however that ended, so that nothing is left running.
 */
export function runControl(programs: ProgramFiles): void {
  let control: Promise<Control> | undefined;
  const end = (): void => {
    void (control ?? Promise.resolve(undefined))
      .then((running) => running?.close())
      .finally(() => process.exit(0));
  };
  // Ctrl-C reaches the whole process group; the parent decides when this process ends.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', end);
  process.on('disconnect', () => process.exit(0));
  const send = (message: ToData): void => {
    // A parent that is just ending is told nothing more; 'disconnect' follows.
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  };
  process.on('message', (message: ToControl) => {
    if (message.type === 'start') {
      const log = stderrLog('agent-control', message.config.log.level);
      control = startControl(message, { programs, clock: systemClock, random: Math.random, log, send });
      control.catch((error: unknown) => reportFatal('agent-control', error));
      return;
    }
    if (message.type === 'stop') {
      end();
      return;
    }
    control?.then(
      (running) => running.receive(message),
      () => undefined,
    );
  });
  process.on('unhandledRejection', (reason) => reportFatal('agent-control', PortolanError.from(reason)));
}
