import { describe, expect, it } from 'vitest';
import { secretKind } from './kinds.ts';
import { mirroredOf } from './mirrored.ts';
import { mirroredCheck } from './testing.ts';

describe('an object of Kubernetes as a document of the hub', () => {
  it('has its labels, our annotations and no others', () => {
    const annotations = {
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
      'portolan.dev/adopt': 'true',
      'portolan.dev/managed-by': 'git-folder',
    };
    const { content } = mirroredCheck('a', { metadata: { labels: { team: 'web' }, annotations } });
    expect(content).toMatchObject({ ok: true, adopt: true });
    expect(content.ok && content.input.metadata).toEqual({
      name: 'a',
      namespace: 'shop',
      labels: { team: 'web' },
      annotations: { 'portolan.dev/adopt': 'true' },
    });
  });

  it('is the same content while only its status, finalizers and version change', () => {
    const before = mirroredCheck('a');
    const after = mirroredCheck(
      'a',
      { metadata: { resourceVersion: '2', finalizers: ['x'] }, status: { observedGeneration: 1 } },
      before,
    );
    expect(after).not.toBe(before);
    expect(after.content).toBe(before.content);
    const edited = mirroredCheck(
      'a',
      { metadata: { resourceVersion: '3' }, spec: { protocol: 'tcp', port: 2 } },
      after,
    );
    expect(edited.content).not.toBe(after.content);
  });

  it("is refused with the hub's violations when it is none, and not thrown", () => {
    const { content } = mirroredCheck('a', { spec: { protocol: 'nonsense' } });
    expect(content).toMatchObject({ ok: false, refusal: { state: 'refused' } });
    expect(content.ok ? [] : content.refusal.violations.map(({ path }) => path)).toContain('spec.protocol');
  });

  it('I33 a Secret gives texts, and what it refuses says no value', () => {
    const of = secretKind('portolan.dev/sync=true');
    const secret = (data: object) =>
      mirroredOf(
        of,
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'shop', uid: 'u' }, data },
        undefined,
      ).content;
    const texts = secret({ token: Buffer.from('canary').toString('base64') });
    expect(texts.ok && texts.input.spec).toEqual({ stringData: { token: 'canary' } });
    const binary = secret({ token: Buffer.from([0x63, 0x61, 0x6e, 0xff, 0xfe]).toString('base64') });
    expect(binary).toMatchObject({ ok: false, refusal: { violations: [{ path: 'data.token' }] } });
    expect(JSON.stringify(binary)).not.toMatch(/can|Y2Fu/);
  });
});
