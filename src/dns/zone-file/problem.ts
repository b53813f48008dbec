import type { ErrorCode } from '../../errors/table.ts';

/** One thing that is wrong in a zone file, and where. */
export interface ZoneFileProblem {
  /** Both count from 1; columns in UTF-16 units. */
  readonly line: number;
  readonly column: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly fix: string;
}

const LONGEST_MESSAGE = 300;

/** Problems in the order they were found, up to a bound: a file that is no zone file has one on every line. */
export class ProblemList {
  readonly items: ZoneFileProblem[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  get full(): boolean {
    return this.items.length >= this.#most;
  }

  add(problem: ZoneFileProblem): void {
    if (!this.full) this.items.push({ ...problem, message: clip(problem.message, LONGEST_MESSAGE) });
  }
}

/** At most `most` characters, none of which a terminal would obey: what stands in a file can be anything. */
export function clip(text: string, most = 60): string {
  const short = text.length <= most ? text : `${text.slice(0, most - 1)}…`;
  return short.replace(/\p{Cc}/gu, '\uFFFD');
}
