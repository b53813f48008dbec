import { expect, test } from 'vitest';
import { notASecret, onlyHttp } from './listeners.ts';

test.each([
  [
    { group: 'apps', kind: 'Secret', name: 'ca' },
    'The reference to ca is of kind Secret of group "apps", and only a Secret (kind Secret, group "") can be used.',
  ],
  [
    { group: '', kind: 'ConfigMap', name: 'ca' },
    'The reference to ca is of kind ConfigMap of the core group, and only a Secret (kind Secret, group "") can be used.',
  ],
])('a reference that can only be to a Secret says what it is to: %o', (ref, message) => {
  expect(notASecret(ref)).toBe(message);
});

test('why TLS cannot be passed on unread is said where it is asked for', () => {
  expect(onlyHttp('TLS')).toContain('there is no TLSRoute');
  expect(onlyHttp('TCP')).toBe('protocol "TCP" is neither HTTP nor HTTPS');
});
