import { describe, expect, it } from 'vitest';
import { containing } from '../../../test/support/matchers.ts';
import { keyPlan } from './key-plan.ts';
import type { ParentDs, ParentView } from './parent-view.ts';
import { advance, beginSigning } from './rollover.ts';
import { confirmDs, excuse, SERVER_DEADLINE_MS, startRoll } from './rollover-acts.ts';
import type { Advance, NewKey, RolloverInput, RolloverState } from './rollover-state.ts';
import { keyStepWait, unsigningWait } from './rollover-waits.ts';

const TTL = 300;
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
const DAY = 24 * HOUR;
/** The wait for caches: the longest TTL, and two seconds for their rounding. */
const CACHES = TTL * SECOND + 2 * SECOND;

const dsOf = (tag: number): ParentDs => ({ keyTag: tag, algorithm: 13, digestType: 2, digest: `${tag}` });

/** A zone that is looked at when the test says so. */
class Zone {
  nowMs = 1_000_000;
  wanted = true;
  longestTtlSeconds = TTL;
  copyDelayMs = 0;
  servers: readonly string[] = ['hub', 'agent/a'];
  /** What a server has; all of it unless it is named here. */
  behind = new Map<string, number>();
  parent: ParentView | undefined;
  events: string[] = [];
  state: RolloverState;
  #keys = 0;

