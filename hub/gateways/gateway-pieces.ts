import { canonicalJson } from '../../src/identity/canonical-json.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import type { GatewayPart } from '../../src/policy/model.ts';
import {
  entriesOf,
  type GatewayFrame,
  type PieceRef,
  pieceCount,
  splitGateway,
} from '../../src/policy/pieces.ts';
import { changedPieces } from './changed-pieces.ts';

/** The gateway configuration of one cluster as it is sent (ADR 34). What did not change are the same objects as in the one before. */
export interface ClusterPieces {
  /** Canonical JSON of a `GatewayFrame`, UTF-8. */
  readonly frame: Uint8Array;
  /** As the frame has them. */
  readonly refs: readonly PieceRef[];
  /** Of each of `refs`. */
  readonly contents: readonly Uint8Array[];
  /** Hex SHA-256 of `frame`: of the whole configuration. */
  readonly digest: string;
}

/** Pieces written in one go: a few milliseconds. */
const STEP = 8;

/**
 * Writes a part in pieces, those that differ from `before` alone. Others have their turn meanwhile: with thousands of routes it takes
 * a second the first time.
 */
export async function writePieces(
  part: GatewayPart,
  before: { readonly part: GatewayPart; readonly pieces: ClusterPieces } | undefined,
  breath: () => Promise<unknown>,
): Promise<ClusterPieces> {
  const count = pieceCount(entriesOf(part), before?.pieces.refs.length ?? 0);
  const known = before?.pieces.refs.length === count ? before : undefined;
  const changed = known === undefined ? undefined : changedPieces(known.part, part, count);
  const { frame, pieces } = splitGateway(part, count, changed);
  const refs = [...(known?.pieces.refs ?? [])];
  const contents = [...(known?.pieces.contents ?? [])];
  let written = 0;
  for (const at of changed ?? pieces.keys()) {
    const content = encode(pieces[at]);
    contents[at] = content;
    refs[at] = { sha256: sha256Hex(content), size: content.length };
    written += 1;
    if (written % STEP === 0) await breath();
  }
  const bytes = encode({ ...frame, pieces: refs } satisfies GatewayFrame);
  const digest = sha256Hex(bytes);
  return known?.pieces.digest === digest ? known.pieces : { frame: bytes, refs, contents, digest };
}

const encoder = new TextEncoder();

function encode(value: unknown): Uint8Array {
  return encoder.encode(canonicalJson(value));
}

/** Of the pieces that a configuration has, those that are not in `has`; each content once. */
export function lacking(
  { refs, contents }: Pick<ClusterPieces, 'refs' | 'contents'>,
  has: ReadonlySet<string>,
): readonly Uint8Array[] {
  const wanted = new Map<string, Uint8Array>();
  for (const [at, { sha256 }] of refs.entries()) {
    const content = contents[at];
    if (content !== undefined && !has.has(sha256)) wanted.set(sha256, content);
  }
  return [...wanted.values()];
}
