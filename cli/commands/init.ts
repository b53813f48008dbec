import { relative } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import { runToEnd } from '../child-program.ts';
import { userContextPath, writeContext } from '../context.ts';
import { documentText } from '../output/document.ts';
import { outputOf, printLines, progress, type Session } from '../session.ts';

const initLine = z.object({
  directory: z.string(),
  config: z.string(),
  tokenFile: z.string(),
  server: z.string(),
  created: z.boolean(),
});

interface InitOptions {
  readonly dir: string;
  readonly context: boolean;
}

export function addInitCommand(program: Command, session: Session): void {
  program
    .command('init')
    .summary('prepare a hub: configuration, keys and an admin token')
    .description(
      'Makes what a hub needs in a folder: hub.yaml, data/, data.key and admin.token. Doing it again completes what is missing and changes nothing that is there.',
    )
    .option('--dir <dir>', 'the folder', './portolan')
    .option('--no-context', 'do not make this the hub that commands of this user talk to')
    .addHelpText(
      'after',
      `
Examples:
  $ portolan init && portolan hub --config portolan/hub.yaml
  $ portolan init --dir /srv/portolan --no-context -o json`,
    )
    .action(async (options: InitOptions, command: Command) => {
      const format = outputOf(command);
      const { code, stdout } = await runToEnd('hub', ['init', '--directory', options.dir], session.entryUrl);
      // The program has said why on stderr, with code and fix.
      if (code !== 0) {
        session.exitCode = code;
        return;
      }
      const made = initLine.parse(JSON.parse(stdout));
      const context = userContextPath(session.terminal.homeFolder);
      if (options.context) {
        try {
          writeContext(context, { server: made.server, tokenFile: made.tokenFile });
          progress(session, command, `commands of this user now talk to ${made.server} (${context})`);
        } catch (cause) {
          throw new PortolanError('DATA_DIR_INVALID', `${context} cannot be written`, {
            cause,
            fix: 'Correct the permissions, or use --no-context and set PORTOLAN_SERVER and PORTOLAN_TOKEN_FILE.',
          });
        }
      }
      if (format === 'json' || format === 'yaml') {
        session.terminal.out(documentText(made, format));
        return;
      }
      const shown = (path: string): string => {
        const near = relative(session.terminal.workingFolder, path);
        return near.startsWith('..') || near === '' ? path : near;
      };
      printLines(session, [
        `${made.created ? 'made' : 'found'} a hub in ${shown(made.directory)}`,
        `  configuration   ${shown(made.config)}`,
        `  admin token     ${shown(made.tokenFile)} (keep it secret)`,
        `  API             ${made.server}`,
        '',
        `start it:   portolan hub --config ${shown(made.config)}`,
        'then:       portolan check',
      ]);
    });
}