  readonly newKey: NewKey = (role) => {
    this.#keys += 1;
    return { id: `${this.#keys}`, keyTag: this.#keys, ds: role === 'ksk' ? [dsOf(this.#keys)] : [] };
  };

  constructor() {
    this.state = beginSigning(this.nowMs, TTL, this.newKey);
  }

  get input(): RolloverInput {
    return {
      nowMs: this.nowMs,
      wanted: this.wanted,
      zskLifetimeMs: 90 * DAY,
      longestTtlSeconds: this.longestTtlSeconds,
      copyDelayMs: this.copyDelayMs,
      servers: this.servers.map((id) => ({ id, revision: this.behind.get(id) ?? this.state.revision })),
      parent: this.parent,
    };
  }

  look(): void {
    const { state, events } = advance(this.state, this.input, this.newKey);
    this.state = state;
    this.events.push(...events.map((event) => event.type));
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.look();
    this.look();
  }

  /** The parent shows DS of these keys, at each of its servers. */
  shows(...servers: readonly (readonly number[] | 'silent')[]): void {
    this.nowMs += 1;
    this.parent = {
      atMs: this.nowMs,
      servers: servers.map((tags, i) =>
        tags === 'silent'
          ? { address: `${i}`, error: 'no answer' }
          : { address: `${i}`, ds: tags.map(dsOf), ttlSeconds: tags.length > 0 ? 3600 : 0 },
      ),
    };
    this.look();
  }

  take(result: Advance | { readonly refused: string }): string {
    if ('refused' in result) return result.refused;
    this.state = result.state;
    return 'done';
  }

  keys(): string {
    return this.state.keys.map((key) => `${key.role} ${key.keyTag} ${key.state}`).join(', ');
  }

  untilSigned(): this {
    this.look();
    this.pass(CACHES);
    this.shows([1], [1]);
    expect(this.state.phase).toBe('signed');
    return this;
  }
}

describe('the first signing', () => {
  it('asks for a DS once every server signs and the longest TTL has passed, to the second', () => {
    const zone = new Zone();
    zone.behind.set('agent/a', 0);
    zone.pass(30 * DAY);
    expect(keyStepWait(zone.state.keys[0] ?? fail(), zone.state, zone.input)).toEqual({
      for: 'servers',
      servers: ['agent/a'],
      sinceMs: 1_000_000,
    });
    zone.behind.clear();
    zone.look();
    zone.pass(CACHES - 1);
    expect(zone.state.phase).toBe('signing');
    expect(keyPlan(zone.state)?.parent).toBeUndefined();
    zone.pass(1);
    expect(zone.state.phase).toBe('awaiting-ds');
    expect(zone.events).toEqual(['DSExpected']);
  });

  it('is done when every server of the parent shows the DS', () => {
    const zone = new Zone();
    zone.look();
    zone.pass(CACHES);
    zone.shows([1], []);
    zone.shows([1], 'silent');
    zone.shows();
    expect(zone.state.phase).toBe('awaiting-ds');
    zone.shows([1], [1]);
    expect(zone.state.phase).toBe('signed');
    expect(zone.keys()).toBe('ksk 1 active, zsk 2 active');
  });

  it('takes no DS of another key, of the same tag even', () => {
    const zone = new Zone();
    zone.look();
    zone.pass(CACHES);
    for (const other of [
      { algorithm: 8 },
      { digestType: 4 },
      { digest: 'other' },
      { keyTag: 9 },
    ] satisfies Partial<ParentDs>[]) {
      zone.nowMs += 1;
      zone.parent = {
        atMs: zone.nowMs,
        servers: [{ address: 'p', ds: [{ ...dsOf(1), ...other }], ttlSeconds: 60 }],
      };
      zone.look();
      expect(zone.state.phase).toBe('awaiting-ds');
    }
  });

  it('waits longer for servers that copy the zone', () => {
    const zone = new Zone();
    zone.copyDelayMs = 2 * HOUR;
    zone.look();
    zone.pass(CACHES + 2 * HOUR - 1);
    expect(zone.state.phase).toBe('signing');
    zone.pass(1);
    expect(zone.state.phase).toBe('awaiting-ds');
  });

  it('goes on by a word of a person where the parent cannot be seen', () => {
    const zone = new Zone();
    expect(zone.take(confirmDs(zone.state, zone.nowMs))).toBe('no key waits for its DS');
    zone.look();
    zone.pass(CACHES);
    expect(zone.take(confirmDs(zone.state, zone.nowMs))).toBe('done');
    zone.shows([]);
    expect(zone.state.phase).toBe('signed');
    // What the person said stands against what the hub sees.
    zone.shows([]);
    expect(zone.state.phase).toBe('signed');
  });
});

describe('a roll of the zone-signing key', () => {
  it('publishes, waits, switches, waits, removes', () => {
    const zone = new Zone().untilSigned();
    expect(zone.take(startRoll(zone.state, 'zsk', zone.nowMs, zone.newKey))).toBe('done');
    expect(zone.take(startRoll(zone.state, 'zsk', zone.nowMs, zone.newKey))).toContain('one roll after');
    zone.look();
    zone.pass(CACHES - 1);
    expect(zone.keys()).toBe('ksk 1 active, zsk 2 active, zsk 3 published');
    zone.pass(1);
    expect(zone.keys()).toBe('ksk 1 active, zsk 2 retired, zsk 3 active');
    expect(keyPlan(zone.state)?.zoneSigners.map((key) => key.keyTag)).toEqual([3]);
    expect(keyPlan(zone.state)?.published).toHaveLength(3);
    zone.pass(CACHES);
    expect(zone.keys()).toBe('ksk 1 active, zsk 3 active');
  });

  it('begins by itself at its age, also while the parent is waited for, and not while it is unsigned', () => {
    const zone = new Zone();
    zone.pass(90 * DAY - 1);
    expect(zone.keys()).not.toContain('zsk 3');
    zone.pass(1);
    expect(zone.keys()).toContain('zsk 3 published');
    const leaving = new Zone().untilSigned();
    leaving.wanted = false;
    leaving.look();
    leaving.pass(200 * DAY);
    expect(leaving.keys()).toBe('ksk 1 active, zsk 2 active');
    expect(leaving.take(startRoll(leaving.state, 'zsk', leaving.nowMs, leaving.newKey))).toContain(
      'unsigning',
    );
  });

  it('counts the old TTL until every server has the lower one and caches have forgotten the old', () => {
    const zone = new Zone().untilSigned();
    zone.longestTtlSeconds = 10;
    zone.behind.set('agent/a', zone.state.revision);
    zone.pass(HOUR);
    expect(zone.state.ttl.seconds).toBe(TTL);
    zone.longestTtlSeconds = 20;
    zone.pass(HOUR);
    expect(zone.state.ttl).toMatchObject({ seconds: TTL, lowered: { seconds: 20 } });
    zone.behind.clear();
    zone.look();
    zone.pass(TTL * SECOND - 1);
    expect(zone.state.ttl.seconds).toBe(TTL);
    zone.pass(1);
    expect(zone.state.ttl).toEqual({ seconds: 20 });
    zone.longestTtlSeconds = 900;
    zone.look();
    expect(zone.state.ttl).toEqual({ seconds: 900 });
    // Lowered, and raised again before the lower one counted.
    zone.longestTtlSeconds = 30;
    zone.look();
    zone.longestTtlSeconds = 900;
    zone.look();
    expect(zone.state.ttl).toEqual({ seconds: 900 });
  });
});

describe('a roll of the key-signing key', () => {
  it('waits for the new DS at every server of the parent and then for the TTL of the DS set', () => {
    const zone = new Zone();
    expect(zone.take(startRoll(zone.state, 'ksk', zone.nowMs, zone.newKey))).toContain('nothing to roll');
    zone.untilSigned();
    expect(zone.take(startRoll(zone.state, 'ksk', zone.nowMs, zone.newKey))).toBe('done');
    expect(zone.take(startRoll(zone.state, 'ksk', zone.nowMs, zone.newKey))).toContain('one roll after');
    expect(keyPlan(zone.state)?.keySigners).toHaveLength(2);
    expect(keyPlan(zone.state)?.parent).toMatchObject([{ keyTag: 1 }]);
    zone.look();
    zone.pass(CACHES);
    expect(keyPlan(zone.state)?.parent).toMatchObject([{ keyTag: 3 }]);
    zone.shows([3], [1]);
    zone.pass(DAY);
    expect(zone.keys()).toBe('ksk 1 active, zsk 2 active, ksk 3 ready');
    zone.shows([3], [3]);
    zone.pass(HOUR);
    // One of the parent's servers was restored from a backup: the wait begins anew.
    zone.shows([3], [1]);
    zone.pass(HOUR);
    zone.shows([3], [3]);
    zone.shows([3], [3]);
    zone.shows([3], 'silent');
    zone.pass(HOUR);
    expect(zone.keys()).toContain('ksk 3 ready');
    zone.pass(2 * SECOND);
    expect(zone.keys()).toBe('zsk 2 active, ksk 3 active');
  });

  it('waits as long as any registry needs when the DS was never seen', () => {
    const zone = new Zone();
    zone.look();
    zone.pass(CACHES);
    zone.take(confirmDs(zone.state, zone.nowMs));
    zone.look();
    zone.take(startRoll(zone.state, 'ksk', zone.nowMs, zone.newKey));
    zone.look();
    zone.pass(CACHES);
    zone.take(confirmDs(zone.state, zone.nowMs));
    zone.pass(2 * DAY);
    expect(zone.keys()).toContain('ksk 3 ready');
    zone.pass(2 * SECOND);
    expect(zone.keys()).toBe('zsk 2 active, ksk 3 active');
  });

  it('begins a new wait when the parent takes the DS of a signed zone away', () => {
    const zone = new Zone().untilSigned();
    zone.shows([1], []);
    expect(zone.state.phase).toBe('awaiting-ds');
    expect(zone.events).toContain('DSLost');
    zone.shows([1], [1]);
    expect(zone.state.phase).toBe('signed');
  });
});

describe('turning signing off', () => {
  it('asks the parent to remove the DS, and stays signed until it is gone and its TTL has passed', () => {
    const zone = new Zone().untilSigned();
    zone.wanted = false;
    zone.look();
    expect(zone.state.phase).toBe('unsigning');
    expect(keyPlan(zone.state)?.parent).toBe('delete');
    expect(unsigningWait(zone.state, zone.input)).toMatchObject({ for: 'parent', what: 'no-ds' });
    zone.shows([1], [1]);
    zone.shows([], [1]);
    zone.pass(10 * DAY);
    zone.shows([], []);
    zone.shows([], 'silent');
    zone.pass(HOUR - 2);
    expect(zone.state.phase).toBe('unsigning');
    zone.pass(3 * SECOND);
    expect(zone.state.phase).toBe('unsigned');
    expect(keyPlan(zone.state)).toBeUndefined();
    zone.pass(DAY);
    expect(zone.state.phase).toBe('unsigned');
    zone.wanted = true;
    zone.look();
    expect(zone.state.phase).toBe('signing');
    expect(zone.keys()).toBe('ksk 3 published, zsk 4 active');
  });

  it('takes a DS that shows up again for what it is', () => {
    const zone = new Zone().untilSigned();
    zone.wanted = false;
    zone.shows([1], [1]);
    zone.shows([], []);
    zone.shows([1], []);
    zone.pass(DAY);
    expect(zone.state.phase).toBe('unsigning');
    expect(zone.state.dsGoneAtMs).toBeUndefined();
  });

  it('waits for a DS that was asked for and may be on its way, from when every server asks for none', () => {
    const zone = new Zone();
    zone.look();
    zone.pass(CACHES);
    zone.wanted = false;
    zone.behind.set('agent/a', zone.state.revision);
    zone.look();
    zone.shows([], []);
    zone.pass(30 * DAY);
    expect(unsigningWait(zone.state, zone.input)).toMatchObject({ for: 'servers', servers: ['agent/a'] });
    zone.behind.clear();
    zone.look();
    zone.pass(5 * DAY - 1);
    expect(zone.state.phase).toBe('unsigning');
    zone.pass(1);
    expect(zone.state.phase).toBe('unsigned');
  });

  it('does not wait for a DS on its way when the parent had it before, and lost it between two looks', () => {
    const zone = new Zone().untilSigned();
    zone.wanted = false;
    zone.look();
    zone.shows([], []);
    zone.pass(HOUR - 2);
    expect(zone.state.phase).toBe('unsigning');
    zone.pass(3 * SECOND);
    expect(zone.state.phase).toBe('unsigned');
  });

  it('waits for the DS of a next key that is on its way, whatever the parent had before', () => {
    const zone = new Zone().untilSigned();
    zone.take(startRoll(zone.state, 'ksk', zone.nowMs, zone.newKey));
    zone.look();
    zone.pass(CACHES);
    expect(zone.keys()).toContain('ksk 3 ready');
    zone.wanted = false;
    zone.look();
    zone.shows([], []);
    zone.pass(DAY);
    expect(zone.state.phase).toBe('unsigning');
    zone.pass(4 * DAY);
    expect(zone.state.phase).toBe('unsigned');
  });

  it('is done soon when nobody was ever told to publish a DS', () => {
    const zone = new Zone();
    zone.wanted = false;
    zone.look();
    zone.shows([], []);
    zone.pass(2 * SECOND);
    expect(zone.state.phase).toBe('unsigned');
    expect(zone.take(startRoll(zone.state, 'zsk', zone.nowMs, zone.newKey))).toContain('unsigned');
  });

  it('goes on by a word of a person', () => {
    const zone = new Zone().untilSigned();
    zone.wanted = false;
    zone.look();
    zone.shows([1]);
    expect(zone.take(confirmDs(zone.state, zone.nowMs))).toBe('done');
    expect(zone.take(confirmDs(zone.state, zone.nowMs))).toContain('seen already');
    zone.pass(HOUR + 2 * SECOND);
    expect(zone.state.phase).toBe('unsigned');
  });

  it('is taken back with the same keys: the DS has to be seen anew', () => {
    const zone = new Zone().untilSigned();
    zone.take(startRoll(zone.state, 'ksk', zone.nowMs, zone.newKey));
    zone.wanted = false;
    zone.look();
    zone.wanted = true;
    zone.look();
    expect(zone.state.phase).toBe('awaiting-ds');
    expect(zone.keys()).toBe('ksk 1 ready, zsk 2 active, ksk 3 published');
    const early = new Zone();
    early.wanted = false;
    early.look();
    early.wanted = true;
    early.look();
    expect(early.state.phase).toBe('signing');
  });
});

describe('a server that is away', () => {
  it('may be left behind by a person after seven days, and counts again once it is heard', () => {
    const zone = new Zone().untilSigned();
    expect(excuse(zone.state, zone.input)).toEqual({ refused: 'no step waits for a server' });
    zone.behind.set('agent/a', zone.state.revision);
    zone.take(startRoll(zone.state, 'zsk', zone.nowMs, zone.newKey));
    zone.pass(SERVER_DEADLINE_MS - 1);
    expect(excuse(zone.state, zone.input)).toMatchObject({ refused: containing('not earlier') });
    zone.pass(1);
    const excused = excuse(zone.state, zone.input);
    if ('refused' in excused) throw new Error(excused.refused);
    expect(excused.servers).toEqual(['agent/a']);
    zone.state = excused.state;
    zone.look();
    zone.pass(CACHES);
    expect(zone.keys()).toContain('zsk 3 active');
    expect(zone.state.excused).toEqual(['agent/a']);
    zone.behind.clear();
    zone.look();
    expect(zone.state.excused).toEqual([]);
  });

  it('may be left behind by a zone that is to be unsigned, too', () => {
    const zone = new Zone();
    zone.look();
    zone.pass(CACHES);
    zone.behind.set('agent/a', zone.state.revision);
    zone.wanted = false;
    zone.look();
    zone.shows([]);
    zone.pass(SERVER_DEADLINE_MS);
    expect(excuse(zone.state, zone.input)).toMatchObject({ servers: ['agent/a'] });
  });

  it('is forgotten when it is no server any more', () => {
    const zone = new Zone().untilSigned();
    zone.behind.set('agent/a', 1);
    zone.take(startRoll(zone.state, 'zsk', zone.nowMs, zone.newKey));
    zone.servers = ['hub'];
    zone.look();
    zone.pass(CACHES);
    expect(zone.keys()).toContain('zsk 3 active');
  });
});

function fail(): never {
  throw new Error('it is not there');
}
