import { PortolanError } from '../src/errors/error.ts';

/** Says what went wrong and how to go on, on stderr, and ends the process with 1. */
export function reportFatal(program: string, thrown: unknown): never {
  const error = PortolanError.from(thrown);
  process.stderr.write(`${program}: error ${error.code}: ${error.message}\n  fix: ${error.fix}\n`);
  if (error.code === 'INTERNAL' && error.cause instanceof Error)
    process.stderr.write(`${error.cause.stack}\n`);
  process.exit(1);
}
