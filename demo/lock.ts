import { appendFileSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PortolanError } from '../src/errors/error.ts';

const FILE = 'demo.lock';
const ENDING = 'ending';
/** What a killed demo started ends by itself when its standard input closes; the hub takes up to 4.5 s. */
const PATIENCE_MS = 12_000;
const LOOK_EVERY_MS = 50;

/** One demo for one folder, and what it started. */
export interface FolderLock {
  /** Notes a process of this demo: should the demo be killed, the next one waits for its end. */
  started(name: string, pid: number): void;
  /** This demo is stopping: who wants the folder may wait for it. */
  ending(): void;
  release(): void;
}

interface Holder {
  readonly text: string;
  readonly ending: boolean;
  /** The demo first, then what it started; only those that still run. */
  readonly running: readonly Noted[];
  readonly demoRuns: boolean;
}

interface Noted {
  readonly name: string;
  readonly pid: number;
  /** In the kernel's ticks since boot, so that a process id somebody else has now does not count; `-` where unknown. */
  readonly start: string;
}

/**
 * Takes the folder. Refused at once while another demo runs there; when that one is stopping or was killed, waits until
 * all it started has ended, since that still holds the data and the ports.
 * @throws PortolanError DATA_DIR_LOCKED with the process that is in the way
 */
export async function lockFolder(folder: string, onWait: (reason: string) => void): Promise<FolderLock> {
  const path = join(folder, FILE);
  const draft = `${path}.${process.pid}`;
  const own = line('demo', process.pid);
  const deadline = performance.now() + PATIENCE_MS;
  let waiting = false;
  writeFileSync(draft, own, { mode: 0o600 });
  try {
    // A link appears whole or not at all, and only where nothing is.
    while (!linked(draft, path)) {
      const holder = readHolder(path);
      const [first] = holder.running;
      if (first === undefined) {
        forget(path, holder.text);
        continue;
      }
      if (holder.demoRuns && !holder.ending)
        throw locked(path, `another demo runs here (pid ${first.pid})`, first);
      if (performance.now() > deadline) {
        throw locked(path, `${first.name} (pid ${first.pid}) of the last demo here still runs`, first);
      }
      if (!waiting) onWait(`${first.name} (pid ${first.pid}) of the last demo here is still ending`);
      waiting = true;
      // One that was paused does not see that its standard input has closed.
      if (!holder.demoRuns) for (const noted of holder.running) wake(noted);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  } finally {
    rmSync(draft, { force: true });
  }
  return {
    started: (name, pid) => appendFileSync(path, line(name, pid)),
    ending: () => {
      // Only where the note still is: a folder that was removed meanwhile must not keep anything from stopping.
      if (readText(path).startsWith(own)) appendFileSync(path, `${ENDING}\n`);
    },
    release: () => {
      if (readText(path).startsWith(own)) rmSync(path, { force: true });
    },
  };
}

function locked(path: string, message: string, by: Noted): PortolanError {
  return new PortolanError('DATA_DIR_LOCKED', message, {
    fix: `Stop process ${by.pid} or use another --data-dir. If that process is something else, remove ${path}.`,
  });
}

/** Moved away and looked at again: two starts at once must not remove each other's lock. */
function forget(path: string, stale: string): void {
  const away = `${path}.${process.pid}.old`;
  try {
    renameSync(path, away);
  } catch {
    // The other start was faster.
    return;
  }
  if (readText(away) !== stale) linked(away, path);
  rmSync(away, { force: true });
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(path: string): Holder {
  const text = readText(path);
  const lines = text.split('\n');
  const noted = lines.flatMap((entry): readonly Noted[] => {
    const [pid, start, name] = entry.split(' ');
    const id = Number(pid);
    if (!Number.isSafeInteger(id) || id <= 0 || start === undefined || name === undefined) return [];
    return [{ pid: id, start, name }];
  });
  const running = noted.filter(isRunning);
  return { text, running, ending: lines.includes(ENDING), demoRuns: running.some((n) => n === noted[0]) };
}

function line(name: string, pid: number): string {
  return `${pid} ${startOf(pid)} ${name}\n`;
}

function isRunning({ pid, start }: Noted): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
  }
  return startOf(pid) === start && stateOf(pid) !== 'Z';
}

function wake({ pid, start }: Noted): void {
  // Where the start is unknown, the process may be anybody's.
  if (start === '-') return;
  try {
    process.kill(pid, 'SIGCONT');
  } catch {
    // It ended meanwhile.
  }
}

/** The command's name stands in parentheses and may hold anything; state is the first field after it, the start the 20th. */
function fieldsOf(pid: number): readonly string[] {
  const stat = readText(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function startOf(pid: number): string {
  return fieldsOf(pid)[19] ?? '-';
}

function stateOf(pid: number): string {
  return fieldsOf(pid)[0] ?? '-';
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
