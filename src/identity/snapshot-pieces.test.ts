import { describe, expect, it } from 'vitest';
import { PortolanError } from '../errors/error.ts';
import { canonicalJson } from './canonical-json.ts';
import { sha256Hex } from './digest.ts';
import { verifyPieces } from './snapshot-pieces.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const refOf = (piece: Uint8Array) => ({ sha256: sha256Hex(piece), size: piece.length });
const frameOf = (...refs: readonly unknown[]): Uint8Array =>
  bytes(canonicalJson({ ports: [], pieces: refs }));
const nobody = (): undefined => undefined;

const [A, B, C, EMPTY] = ['{"a":1}', '{"b":2}', '{"c":3}', '{}'].map(bytes) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const FOUR = frameOf(refOf(A), refOf(EMPTY), refOf(B), refOf(EMPTY));

/** Code and message of the refusal. */
const refusal = (frame: Uint8Array, given: readonly Uint8Array[], known = new Map<string, Uint8Array>()) => {
  try {
    verifyPieces(frame, given, (sha256) => known.get(sha256));
  } catch (error) {
    if (error instanceof PortolanError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'taken';
};

describe('pieces of a snapshot', () => {
  it('come in any order, equal ones once, and stand in the order of the frame', () => {
    const pieces = verifyPieces(FOUR, [B, EMPTY, A], nobody);
    expect([...pieces.values()]).toEqual([A, EMPTY, B]);
    expect([...pieces.keys()]).toEqual([A, EMPTY, B].map(sha256Hex));
  });

  it('need not come when they are here, and what is here and not named is no part of them', () => {
    const here = new Map([A, C, EMPTY].map((piece) => [sha256Hex(piece), piece]));
    expect([...verifyPieces(FOUR, [B], (sha256) => here.get(sha256)).values()]).toEqual([A, EMPTY, B]);
    expect(refusal(FOUR, [A, EMPTY], here)).toMatch(/^SNAPSHOT_INCOMPLETE: .*1 of 4 pieces/);
  });

  const changed = Buffer.from(A);
  changed[2] = 0x62;
  it.each<[string, Uint8Array, readonly Uint8Array[], string]>([
    ['cut', FOUR, [A.subarray(0, 5), EMPTY, B], 'does not name'],
    ['longer', FOUR, [Buffer.concat([A, bytes(' ')]), EMPTY, B], 'does not name'],
    ['changed', FOUR, [changed, EMPTY, B], 'does not name'],
    ['one more', FOUR, [A, EMPTY, B, C], 'does not name'],
    ['one twice', FOUR, [A, A, EMPTY, B], 'comes twice'],
    ['a size that is not that of the piece', frameOf({ ...refOf(A), size: 8 }), [A], '7 octets instead of 8'],
    ['a size beyond all memory', frameOf({ ...refOf(A), size: 2 ** 52 }), [A], 'octets instead of'],
    ['a size that is no number', frameOf({ ...refOf(A), size: '7' }), [A], 'does not name its pieces'],
    ['three pieces', frameOf(refOf(A), refOf(B), refOf(C)), [A, B, C], 'does not name its pieces'],
    ['no pieces', frameOf(), [], 'does not name its pieces'],
    [
      'more pieces than any hub makes',
      frameOf(...Array(2048).fill(refOf(A))),
      [A],
      'does not name its pieces',
    ],
    ['a name that is no digest', frameOf({ ...refOf(A), sha256: '__proto__' }), [A], 'does not name its'],
    [
      'a digest in capitals',
      frameOf({ ...refOf(A), sha256: refOf(A).sha256.toUpperCase() }),
      [A],
      'does not',
    ],
    ['a frame that is not JSON', bytes('{"pieces":'), [], 'is not JSON'],
  ])('%s is refused', (_, frame, given, why) => {
    expect(refusal(frame, given)).toMatch(/^SNAPSHOT_INVALID/);
    expect(refusal(frame, given)).toContain(why);
  });
});
