import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The files of the agent's programs, from the URL of one of them: sources in a checkout, bundles in a release. */
export interface ProgramFiles {
  readonly control: string;
  readonly snapshotCheck: string;
}

/** @param entryUrl `import.meta.url` of an entry file (a shared chunk of a bundle lies in another folder) */
export function programFiles(entryUrl: string): ProgramFiles {
  const entry = fileURLToPath(entryUrl);
  const folder = dirname(entry);
  return extname(entry) === '.ts'
    ? { control: join(folder, 'control.ts'), snapshotCheck: join(folder, 'snapshot-check.ts') }
    : { control: join(folder, 'agent-control.mjs'), snapshotCheck: join(folder, 'snapshot-check.mjs') };
}
