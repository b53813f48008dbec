import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileCel } from '../../src/policy/cel.ts';
import { parseResource } from '../../src/resources/validate.ts';
import { parseText } from '../../src/resources/yaml.ts';

/* What the guides tell people to write. */

const textOf = (page: string): string =>
  readFileSync(new URL(`../../docs/guides/${page}`, import.meta.url), 'utf8');
const PAGES = ['authentication.md', 'authorisation.md'];

const blocks = PAGES.flatMap((page) =>
  [...textOf(page).matchAll(/```yaml\n([\s\S]*?)```/g)].map(
    (match, i) => [`${page}, example ${i + 1}`, match[1] ?? ''] as const,
  ),
);

describe('examples in the guides', () => {
  it('are found', () => expect(blocks.length).toBeGreaterThan(7));

  it.each(blocks)('%s is a valid resource', (_title, text) => {
    const documents = parseText(text);
    expect(documents.length).toBeGreaterThan(0);
    for (const { value } of documents) expect(() => parseResource(value)).not.toThrow();
  });
});

describe('the table of what expressions see', () => {
  const names = textOf('authorisation.md')
    .split('\n')
    .filter((line) => /^\| `(request|source|destination|tls|route|auth)\./.test(line))
    .flatMap((line) =>
      [...(line.split('|')[1] ?? '').matchAll(/`([a-zA-Z.]+)`/g)].map((match) => match[1] ?? ''),
    );

  it('is found', () => expect(names.length).toBeGreaterThan(25));

  it.each(names)('has %s, which there is', (name) => {
    expect(() => compileCel(name)).not.toThrow();
  });
});
