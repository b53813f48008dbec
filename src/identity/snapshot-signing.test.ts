import { describe, expect, it } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import { canonicalJson } from './canonical-json.ts';
import { sha256Hex } from './digest.ts';
import {
  newSnapshotKey,
  openSnapshotSigner,
  type SignedSnapshot,
  signatureFits,
  signSnapshot,
  verifySnapshot,
} from './snapshot-signing.ts';

const signer = openSnapshotSigner(newSnapshotKey());
const keys = [{ id: signer.keyId, publicKeyPem: signer.publicKeyPem }];
const content = {
  routing: Buffer.from('{"sequence":1}'),
  probes: Buffer.from('{}'),
  peers: Buffer.from('[]'),
};
const head = {
  hub: 'hub-1',
  cluster: 'cluster-1',
  epoch: 3,
  version: 7,
  previous: '',
  issuedAtMs: 1_000,
  minimumAgent: '0.1.0',
};
const snapshot = signSnapshot(head, content, signer);
const expected = { keys, hubUid: 'hub-1', clusterUid: 'cluster-1' };

const refusal = (changed: SignedSnapshot, trust: Parameters<typeof verifySnapshot>[1] = expected): string => {
  try {
    verifySnapshot(changed, trust);
  } catch (error) {
    if (error instanceof PortolanError && error.code === 'SNAPSHOT_INVALID') return error.message;
    throw error;
  }
  return 'accepted';
};

const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x01, at);
  return copy;
};

/** Signed by the right key, with a manifest we choose. */
const signedManifest = (manifest: unknown, spelling = canonicalJson(manifest)): SignedSnapshot => {
  const bytes = Buffer.from(spelling);
  return { ...snapshot, manifest: bytes, signature: signer.sign(bytes) };
};
const { manifest } = verifySnapshot(snapshot, expected);

