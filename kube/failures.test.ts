import { expect, it } from 'vitest';
import { containing } from '../test/support/matchers.ts';
import { refusalOf, silenceOf } from './failures.ts';

const ASKED = { verb: 'patch' } as const;

it('takes a field that does not exist for a mistake, and a server in trouble for one to ask again', () => {
  const message =
    'failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema';
  expect(refusalOf(ASKED, 500, { kind: 'Status', message })).toMatchObject({ code: 'KUBERNETES_REFUSED' });
  expect(refusalOf(ASKED, 500, { kind: 'Status', message: 'etcd is away' })).toMatchObject({
    code: 'KUBERNETES_UNAVAILABLE',
  });
});

it('tells what refuses a write from a right that is missing', () => {
  const denied = (message: string, status = 403) => refusalOf(ASKED, status, { kind: 'Status', message });
  expect(denied('admission webhook "guard.example.com" denied the request: no')).toMatchObject({
    code: 'KUBERNETES_REFUSED',
    fix: 'The admission webhook guard.example.com refuses it: let it pass, or ask who runs that webhook.',
  });
  const policy = `gateways "web" is forbidden: ValidatingAdmissionPolicy 'calm' with binding 'calm' denied request: no`;
  expect(denied(policy, 422).fix).toContain('The ValidatingAdmissionPolicy calm refuses it');
  expect(denied('leases "a" is forbidden: exceeded quota: small, requested: count/leases=1').fix).toContain(
    'The ResourceQuota small is used up',
  );
  expect(denied('httproutes "web" is forbidden: User "a" cannot patch resource')).toMatchObject({
    code: 'KUBERNETES_FORBIDDEN',
  });
  expect(
    denied('Internal error occurred: failed calling webhook "guard.example.com": EOF', 500),
  ).toMatchObject({
    code: 'KUBERNETES_UNAVAILABLE',
    fix: containing('The admission webhook guard.example.com does not answer'),
  });
});

it("names this machine's clock when the API server's certificate is not valid at this time", () => {
  const tls = Object.assign(new Error('certificate is not yet valid'), { code: 'CERT_NOT_YET_VALID' });
  expect(silenceOf(ASKED, tls)).toMatchObject({
    code: 'KUBERNETES_UNAVAILABLE',
    message: containing('is not valid by the clock of this machine, 20'),
    fix: containing("Compare this machine's clock"),
  });
  expect(silenceOf(ASKED, new Error('connect ECONNREFUSED')).message).not.toContain('clock');
});
