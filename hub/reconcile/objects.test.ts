import { describe, expect, it } from 'vitest';
import { createObjectsDraft, objectsOf } from './objects.ts';
import { cluster, stored, zone } from './testing.ts';

describe('objects that change one by one', () => {
  const one = stored(cluster('one', 'DE', '192.0.2.1'));
  const two = stored(cluster('two', 'FR', '192.0.2.2'));
  const shop = stored(zone('shop', 'shop.example'));

  it('leave what was read as it was', () => {
    const draft = createObjectsDraft(objectsOf([one, shop]));
    const first = draft.read();
    draft.apply('upsert', two);
    draft.apply('delete', one);
    const second = draft.read();
    draft.apply('upsert', one);
    expect([...first.Cluster.keys()]).toEqual(['default/one']);
    expect([...second.Cluster.keys()]).toEqual(['default/two']);
    expect([...draft.read().Cluster.keys()]).toEqual(['default/two', 'default/one']);
    expect(draft.get('Cluster', 'default/one')).toBe(one);
  });

  it('share the kinds that did not change', () => {
    const draft = createObjectsDraft(objectsOf([one, shop]));
    const before = draft.read();
    draft.apply('upsert', two);
    expect(draft.read().Zone).toBe(before.Zone);
    expect(draft.read().Cluster).not.toBe(before.Cluster);
    expect(draft.read()).toBe(draft.read());
  });
});
