/**
 * Collects the values of an option that may be given several times. (An option that takes several words at once would
 * also take the arguments that follow it.)
 */
export function repeated(value: string, before: unknown): readonly string[] {
  return [...(Array.isArray(before) ? before.map(String) : []), value];
}
