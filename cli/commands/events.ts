import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { AuditEntry } from '../../src/client/client.ts';
import { isDecision, newestAudit, since } from '../audit-tail.ts';
import { documentText } from '../output/document.ts';
import { table } from '../output/table.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';

interface EventOptions {
  readonly allNamespaces?: boolean;
  readonly watch?: boolean;
  readonly status?: boolean;
  readonly limit: number;
}

/** How often new entries are asked for with -w. */
const POLL_MS = 1000;

export function addEventsCommand(program: Command, session: Session): void {
  program
    .command('events')
    .summary('who changed what: the audit log')
    .description(
      'Prints the newest entries of the audit log, oldest first: every write, by whom, from where, and why. Takes the admin role.',
    )
    .option('-A, --all-namespaces', 'of every namespace')
    .option('-w, --watch', 'then print new entries until Ctrl-C')
    .option('--status', 'also what the hub itself notes in the status of objects')
    .option('--limit <count>', 'how many entries', count, 50)
    .addHelpText('after', '\nExamples:\n  $ portolan events --limit 20\n  $ portolan events -A -w')
    .action(async (options: EventOptions, self: Command) => {
      const format = outputOf(self);
      const connection = connect(session, self);
      const { client } = connection;
      const namespace = options.allNamespaces === true ? undefined : connection.namespace;
      const keep = options.status === true ? () => true : isDecision;
      let entries = await newestAudit(client, namespace, options.limit, keep);
      if (format === 'json' || format === 'yaml') {
        if (options.watch !== true) {
          session.terminal.out(documentText({ items: entries }, format));
          return;
        }
      } else printLines(session, table(HEADINGS, entries.map(row)));
      const print = (entry: AuditEntry): void =>
        format === 'json'
          ? session.terminal.out(`${JSON.stringify(entry)}\n`)
          : format === 'yaml'
            ? session.terminal.out(`---\n${documentText(entry, 'yaml')}`)
            : printLines(session, [table(HEADINGS, [row(entry)]).at(-1) ?? '']);
      if (options.watch !== true) return;
      if (format === 'json' || format === 'yaml') for (const entry of entries) print(entry);
      let last = entries.at(-1)?.sequence ?? 0;
      for (;;) {
        await sleep(POLL_MS);
        entries = await since(client, namespace, last);
        for (const entry of entries.filter(keep)) print(entry);
        last = entries.at(-1)?.sequence ?? last;
      }
    });
}

const HEADINGS = ['SEQ', 'TIME', 'WHO', 'VERB', 'OBJECT', 'FROM', 'REASON'];

function row(entry: AuditEntry): readonly string[] {
  return [String(entry.sequence), ...auditCells(entry), entry.address ?? '', entry.reason ?? ''];
}

/** Time, who, what was done, and to what. */
export function auditCells(entry: AuditEntry): readonly string[] {
  const object =
    entry.kind === ''
      ? ''
      : `${entry.kind.toLowerCase()} ${entry.namespace === '' ? '' : `${entry.namespace}/`}${entry.name}`;
  return [entry.at, entry.actorDisplay === '' ? entry.actor : entry.actorDisplay, entry.verb, object.trim()];
}

function count(text: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value < 1) throw new InvalidArgumentError('a whole number from 1 to 99999');
  return value;
}
