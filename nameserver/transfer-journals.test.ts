import { describe, expect, it } from 'vitest';
import { AnswerTable } from '../src/dns/table.ts';
import type { Zone } from '../src/dns/zone.ts';
import { manyRecords, ORIGIN, zoneOf } from './testing/transfer-world.ts';
import { TransferJournals } from './transfer-journals.ts';

function follow(limits?: { readonly versions: number; readonly octets: number }) {
  let table: AnswerTable | undefined;
  let copied = true;
  const journals = new TransferJournals({
    table: () => table,
    zones: () => (copied ? [ORIGIN] : []),
    limits,
  });
  return {
    journals,
    swap(...zones: readonly Zone[]) {
      table = new AnswerTable(zones);
    },
    async serve(...zones: readonly Zone[]) {
      table = new AnswerTable(zones);
      await journals.follow();
    },
    stopCopying() {
      copied = false;
    },
  };
}

const version = (serial: number, hosts = serial): Zone => zoneOf(serial, manyRecords(hosts));
const lengthOf = (journals: TransferJournals, from: number, zone: Zone): number | undefined =>
  journals.between(from, zone)?.length;

describe('the journals of a name server', () => {
  it('hold each version they saw, and lead to the newest only', async () => {
    const { journals, serve } = follow();
    const [first, second, third] = [version(1), version(2), version(9)];
    await serve(first);
    expect(lengthOf(journals, 1, first)).toBeUndefined();
    await serve(second);
    await serve(third);
    expect(lengthOf(journals, 1, third)).toBe(2);
    expect(lengthOf(journals, 2, third)).toBe(1);
    expect(lengthOf(journals, 1, second)).toBeUndefined();
    const [difference] = journals.between(2, third) ?? [];
    expect([difference?.added.length, difference?.removed.length]).toEqual([7, 0]);
  });

  it('skip versions that came and went unseen', async () => {
    const { journals, swap, serve } = follow();
    await serve(version(1));
    swap(version(2));
    const third = version(3);
    await serve(third);
    expect(lengthOf(journals, 1, third)).toBe(1);
    expect(lengthOf(journals, 2, third)).toBeUndefined();
  });

  it('follow a table that is swapped while they compare', async () => {
    const { journals, swap, serve } = follow();
    await serve(version(1, 2000));
    swap(version(2, 2000));
    const comparing = Promise.all([journals.follow(), journals.follow()]);
    const third = version(3, 3);
    swap(third);
    await comparing;
    expect(lengthOf(journals, 2, third)).toBe(1);
    expect(lengthOf(journals, 1, third)).toBe(2);
  });

  it('begin anew when the serial goes back, and keep what they have when it stays', async () => {
    const { journals, serve } = follow();
    await serve(version(1));
    await serve(version(2));
    const same = version(2);
    await serve(same);
    expect(lengthOf(journals, 1, same)).toBe(1);
    const older = version(1);
    await serve(older);
    expect(lengthOf(journals, 2, older)).toBeUndefined();
    const next = version(3);
    await serve(next);
    expect([lengthOf(journals, 1, next), lengthOf(journals, 2, next)]).toEqual([1, undefined]);
  });

  it('forget a zone that is gone, that nobody may copy any more, or whose change is too big', async () => {
    const second = version(2);
    const gone = follow();
    await gone.serve(version(1));
    await gone.serve();
    await gone.serve(second);
    expect(lengthOf(gone.journals, 1, second)).toBeUndefined();

    const withdrawn = follow();
    await withdrawn.serve(version(1));
    withdrawn.stopCopying();
    await withdrawn.serve(second);
    expect(lengthOf(withdrawn.journals, 1, second)).toBeUndefined();

    const small = follow({ versions: 10, octets: 500 });
    await small.serve(version(1));
    await small.serve(second);
    expect(lengthOf(small.journals, 1, second)).toBe(1);
    const big = version(3, 1000);
    await small.serve(big);
    expect(lengthOf(small.journals, 2, big)).toBeUndefined();
  });
});
