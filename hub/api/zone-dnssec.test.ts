import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { startTestHub, type TestHub } from './fixture.ts';

let hub: TestHub;
let admin: string;
let operator: string;
beforeAll(async () => {
  hub = await startTestHub();
  admin = (await hub.token([{ namespace: 'team', role: 'admin' }])).text;
  operator = (await hub.token([{ namespace: 'team', role: 'operator' }])).text;
});
afterAll(() => hub.close());

const post = async (
  path: string,
  token: string,
  body?: object,
): Promise<{ readonly status: number; readonly json: unknown }> => {
  const response = await fetch(`${hub.bound.url}/v1/zones/team/shop/dnssec/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: await response.json() };
};

describe('keys of a zone over the API', () => {
  it('are rolled by an operator, who says which', async () => {
    const asked: unknown[] = [];
    hub.services.rollZoneKey = async (zone, role, { dryRun, actor }) => {
      asked.push([zone.namespace, zone.name, role, dryRun, actor.id.startsWith('token/')]);
      return { zone: 'team/shop', message: 'begun' };
    };
    expect(await post('roll?dryRun=true', operator, { role: 'zsk' })).toEqual({
      status: 200,
      json: { zone: 'team/shop', message: 'begun' },
    });
    expect(asked).toEqual([['team', 'shop', 'zsk', true, true]]);
    expect((await post('roll', operator, { role: 'both' })).status).toBe(422);
    expect((await post('roll', operator, {})).status).toBe(422);
  });

  it('answer with the reason when the state does not allow it', async () => {
    hub.services.confirmZoneDs = () =>
      Promise.reject(new PortolanError('DNSSEC_REFUSED', 'no key waits for its DS'));
    expect(await post('confirm-ds', operator)).toMatchObject({
      status: 409,
      json: { code: 'DNSSEC_REFUSED', detail: 'no key waits for its DS' },
    });
  });

  it('go on without a name server only by force, which takes an admin and a reason', async () => {
    let done = 0;
    hub.services.continueZoneRoll = async () => {
      done += 1;
      return { zone: 'team/shop', message: 'left behind' };
    };
    expect(await post('continue', admin)).toMatchObject({ status: 400, json: { code: 'USAGE' } });
    expect((await post('continue?force=true', admin)).status).toBe(422);
    expect((await post('continue?force=true&reason=gone', operator)).status).toBe(403);
    expect(done).toBe(0);
    expect((await post('continue?force=true&reason=gone', admin)).status).toBe(200);
    expect(done).toBe(1);
  });
});
