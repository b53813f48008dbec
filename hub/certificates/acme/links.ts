/**
 * Targets of a `Link` header (RFC 8288) with this relation, resolved against the address of the answer; at most `max`.
 * What cannot be read is left out.
 */
export function linksOf(
  header: string | readonly string[] | undefined,
  relation: string,
  base: string,
  max: number,
): readonly string[] {
  const text = typeof header === 'string' ? header : (header ?? []).join(', ');
  const found: string[] = [];
  for (const [, target = '', parameters = ''] of text.matchAll(/<([^<>]{1,2048})>([^,<]*)/g)) {
    const rel = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/i.exec(parameters);
    const relations = (rel?.[1] ?? rel?.[2] ?? '').toLowerCase().split(/\s+/);
    if (relations.includes(relation) && URL.canParse(target, base)) found.push(new URL(target, base).href);
    if (found.length === max) break;
  }
  return found;
}
