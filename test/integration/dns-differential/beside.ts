import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NameServerProcess, startNameServerProcess } from '../../support/name-server-process.ts';
import { requireServer } from '../../support/servers.ts';
import type { KnownDifference, PeerName } from './known-differences.ts';
import type { Asked } from './random-queries.ts';
import { randomWorld, type World } from './random-zones.ts';
import { compareAnswers } from './run.ts';
import { type Peer, startBind, startKnot } from './servers.ts';

/** How many unexplained pairs of answers a failure tells. */
const SHOWN = 10;

export interface Comparison {
  readonly suite: string;
  /** One world of zones is made of each. */
  readonly seeds: readonly number[];
  /** Whether the zones are signed, by every server in its own way. */
  readonly signed: boolean;
  queriesOf(this: void, world: World): readonly Asked[];
  /** All rows that may explain a difference, in the order in which they get the credit. */
  readonly table: readonly KnownDifference[];
  /** Those of `table` that have to explain something here. */
  readonly rowsNeeded: readonly KnownDifference[];
  /** More pairs of answers than this are compared, on average. */
  readonly minimumPairsPerWorld: number;
}

/** A suite that puts the same queries to our server, Knot and BIND, each in a process of its own with the same zones. */
export async function describeBeside(comparison: Comparison): Promise<void> {
  const { suite, seeds, signed, queriesOf, table, rowsNeeded, minimumPairsPerWorld } = comparison;
  const knotd = await requireServer('knotd', suite);
  const named = await requireServer('named', suite);
  const signzone = signed ? await requireServer('dnssecSignzone', suite) : undefined;

  describe.skipIf(!knotd.available || !named.available || signzone?.available === false)(suite, () => {
    const folder = mkdtempSync(join(tmpdir(), 'portolan-differential-'));
    const worlds = seeds.map(randomWorld);
    const zones = worlds.flatMap((world) => world.zones);
    let ours: NameServerProcess | undefined;
    const peers = new Map<PeerName, Peer>();

    beforeAll(async () => {
      if (!knotd.available || !named.available || signzone?.available === false) return;
      const [mine, knot, bind] = await Promise.all([
        startNameServerProcess(signed ? zones.map((zone) => ({ ...zone, signed })) : zones, folder),
        startKnot(knotd.path, zones, join(folder, 'knot'), signed),
        startBind(named.path, zones, join(folder, 'bind'), signzone?.path),
      ]);
      ours = mine;
      peers.set('knot', knot).set('bind', bind);
    });
    afterAll(async () => {
      await Promise.all([ours?.stop(), ...[...peers.values()].map((peer) => peer.stop())]);
      rmSync(folder, { recursive: true, force: true });
    });

    it('differ in nothing that the table does not explain, and no row of it explains nothing', {
      timeout: 60_000 + seeds.length * 30_000,
    }, async () => {
      const { pairs, unanswered, perRow, unexplained } = await compareAnswers(
        worlds,
        queriesOf,
        ours?.port ?? 0,
        peers,
        table,
      );
      const counts = table.map(({ id }) => `${id} ${perRow.get(id) ?? 0}`).join(', ');
      const kind = signed ? 'signed zones' : 'zones';
      console.log(`${zones.length} ${kind}, ${pairs} pairs of answers; explained: ${counts}`);
      expect(
        unexplained.slice(0, SHOWN),
        `${unexplained.length} pairs of answers differ in ways that no row explains`,
      ).toEqual([]);
      expect(unanswered).toBe(0);
      expect(pairs).toBeGreaterThan(seeds.length * minimumPairsPerWorld);
      expect(rowsNeeded.filter(({ id }) => !perRow.has(id)).map(({ id }) => id)).toEqual([]);
    });
  });
}

/** Seeds of as many worlds as are asked for, from the one that `PORTOLAN_DIFFERENTIAL_SEED` says or 1 on. */
export function seedsOf(worlds: number): readonly number[] {
  const first = Number(process.env.PORTOLAN_DIFFERENTIAL_SEED ?? 1);
  return Array.from({ length: worlds }, (_, i) => first + i);
}
