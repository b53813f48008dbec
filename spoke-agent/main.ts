import { bootstrapInChild } from './bootstrap-child.ts';
import { systemClock } from './clock.ts';
import { startDataProcess } from './data-process.ts';
import { reportFatal } from './fatal.ts';
import { stderrLog } from './log.ts';
import { programFiles } from './programs.ts';

/* The agent's first process: wiring only. `data-process.ts` has what it does. */

try {
  const programs = programFiles(import.meta.url);
  const started = await bootstrapInChild(programs.control, process.argv.slice(2));
  const log = stderrLog('agent', started.config.log.level);
  for (const warning of started.warnings) log.warn({}, warning);
  const data = await startDataProcess(started, programs, systemClock, log);
  const stop = (signal: string): void => {
    log.info({ signal }, 'stopping');
    data.stop().then(
      () => process.exit(0),
      (error: unknown) => reportFatal('agent', error),
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // Whoever started this with a lifeline holds the other end of its standard input: when that is gone, so is this.
  if (process.env.PORTOLAN_LIFELINE === 'stdin') process.stdin.resume().on('end', () => stop('end of stdin'));
} catch (error) {
  reportFatal('agent', error);
}
