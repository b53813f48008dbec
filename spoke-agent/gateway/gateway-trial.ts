import { PieceBook } from '../../src/policy/piece-book.ts';
import { readPiece } from '../../src/policy/piece-bytes.ts';
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
  /** SHA-256 of the pieces of a gateway in pieces. */
  readonly pieces: { has(sha256: string): boolean };
}

export function createGatewayTrial(): GatewayTrial {
  const book = new PieceBook();
  let tried: Tried | undefined;

  const read = (file: GatewayFile): Tried => {
    const { digest, secretsDigest } = file;
    const secrets = tried?.secretsDigest === secretsDigest ? tried.secrets : file.secrets();
    return file.form === 'whole'
      ? { digest, secretsDigest, secrets, part: file.part(), pieces: new Set() }
      : {
          digest,
          secretsDigest,
          secrets,
          part: book.take(file.frame, (sha256) => file.pieces.get(sha256)),
          pieces: new Set(file.pieces.keys()),
        };
  };

  return {
    believe(file) {
      tried = read(file);
    },
    problems(file) {
      if (tried?.digest === file.digest && tried.secretsDigest === file.secretsDigest) return [];
      if (file.form === 'pieces') {
        for (const [sha256, bytes] of file.pieces) {
          if (tried?.pieces.has(sha256) === true) continue;
          const problems = pieceProblems(readPiece(bytes));
          if (problems.length > 0) return problems;
        }
      }
      const found = read(file);
      if (file.form === 'pieces' && book.hasTwins()) return ['gateway: a name is in two pieces'];
      const problems = gatewayProblems(found.part, found.secrets, tried);
      if (problems.length === 0) tried = found;
      return problems;
    },
  };
}
