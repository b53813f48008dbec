import { readFile } from 'node:fs/promises';

/** A page of the documentation as somebody follows it. */
export interface FollowedPage {
  /** Files that the page shows, by the name in the comment of their first line. */
  readonly files: ReadonlyMap<string, string>;
  /** Command lines of each block of shell, in order. */
  readonly blocks: readonly (readonly string[])[];
}

/** Blocks of YAML whose first line is `# name`, and blocks of shell. */
export async function followedPage(path: string): Promise<FollowedPage> {
  const text = await readFile(path, 'utf8');
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', body = '']) => ({
    language,
    body,
  }));
  const files = new Map<string, string>();
  for (const { language, body } of blocks) {
    const [, name] = /^# (\S+\.yaml)\n/.exec(body) ?? [];
    if (language === 'yaml' && name !== undefined) files.set(name, body);
  }
  const shell = blocks.filter(({ language }) => language === 'sh');
  return { files, blocks: shell.map(({ body }) => body.trim().split('\n')) };
}
