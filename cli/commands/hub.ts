import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { PortolanError } from '../../src/errors/error.ts';
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
    .option(
      '--source <kind...>',
      'where objects come from besides the API: `git-folder PATH`, a folder of YAML files that is followed',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ portolan hub --config portolan/hub.yaml --source git-folder ./policies
  $ PORTOLAN_API_PORT=7470 portolan hub --config portolan/hub.yaml   # the environment overrides the file`,
    )
    .action(async (options: { readonly config?: string; readonly source?: readonly string[] }) => {
      const made = join('portolan', 'hub.yaml');
      const config =
        options.config ?? (existsSync(join(session.terminal.workingFolder, made)) ? made : undefined);
      const folder = options.source === undefined ? undefined : gitFolder(options.source);
      const args = [
        ...(config === undefined ? [] : ['--config', config]),
        ...(folder === undefined ? [] : ['--git-folder', resolve(session.terminal.workingFolder, folder)]),
      ];
      session.exitCode = await runInForeground('hub', args, session.entryUrl);
    });
}

/** @throws PortolanError USAGE */
function gitFolder(source: readonly string[]): string {
  const [kind, path, ...more] = source;
  if (kind === 'git-folder' && path !== undefined && path !== '' && more.length === 0) return path;
  throw new PortolanError('USAGE', `--source ${source.join(' ')} is not known`, {
    fix: 'Write it like `portolan hub --source git-folder ./policies`; custom resources of Kubernetes are read where the configuration has sources.kubernetes.',
  });
}
