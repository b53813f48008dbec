import { expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { createStatusFailures } from './status-failures.ts';

const ROUTES = 'httproutes';
const denied = (name: string) =>
  new PortolanError('KUBERNETES_REFUSED', `update httproutes/status shop/${name}: 403 "${name}" is denied`, {
    fix: 'Ask.',
  });
const away = () => new PortolanError('KUBERNETES_UNAVAILABLE', 'update httproutes/status: 500 no webhook');

/** Objects that an API server takes or not, with timers of its own. */
function world() {
  let nowMs = 0;
  const timers: { atMs: number; task: () => void }[] = [];
  const lines: string[] = [];
  const state = {
    answer: (_key: string): PortolanError | 'taken' | 'nothing' => 'taken',
    tried: [] as string[],
    serverAway: false,
  };
  const failures = createStatusFailures<string>({
    again: (key) => void (failures.holds(ROUTES, key) || attempt(key)),
    tryOne: attempt,
    serverAway: () => state.serverAway,
    monotonicMs: () => nowMs,
    after: (delayMs, task) => void timers.push({ atMs: nowMs + delayMs, task }),
    log: { warn: (_details, text) => void lines.push(text), info: (_details, text) => void lines.push(text) },
  });
  function attempt(key: string): true {
    state.tried.push(key);
    const answer = state.answer(key);
    if (answer === 'taken') failures.taken(ROUTES, key);
    else if (answer === 'nothing') failures.settled(ROUTES, key);
    else failures.failed(ROUTES, key, answer);
    return true;
  }
  const write = (key: string): void => void (failures.holds(ROUTES, key) || attempt(key));
  const pass = (ms: number): void => {
    const untilMs = nowMs + ms;
    for (;;) {
      timers.sort((a, b) => a.atMs - b.atMs);
      const [next] = timers;
      if (next === undefined || next.atMs > untilMs) break;
      timers.shift();
      nowMs = next.atMs;
      next.task();
    }
    nowMs = untilMs;
  };
  return Object.assign(state, { failures, lines, write, pass });
}

const names = Array.from({ length: 1_000 }, (_, i) => `HTTPRoute shop/r${i}`);

it('tries one object for all when nothing of a resource is taken, and all of them when one is', () => {
  const server = world();
  server.answer = () => denied('x');
  for (const name of names) server.write(name);
  expect(server.tried.length).toBe(8);
  server.pass(600_000);
  // 1, 2, 4 … 60 seconds between two tries.
  expect(server.tried.length).toBeLessThan(8 + 18);
  expect(server.failures.waiting).toBe(1_000);
  expect(server.failures.problems.get(ROUTES)).toContain('(1000 objects wait)');
  server.answer = () => 'taken';
  server.pass(60_000);
  expect(server.failures.waiting).toBe(0);
  expect(server.failures.problems.size).toBe(0);
  expect(new Set(server.tried).size).toBe(1_000);
});

it('says each cause once, whichever objects it hits, and once that it is over', () => {
  const server = world();
  server.answer = (key) => denied(key.slice('HTTPRoute shop/'.length));
  for (const name of names) server.write(name);
  server.pass(300_000);
  expect(server.lines.length).toBe(1);
  server.answer = () => away();
  server.pass(300_000);
  expect(server.lines.length).toBe(2);
  expect(server.failures.problems.get(ROUTES)).toContain('no webhook');
  server.answer = () => 'taken';
  server.pass(60_000);
  expect(server.lines.slice(2)).toEqual(['statuses are written again']);
});

it('goes on with others of the resource when one object alone is refused, and keeps saying so', () => {
  const server = world();
  const [bad = '', ...rest] = names;
  server.answer = (key) => (key === bad ? denied('r0') : 'taken');
  server.write(bad);
  for (const name of rest) server.write(name);
  server.pass(600_000);
  expect(server.tried.filter((key) => key === bad).length).toBeLessThan(20);
  expect(server.tried.length).toBeGreaterThan(999);
  expect(server.failures.problems.get(ROUTES)).toBe(
    'update httproutes/status shop/r0: 403 "r0" is denied; Ask.',
  );
  expect(server.lines.length).toBe(1);
  server.answer = () => 'taken';
  server.pass(60_000);
  expect(server.failures.problems.size).toBe(0);
});

it('says nothing of a failure that passes, nor of a server that is away altogether', () => {
  const server = world();
  server.answer = () => away();
  server.write('HTTPRoute shop/a');
  expect(server.failures.problems.size).toBe(0);
  server.serverAway = true;
  server.pass(60_000);
  expect(server.failures.problems.size).toBe(0);
  server.serverAway = false;
  server.pass(60_000);
  expect(server.failures.problems.get(ROUTES)).toContain('no webhook');
});

it('takes the next one when the one that is tried for all needs nothing any more', () => {
  const server = world();
  server.answer = () => denied('x');
  for (const name of names.slice(0, 12)) server.write(name);
  // Somebody else wrote them meanwhile.
  server.answer = () => 'nothing';
  server.pass(1_000);
  expect(server.failures.waiting).toBe(0);
});
