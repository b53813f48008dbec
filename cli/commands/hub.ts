import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { runInForeground } from '../child-program.ts';
import type { Session } from '../session.ts';

export function addHubCommand(program: Command, session: Session): void {
  program
    .command('hub')
    .summary('run a hub')
    .description(
      'Runs a hub in the foreground until Ctrl-C. One line of JSON on stdout says where it listens.',
    )
    .option(
      '-c, --config <file>',
      'its configuration; `portolan init` writes one (default: portolan/hub.yaml where it exists)',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ portolan hub --config portolan/hub.yaml
  $ PORTOLAN_API_PORT=7470 portolan hub --config portolan/hub.yaml   # the environment overrides the file`,
    )
    .action(async (options: { readonly config?: string }) => {
      const made = join('portolan', 'hub.yaml');
      const config =
        options.config ?? (existsSync(join(session.terminal.workingFolder, made)) ? made : undefined);
      const args = config === undefined ? [] : ['--config', config];
      session.exitCode = await runInForeground('hub', args, session.entryUrl);
    });
}
