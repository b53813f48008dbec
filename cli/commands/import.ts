import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { addImportKuadrant } from './import-kuadrant.ts';

export function addImportCommand(program: Command, session: Session): void {
  const command = program
    .command('import')
    .summary('bring over what another product is configured with')
    .description(
      "Turns another product's configuration into documents of this one, and tells of every field whether it means the same here.",
    );
  addImportKuadrant(command, session);
}
