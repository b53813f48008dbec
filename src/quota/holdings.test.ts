import { expect, it } from 'vitest';
import { Holdings } from './holdings.ts';
import { KeyStates } from './key-states.ts';
import { createQuotaMemory, createTableWriter } from './table.ts';

it('I20 a window that gave its place to another never begins again, whatever is known of the time by then', () => {
  const states = new KeyStates();
  const table = createTableWriter(createQuotaMemory({ capacity: 4, seeds: [1, 2] }));
  const holdings = new Holdings(states, table);
  const slot = table.insert(0, 'k');
  states.add(slot, 0, 0, 0);
  const window = (startMs: number) => ({ startMs, endMs: startMs + 10 });
  holdings.open(slot, 0, window(100), 0, 10);
  holdings.open(slot, 1, window(110), 10, 20);
  expect(holdings.sideOf(slot, 120, 12)).toBe(0);
  holdings.open(slot, 0, window(120), 20, 30);
  holdings.close(slot, 1);
  expect(holdings.sideOf(slot, 100, 12)).toBeUndefined();
  expect(holdings.sideOf(slot, 110, 12)).toBeUndefined();
  expect(holdings.sideOf(slot, 120, 12)).toBe(0);
  expect(holdings.sideOf(slot, 130, 12)).toBe(1);
});
