import { describe, expect, it } from 'vitest';
import { containing } from '../test/support/matchers.ts';
import { keepOwnCredentials } from './own-credentials.ts';

const CLOUD = /(^|\.)cloud\.example$/;

describe("the hub's own credentials", () => {
  it.each([
    undefined,
    'https://dns.cloud.example',
    'http://127.0.0.1:8080/',
    'https://localhost/',
    'http://[::1]/',
  ])('go to %s', (url) => {
    expect(() => keepOwnCredentials('spec.x.endpoint', url, CLOUD)).not.toThrow();
  });

  it.each([
    'https://evil.example',
    'https://dns.cloud.example.evil.example',
    'https://dns.cloud.example@evil.example',
    'https://evilcloud.example',
    'http://dns.cloud.example',
    'https://localhost.evil.example',
    'https://127.0.0.1.evil.example',
  ])('do not go to %s (I33)', (url) => {
    expect(() => keepOwnCredentials('spec.x.endpoint', url, CLOUD)).toThrow(
      expect.objectContaining({ failure: 'denied', fix: containing('Name a Secret') }),
    );
  });
});
