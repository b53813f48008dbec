import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { deferred } from './deferred.ts';

it('is settled once, by whoever has it', async () => {
  const [kept, broken] = [deferred<number>(), deferred<number>()];
  kept.resolve(1);
  kept.reject(new Error('too late'));
  broken.reject(new Error('broken'));
  await expect(kept.promise).resolves.toBe(1);
  await expect(broken.promise).rejects.toThrow('broken');
});

it('is what every part uses in place of `Promise.withResolvers`, so that Node.js 20 runs them', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const using = ['src', 'hub', 'providers', 'prober', 'nameserver', 'spoke-agent', 'cli'].flatMap((part) =>
    readdirSync(join(root, part), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
      .filter((path) => readFileSync(join(root, part, path), 'utf8').includes('Promise.withResolvers<'))
      .map((path) => `${part}/${path}`),
  );
  expect(using).toEqual([]);
});
