import { PortolanError } from '../../../src/errors/error.ts';

/** One write to an object of Kubernetes. */
export interface ObjectWrite {
  /** What it needs: `patch trafficpolicies.portolan.dev`; what stands in the way of one stands in that of all alike. */
  readonly right: string;
  /** Statuses are not written more often than `COOL_MS`; finalizers at once. */
  readonly cools: boolean;
  /** Equal for writes that do the same to the same state: such a one is not done twice. */
  readonly text: string;
  run(): Promise<void>;
}

export interface ObjectWriterOptions {
  /** What an object needs now; undefined: nothing. */
  readonly plan: (id: string) => ObjectWrite | undefined;
  /** What is in the way has changed. */
  readonly onProblem: () => void;
  readonly after: (delayMs: number, task: () => void) => () => void;
  readonly monotonicMs: () => number;
}

/** Writes finalizers and statuses: one at a time for an object, a few at a time and not too many a second for all. */
export interface ObjectWriter {
  check(id: string): void;
  /** By right: why it cannot be written. */
  readonly problems: ReadonlyMap<string, { readonly message: string; readonly fix: string }>;
  close(): Promise<void>;
}

const AT_ONCE = 4;
export const COOL_MS = 2_000;
/** Writes: so many at once, then so many a second. */
const BURST = 100;
const PER_SECOND = 25;
const RETRY_LEAST_MS = 1_000;
const RETRY_MOST_MS = 60_000;

export function createObjectWriter({
  plan,
  onProblem,
  after,
  monotonicMs,
}: ObjectWriterOptions): ObjectWriter {
  const queue = new Set<string>();
  const working = new Map<string, Promise<void>>();
  const cooling = new Set<string>();
  const done = new Map<string, string>();
  const delays = new Map<string, number>();
  const cancels = new Set<() => void>();
  const problems = new Map<string, { message: string; fix: string }>();
  let tokens = BURST;
  let refilledMs = monotonicMs();
  let waiting = false;
  let closed = false;

  function later(delayMs: number, task: () => void): void {
    const cancel = after(delayMs, () => {
      cancels.delete(cancel);
      if (!closed) task();
    });
    cancels.add(cancel);
  }

  function mayWrite(): boolean {
    const nowMs = monotonicMs();
    tokens = Math.min(BURST, tokens + ((nowMs - refilledMs) * PER_SECOND) / 1_000);
    refilledMs = nowMs;
    if (tokens >= 1) return true;
    if (!waiting) {
      waiting = true;
      later(1_000 / PER_SECOND, () => {
        waiting = false;
        pump();
      });
    }
    return false;
  }

  function pump(): void {
    if (closed) return;
    for (const id of queue) {
      if (working.size >= AT_ONCE || !mayWrite()) return;
      if (working.has(id)) continue;
      const write = plan(id);
      if (write === undefined || done.get(id) === write.text) {
        queue.delete(id);
        continue;
      }
      // It stays in the queue, and is looked at again when its time has come.
      if (write.cools && cooling.has(id)) continue;
      queue.delete(id);
      tokens -= 1;
      working.set(
        id,
        one(id, write).finally(() => {
          working.delete(id);
          pump();
        }),
      );
    }
  }

  async function one(id: string, write: ObjectWrite): Promise<void> {
    try {
      await write.run();
      done.set(id, write.text);
      delays.delete(id);
      if (problems.delete(write.right)) onProblem();
      if (!write.cools) return;
      cooling.add(id);
      later(COOL_MS, () => {
        cooling.delete(id);
        pump();
      });
    } catch (thrown) {
      if (closed) return;
      const { code, message, fix } = PortolanError.from(thrown);
      if (code === 'KUBERNETES_FORBIDDEN' || code === 'KUBERNETES_REFUSED') {
        const before = problems.get(write.right);
        if (before === undefined) {
          problems.set(write.right, { message, fix });
          onProblem();
        }
      }
      const delay = Math.min((delays.get(id) ?? RETRY_LEAST_MS / 2) * 2, RETRY_MOST_MS);
      delays.set(id, delay);
      later(delay, () => {
        queue.add(id);
        pump();
      });
    }
  }

  return {
    check(id) {
      queue.add(id);
      pump();
    },
    problems,
    async close() {
      closed = true;
      for (const cancel of cancels) cancel();
      await Promise.all(working.values());
    },
  };
}
