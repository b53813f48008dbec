import { PortolanError } from '../src/errors/error.ts';

export type Labels = Readonly<Record<string, string>>;

/**
 * Reads a label selector as kubectl does: `key=value`, `key!=value`, `key`, `!key`, joined by commas (all must hold).
 * @throws PortolanError USAGE
 */
export function parseSelector(text: string): (labels: Labels) => boolean {
  const tests = text.split(',').map((part) => requirement(part.trim()));
  return (labels) => tests.every((holds) => holds(labels));
}

function requirement(text: string): (labels: Labels) => boolean {
  const [, not, key = '', operator, value = ''] =
    /^(!?)([^\s=!,]+?)(?:(==|=|!=)([^\s=!,]*))?$/.exec(text) ?? [];
  if (key === '' || (not === '!' && operator !== undefined)) {
    throw new PortolanError('USAGE', `${JSON.stringify(text)} is no label selector`, {
      fix: "Write it like -l tier=gold, -l tier!=gold, -l tier or -l '!tier', several with commas.",
    });
  }
  if (operator === undefined) return (labels) => Object.hasOwn(labels, key) === (not === '');
  if (operator === '!=') return (labels) => labels[key] !== value;
  return (labels) => labels[key] === value;
}
