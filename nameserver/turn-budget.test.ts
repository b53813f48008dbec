import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { TurnBudget } from './turn-budget.ts';

it('lasts a while from the first question in a turn, and anew in the next', async () => {
  let clock = 5;
  const budget = new TurnBudget(() => clock, 1);
  expect(budget.spent).toBe(false);
  clock = 5.9;
  expect(budget.spent).toBe(false);
  clock = 6;
  expect(budget.spent).toBe(true);
  await nextTurn();
  expect(budget.spent).toBe(false);
});

it('gives those who were put off their turns in the order of asking, and nobody two before another has one', async () => {
  let clock = 0;
  const budget = new TurnBudget(() => clock, 1);
  const calls: string[] = [];
  const hog = (name: string, times: number) => () => {
    calls.push(name);
    clock += 1; // all that a turn has
    if (times > 1) budget.putOff(hog(name, times - 1));
  };
  budget.putOff(hog('a', 3));
  budget.putOff(hog('b', 2));
  budget.putOff(hog('c', 1));
  expect(calls).toEqual([]);
  await nextTurn();
  expect(calls).toEqual(['a']);
  for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  expect(calls).toEqual(['a', 'b', 'c', 'a', 'b', 'a']);
});

it('calls several in one turn while there is time', async () => {
  const budget = new TurnBudget(() => 0, 1);
  const calls: number[] = [];
  for (const i of [1, 2, 3]) budget.putOff(() => calls.push(i));
  await nextTurn();
  expect(calls).toEqual([1, 2, 3]);
});
