import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createStateView } from '../src/health/state-view.ts';
import { canonicalJson } from '../src/identity/canonical-json.ts';
import { compileSnapshot, type ServedSnapshot } from './served-snapshot.ts';
import { encodeSnapshotFile } from './snapshot-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-served-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const ROUTING = {
  sequence: 7,
  zones: [],
  policies: [],
  regions: {},
  geoSha256: '',
  drains: [],
  issuedAtMs: 1_000,
};
const view = createStateView(
  { targets: new Map(), drains: new Map(), lastHealthy: new Map(), takenAtMs: 0, freshAtMs: 0 },
  () => 0,
);

async function compiled(
  routing: object,
  before?: ServedSnapshot,
  write: (value: unknown) => string = canonicalJson,
) {
  const path = join(folder, 'snapshot');
  const peers = { self: { agentUid: 'a', cluster: 'default/one', failureDomain: 'd' }, peers: [] };
  const parts = Object.entries({ routing: { ...ROUTING, ...routing }, probes: {}, peers }).map(
    ([name, content]) => ({ name, content: Buffer.from(write(content)) }),
  );
  const manifest = Buffer.from(JSON.stringify(routing));
  const signature = new Uint8Array(64);
  await writeFile(path, encodeSnapshotFile({ manifest, signature, keyId: 'k', parts, pieces: [] }));
  return await compileSnapshot(path, undefined, () => view, before);
}

it('the table stays when nothing that names are answered from is otherwise; drains and time of issue are those of the new snapshot', async () => {
  const first = await compiled({});
  const drains = [{ cluster: 'default/"issuedAtMs":5,', sinceMs: 3 }];
  const second = await compiled({ issuedAtMs: 2_000, drains }, first);
  expect(second.names).toBe(first.names);
  expect(second.content).toEqual({ policies: [], regions: {}, drains, issuedAtMs: 2_000 });
  expect(second.hash).not.toBe(first.hash);
  const third = await compiled({ sequence: 8 }, second);
  expect(third.names).not.toBe(second.names);
  expect(third.sequence).toBe(8);
});

it('a snapshot that is written in another order is compiled as any other', async () => {
  const first = await compiled({}, undefined, JSON.stringify);
  const second = await compiled({ issuedAtMs: 2_000 }, first, JSON.stringify);
  expect(second.names).not.toBe(first.names);
  expect(second.content.issuedAtMs).toBe(2_000);
});
