import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createQuotaMemory, createTableWriter, createTaker } from './table.ts';
import { BANKS, type Bank } from './table-contract.ts';

interface ModelBank {
  tokens: number;
  fromMs: number;
  untilMs: number;
}

interface ModelKey {
  readonly slot: number;
  readonly banks: readonly [ModelBank, ModelBank, ModelBank];
  demand: number;
}

const CAPACITY = 12;
const keyName = fc.integer({ min: 0, max: 30 }).map((n) => `k${n}`);
const bankName = fc.constantFrom<Bank>(...Object.values(BANKS));
const time = fc.integer({ min: 0, max: 40 });

const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('insert' as const), key: keyName }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), key: keyName }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('fill' as const),
      key: keyName,
      bank: bankName,
      tokens: fc.integer({ min: -3, max: 9 }),
      from: time,
      length: fc.integer({ min: 0, max: 20 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('add' as const, 'withdraw' as const),
      key: keyName,
      bank: bankName,
      tokens: fc.integer({ min: 0, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('extend' as const), key: keyName, bank: bankName, until: time }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('take' as const, 'look' as const),
      key: keyName,
      hits: fc.integer({ min: 1, max: 4 }),
      now: time,
    }),
  },
);

const emptyBank = (): ModelBank => ({ tokens: 0, fromMs: 0, untilMs: 0 });

describe('the table', () => {
  it('does what a plain map of keys with three banks each does', () => {
    fc.assert(
      fc.property(fc.array(action, { minLength: 1, maxLength: 300 }), (actions) => {
        const memory = createQuotaMemory({ capacity: CAPACITY, seeds: [1, 2] });
        const writer = createTableWriter(memory);
        const taker = createTaker(memory);
        const model = new Map<string, ModelKey>();
        for (const step of actions) {
          const known = model.get(step.key);
          expect(taker.find(7, step.key)).toBe(known?.slot ?? -1);
          if (step.do === 'insert') {
            const slot = writer.insert(7, step.key);
            if (known !== undefined) expect(slot).toBe(known.slot);
            else if (model.size === CAPACITY) expect(slot).toBe(-1);
            else {
              expect([...model.values()].map((key) => key.slot)).not.toContain(slot);
              model.set(step.key, { slot, banks: [emptyBank(), emptyBank(), emptyBank()], demand: 0 });
            }
            continue;
          }
          if (known === undefined) continue;
          const { slot, banks } = known;
          switch (step.do) {
            case 'remove':
              writer.remove(slot);
              model.delete(step.key);
              break;
            case 'fill': {
              const bank = banks[step.bank];
              expect(writer.fill(slot, step.bank, step.tokens, step.from, step.from + step.length)).toBe(
                bank.tokens,
              );
              Object.assign(bank, {
                tokens: step.tokens,
                fromMs: step.from,
                untilMs: step.from + step.length,
              });
              break;
            }
            case 'add':
              writer.add(slot, step.bank, step.tokens);
              banks[step.bank].tokens += step.tokens;
              break;
            case 'withdraw': {
              const bank = banks[step.bank];
              const taken = Math.max(0, Math.min(step.tokens, bank.tokens));
              expect(writer.withdraw(slot, step.bank, step.tokens)).toBe(taken);
              bank.tokens -= taken;
              break;
            }
            case 'extend': {
              const bank = banks[step.bank];
              writer.extend(slot, step.bank, step.until);
              bank.untilMs = Math.max(bank.untilMs, step.until);
              break;
            }
            default: {
              const from = banks.find(
                (bank) => bank.fromMs <= step.now && step.now < bank.untilMs && bank.tokens >= step.hits,
              );
              expect(taker[step.do](slot, step.hits, step.now)).toBe(from === undefined ? 2 : 0);
              if (step.do === 'take' || from === undefined) known.demand += step.hits;
              if (step.do === 'take' && from !== undefined) from.tokens -= step.hits;
            }
          }
        }
        expect(writer.size).toBe(model.size);
        for (const [key, { slot, banks, demand }] of model) {
          expect(taker.find(7, key)).toBe(slot);
          expect(Object.values(BANKS).map((bank) => writer.tokens(slot, bank))).toEqual(
            banks.map(({ tokens }) => tokens),
          );
          expect(writer.takeDemand(slot)).toBe(demand);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('finds every key, and no other, however many came and went', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (k0, k1) => {
        const memory = createQuotaMemory({ capacity: 64, seeds: [k0, k1] });
        const writer = createTableWriter(memory);
        const taker = createTaker(memory);
        const alive: string[] = [];
        for (let n = 0; n < 2000; n += 1) {
          if (alive.length === 64) {
            const gone = alive.splice((n * 7) % 64, 1)[0] ?? '';
            writer.remove(taker.find(1, gone));
            expect(taker.find(1, gone)).toBe(-1);
          }
          alive.push(`key-${n}`);
          expect(writer.insert(1, `key-${n}`)).toBeGreaterThanOrEqual(0);
        }
        for (const key of alive) expect(writer.insert(1, key)).toBe(taker.find(1, key));
        expect(new Set(alive.map((key) => taker.find(1, key))).size).toBe(64);
      }),
      { numRuns: 20 },
    );
  });
});
