import type { Terminal } from '../terminal.ts';

export type Colour = 'green' | 'red' | 'yellow';
const CODES = { green: 32, red: 31, yellow: 33 } as const;

/** Colours for people at a terminal; none in a pipe, with NO_COLOR (no-color.org), or with TERM=dumb. */
export function painter(terminal: Terminal): (text: string, colour: Colour) => string {
  const { NO_COLOR: none, TERM: kind } = terminal.env;
  const off = !terminal.isTerminal || (none !== undefined && none !== '') || kind === 'dumb';
  return (text, colour) => (off ? text : `\u001b[${CODES[colour]}m${text}\u001b[0m`);
}
