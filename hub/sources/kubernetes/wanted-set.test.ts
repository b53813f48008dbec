import { describe, expect, it } from 'vitest';
import { FINALIZER } from './kinds.ts';
import { hubEntry, mirroredCheck } from './testing.ts';
import { wantedSet, wantsHold } from './wanted-set.ts';

const SEEN = { complete: true, covers: () => true, canHold: () => true };
const HELD = { finalizers: [FINALIZER] };
const DELETING = { ...HELD, deletionTimestamp: '2026-11-22T10:00:00Z' };
const WRONG = { protocol: 'nonsense' };

describe('what all of Kubernetes wants', () => {
  it('is wanted once it is held, with where it stands', () => {
    const set = wantedSet([mirroredCheck('a', { metadata: HELD }), mirroredCheck('b')], new Map(), SEEN);
    expect([...set.objects.keys()]).toEqual(['HealthCheck shop/a']);
    expect(set.objects.get('HealthCheck shop/a')).toMatchObject({
      origin: 'healthchecks.portolan.dev shop/a (uid uid-a)',
      adopt: false,
      input: { kind: 'HealthCheck', metadata: { namespace: 'shop', name: 'a' }, spec: { port: 1 } },
    });
    // Until the finalizer stands there it is neither written nor removed.
    expect(set.keep?.('HealthCheck shop/b')).toBe(true);
    expect(set.complete).toBe(true);
  });

  it('is wanted without a finalizer where none can be written', () => {
    const set = wantedSet([mirroredCheck('a')], new Map(), { ...SEEN, canHold: () => false });
    expect(set.objects.has('HealthCheck shop/a')).toBe(true);
  });

  it('stands still alone when it cannot be read', () => {
    const all = [mirroredCheck('a', { metadata: HELD }), mirroredCheck('b', { spec: WRONG, metadata: HELD })];
    const set = wantedSet(all, new Map(), SEEN);
    expect(set.complete).toBe(true);
    expect(set.objects.size).toBe(1);
    expect(set.keep?.('HealthCheck shop/b')).toBe(true);
    expect(set.keep?.('HealthCheck shop/c')).toBe(false);
  });

  it('what is deleted is removed, even where the set is not complete or the object cannot be read', () => {
    const all = [
      mirroredCheck('a', { metadata: DELETING }),
      mirroredCheck('b', { spec: WRONG, metadata: DELETING }),
    ];
    const set = wantedSet(all, new Map(), { ...SEEN, complete: false, covers: () => false });
    expect([...(set.removed ?? [])]).toEqual(['HealthCheck shop/a', 'HealthCheck shop/b']);
    expect(set.keep?.('HealthCheck shop/a')).toBe(false);
    expect(set.keep?.('HealthCheck shop/other')).toBe(true);
    expect(set.objects.size).toBe(0);
  });

  it('a cluster without a single object removes nothing', () => {
    expect(wantedSet([], new Map(), SEEN).complete).toBe(false);
  });
});

describe('the finalizer', () => {
  const plain = mirroredCheck('a');
  const adopting = mirroredCheck('a', { metadata: { annotations: { 'portolan.dev/adopt': 'true' } } });
  const deleting = mirroredCheck('a', { metadata: DELETING });
  const wrong = mirroredCheck('a', { spec: WRONG });
  it.each([
    ['the hub does not have it yet', plain, undefined, true],
    ['the hub has it', plain, hubEntry(), true],
    ['it cannot be read, and the hub has what it said before', wrong, hubEntry(), true],
    ['it cannot be read, and never could', wrong, undefined, false],
    ['a person made it', plain, hubEntry({ manager: undefined }), false],
    ['a person made it, and the document adopts it', adopting, hubEntry({ manager: undefined }), true],
    ['a person took it over', adopting, hubEntry({ manager: undefined, takenOver: true }), false],
    ['another source sets it', adopting, hubEntry({ manager: 'git-folder' }), false],
    ['it is deleted and the hub has it', deleting, hubEntry(), true],
    ['it is deleted and gone from the hub', deleting, undefined, false],
    ['it is deleted and somebody else has it in the hub', deleting, hubEntry({ manager: undefined }), false],
  ])('%s', (_what, mirrored, entry, expected) => {
    expect(wantsHold(mirrored, entry)).toBe(expected);
  });
});
