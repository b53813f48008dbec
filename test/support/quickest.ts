/**
 * The shortest of up to `tries` times, in milliseconds; over as soon as one is below `limitMs`. For promises in time: a machine that does
 * much else may stand still for a second now and then, but a thing that always takes longer than it may is found.
 * @param attempt resolves to how long it took, milliseconds
 */
export async function quickest(
  tries: number,
  limitMs: number,
  attempt: (round: number) => Promise<number>,
): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < tries && best >= limitMs; round += 1)
    best = Math.min(best, await attempt(round));
  return best;
}
