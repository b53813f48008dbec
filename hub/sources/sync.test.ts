import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { containing, matching } from '../../test/support/matchers.ts';
import type { ProposedChange } from '../api/services.ts';
import { creationOf, updateOf } from '../api/writes.ts';
import type { Actor } from '../store/contract.ts';
import { MANAGED_BY, TAKEN_OVER } from './contract.ts';
import { type MemoryHub, memoryHub, setOf, wanted } from './testing.ts';

const admin: Actor = { id: 'token/1', display: 'ops' };
const backend = (name: string, weight = 1) =>
  wanted('HealthCheck', name, { protocol: 'tcp', port: 1000 + weight });

/** As a person who writes through the API. */
async function byHand(hub: MemoryHub, one: ReturnType<typeof wanted>, annotations = {}): Promise<void> {
  const input = { ...one.input, metadata: { ...one.input.metadata, annotations } } as typeof one.input;
  const current = hub.objects.get(`${input.kind} default/${input.metadata.name}`);
  const { change } =
    current === undefined ? creationOf(input, undefined) : updateOf(input, current, TAKEN_OVER);
  await hub.store.commit([change], { actor: admin });
}

/** Guards that refuse changes of these names. */
function refusing(code: 'LAST_CAPACITY' | 'IN_USE', ...names: readonly string[]): MemoryHub['guards'] {
  return async (changes, { force }) => {
    const violations = changes.flatMap(({ key }: ProposedChange, change) =>
      names.includes(key.name)
        ? [{ change, path: 'spec', code, message: `${key.name} is needed`, fix: 'Wait.' }]
        : [],
    );
    return violations.length === 0 || (force && code === 'LAST_CAPACITY')
      ? { ok: true, warnings: [] }
      : { ok: false, violations };
  };
}

