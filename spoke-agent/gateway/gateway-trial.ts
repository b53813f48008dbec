import type { GatewaySecrets } from '../../src/policy/model.ts';
import { PieceBook } from '../../src/policy/piece-book.ts';
import { readPiece } from '../../src/policy/piece-bytes.ts';
import type { GatewayFrame, GatewayPiece } from '../../src/policy/pieces.ts';
import { pieceProblems } from '../snapshot-schema.ts';
import type { GatewayFile } from './configuration.ts';
import { gatewayProblems, type TriedGateway } from './trial.ts';

/** Gateways of snapshots, one after the other, each tried out but for what was tried out with the one before. */
export interface GatewayTrial {
  /** Takes over what another process of this agent has tried out. */
  believe(file: GatewayFile): void;
  /**
   * Says what is wrong with a gateway; empty when nothing is. The shape of its part, or of its frame, and that of its secrets are known to be
   * good. After something was wrong nothing more may be asked.
   */
  problems(file: GatewayFile): readonly string[];
}

interface Tried extends TriedGateway {
  readonly digest: string;
  readonly secretsDigest: string;
  /** Of a gateway in pieces: what each holds, by its SHA-256. */
  readonly names: ReadonlyMap<string, readonly string[]>;
}

export function createGatewayTrial(): GatewayTrial {
  const book = new PieceBook();
  let tried: Tried | undefined;

  const secretsOf = (file: GatewayFile): GatewaySecrets =>
    tried !== undefined && tried.secretsDigest === file.secretsDigest ? tried.secrets : file.secrets();

  /** @param look what is wrong with a piece that was not tried out yet; an empty list: nothing */
  const read = (
    file: GatewayFile,
    look: (piece: GatewayPiece) => readonly string[],
  ): Tried | readonly string[] => {
    const { digest, secretsDigest } = file;
    const rest = { digest, secrets: secretsOf(file), secretsDigest };
    if (file.form === 'whole') return { part: file.part(), names: new Map(), ...rest };
    const names = new Map<string, readonly string[]>();
    for (const [sha256, bytes] of file.pieces) {
      let known = tried?.names.get(sha256);
      if (known === undefined) {
        const piece = readPiece(bytes);
        const problems = look(piece);
        if (problems.length > 0) return problems;
        known = namesOf(piece);
      }
      names.set(sha256, known);
    }
    const twice = inTwoPieces(file.frame, names);
    if (twice !== undefined) return [`gateway: ${twice} is in two pieces`];
    return { part: book.take(file.frame, (sha256) => file.pieces.get(sha256)), names, ...rest };
  };

  return {
    believe(file) {
      const found = read(file, () => []);
      if ('part' in found) tried = found;
    },
    problems(file) {
      if (tried?.digest === file.digest && tried.secretsDigest === file.secretsDigest) return [];
      const found = read(file, pieceProblems);
      if (!('part' in found)) return found;
      const problems = gatewayProblems(found.part, found.secrets, tried);
      if (problems.length === 0) tried = found;
      return problems;
    },
  };
}

const KINDS = ['rules', 'backends', 'auth', 'edge', 'quotas'] as const;

function namesOf(piece: GatewayPiece): readonly string[] {
  const names = KINDS.flatMap((kind) => Object.keys(piece[kind]).map((id) => `${kind} ${id}`));
  for (const [listener, own] of Object.entries(piece.hosts)) {
    for (const { hostname = '' } of own) names.push(`host ${hostname} of ${listener}`);
  }
  return names;
}

/**
 * Which of two entries of one name is served would depend on who joins them. None of the hub's are: a name has one place (`splitGateway`).
 */
function inTwoPieces(
  { pieces }: GatewayFrame,
  names: ReadonlyMap<string, readonly string[]>,
): string | undefined {
  const all = new Set<string>();
  for (const { sha256 } of pieces) {
    for (const name of names.get(sha256) ?? []) {
      if (all.has(name)) return name;
      all.add(name);
    }
  }
  return undefined;
}
