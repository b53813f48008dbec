import type { Command } from 'commander';
import { filenameOption, manifestsOf } from '../manifest-flags.ts';
import { answerDiffLines } from '../output/answer-diff.ts';
import { documentText } from '../output/document.ts';
import { plannedTitle, planSummary } from '../output/plan-text.ts';
import { recordPlanLines } from '../output/record-changes.ts';
import { planDocuments } from '../plan-documents.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';

interface PlanOptions {
  readonly filename: readonly string[];
  readonly detailedExitcode?: boolean;
}

export function addPlanCommand(program: Command, session: Session): void {
  program
    .command('plan')
    .summary('what applying files would do to objects and to answers')
    .description(
      'Shows which objects would be created and changed, and how the answers would change: for which hostname, in which countries, by how much; which records would be written at DNS providers, and what they cannot keep. Stores nothing. (`diff` shows fields.)',
    )
    .addOption(filenameOption())
    .option('--detailed-exitcode', 'exit code 0: no change, 1: error, 2: changes')
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan plan -f web.yaml\n  $ portolan plan -f policies/ --detailed-exitcode -o json > plan.json',
    )
    .action(async ({ filename, detailedExitcode }: PlanOptions, self: Command) => {
      const format = outputOf(self);
      const { client, namespace } = connect(session, self);
      const documents = await manifestsOf(session, self, filename, namespace);
      const plan = await planDocuments(client, documents);
      if (format === 'json' || format === 'yaml') session.terminal.out(documentText(plan, format));
      else {
        for (const warning of plan.warnings) session.terminal.err(`warning: ${warning}\n`);
        printLines(session, [
          ...plan.documents.filter((d) => d.action !== 'unchanged').map(plannedTitle),
          ...answerDiffLines(plan.answers),
          ...recordPlanLines(plan.records),
          planSummary(plan),
        ]);
      }
      if (detailedExitcode === true && plan.changes > 0) session.exitCode = 2;
    });
}
