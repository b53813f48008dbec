import type { Token } from './scanner.ts';

/** `start-stop/step` of `$GENERATE`, as BIND has it: the last value is at most `stop`. */
export interface GenerateRange {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

/** `undefined` when the text is no range or goes backwards. */
export function parseGenerateRange(text: string): GenerateRange | undefined {
  const [, start, stop, step = '1'] = /^(\d{1,10})-(\d{1,10})(?:\/(\d{1,10}))?$/.exec(text) ?? [];
  const range = { start: Number(start), stop: Number(stop), step: Number(step) };
  if (start === undefined || range.stop < range.start || range.step < 1 || range.stop > 0x7fff_ffff)
    return undefined;
  return range;
}

export function countOf(range: GenerateRange): number {
  return Math.floor((range.stop - range.start) / range.step) + 1;
}

/** The token with `$` and `${offset,width,base}` replaced; a reason when one of them is wrong. */
export function substitute(token: Token, value: number): Token | { readonly reason: string } {
  if (!token.text.includes('$')) return token;
  let reason: string | undefined;
  // An escaped $ stays as it is; $$ is its old spelling.
  const text = token.text.replace(
    /\\[\s\S]|\$\$|\$\{([^}]{0,60})\}|\$/g,
    (found, modifiers: string | undefined) => {
      if (found.startsWith('\\')) return found;
      if (found === '$$') return '\\$';
      const spelt = modifiers === undefined ? String(value) : spell(value, modifiers);
      if (spelt === undefined) reason = `${found} is no form of the counter for ${value}`;
      return spelt ?? '';
    },
  );
  return reason === undefined ? { ...token, text } : { reason };
}

/** `offset[,width[,base]]`, base one of d o x X n N (n: nibbles in reverse, for ip6.arpa). */
function spell(value: number, modifiers: string): string | undefined {
  const [, offset, widthText = '0', base = 'd'] =
    /^([-+]?\d{1,10})(?:,(\d{1,3})(?:,([doxXnN]))?)?$/.exec(modifiers) ?? [];
  const number = value + Number(offset);
  const width = Number(widthText);
  if (offset === undefined || number < 0 || width > 255) return undefined;
  switch (base) {
    case 'o':
      return number.toString(8).padStart(width, '0');
    case 'x':
      return number.toString(16).padStart(width, '0');
    case 'X':
      return number.toString(16).toUpperCase().padStart(width, '0');
    case 'n':
    case 'N': {
      // The width counts digits and the dots between them.
      const digits = number.toString(16).padStart(Math.ceil(width / 2), '0');
      const nibbles = [...digits].reverse().join('.');
      return base === 'N' ? nibbles.toUpperCase() : nibbles;
    }
    default:
      return String(number).padStart(width, '0');
  }
}