describe('a signed snapshot', () => {
  it('is verified and gives back the exact bytes of its parts', () => {
    const verified = verifySnapshot(snapshot, expected);
    expect(verified.parts).toEqual(content);
    expect(verified.mark).toEqual({ epoch: 3, version: 7, hash: sha256Hex(snapshot.manifest) });
    expect(verified.manifest).toMatchObject(head);
  });

  it('carries every kind of part that there is', () => {
    const whole = {
      ...content,
      dns: Buffer.from('{"d":1}'),
      gateway: Buffer.from('{"g":1}'),
      gatewaySecrets: Buffer.from('{"s":1}'),
    };
    expect(verifySnapshot(signSnapshot(head, whole, signer), expected).parts).toEqual(whole);
  });

  it('I11 is refused with any octet of the manifest changed', () => {
    for (let at = 0; at < snapshot.manifest.length; at += 1) {
      expect(refusal({ ...snapshot, manifest: flipped(snapshot.manifest, at) })).toContain(
        'signature does not fit',
      );
    }
  });

  it('I11 is refused with any octet of the signature changed', () => {
    expect(snapshot.signature).toHaveLength(64);
    for (let at = 0; at < snapshot.signature.length; at += 1) {
      expect(refusal({ ...snapshot, signature: flipped(snapshot.signature, at) })).toContain(
        'signature does not fit',
      );
    }
  });

  it('I11 is refused with any octet of any part changed', () => {
    for (const [index, part] of snapshot.parts.entries()) {
      for (let at = 0; at < part.content.length; at += 1) {
        const parts = snapshot.parts.with(index, { ...part, content: flipped(part.content, at) });
        expect(refusal({ ...snapshot, parts })).toContain(`part "${part.name}" was changed`);
      }
    }
  });

  it('is refused with a part missing, cut, twice, or under another name', () => {
    const [routing, probes, peers] = snapshot.parts;
    if (routing === undefined || probes === undefined || peers === undefined)
      throw new Error('parts are missing');
    expect(refusal({ ...snapshot, parts: [routing, probes] })).toContain('2 parts');
    expect(refusal({ ...snapshot, parts: [routing, probes, probes] })).toContain('twice');
    expect(refusal({ ...snapshot, parts: [routing, probes, { ...peers, name: 'other' }] })).toContain(
      '"peers" is missing',
    );
    const cut = { ...routing, content: routing.content.subarray(1) };
    expect(refusal({ ...snapshot, parts: [cut, probes, peers] })).toContain('octets instead of');
  });

  it('is refused under an unknown key, and under a stored key that is not what its id says', () => {
    const other = openSnapshotSigner(newSnapshotKey());
    expect(refusal(signSnapshot(head, content, other))).toContain('does not know');
    const swapped = [{ id: signer.keyId, publicKeyPem: other.publicKeyPem }];
    expect(refusal(signSnapshot(head, content, other), { ...expected, keys: swapped })).toContain(
      'does not know',
    );
    expect(signatureFits(swapped, snapshot.manifest, snapshot.signature, signer.keyId)).toBe(false);
    expect(signatureFits(keys, snapshot.manifest, snapshot.signature, signer.keyId)).toBe(true);
  });

  it('is refused when the signature is right but for another protocol', () => {
    const bytes = Buffer.from(snapshot.manifest);
    const withoutContext = openSnapshotSigner(newSnapshotKey());
    expect(
      signatureFits(
        [{ id: withoutContext.keyId, publicKeyPem: withoutContext.publicKeyPem }],
        bytes.subarray(1),
        withoutContext.sign(bytes),
        withoutContext.keyId,
      ),
    ).toBe(false);
  });

  it('is refused when it was made by another hub or for another cluster', () => {
    expect(refusal(signSnapshot({ ...head, hub: 'hub-2' }, content, signer))).toContain('another hub');
    expect(refusal(signSnapshot({ ...head, cluster: 'cluster-2' }, content, signer))).toContain(
      'another cluster',
    );
  });

  it('I10 is refused when it is older than the newest one seen, by epoch first', () => {
    const mark = snapshot.mark;
    expect(refusal(snapshot, { ...expected, highWater: { ...mark, version: 8 } })).toContain('is older than');
    expect(refusal(snapshot, { ...expected, highWater: { ...mark, epoch: 4, version: 1 } })).toContain(
      'is older than',
    );
    expect(refusal(snapshot, { ...expected, highWater: { ...mark, hash: '0'.repeat(64) } })).toContain(
      'another snapshot with',
    );
    expect(refusal(snapshot, { ...expected, highWater: mark })).toBe('accepted');
    expect(refusal(snapshot, { ...expected, highWater: { ...mark, epoch: 2, version: 99 } })).toBe(
      'accepted',
    );
  });

  it('is refused when the manifest is not canonical JSON, though signed', () => {
    const spaced = JSON.stringify(manifest, undefined, 1);
    expect(refusal(signedManifest(manifest, spaced))).toContain('canonical');
    expect(refusal(signedManifest(manifest, '{'))).toContain('not JSON');
    expect(refusal(signedManifest({ hub: 'hub-1' }))).toContain('lacks members');
  });

  it('I12 is accepted from an older hub that sends no part for name servers, and gives that part back when there is one', () => {
    expect(verifySnapshot(snapshot, expected).parts.dns).toBeUndefined();
    const dns = Buffer.from('{"signing":{},"tsigKeys":{}}');
    const withDns = signSnapshot(head, { ...content, dns }, signer);
    const verified = verifySnapshot(withDns, expected);
    expect(verified.parts.dns).toEqual(dns);
    expect(verified.manifest.parts.map((part) => part.name)).toEqual(['routing', 'probes', 'peers', 'dns']);
    const without = { ...withDns, parts: withDns.parts.filter((part) => part.name !== 'dns') };
    expect(refusal(without)).toContain('parts');
  });

  it('I12 is accepted with members and parts of a newer hub, which are checked and left out', () => {
    const extra = Buffer.from('new');
    const listed = verifySnapshot(snapshot, expected).manifest.parts;
    const parts = [...listed, { name: 'quota', sha256: sha256Hex(extra), size: extra.length }];
    const newer = signedManifest({ ...manifest, parts, color: 'blue' });
    const verified = verifySnapshot(
      { ...newer, parts: [...snapshot.parts, { name: 'quota', content: extra }] },
      expected,
    );
    expect(Object.keys(verified.parts)).toEqual(['routing', 'probes', 'peers']);
    const changed = { ...newer, parts: [...snapshot.parts, { name: 'quota', content: Buffer.from('old') }] };
    expect(refusal(changed)).toContain('"quota" was changed');
  });
});
