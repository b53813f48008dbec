import { Argument, type Command } from 'commander';
import { commandTree } from '../command-tree.ts';
import { completionScript, type Shell } from '../output/completion-script.ts';
import type { Session } from '../session.ts';

export function addCompletionCommand(program: Command, session: Session): void {
  program
    .command('completion')
    .summary('completion script for bash, zsh or fish')
    .description(
      'Prints a script with which the shell completes commands, flags, kinds and names of objects.',
    )
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      '\nExamples:\n  $ source <(portolan completion bash)\n  $ portolan completion fish > ~/.config/fish/completions/portolan.fish',
    )
    .action((shell: Shell) => {
      session.terminal.out(completionScript(shell, commandTree(program)));
    });
}
