import type { Command } from 'commander';
import type { Applied } from '../../src/client/client.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { withPlaces } from '../manifest.ts';
import { filenameOption, manifestsOf } from '../manifest-flags.ts';
import { appliedLine } from '../output/applied.ts';
import { documentText, listDocument, objectName } from '../output/document.ts';
import { connect, outputOf, printLines, type Session } from '../session.ts';
import { addObjectWriteFlags, type WriteFlags, writeOptions } from '../write-flags.ts';

interface ApplyOptions extends WriteFlags {
  readonly filename: readonly string[];
}

export function addApplyCommand(program: Command, session: Session): void {
  const command = program
    .command('apply')
    .summary('create and change objects from files, all or none')
    .description(
      'Creates and changes objects as the files say, in one step: all of them, or none when one is refused. The files hold one or more YAML or JSON documents.',
    )
    .addOption(filenameOption());
  addObjectWriteFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  $ portolan apply -f clusters.yaml -f policies/
  $ cat web.yaml | portolan apply -f - --dry-run`,
    )
    .action(async (options: ApplyOptions, self: Command) => {
      const format = outputOf(self, ['json', 'yaml', 'name']);
      const { client, namespace } = connect(session, self, () => undefined);
      const documents = await manifestsOf(session, self, options.filename, namespace);
      let applied: Applied;
      try {
        applied = await client.apply({ documents: documents.map((d) => d.value) }, writeOptions(options));
      } catch (thrown) {
        throw thrown instanceof PortolanError ? withPlaces(thrown, documents) : thrown;
      }
      for (const warning of applied.warnings) session.terminal.err(`warning: ${warning}\n`);
      if (format === 'json' || format === 'yaml') {
        const [only, ...others] = applied.objects;
        const shown = only !== undefined && others.length === 0 ? only : listDocument(applied.objects);
        session.terminal.out(documentText(shown, format));
        return;
      }
      printLines(
        session,
        applied.documents.map((d) =>
          format === 'name'
            ? objectName(d.kind, d.name)
            : `${appliedLine(d)}${options.dryRun === true ? ' (dry run)' : ''}`,
        ),
      );
    });
}
