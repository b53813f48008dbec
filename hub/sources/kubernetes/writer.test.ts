import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../../src/errors/error.ts';
import { COOL_MS, createObjectWriter, type ObjectWrite } from './writer.ts';

/** A writer on a clock that is turned by hand. */
function bench() {
  let nowMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly task: () => void }>();
  const wants = new Map<string, ObjectWrite>();
  let problems = 0;
  const writer = createObjectWriter({
    plan: (id) => wants.get(id),
    onProblem: () => {
      problems += 1;
    },
    after(delayMs, task) {
      const timer = { atMs: nowMs + delayMs, task };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    monotonicMs: () => nowMs,
  });
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    writer,
    wants,
    settle,
    get problems() {
      return problems;
    },
    async pass(ms: number) {
      nowMs += ms;
      for (const timer of [...timers])
        if (timer.atMs <= nowMs) {
          timers.delete(timer);
          timer.task();
        }
      await settle();
    },
  };
}

const writing = (text: string, done: string[], more: Partial<ObjectWrite> = {}): ObjectWrite => ({
  right: 'status',
  cools: true,
  text,
  run: async () => void done.push(text),
  ...more,
});

describe('writes to objects of Kubernetes', () => {
  it('one object is not written more often than every two seconds, then with the newest', async () => {
    const { writer, wants, settle, pass } = bench();
    const done: string[] = [];
    for (const text of ['a', 'b', 'c']) {
      wants.set('x', writing(text, done));
      writer.check('x');
      await settle();
    }
    expect(done).toEqual(['a']);
    await pass(COOL_MS - 1);
    expect(done).toEqual(['a']);
    await pass(1);
    expect(done).toEqual(['a', 'c']);
  });

  it('the same write is not done twice: the watch tells when it came', async () => {
    const { writer, wants, settle, pass } = bench();
    const done: string[] = [];
    wants.set('x', writing('a', done));
    writer.check('x');
    await settle();
    await pass(COOL_MS);
    writer.check('x');
    await settle();
    expect(done).toEqual(['a']);
  });

  it('so many at once, then so many a second', async () => {
    const { writer, wants, settle, pass } = bench();
    const done: string[] = [];
    for (let n = 0; n < 200; n += 1) {
      wants.set(`x${n}`, writing(`${n}`, done));
      writer.check(`x${n}`);
    }
    for (let n = 0; n < 100; n += 1) await settle();
    expect(done).toHaveLength(100);
    for (let n = 0; n < 25; n += 1) await pass(40);
    expect(done.length).toBeGreaterThanOrEqual(124);
    expect(done.length).toBeLessThanOrEqual(126);
  });

  it('what is forbidden is said once, tried again, and forgotten when it passes', async () => {
    const made = bench();
    const done: string[] = [];
    const refused = new PortolanError('KUBERNETES_FORBIDDEN', 'patch: 403', { fix: 'Grant it.' });
    made.wants.set('x', writing('a', done, { run: () => Promise.reject(refused) }));
    made.writer.check('x');
    await made.settle();
    await made.pass(1_000);
    expect([...made.writer.problems]).toEqual([['status', { message: 'patch: 403', fix: 'Grant it.' }]]);
    expect(made.problems).toBe(1);
    made.wants.set('x', writing('a', done));
    await made.pass(2_000);
    expect(done).toEqual(['a']);
    expect(made.writer.problems.size).toBe(0);
    expect(made.problems).toBe(2);
  });
});
