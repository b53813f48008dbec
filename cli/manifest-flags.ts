import { type Command, Option } from 'commander';
import { type ManifestDocument, readManifests } from './manifest.ts';
import { repeated } from './repeated-option.ts';
import { globals, type Session } from './session.ts';

export function filenameOption(): Option {
  return new Option('-f, --filename <file>', 'a file, a folder, or - for stdin; may be repeated')
    .argParser(repeated)
    .makeOptionMandatory();
}

/** The documents named with -f, in the namespace that applies. */
export function manifestsOf(
  session: Session,
  command: Command,
  filenames: readonly string[],
  namespace: string,
): Promise<readonly ManifestDocument[]> {
  return readManifests(filenames, {
    workingFolder: session.terminal.workingFolder,
    readStdin: session.terminal.readStdin,
    namespace,
    namespaceIsExplicit: globals(command).namespace !== undefined,
  });
}
