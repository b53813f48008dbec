import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Inputs that were found to break something, and some that look as if they could: replayed first by every run. */
export const CORPUS = fileURLToPath(new URL('../../corpus/dns/', import.meta.url));

/** Inputs of one target: files `<target>-<anything>.hex`, hexadecimal with white space wherever it helps. */
export function corpusOf(target: string): readonly { readonly file: string; readonly input: Uint8Array }[] {
  return readdirSync(CORPUS)
    .filter((file) => file.endsWith('.hex') && file.startsWith(`${target}-`))
    .sort()
    .map((file) => ({
      file,
      input: Uint8Array.from(
        Buffer.from(readFileSync(join(CORPUS, file), 'latin1').replaceAll(/\s/g, ''), 'hex'),
      ),
    }));
}

/** Keeps an input that broke something, so that it is tried from now on. @returns the file */
export function keepRegression(target: string, input: Uint8Array): string {
  mkdirSync(CORPUS, { recursive: true });
  const name = createHash('sha256').update(input).digest('hex').slice(0, 12);
  const file = join(CORPUS, `${target}-${name}.hex`);
  writeFileSync(
    file,
    `${Buffer.from(input)
      .toString('hex')
      .replaceAll(/.{1,96}/g, '$&\n')}`,
  );
  return file;
}
