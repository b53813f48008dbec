import { type Logger, pino } from 'pino';

/** Structured log to stderr: stdout stays free for data. Secrets never get here; the redaction is a second line of defence. */
export function createLog(level: string): Logger {
  return pino(
    { name: 'hub', level, redact: ['*.token', '*.secret', '*.authorization', '*.stringData'] },
    pino.destination({ dest: 2, sync: true }),
  );
}
