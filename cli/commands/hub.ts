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
      'where objects come from besides the API: `git-folder PATH`, a folder of YAML files that is followed; `kubernetes`, its custom resources',
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
      const { folder, kubernetes } = sourcesOf(options.source ?? []);
      const args = [
        ...(config === undefined ? [] : ['--config', config]),
        ...(folder === undefined ? [] : ['--git-folder', resolve(session.terminal.workingFolder, folder)]),
        ...(kubernetes ? ['--kubernetes'] : []),
      ];
      session.exitCode = await runInForeground('hub', args, session.entryUrl);
    });
}

/** @throws PortolanError USAGE */
function sourcesOf(words: readonly string[]): { readonly folder?: string; readonly kubernetes: boolean } {
  const [kind, ...rest] = words;
  if (kind === undefined) return { kubernetes: false };
  if (kind === 'kubernetes') return { ...sourcesOf(rest), kubernetes: true };
  const [path, ...more] = rest;
  if (kind === 'git-folder' && path !== undefined && path !== '') {
    const others = sourcesOf(more);
    if (others.folder === undefined) return { ...others, folder: path };
  }
  throw new PortolanError('USAGE', `--source ${words.join(' ')} is not known`, {
    fix: 'Write it like `portolan hub --source git-folder ./policies` or `portolan hub --source kubernetes`.',
  });
}
