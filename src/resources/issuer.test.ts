import { expect, it } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import { parseResource } from './validate.ts';

const violationsOf = (acme: object): readonly string[] => {
  try {
    parseResource({
      apiVersion: 'portolan.dev/v1alpha1',
      kind: 'Issuer',
      metadata: { name: 'ca' },
      spec: { acme: { directory: 'https://ca.example/dir', termsOfServiceAgreed: true, ...acme } },
    });
    return [];
  } catch (error) {
    if (!(error instanceof PortolanError)) throw error;
    return error.violations.map((v) => `${v.path}: ${v.message}. ${v.fix}`);
  }
};

it('what an Issuer lacks is said as it is to be written', () => {
  expect(violationsOf({})).toEqual([]);
  expect(violationsOf({ directory: 'http://ca.example/dir' })).toEqual([
    'spec.acme.directory: "http://ca.example/dir" is not valid; it must be an https URL. Write an https URL.',
  ]);
  expect(violationsOf({ termsOfServiceAgreed: false })).toEqual([
    'spec.acme.termsOfServiceAgreed: the boolean false is not one of true. Write true.',
  ]);
  expect(violationsOf({ termsOfServiceAgreed: undefined })).toEqual([
    'spec.acme.termsOfServiceAgreed: is required (one of true). Write true.',
  ]);
});