describe('a pass of a source', () => {
  it('creates all it wants in one commit, marked as its own, and the second pass writes nothing', async () => {
    const hub = memoryHub();
    const set = setOf([backend('a'), backend('b')]);
    const first = await hub.sync.pass('git-folder', set);
    expect([...first.outcomes.values()]).toEqual([
      { state: 'applied', changed: true, resourceVersion: '1', generation: 1 },
      { state: 'applied', changed: true, resourceVersion: '1', generation: 1 },
    ]);
    expect(first.managed).toBe(2);
    expect(hub.commits).toHaveLength(1);
    expect(hub.commits[0]?.options.actor).toEqual({ id: 'source/git-folder', display: 'the Git folder' });
    expect(hub.objects.get('HealthCheck default/a')?.metadata.annotations).toEqual({
      [MANAGED_BY]: 'git-folder',
    });
    const second = await hub.sync.pass('git-folder', set);
    expect(second.outcomes.get('HealthCheck default/a')).toEqual({
      state: 'applied',
      changed: false,
      resourceVersion: '1',
      generation: 1,
    });
    expect(hub.commits).toHaveLength(1);
  });

  it('puts back what was changed, and removes what is wanted no more', async () => {
    const hub = memoryHub();
    await hub.sync.pass('git-folder', setOf([backend('a'), backend('b')]));
    const pass = await hub.sync.pass('git-folder', setOf([backend('a', 2)]));
    expect(pass.outcomes.get('HealthCheck default/a')).toMatchObject({ changed: true, generation: 2 });
    expect(pass.outcomes.get('HealthCheck default/b')).toEqual({ state: 'removed', gone: true });
    expect([...hub.objects.keys()]).toEqual(['HealthCheck default/a']);
    expect(pass.managed).toBe(1);
  });

  it('removes nothing when not everything could be read', async () => {
    const hub = memoryHub();
    await hub.sync.pass('git-folder', setOf([backend('a'), backend('b')]));
    const pass = await hub.sync.pass('git-folder', setOf([backend('a', 2)], false));
    expect(pass.outcomes.get('HealthCheck default/a')).toMatchObject({ changed: true });
    expect(pass.outcomes.has('HealthCheck default/b')).toBe(false);
    expect(hub.objects.size).toBe(2);
  });

  it('I7 what a guard refuses is not written, and the rest is', async () => {
    const hub = memoryHub();
    hub.guards = refusing('IN_USE', 'b');
    const pass = await hub.sync.pass('git-folder', setOf([backend('a'), backend('b'), backend('c')]));
    expect(pass.outcomes.get('HealthCheck default/b')).toMatchObject({
      state: 'refused',
      code: 'IN_USE',
      message: 'spec: b is needed',
    });
    expect([...hub.objects.keys()]).toEqual(['HealthCheck default/a', 'HealthCheck default/c']);
    expect(hub.commits).toHaveLength(1);
  });

  it('leaves alone what a person made, unless its document says that it is to be adopted', async () => {
    const hub = memoryHub();
    await byHand(hub, backend('a', 9));
    const left = await hub.sync.pass('git-folder', setOf([backend('a')]));
    expect(left.outcomes.get('HealthCheck default/a')).toMatchObject({ state: 'conflict', manager: 'api' });
    expect(hub.commits).toHaveLength(1);
    const adopted = await hub.sync.pass('git-folder', setOf([{ ...backend('a'), adopt: true }]));
    expect(adopted.outcomes.get('HealthCheck default/a')).toMatchObject({ state: 'applied', changed: true });
    expect(adopted.managed).toBe(1);
  });

  it('leaves alone what the other source sets, and removes nothing of it', async () => {
    const hub = memoryHub();
    await hub.sync.pass('kubernetes', setOf([backend('a'), backend('b')]));
    const pass = await hub.sync.pass('git-folder', setOf([{ ...backend('a', 2), adopt: true }]));
    expect(pass.outcomes.get('HealthCheck default/a')).toMatchObject({
      state: 'conflict',
      manager: 'kubernetes',
    });
    expect(hub.objects.size).toBe(2);
    expect(hub.commits).toHaveLength(1);
  });

  it('leaves alone what a person took over, whatever the document says, until it is given back', async () => {
    const hub = memoryHub();
    const set = setOf([{ ...backend('a'), adopt: true }]);
    await hub.sync.pass('git-folder', set);
    await byHand(hub, backend('a', 9));
    const left = await hub.sync.pass('git-folder', set);
    expect(left.outcomes.get('HealthCheck default/a')).toMatchObject({
      state: 'conflict',
      manager: 'api',
      message: containing('portolan source return'),
    });
    const key = { kind: 'HealthCheck', namespace: 'default', name: 'a' } as const;
    await expect(hub.sync.giveBack(key, admin, 'over')).resolves.toBe('git-folder');
    expect(hub.commits.at(-1)?.options).toMatchObject({
      actor: admin,
      reason: 'given back to git-folder: over',
    });
    const back = await hub.sync.pass('git-folder', set);
    expect(back.outcomes.get('HealthCheck default/a')).toMatchObject({ state: 'applied', changed: true });
    await expect(hub.sync.giveBack(key, admin, undefined)).rejects.toMatchObject({ code: 'SOURCE_INVALID' });
  });

  it('refuses what stands for an act of a person', async () => {
    const hub = memoryHub();
    const pass = await hub.sync.pass(
      'git-folder',
      setOf([wanted('Drain', 'x', { cluster: 'x', reason: '' })]),
    );
    expect(pass.outcomes.get('Drain default/x')).toMatchObject({ state: 'refused', code: 'SOURCE_INVALID' });
    expect(hub.objects.size).toBe(0);
  });

  it('waits for an object that is still being removed, and makes it again then', async () => {
    const hub = memoryHub();
    const held = wanted('HealthCheck', 'a', { protocol: 'tcp', port: 1 });
    const withFinalizer = {
      ...held,
      input: {
        ...held.input,
        metadata: { ...held.input.metadata, finalizers: ['example.com/x'] },
      } as typeof held.input,
    };
    await hub.sync.pass('git-folder', setOf([withFinalizer]));
    const going = await hub.sync.pass('git-folder', setOf([]));
    expect(going.outcomes.get('HealthCheck default/a')).toEqual({ state: 'removed', gone: false });
    expect(going.managed).toBe(1);
    const again = await hub.sync.pass('git-folder', setOf([withFinalizer]));
    expect(again.outcomes.get('HealthCheck default/a')).toMatchObject({
      state: 'failed',
      message: containing('example.com/x'),
    });
    const key = { kind: 'HealthCheck', namespace: 'default', name: 'a' } as const;
    await hub.store.commit([{ type: 'removeFinalizer', key, finalizer: 'example.com/x' }], { actor: admin });
    const anew = await hub.sync.pass('git-folder', setOf([withFinalizer]));
    expect(anew.outcomes.get('HealthCheck default/a')).toMatchObject({ state: 'applied', generation: 1 });
  });

  it('reads again when somebody wrote in between', async () => {
    const hub = memoryHub();
    await hub.sync.pass('git-folder', setOf([backend('a')]));
    hub.meanwhile = () => byHand(hub, backend('a', 9));
    const pass = await hub.sync.pass('git-folder', setOf([backend('a', 2)]));
    expect(pass.outcomes.get('HealthCheck default/a')).toMatchObject({ state: 'conflict', manager: 'api' });
  });

  it('does not remove what a person takes over meanwhile', async () => {
    const hub = memoryHub();
    await hub.sync.pass('git-folder', setOf([backend('a')]));
    hub.meanwhile = () => byHand(hub, backend('a', 9));
    await hub.sync.pass('git-folder', setOf([]));
    expect([...hub.objects.keys()]).toEqual(['HealthCheck default/a']);
  });

  it('says of every object that the store does not take it, and tries again with the next pass', async () => {
    const hub = memoryHub();
    hub.broken = new PortolanError('STORE_UNAVAILABLE', 'the disk is gone');
    const pass = await hub.sync.pass('git-folder', setOf([backend('a'), backend('b')]));
    expect([...pass.outcomes.values()].map(({ state }) => state)).toEqual(['failed', 'failed']);
    hub.broken = undefined;
    const next = await hub.sync.pass('git-folder', setOf([backend('a'), backend('b')]));
    expect([...next.outcomes.values()].map(({ state }) => state)).toEqual(['applied', 'applied']);
  });

  it('does nothing while another hub leads', async () => {
    const hub = memoryHub();
    hub.leads = false;
    await expect(hub.sync.pass('git-folder', setOf([backend('a')]))).rejects.toMatchObject({
      code: 'NOT_LEADER',
    });
    expect(hub.objects.size).toBe(0);
  });

  it('I33 has a Secret as its document has it: what is stored besides goes, the same is not written', async () => {
    const hub = memoryHub();
    const secret = (stringData: Record<string, string>) => wanted('Secret', 's', { stringData });
    await hub.sync.pass('git-folder', setOf([secret({ a: '1', b: '2' })]));
    await hub.sync.pass('git-folder', setOf([secret({ a: '1', b: '2' })]));
    expect(hub.commits).toHaveLength(1);
    await hub.sync.pass('git-folder', setOf([secret({ a: '3' })]));
    expect(await hub.store.secretData({ kind: 'Secret', namespace: 'default', name: 's' })).toEqual({
      a: '3',
    });
  });
});

