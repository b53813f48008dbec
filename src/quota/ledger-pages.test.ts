import { describe, expect, it } from 'vitest';
import { longestLeaseMs } from './ledger.ts';
import { ask, granted, opened, perMinute, reopened, START, save } from './ledger-fixture.ts';

describe('pages', () => {
  it('I20 bring back what was granted: a restart loses and doubles nothing', () => {
    const pages = new Map<string, Uint8Array>();
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 60 });
    ask(ledger, 'b', START, { waiting: 10 });
    ask(ledger, 'a', START, { spent: 20, returned: 30, waiting: 1 });
    save(pages, ledger);
    const again = reopened(pages, START + 1_000, [perMinute]);
    expect(again.id).toBe('ledger');
    expect(again.sizes).toEqual(ledger.sizes);
    const question = { most: 10 };
    expect(again.describe(perMinute.id, START, question)[0]?.windows[0]).toMatchObject({
      leased: 20,
      spent: 20,
    });
    expect(granted(ask(again, 'b', START + 1_000, { waiting: 100 }))).toBe(70);
  });

  it('are given out once, and only those in which something was granted or changed', () => {
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 60 });
    expect(ledger.takeChanges().map(({ page }) => page)).toEqual(
      expect.arrayContaining(['meta', 'b/0', 'a/a', 's/1', 'e/1/0', 'k/0']),
    );
    expect(ledger.takeChanges()).toEqual([]);
    ask(ledger, 'a', START, { spent: 30 });
    expect(ledger.takeChanges()).toEqual([]);
    ask(ledger, 'a', START, { waiting: 40 });
    expect(ledger.takeChanges().map(({ page }) => page)).toEqual(['e/1/0']);
  });

  it('are refused when they do not fit together', () => {
    const pages = new Map<string, Uint8Array>();
    const ledger = opened([perMinute]);
    ask(ledger, 'a', START, { waiting: 60 });
    save(pages, ledger);
    pages.delete('k/0');
    expect(() => reopened(pages, START, [perMinute])).toThrow('does not fit to the others');
    pages.delete('meta');
    expect(() => reopened(pages, START, [perMinute])).toThrow('meta');
  });
});

describe('a clock that does not go on', () => {
  it('I20 pauses grants through a restart as well', () => {
    const pages = new Map<string, Uint8Array>();
    const ledger = opened([perMinute]);
    ledger.pauseUntil(START + 10_000);
    save(pages, ledger);
    const again = reopened(pages, START + 1_000, [perMinute]);
    expect(granted(ask(again, 'a', START + 9_999, { waiting: 10 }))).toBe(0);
    expect(granted(ask(again, 'a', START + 10_000, { waiting: 10 }))).toBe(10);
  });

  it('ends all sessions, changes the ledger’s name, keeps what was granted, and pauses', () => {
    let ids = 0;
    const ledger = opened([perMinute], ['a', 'b'], { newId: () => `id${ids++}` });
    ask(ledger, 'a', START, { waiting: 60 });
    ledger.pauseUntil(START + 10_000);
    expect(ledger.id).toBe('id1');
    expect(ask(ledger, 'a', START + 1, { waiting: 10 }).closed).toBe(true);
    expect(granted(ask(ledger, 'b', START + 9_999, { waiting: 100 }))).toBe(0);
    expect(granted(ask(ledger, 'b', START + 10_000, { waiting: 100 }))).toBe(40);
  });
});

it('has one length of leases: four intervals, two round trips and half a second', () => {
  expect(longestLeaseMs()).toBe(9_000);
});
