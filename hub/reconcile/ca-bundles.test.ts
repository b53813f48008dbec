import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import type { Target } from '../../src/health/types.ts';
import { checkSpec } from '../../src/resources/health-check.ts';
import { createCaBundles } from './ca-bundles.ts';

const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
const target: Target = {
  id: 't',
  cluster: 'shop/de',
  failureDomain: 'de',
  address: '198.51.100.1',
  port: 443,
  check: checkSpec.parse({ protocol: 'https', port: 443, caSecret: { name: 'ca', key: 'ca.crt' } }),
  defaultHost: 'www.example.com',
};

describe('CA bundles of checks', () => {
  it('come from the namespace of the cluster', async () => {
    const asked: string[] = [];
    const bundles = createCaBundles({
      secretData: (key) => {
        asked.push(`${key.namespace}/${key.name}`);
        return Promise.resolve({ 'ca.crt': PEM });
      },
    });
    await bundles.refresh([target, target]);
    expect(asked).toEqual(['shop/ca']);
    expect(bundles.of(target)).toBe(PEM);
  });

  it('I33 are certificates or nothing: no other secret value gets into probes and snapshots', async () => {
    for (const value of [
      'hunter2',
      `${PEM}hunter2`,
      '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n',
    ]) {
      const bundles = createCaBundles({ secretData: () => Promise.resolve({ 'ca.crt': value }) });
      await bundles.refresh([target]);
      expect(bundles.of(target)).toBeUndefined();
      expect(bundles.all).toEqual({});
    }
  });

  it('stay as they were while the store does not answer', async () => {
    let away = false;
    const bundles = createCaBundles({
      secretData: () =>
        away
          ? Promise.reject(new PortolanError('STORE_UNAVAILABLE', 'away'))
          : Promise.resolve({ 'ca.crt': PEM }),
    });
    await bundles.refresh([target]);
    away = true;
    await bundles.refresh([target]);
    expect(bundles.of(target)).toBe(PEM);
  });
});
