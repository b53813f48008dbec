import { expect, it } from 'vitest';
import { refusalOf } from './failures.ts';

const ASKED = { verb: 'patch' } as const;

it('takes a field that does not exist for a mistake, and a server in trouble for one to ask again', () => {
  const message =
    'failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema';
  expect(refusalOf(ASKED, 500, { kind: 'Status', message })).toMatchObject({ code: 'KUBERNETES_REFUSED' });
  expect(refusalOf(ASKED, 500, { kind: 'Status', message: 'etcd is away' })).toMatchObject({
    code: 'KUBERNETES_UNAVAILABLE',
  });
});
