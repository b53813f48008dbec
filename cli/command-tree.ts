import type { Command, Option } from 'commander';

/** One command as help, completion and the reference see it. */
export interface CommandNode {
  /** `cluster token`; empty for the program itself. */
  readonly path: string;
  readonly command: Command;
  readonly options: readonly Option[];
  readonly children: readonly CommandNode[];
}

/** The commands below `command`, hidden ones left out. */
export function commandTree(command: Command, path = ''): CommandNode {
  const help = command.createHelp();
  return {
    path,
    command,
    options: command.options.filter((option) => !option.hidden),
    children: help
      .visibleCommands(command)
      .filter((child) => child.name() !== 'help')
      .map((child) => commandTree(child, path === '' ? child.name() : `${path} ${child.name()}`)),
  };
}

export function flatten(node: CommandNode): readonly CommandNode[] {
  return [node, ...node.children.flatMap(flatten)];
}
