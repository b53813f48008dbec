import type { AuditEntry, Client } from '../src/client/client.ts';

/** Entries of one page when reading. */
const PAGE = 1000;

/**
 * The newest audit entries, oldest first. The API gives entries upwards from a sequence, so the end is looked for by
 * doubling and halving: some tens of small questions for a log of millions.
 * @param keep only these; looked for further back until there are `count`, or the log begins
 */
export async function newestAudit(
  client: Client,
  namespace: string | undefined,
  count: number,
  keep: (entry: AuditEntry) => boolean = () => true,
): Promise<readonly AuditEntry[]> {
  const scope = namespace === undefined ? {} : { namespace };
  const anyAfter = async (after: number): Promise<boolean> =>
    (await client.audit({ ...scope, after, limit: 1 })).items.length > 0;
  let none = 1;
  while (await anyAfter(none)) none *= 2;
  let some = Math.floor(none / 2);
  while (none - some > 1) {
    const middle = Math.floor((some + none) / 2);
    if (await anyAfter(middle)) some = middle;
    else none = middle;
  }
  // `none` is the last sequence. A namespace's entries may lie far apart: look back further until there are enough.
  for (let back = Math.max(PAGE, count); ; back *= 8) {
    const from = Math.max(0, none - back);
    const entries = (await since(client, namespace, from)).filter(keep);
    if (entries.length >= count || from === 0) return entries.slice(-count);
  }
}

/** What somebody or something decided, as opposed to what the hub noted about the state of things. */
export function isDecision(entry: AuditEntry): boolean {
  return entry.verb !== 'status';
}

/** Every entry after a sequence. */
export async function since(
  client: Client,
  namespace: string | undefined,
  after: number,
): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = [];
  let from: number | undefined = after;
  while (from !== undefined) {
    const page: { readonly items: readonly AuditEntry[]; readonly next?: number } = await client.audit({
      ...(namespace === undefined ? {} : { namespace }),
      after: from,
      limit: PAGE,
    });
    entries.push(...page.items);
    from = page.next;
  }
  return entries;
}
