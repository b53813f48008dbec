import { expect, it } from 'vitest';
import { Turn } from './turn.ts';

it('lets one in at a time, in order of arrival, and goes on after a failure', async () => {
  const turn = new Turn();
  const log: string[] = [];
  const work = (name: string, fails = false) =>
    turn.run(async () => {
      log.push(`${name} in`);
      await Promise.resolve();
      log.push(`${name} out`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([work('a'), work('b', true), work('c')]);
  expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(log).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  await expect(work('d')).resolves.toBe('d');
});
