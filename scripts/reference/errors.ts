import { ERROR_TABLE, type ErrorEntry } from '../../src/errors/table.ts';

/** `docs/reference/errors.md`. */
export function errorsPage(): string {
  const rows = Object.entries<ErrorEntry>(ERROR_TABLE).map(
    ([code, { status, meaning, fix }]) =>
      `## ${code}\n\n${meaning}\n\n- **HTTP status**: ${status}\n- **What to do**: ${fix}\n`,
  );
  return `# Error codes

Every error has a stable code, what happened, and what to do about it. The API answers with RFC 9457 problem details
(\`application/problem+json\`); the CLI prints the same and, with \`-o json\`, writes it as JSON. A code is never renamed
and never used for something else. This page is generated from \`src/errors/table.ts\`.

${rows.join('\n')}`;
}
