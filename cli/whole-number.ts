import { PortolanError } from '../src/errors/error.ts';

/** Reads the number of a flag. @throws PortolanError USAGE */
export function wholeNumber(flag: string): (text: string) => number {
  return (text) => {
    if (!/^\d{1,9}$/.test(text)) {
      throw new PortolanError('USAGE', `${flag} ${JSON.stringify(text)} is no whole number`, {
        fix: `Write it like ${flag} 20.`,
      });
    }
    return Number(text);
  };
}