describe('a change that a guard holds', () => {
  it('I7 waits until an admin approves exactly this change, and keeps its id', async () => {
    const hub = memoryHub();
    await hub.sync.pass('git-folder', setOf([backend('a'), backend('b')]));
    hub.guards = refusing('LAST_CAPACITY', 'a');
    const changed = setOf([backend('a', 2), backend('b', 2)]);
    const pass = await hub.sync.pass('git-folder', changed);
    const outcome = pass.outcomes.get('HealthCheck default/a');
    expect(outcome).toMatchObject({
      state: 'held',
      hold: { verb: 'update', source: 'git-folder', origin: 'a.yaml:1' },
    });
    expect(pass.outcomes.get('HealthCheck default/b')).toMatchObject({ state: 'applied', changed: true });
    const [held] = hub.sync.held;
    expect(held?.id).toMatch(/^[0-9a-f]{12}$/);
    expect(held?.violations[0]?.fix).toContain(`portolan source approve ${held?.id}`);
    hub.nowMs += 60_000;
    await hub.sync.pass('git-folder', changed);
    expect(hub.sync.held).toEqual([held]);
    const anew = memoryHub();
    await anew.sync.pass('git-folder', setOf([backend('a')]));
    anew.guards = refusing('LAST_CAPACITY', 'a');
    await anew.sync.pass('git-folder', setOf([backend('a', 2)]));
    expect(anew.sync.held[0]?.id).toBe(held?.id);
    await anew.sync.pass('git-folder', setOf([backend('a', 3)]));
    expect(anew.sync.held[0]?.id).not.toBe(held?.id);

    await expect(hub.sync.approve('000000000000', admin, 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await hub.sync.approve(held?.id ?? '', admin, 'known');
    expect(hub.objects.get('HealthCheck default/a')?.metadata.generation).toBe(2);
    expect(hub.commits.at(-1)?.options).toMatchObject({
      actor: admin,
      reason: `approved for git-folder (${held?.id}): known`,
    });
    expect(hub.sync.held).toEqual([]);
    const after = await hub.sync.pass('git-folder', changed);
    expect(after.outcomes.get('HealthCheck default/a')).toMatchObject({ state: 'applied', changed: false });
  });

  it('is not let through once the document says something else', async () => {
    const hub = memoryHub();
    await hub.sync.pass('git-folder', setOf([backend('a')]));
    hub.guards = refusing('LAST_CAPACITY', 'a');
    await hub.sync.pass('git-folder', setOf([backend('a', 2)]));
    const id = hub.sync.held[0]?.id ?? '';
    await hub.sync.pass('git-folder', setOf([backend('a', 3)]));
    await expect(hub.sync.approve(id, admin, 'late')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(hub.objects.get('HealthCheck default/a')?.metadata.generation).toBe(1);
  });

  it('I7 removals that are too many are held together, and approved together', async () => {
    const hub = memoryHub();
    const names = Array.from({ length: 8 }, (_, n) => `c${n}`);
    await hub.sync.pass('git-folder', setOf(names.map((n) => backend(n))));
    const pass = await hub.sync.pass('git-folder', setOf([backend('c0'), backend('c1', 5)]));
    expect(hub.objects.size).toBe(8);
    expect(pass.outcomes.get('HealthCheck default/c1')).toMatchObject({ state: 'applied', changed: true });
    expect(pass.outcomes.get('HealthCheck default/c2')).toMatchObject({
      state: 'held',
      hold: { verb: 'delete', violations: [{ code: 'PRUNE_LIMIT', message: matching(/^6 of 8 objects/) }] },
    });
    const ids = new Set(hub.sync.held.map(({ id }) => id));
    expect(ids.size).toBe(1);
    await hub.sync.approve([...ids][0] ?? '', admin, 'the shop is closed');
    expect([...hub.objects.keys()]).toEqual(['HealthCheck default/c0', 'HealthCheck default/c1']);
    expect(hub.sync.held).toEqual([]);
  });

  it('I7 the removal of a hostname is held when only its document is gone, by an id that survives a restart', async () => {
    const policy = (name: string, ...hostnames: readonly string[]) =>
      wanted('TrafficPolicy', name, {
        hostnames,
        endpoints: [{ name: 'a', cluster: 'a' }],
        routing: { default: { tiers: [{ members: [{ endpoint: 'a' }] }] } },
      });
    const zone = wanted('Zone', 'z', {
      origin: 'z.example',
      nameServers: [{ name: 'ns.z.example', addresses: ['192.0.2.53'] }],
    });
    const hub = memoryHub();
    const id = 'TrafficPolicy default/web';
    await hub.sync.pass('git-folder', setOf([policy('web', 'a.example', 'b.example'), zone, backend('c')]));
    const gone = setOf([backend('other')]);
    const pass = await hub.sync.pass('git-folder', gone);
    expect(pass.outcomes.get(id)).toMatchObject({
      state: 'held',
      hold: {
        verb: 'delete',
        violations: [
          {
            code: 'LAST_CAPACITY',
            message: containing('a.example., b.example. would be answered by nobody'),
          },
        ],
      },
    });
    expect(pass.outcomes.get('Zone default/z')).toMatchObject({ state: 'held' });
    // The rest of the pass is done.
    expect([...hub.objects.keys()].sort()).toEqual(['HealthCheck default/other', id, 'Zone default/z']);
    const [first, second] = hub.sync.held;
    expect(first?.id).not.toBe(second?.id);
    await hub.sync.pass('git-folder', gone);
    expect(hub.sync.held).toEqual([first, second]);
    const held = hub.sync.held.find(({ key }) => key.kind === 'TrafficPolicy');
    await hub.sync.approve(held?.id ?? '', admin, 'the shop is closed');
    expect(hub.objects.has(id)).toBe(false);
    expect(hub.objects.has('Zone default/z')).toBe(true);
    await hub.sync.pass('git-folder', { ...gone, removesHostnames: true });
    expect(hub.objects.has('Zone default/z')).toBe(false);

    // A document with another name that has the same hostnames takes them over, and who was asked to remove it removes it.
    await hub.sync.pass('git-folder', setOf([policy('web', 'a.example', 'b.example'), backend('c')]));
    await hub.sync.pass('git-folder', setOf([policy('web2', 'b.example', 'a.example'), backend('c')]));
    expect(hub.objects.has(id)).toBe(false);
    await hub.sync.pass('git-folder', {
      ...setOf([backend('c')]),
      removed: new Set(['TrafficPolicy default/web2']),
    });
    expect([...hub.objects.keys()]).toEqual(['HealthCheck default/c']);
    expect(hub.sync.held).toEqual([]);
  });

  it('I7 five of a few, and a quarter of many, go without asking', async () => {
    for (const [have, go, held] of [
      [5, 5, false],
      [6, 6, true],
      [40, 10, false],
      [40, 11, true],
    ] as const) {
      const hub = memoryHub();
      const names = Array.from({ length: have }, (_, n) => `c${n}`);
      await hub.sync.pass('git-folder', setOf(names.map((n) => backend(n))));
      await hub.sync.pass('git-folder', setOf(names.slice(go).map((n) => backend(n))));
      expect([have, go, hub.objects.size === have]).toEqual([have, go, held]);
    }
  });

  it('what a source cannot say anything of stands still, and what is meant to go goes from an incomplete set too', async () => {
    const hub = memoryHub();
    const check = (name: string) => wanted('HealthCheck', name, { protocol: 'tcp', port: 1 });
    await hub.sync.pass('kubernetes', setOf([check('a'), check('b'), check('c')]));
    const kept = await hub.sync.pass('kubernetes', {
      ...setOf([check('a')]),
      keep: (id) => id === 'HealthCheck default/b',
    });
    expect([...hub.objects.keys()]).toEqual(['HealthCheck default/a', 'HealthCheck default/b']);
    expect(kept.outcomes.has('HealthCheck default/b')).toBe(false);
    await hub.sync.pass('kubernetes', { ...setOf([], false), removed: new Set(['HealthCheck default/a']) });
    expect([...hub.objects.keys()]).toEqual(['HealthCheck default/b']);
  });
});
