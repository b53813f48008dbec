import type { Difference, Observed } from './compare.ts';
import { DIFFERENCES, type KnownDifference, type PeerName } from './known-differences.ts';
import type { Asked } from './random-queries.ts';

export interface Classified {
  /** The rows it takes: each explains something that no row before it does. */
  readonly rows: readonly KnownDifference[];
  readonly unexplained: readonly Difference[];
}

/** Which rows of the table explain what differs, and what no row explains. */
export function classify(
  who: PeerName,
  asked: Asked,
  ours: Observed,
  theirs: Observed,
  differing: readonly Difference[],
  table: readonly KnownDifference[] = DIFFERENCES,
): Classified {
  if (ours.silent || theirs.silent) return { rows: [], unexplained: differing };
  let unexplained = differing;
  const rows: KnownDifference[] = [];
  for (const row of table) {
    const left = unexplained.filter(({ aspect }) => !row.aspects.includes(aspect));
    if (left.length === unexplained.length || (row.who !== 'both' && row.who !== who)) continue;
    if (!row.applies({ who, asked, ours, theirs })) continue;
    rows.push(row);
    unexplained = left;
  }
  return { rows, unexplained };
}
