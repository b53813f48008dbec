import type { Command } from 'commander';
import { runInForeground } from '../child-program.ts';
import type { Session } from '../session.ts';

export function addDevCommand(program: Command, session: Session): void {
  program
    .command('dev')
    .summary('run the demo: a hub, four agents and their backends on this machine')
    .description(
      'Starts a hub, four agents (Frankfurt, Paris, Virginia, Singapore) with a backend each, and a client, and shows who answers whom. Ctrl-C stops everything; the state stays and is resumed.',
    )
    .option('--data-dir <dir>', 'where its state stays (default: .portolan/dev)')
    .option('--once', 'print one view, then stop everything')
    .addHelpText(
      'after',
      `
Examples:
  $ portolan dev
  $ portolan dev --data-dir ~/portolan-demo --once`,
    )
    .action(async (options: { readonly dataDir?: string; readonly once?: boolean }) => {
      const args = [
        ...(options.dataDir === undefined ? [] : ['--data-dir', options.dataDir]),
        ...(options.once === true ? ['--once'] : []),
      ];
      session.exitCode = await runInForeground('demo', args, session.entryUrl);
    });
}
