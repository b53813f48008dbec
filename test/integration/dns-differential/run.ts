import { classify } from './classify.ts';
import { differences, observe } from './compare.ts';
import { exchangeAll } from './exchange.ts';
import type { KnownDifference, PeerName } from './known-differences.ts';
import type { Asked } from './random-queries.ts';
import type { World } from './random-zones.ts';

export interface Compared {
  readonly pairs: number;
  /** Queries that our server did not answer. */
  readonly unanswered: number;
  /** How many pairs of answers each row of the table was needed for. */
  readonly perRow: ReadonlyMap<string, number>;
  /** What no row explains, in words. */
  readonly unexplained: readonly string[];
}

/** Puts the same queries to our server and to others, world by world, and looks up every difference in the table. */
export async function compareAnswers(
  worlds: readonly World[],
  queriesOf: (world: World) => readonly Asked[],
  ourPort: number,
  peers: ReadonlyMap<PeerName, { readonly port: number }>,
  table: readonly KnownDifference[],
): Promise<Compared> {
  const perRow = new Map<string, number>();
  const unexplained: string[] = [];
  let pairs = 0;
  let unanswered = 0;
  for (const world of worlds) {
    const queries = queriesOf(world);
    const ports = [ourPort, ...[...peers.values()].map((peer) => peer.port)];
    const [mine, ...theirs] = await Promise.all(ports.map((port) => exchangeAll(port, queries)));
    queries.forEach((asked, i) => {
      const our = observe(asked, mine?.[i]);
      if (our.silent) unanswered += 1;
      [...peers.keys()].forEach((who, p) => {
        pairs += 1;
        const their = observe(asked, theirs[p]?.[i]);
        const { rows, unexplained: left } = classify(who, asked, our, their, differences(our, their), table);
        for (const row of rows) perRow.set(row.id, (perRow.get(row.id) ?? 0) + 1);
        if (left.length === 0) return;
        const lines = left.map((d) => `  ${d.aspect}\n    ours:  ${d.ours}\n    ${who}: ${d.theirs}`);
        unexplained.push(`seed ${world.seed}: ${asked.text}\n${lines.join('\n')}`);
      });
    });
  }
  return { pairs, unanswered, perRow, unexplained };
}
