import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NameServerProcess, startNameServerProcess } from '../support/name-server-process.ts';
import { requireServer } from '../support/servers.ts';
import { DIFFERENCES, type PeerName } from './dns-differential/known-differences.ts';
import { signedQueries } from './dns-differential/random-queries.ts';
import { randomWorld } from './dns-differential/random-zones.ts';
import { compareAnswers } from './dns-differential/run.ts';
import { type Peer, startBind, startKnot } from './dns-differential/servers.ts';
import { SIGNED_DIFFERENCES } from './dns-differential/signed-differences.ts';

const SUITE = 'signed answers beside Knot and BIND';
const knotd = await requireServer('knotd', SUITE);
const named = await requireServer('named', SUITE);
const signzone = await requireServer('dnssecSignzone', SUITE);

const WORLDS = Number(process.env.PORTOLAN_DIFFERENTIAL_SIGNED_WORLDS ?? 3);
const FIRST_SEED = Number(process.env.PORTOLAN_DIFFERENTIAL_SEED ?? 1);
/** Other types asked for at every name, beside its own. */
const TYPES_PER_NAME = 1;
const SHOWN = 10;

describe.skipIf(!knotd.available || !named.available || !signzone.available)(SUITE, () => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-differential-signed-'));
  const worlds = Array.from({ length: WORLDS }, (_, i) => randomWorld(FIRST_SEED + i));
  const zones = worlds.flatMap((world) => world.zones);
  let ours: NameServerProcess | undefined;
  const peers = new Map<PeerName, Peer>();

  beforeAll(async () => {
    if (!knotd.available || !named.available || !signzone.available) return;
    const signed = zones.map((zone) => ({ ...zone, signed: true }));
    const [mine, knot, bind] = await Promise.all([
      startNameServerProcess(signed, folder),
      startKnot(knotd.path, zones, join(folder, 'knot'), true),
      startBind(named.path, zones, join(folder, 'bind'), signzone.path),
    ]);
    ours = mine;
    peers.set('knot', knot).set('bind', bind);
  });
  afterAll(async () => {
    await Promise.all([ours?.stop(), ...[...peers.values()].map((peer) => peer.stop())]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('differ in nothing that the table does not explain, and no row of it explains nothing', {
    timeout: 60_000 + WORLDS * 30_000,
  }, async () => {
    const table = [...SIGNED_DIFFERENCES, ...DIFFERENCES];
    const { pairs, unanswered, perRow, unexplained } = await compareAnswers(
      worlds,
      (world) => signedQueries(world, TYPES_PER_NAME),
      ours?.port ?? 0,
      peers,
      table,
    );
    const counts = table.map(({ id }) => `${id} ${perRow.get(id) ?? 0}`).join(', ');
    console.log(`${zones.length} signed zones, ${pairs} pairs of answers; explained: ${counts}`);
    expect(
      unexplained.slice(0, SHOWN),
      `${unexplained.length} pairs of answers differ in ways that no row explains`,
    ).toEqual([]);
    expect(unanswered).toBe(0);
    expect(pairs).toBeGreaterThan(WORLDS * 2000);
    expect(SIGNED_DIFFERENCES.filter(({ id }) => !perRow.has(id)).map(({ id }) => id)).toEqual([]);
  });
});
