import { expect, it } from 'vitest';
import type { Change } from '../store/contract.ts';
import { createStatusWriter } from './status-writer.ts';

const status = (name: string): Change => ({
  type: 'status',
  key: { kind: 'Zone', namespace: 'default', name },
  status: { conditions: [] },
});

it('writes a big object by itself and lets the process do other things before the next one', async () => {
  const steps: string[] = [];
  const writer = createStatusWriter({
    store: {
      epoch: 1,
      commit(changes) {
        steps.push(changes.map(({ key }) => key.name).join(' '));
        setImmediate(() => steps.push('others'));
        return Promise.resolve({ objects: [], revision: 1 });
      },
    },
    leadership: { lost: undefined, confirm: () => Promise.resolve(true) },
    due: () => ['big-1', 'one', 'big-2', 'two'].map(status),
    isBig: ({ key }) => key.name.startsWith('big'),
    log: { warn: (details) => steps.push(JSON.stringify(details)) },
  });
  await writer.flush();
  await writer.close();
  expect(steps).toEqual(['one two', 'others', 'big-1', 'others', 'big-2', 'others']);
});

it('makes none while something is under way that agents wait for', async () => {
  const steps: string[] = [];
  let over: () => void = () => undefined;
  const writer = createStatusWriter({
    store: { epoch: 1, commit: () => Promise.resolve({ objects: [], revision: 1 }) },
    leadership: { lost: undefined, confirm: () => Promise.resolve(true) },
    idle: () =>
      new Promise((resolve) => {
        over = () => {
          steps.push('the snapshot is sent');
          resolve();
        };
      }),
    due: () => {
      steps.push('statuses are made');
      return [];
    },
    isBig: () => false,
    log: { warn: (details) => steps.push(JSON.stringify(details)) },
  });
  const flushed = writer.flush();
  await new Promise(setImmediate);
  over();
  await flushed;
  await writer.close();
  expect(steps).toEqual(['the snapshot is sent', 'statuses are made']);
});
