import type { Command } from 'commander';
import { filenameOption, manifestsOf } from '../manifest-flags.ts';
import { documentText } from '../output/document.ts';
import { plannedLines } from '../output/plan-text.ts';
import { recordPlanLines } from '../output/record-changes.ts';
import { planDocuments } from '../plan-documents.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';

interface DiffOptions {
  readonly filename: readonly string[];
}

export function addDiffCommand(program: Command, session: Session): void {
  program
    .command('diff')
    .summary('how files differ from what the hub has')
    .description(
      'Shows field by field how objects in files differ from what the hub has, and which records at DNS providers that would change. Exit code 0: nothing differs; 1: something does; above 1: an error.',
    )
    .addOption(filenameOption())
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan diff -f policies/\n  $ portolan diff -f web.yaml || portolan apply -f web.yaml',
    )
    .action(async ({ filename }: DiffOptions, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const documents = await manifestsOf(session, self, filename, namespace);
      const plan = await planDocuments(client, documents);
      const differing = plan.documents.filter((d) => d.action !== 'unchanged');
      if (format === 'json' || format === 'yaml')
        session.terminal.out(
          documentText(
            { items: differing, ...(plan.records === undefined ? {} : { records: plan.records }) },
            format,
          ),
        );
      else
        printLines(session, [
          ...differing.flatMap((d) => plannedLines(d, documents[d.index])),
          ...recordPlanLines(plan.records),
        ]);
      session.exitCode = plan.changes > 0 ? 1 : 0;
    });
}
