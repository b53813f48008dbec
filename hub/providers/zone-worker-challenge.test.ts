import { describe, expect, it } from 'vitest';
import { challengeText } from '../../src/certificates/dns-challenge.ts';
import { parseName } from '../../src/dns/name.ts';
import { challengeDesired } from '../../src/plan/challenge.ts';
import { txtValue } from '../../src/plan/txt-value.ts';
import type { WantedName } from './zone-worker.ts';
import { memoryProvider, memoryStore, wanted, workerFor } from './zone-worker-fixture.ts';

const WWW = 'www.example.com.';
const AT = '_acme-challenge.example.com.';

function challenge(token: string): WantedName {
  const values = [challengeText(`${token}.print`)];
  const text = { namespace: 'shop', name: parseName(AT), values };
  return {
    desired: challengeDesired({ object: 'shop/apex', text, ttl: { minSeconds: 0, maxSeconds: 3600 } }),
    aids: [],
  };
}
const txtOf = (token: string): string => txtValue(challengeText(`${token}.print`));

describe('challenges in a zone at a provider', () => {
  it('leave the history as it was, whatever number their writes have', async () => {
    const provider = memoryProvider();
    const store = memoryStore();
    const at = workerFor(provider, { store });
    await at.want(wanted('www', '192.0.2.1'));
    for (let i = 0; i < 30; i += 1) {
      await at.want(wanted('www', '192.0.2.1'), challenge(`t${i}`));
      expect(provider.valuesOf(AT, 'TXT')).toEqual([txtOf(`t${i}`)]);
    }
    await at.want(wanted('www', '192.0.2.1'));
    expect(provider.valuesOf(AT, 'TXT')).toEqual([]);
    expect(at.worker.state.memory.history).toMatchObject([{ generation: 1 }]);
    expect(at.worker.state.memory.generation).toBe(32);
    await at.worker.close();
    // The next hub still knows what it wrote of people's names, should somebody remove the marker.
    provider.drop({ name: parseName('www._owner._portolan.example.com.'), type: 'TXT', setId: '' });
    const next = workerFor(provider, { store, epoch: 2 });
    await next.want(wanted('www', '192.0.2.2'));
    expect(next.worker.state.held).toEqual([]);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.2']);
    await next.worker.close();
  });

  it('go on while a rollback holds the zone, and it brings no old one back', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    await at.want(wanted('www', '192.0.2.1'), challenge('old'));
    await at.want(wanted('www', '192.0.2.2'));
    await at.worker.remember((memory) => ({ ...memory, heldAtGeneration: 1 }));
    await at.want(wanted('www', '192.0.2.2'), challenge('new'));
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    expect(provider.valuesOf(AT, 'TXT')).toEqual([txtOf('new')]);
    expect([...at.worker.state.heldBack]).toEqual([WWW]);
    await at.want(wanted('www', '192.0.2.2'));
    expect(provider.valuesOf(AT, 'TXT')).toEqual([]);
    await at.worker.close();
  });

  it('are not written while the provider is frozen', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider, { spec: { frozen: true } });
    await at.want(challenge('a'));
    expect(provider.calls).not.toContain('apply');
    await at.worker.close();
  });
});
