import { expect, it } from 'vitest';
import type { KubeObject } from '../../kube/contract.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { createStatusOwner } from './status-owner.ts';

/** Two installations: this one is in `ours`. */
function world(owners: readonly string[]) {
  let nowMs = 0;
  let timers: { atMs: number; task: () => void }[] = [];
  const state = { owners, lease: undefined as string | undefined, fails: false, changes: 0 };
  const owner = createStatusOwner({
    client: {
      namespace: 'ours',
      async get({ namespace = '', name }) {
        if (state.fails)
          throw new PortolanError('KUBERNETES_FORBIDDEN', 'get leases: 403', { fix: 'Grant it.' });
        if (state.lease === undefined) return undefined;
        const metadata = { name, namespace, resourceVersion: state.lease };
        return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata } satisfies KubeObject;
      },
    },
    owners: () => state.owners,
    onChange() {
      state.changes += 1;
    },
    monotonicMs: () => nowMs,
    after(delayMs, task) {
      const timer = { atMs: nowMs + delayMs, task };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    log: { warn: () => undefined, info: () => undefined },
  });
  const pass = async (ms: number, meanwhile = (): void => undefined): Promise<void> => {
    for (const untilMs = nowMs + ms; nowMs < untilMs; nowMs += 1_000) {
      meanwhile();
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { task } of due) task();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return Object.assign(state, { owner, pass });
}

it('leaves statuses to another installation for as long as its Lease is renewed, and takes them over afterwards', async () => {
  const cluster = world(['theirs']);
  let renewals = 0;
  const renewed = (): void => {
    renewals += 1;
    cluster.lease = `${renewals}`;
  };
  renewed();
  cluster.owner.look();
  expect(cluster.owner.other).toBe('theirs');
  await cluster.pass(120_000, renewed);
  expect(cluster.owner.other).toBe('theirs');
  expect(cluster.owner.problem).toContain('hold the Lease theirs/portolan-agent');
  await cluster.pass(45_000);
  expect(cluster.owner.other).toBeUndefined();
  expect(cluster.changes).toBe(2);
  // It came back and took what it had: this one was away itself.
  cluster.owner.look();
  expect(cluster.owner.other).toBeUndefined();
  cluster.owners = ['ours'];
  cluster.owner.look();
  cluster.owners = ['theirs'];
  cluster.owner.look();
  expect(cluster.owner.other).toBe('theirs');
});

it('takes over at once when the other one was removed with its Lease', async () => {
  const cluster = world(['theirs']);
  cluster.owner.look();
  await cluster.pass(1_000);
  expect(cluster.owner.other).toBeUndefined();
});

it('goes by the first class where two of them name two, as the other one does', () => {
  const first = world(['ours', 'theirs']);
  first.owner.look();
  expect(first.owner.other).toBeUndefined();
  const second = world(['theirs', 'ours']);
  second.owner.look();
  expect(second.owner.other).toBe('theirs');
});

it('writes nothing, and says which right is missing, when it cannot see whether the other one lives', async () => {
  const cluster = world(['theirs']);
  cluster.fails = true;
  cluster.owner.look();
  await cluster.pass(120_000);
  expect(cluster.owner.other).toBe('theirs');
  expect(cluster.owner.problem).toContain('Grant it.');
});
