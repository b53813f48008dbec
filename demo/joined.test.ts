import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { joinedAt } from './joined.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-joined-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it.each([
  { ports: { join: 7461, link: 7462 }, expected: 'here' },
  { ports: { join: 7461, link: 37_579 }, expected: 'elsewhere' },
  { ports: { join: 40_001, link: 7462 }, expected: 'elsewhere' },
  // Not a part of another number.
  { ports: { join: 7461, link: 462 }, expected: 'elsewhere' },
])('an agent that joined at 7461 and 7462 is $expected for a hub at $ports', async ({ ports, expected }) => {
  await mkdir(join(folder, 'identity'));
  await writeFile(
    join(folder, 'identity', 'identity.json'),
    JSON.stringify({ linkAddresses: ['127.0.0.1:7462'], joinUrls: ['https://127.0.0.1:7461'] }),
  );
  expect(joinedAt(folder, ports)).toBe(expected);
});

it('an agent without an identity has never joined', () => {
  expect(joinedAt(folder, { join: 7461, link: 7462 })).toBe('never');
});
