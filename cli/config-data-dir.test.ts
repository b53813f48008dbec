import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { dataDirOf } from './config-data-dir.ts';

const folder = mkdtempSync(join(tmpdir(), 'portolan-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function configOf(text: string): string {
  const file = join(folder, `${text.length}.yaml`);
  writeFileSync(file, text);
  return file;
}
const WITH = configOf('dataDir: /var/lib/portolan\ngateway: {}\n');
const WITHOUT = configOf('gateway: {}\n');

it.each([
  ['/flag', WITH, '/env', '/flag'],
  [undefined, WITH, '/env', '/var/lib/portolan'],
  [undefined, WITHOUT, '/env', '/env'],
  [undefined, undefined, '/env', '/env'],
])('of flag %s, configuration %s and environment %s it is %s', (flag, config, env, dir) => {
  expect(dataDirOf(flag, config, { PORTOLAN_DATA_DIR: env })).toBe(dir);
});

it('nobody who says it is told how to', () => {
  expect(() => dataDirOf(undefined, WITHOUT, {})).toThrow('nothing says where the agent keeps its data');
  expect(() => dataDirOf(undefined, join(folder, 'none.yaml'), {})).toThrow('cannot be read');
});
