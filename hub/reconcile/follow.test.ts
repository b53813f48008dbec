import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Resource } from '../../src/resources/catalogue.ts';
import { until } from '../../test/support/until.ts';
import type { Store } from '../store/contract.ts';
import { openStore } from '../store/open.ts';
import { followObjects, type ObjectFollower } from './follow.ts';
import { zone } from './testing.ts';

const KEY = { kind: 'Zone', namespace: 'default', name: 'example' } as const;
const ACTOR = { actor: { id: 'test', display: 'test' } };
const specWith = (address: string) =>
  zone('example', 'example.com', [{ name: 'www', type: 'A', data: [address] }]).spec;
const STATUSES = [1, 2, 3].map((serial) => ({ conditions: [], serial }));

let folder: string;
let store: Store;
let follower: ObjectFollower;
const ending = new AbortController();
let following: Promise<void>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-follow-'));
  store = await openStore(
    { kind: 'sqlite', file: join(folder, 'store.db') },
    { kek: randomBytes(32), wallClock: Date.now, random: randomBytes },
  );
  await store.commit([{ type: 'create', key: KEY, spec: specWith('192.0.2.1') }], ACTOR);
  follower = followObjects({
    store,
    onChange: () => {},
    log: { warn: () => {} },
    wait: () => Promise.resolve(),
  });
  await follower.load();
  following = follower.follow(ending.signal);
});
afterEach(async () => {
  ending.abort();
  await following;
  await store.close();
  await rm(folder, { recursive: true });
});

function current(): Resource<'Zone'> {
  const found = follower.objects.Zone.get('default/example');
  if (found === undefined) throw new Error('the zone is not there');
  return found;
}

async function commit(...changes: Parameters<Store['commit']>[0]): Promise<void> {
  const { revision } = await store.commit(changes, ACTOR);
  await until('the follower has seen it', async () => follower.revision >= revision, 20_000);
}

it('a status leaves the spec the same object, in memory and in the log of events, and a change of the spec does not', async () => {
  const { spec } = current();
  for (const status of STATUSES) {
    await commit({ type: 'status', key: KEY, status });
    expect(current().status).toEqual(status);
    expect(current().spec).toBe(spec);
  }
  await follower.load();
  expect(current().spec).toBe(spec);

  const seen = new AbortController();
  const specs = new Set<unknown>();
  for await (const event of store.watch({ fromRevision: 1, signal: seen.signal })) {
    specs.add(event.object.spec);
    if (event.revision === follower.revision) seen.abort();
  }
  expect(specs.size).toBe(1);

  await commit({ type: 'update', key: KEY, spec: specWith('192.0.2.2') });
  expect(current().spec).not.toBe(spec);
  expect(current().spec).toEqual(specWith('192.0.2.2'));
});
