import { type ChildProcess, fork } from 'node:child_process';
import { backoffDelayMs } from '../src/protocol/backoff.ts';
import type { LinkClock } from '../src/protocol/clock.ts';
import type { AgentLog } from './log.ts';
import type { ToControl, ToData } from './messages.ts';

/** Restarts of a control process that dies again and again. */
const BACKOFF = { baseMs: 200, capMs: 10_000 };
/** A control process that ran this long starts again without memory of earlier failures. */
const HEALTHY_MS = 30_000;
/** It says something every second; one that says nothing for this long hangs, and is killed. */
const SILENT_MS = 20_000;
const STOP_MS = 3_000;

/** The process idles at 20 MB of live data: a small young generation and slow heap growth keep 5 to 10 MB off its size. */
const CONTROL_FLAGS = ['--max-semi-space-size=1', '--optimize-for-size', '--max-old-space-size=512'];

/**
 * For glibc: one arena, and what is free goes back to the system soon. Threads of libuv would else each keep what they once took to read and write
 * files: 15 MB of 150 in a cluster of 5,000 routes. Nothing here allocates in a hurry. What the operator has set stays.
 */
const CONTROL_MALLOC = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '65536',
  MALLOC_MMAP_THRESHOLD_: '65536',
};

export interface SupervisorOptions {
  /** File of the control program. */
  readonly entry: string;
  readonly clock: LinkClock;
  readonly random: () => number;
  readonly log: AgentLog;
  /** What a newly started control process needs to know. */
  readonly start: () => ToControl;
  readonly onMessage: (message: ToData) => void;
  /** The control process is gone; another one follows unless the supervisor was stopped. */
  readonly onExit: () => void;
}

/** Keeps one control process running. */
export interface Supervisor {
  send(message: ToControl): void;
  /** Process id of the running control process. */
  readonly pid: number | undefined;
  readonly restarts: number;
  /** Ends the control process, by force after `STOP_MS`. */
  stop(): Promise<void>;
}

export function startSupervisor(options: SupervisorOptions): Supervisor {
  const { clock, log } = options;
  let child: ChildProcess | undefined;
  let stopped = false;
  let failures = 0;
  let restarts = 0;
  let cancelTimer: () => void = () => undefined;
  let lastHeardMs = 0;

  const send = (message: ToControl): void => {
    if (child?.connected !== true) return;
    // The callback takes the error of a channel that closes at this very moment; 'exit' tells the rest.
    child.send(message, () => undefined);
  };

  const watch = (): void => {
    cancelTimer = clock.after(SILENT_MS / 4, () => {
      if (clock.monotonicMs() - lastHeardMs > SILENT_MS) {
        log.error({ pid: child?.pid }, 'the control process says nothing any more and is ended');
        child?.kill('SIGKILL');
      }
      watch();
    });
  };

  const run = (): void => {
    const startedMs = clock.monotonicMs();
    lastHeardMs = startedMs;
    const running = fork(options.entry, ['run'], {
      execArgv: CONTROL_FLAGS,
      env: { ...CONTROL_MALLOC, ...process.env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    child = running;
    running.on('message', (message: ToData) => {
      lastHeardMs = clock.monotonicMs();
      if (!stopped) options.onMessage(message);
    });
    let ended = false;
    const end = (why: Readonly<Record<string, unknown>>): void => {
      if (ended) return;
      ended = true;
      cancelTimer();
      child = undefined;
      options.onExit();
      if (stopped) return;
      failures = clock.monotonicMs() - startedMs >= HEALTHY_MS ? 1 : failures + 1;
      const delayMs = backoffDelayMs(failures, options.random, BACKOFF);
      log.error({ ...why, delayMs }, 'the control process ended; answers go on from the last states');
      cancelTimer = clock.after(delayMs, () => {
        restarts += 1;
        run();
      });
    };
    running.once('error', (err) => end({ err }));
    running.once('exit', (code, signal) => end({ code, signal }));
    send(options.start());
    watch();
  };
  run();

  return {
    send,
    get pid() {
      return child?.pid;
    },
    get restarts() {
      return restarts;
    },
    async stop() {
      stopped = true;
      cancelTimer();
      const running = child;
      if (running === undefined) return;
      const exited = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      send({ type: 'stop' });
      const cancel = clock.after(STOP_MS, () => running.kill('SIGKILL'));
      await exited;
      cancel();
    },
  };
}
