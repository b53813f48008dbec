import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../test/support/until.ts';
import { watchFiles } from './file-watch.ts';

let folder: string;
let stop = (): void => undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portolan-watch-'));
});
afterEach(() => {
  stop();
  rmSync(folder, { recursive: true });
});

it('files that change at once, are replaced, come or go are told of, each time', async () => {
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  writeFileSync(one, 'a');
  let told = 0;
  stop = watchFiles([one, other], () => (told += 1), 5);
  const isTold = async (what: string, change: () => void): Promise<void> => {
    const before = told;
    change();
    await until(what, async () => told > before, 20_000, 2);
  };
  // In the same turn of the loop: no look has come back yet.
  await isTold('a change', () => writeFileSync(one, 'bb'));
  await isTold('a file that came', () => writeFileSync(other, 'new'));
  await isTold('one renamed into place', () => renameSync(other, one));
  await isTold('one that went', () => rmSync(one));
});

it('nothing is told of once the watch has ended', async () => {
  const path = join(folder, 'one');
  let told = 0;
  watchFiles([path], () => (told += 1), 1)();
  let sign = 0;
  stop = watchFiles([path], () => (sign += 1), 5);
  writeFileSync(path, 'a');
  await until('the other watch has seen it', async () => sign > 0, 20_000, 2);
  expect(told).toBe(0);
});
