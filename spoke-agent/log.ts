/** Structured log lines to stderr. One line is one write, so the lines of two processes never mix. */
export interface AgentLog {
  debug(details: LogDetails, message: string): void;
  info(details: LogDetails, message: string): void;
  warn(details: LogDetails, message: string): void;
  error(details: LogDetails, message: string): void;
}

/** `err` is spelt out; names are qualified (`namespace/name`). */
export type LogDetails = Readonly<Record<string, unknown>>;

const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;
export type LogLevel = keyof typeof LEVELS;

export interface LogOptions {
  readonly level: LogLevel;
  /** Which process: `agent` or `agent-control`. */
  readonly name: string;
  readonly write: (line: string) => void;
  /** People read: `12:34:56 WARN agent: message key=value`. Else pino's JSON, so that its tools read it. */
  readonly pretty: boolean;
  readonly wallMs: () => number;
}

/**
 * Pino's line format without pino: it would cost each of the agent's two processes 8 MB, and this is all they use of it.
 */
export function createLog(options: LogOptions): AgentLog {
  const threshold = LEVELS[options.level];
  const line = (level: LogLevel, details: LogDetails, msg: string): void => {
    if (LEVELS[level] < threshold) return;
    const time = options.wallMs();
    const plain = Object.fromEntries(Object.entries(details).map(([key, value]) => [key, plainOf(value)]));
    if (!options.pretty) {
      const { name } = options;
      options.write(
        `${JSON.stringify({ level: LEVELS[level], time, pid: process.pid, name, ...plain, msg })}\n`,
      );
      return;
    }
    const fields = Object.entries(plain).map(([key, value]) => ` ${key}=${textOf(value)}`);
    const clock = new Date(time).toISOString().slice(11, 19);
    options.write(`${clock} ${level.toUpperCase().padEnd(5)} ${options.name}: ${msg}${fields.join('')}\n`);
  };
  return {
    debug: (details, message) => line('debug', details, message),
    info: (details, message) => line('info', details, message),
    warn: (details, message) => line('warn', details, message),
    error: (details, message) => line('error', details, message),
  };
}

/** The log of a program: stderr, pretty on a terminal. */
export function stderrLog(name: string, level: LogLevel): AgentLog {
  return createLog({
    level,
    name,
    pretty: process.stderr.isTTY === true,
    write: (line) => void process.stderr.write(line),
    wallMs: () => Date.now(),
  });
}

function plainOf(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const code = 'code' in value ? { code: value.code } : {};
  const fix = 'fix' in value ? { fix: value.fix } : {};
  const cause = value.cause === undefined ? {} : { cause: plainOf(value.cause) };
  return { type: value.name, message: value.message, ...code, ...fix, ...cause, stack: value.stack };
}

function textOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'message' in value) {
    return JSON.stringify(
      'code' in value ? `${String(value.code)}: ${String(value.message)}` : value.message,
    );
  }
  return typeof value === 'string' && /^[\w./:@-]+$/.test(value)
    ? value
    : (JSON.stringify(value) ?? 'undefined');
}
