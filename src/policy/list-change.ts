/**
 * What stands in one list only; what both begin and end with is not looked at. Of what stands several times in a list, nothing is promised.
 */
export function listChange<T>(
  before: readonly T[],
  now: readonly T[],
): { readonly gone: readonly T[]; readonly came: readonly T[] } {
  const both = Math.min(before.length, now.length);
  let from = 0;
  while (from < both && before[from] === now[from]) from += 1;
  let behind = 0;
  while (behind < both - from && before[before.length - 1 - behind] === now[now.length - 1 - behind])
    behind += 1;
  const gone = new Set(before.slice(from, before.length - behind));
  const came = now.slice(from, now.length - behind).filter((one) => !gone.delete(one));
  return { gone: [...gone], came };
}
