import type { CommanderError } from 'commander';
import { PortolanError } from '../../src/errors/error.ts';

/** How an error is shown to people; with `-o json` the problem itself is. */
export function problemText(error: PortolanError, format: 'text' | 'json'): string {
  if (format === 'json') return `${JSON.stringify(error.toProblem(), undefined, 2)}\n`;
  const lines = [`error ${error.code}: ${error.message}`];
  const cause = error.unsaidCause;
  if (cause !== undefined) lines.push(`  cause: ${cause}`);
  const single = error.violations.length === 1;
  for (const [index, violation] of error.violations.entries()) {
    const { path, message, fix } = violation;
    const code = violation.code === error.code ? '' : ` [${violation.code}]`;
    // The first violation is often the message itself; that, and its fix, are not said twice.
    const said = index === 0 && fix === error.fix && error.message.includes(message);
    const placed = error.message.includes(path) && code === '';
    if (said && single && !placed) lines.push(`  at: ${path === '' ? 'the document' : path}${code}`);
    else if (!said || !placed) lines.push(`  ${path === '' ? '' : `${path}: `}${message}${code}`);
    if (fix !== error.fix) lines.push(`    fix: ${fix}`);
  }
  lines.push(`  fix: ${error.fix}`);
  return `${lines.join('\n')}\n`;
}

/** What the command line parser refuses, as an error with code and fix. `undefined`: it only printed help or the version. */
export function usageError(error: CommanderError, command: string): PortolanError | undefined {
  if (error.exitCode === 0) return undefined;
  if (error.code === 'commander.help') {
    return new PortolanError('USAGE', `${command} needs a command`, { fix: `See \`${command} --help\`.` });
  }
  const text = error.message.replace(/^error: /, '');
  const [, message = text, suggestion] = /^([\s\S]*?)\s*\(Did you mean (.+?)\?\)\s*$/.exec(text) ?? [];
  return new PortolanError('USAGE', message.trim(), {
    fix:
      suggestion === undefined
        ? `See \`${command} --help\`.`
        : `Did you mean ${suggestion}? See \`${command} --help\`.`,
  });
}
