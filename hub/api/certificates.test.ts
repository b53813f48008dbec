import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { containing } from '../../test/support/matchers.ts';
import { startTestHub, type TestHub } from './fixture.ts';
import { idleCertificateServices } from './fixture-certificates.ts';

/* The endpoints over services that note what they are asked: who sees which namespace, what a body may hold, what force needs. */

let hub: TestHub;
let admin: string;
let operator: string;
let asked: (readonly unknown[])[];

beforeAll(async () => {
  hub = await startTestHub();
  admin = (await hub.token([{ namespace: '*', role: 'admin' }])).text;
  operator = (await hub.token([{ namespace: 'team', role: 'operator' }])).text;
});
afterAll(() => hub.close());
beforeEach(() => {
  asked = [];
  const idle = idleCertificateServices();
  hub.services.certificates = {
    ...idle,
    list: async (filter) => {
      asked.push(['list', filter]);
      return idle.list(filter);
    },
    renew: async (namespace, id, options, actor) => {
      asked.push(['renew', namespace, id, options, actor.display]);
      return idle.renew(namespace, id, options, actor);
    },
    revoke: async (namespace, id, options, actor) => {
      asked.push(['revoke', namespace, id, options]);
      return idle.revoke(namespace, id, options, actor);
    },
    describe: async (namespace, id) => {
      if (id !== 'cert-0a1b2c3d')
        throw new PortolanError('CERTIFICATE_NOT_FOUND', `there is no certificate ${id}`);
      return idle.describe(namespace, id);
    },
  };
});

const as = (token: string) => createClient({ server: hub.bound.url, token });
const post = (path: string, body: unknown, token = admin) =>
  fetch(`${hub.bound.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const ONE = '/v1/namespaces/team/certificates/cert-0a1b2c3d';

describe('certificates over the API', () => {
  it('are listed for all namespaces to who may see all, else for those of the token', async () => {
    await as(admin).listCertificates({});
    const mine = await as(operator).listCertificates({ policy: 'shop' });
    expect(asked).toEqual([
      ['list', { policy: undefined }],
      ['list', { namespaces: ['team'], policy: 'shop' }],
    ]);
    expect(mine.map(({ namespace }) => namespace)).toEqual(['team']);
    await expect(as(operator).listCertificates({ namespace: 'other' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });

  it('are described, with history and chain; one that is not there says how to find others', async () => {
    const api = as(operator);
    expect(await api.describeCertificate('team', 'cert-0a1b2c3d')).toMatchObject({
      state: 'valid',
      chain: [],
    });
    expect(await api.certificateHistory('team', 'cert-0a1b2c3d')).toEqual({ id: 'cert-0a1b2c3d', items: [] });
    expect(await api.certificateChain('team', 'cert-0a1b2c3d')).toBe('PEM');
    await expect(api.describeCertificate('team', 'cert-ffffffff')).rejects.toMatchObject({
      code: 'CERTIFICATE_NOT_FOUND',
      fix: containing('portolan cert list'),
    });
  });

  it('are renewed by operators; force is for admins, with a reason', async () => {
    await as(operator).renewCertificate('team', 'cert-0a1b2c3d', { dryRun: true });
    await as(admin).renewCertificate('team', 'cert-0a1b2c3d', { force: true, reason: 'lost key' });
    expect(asked).toEqual([
      ['renew', 'team', 'cert-0a1b2c3d', { dryRun: true, force: false }, 'test'],
      ['renew', 'team', 'cert-0a1b2c3d', { dryRun: false, force: true, reason: 'lost key' }, 'test'],
    ]);
    expect((await post(`${ONE}/renew`, { force: true })).status).toBe(422);
    expect((await post(`${ONE}/renew`, { force: true, reason: 'x' }, operator)).status).toBe(403);
    expect(asked).toHaveLength(2);
  });

  it('are revoked for the reasons of RFC 5280 that a subscriber may give', async () => {
    expect((await post(`${ONE}/revoke`, { reason: 'keyCompromise' })).status).toBe(202);
    expect(asked).toEqual([
      ['revoke', 'team', 'cert-0a1b2c3d', { reason: 'keyCompromise', dryRun: false, force: false }],
    ]);
    expect((await post(`${ONE}/revoke`, {})).status).toBe(422);
    expect((await post(`${ONE}/revoke`, { reason: 'cACompromise' })).status).toBe(422);
    expect((await post(`${ONE}/revoke`, { reason: 'superseded', force: true }, operator)).status).toBe(403);
  });

  it('are tried, and the trial is asked for again', async () => {
    const begun = await as(operator).tryCertificatePolicy('team', 'shop', {});
    expect(begun).toEqual(await as(operator).certificateTrial('team', 'shop'));
  });
});
