import { readFileSync } from 'node:fs';
import { PortolanError } from '../src/errors/error.ts';
import { parseText } from '../src/resources/yaml.ts';

/**
 * The data directory that a command needs before the program does that reads the configuration: of the flag, else of `dataDir` in the
 * configuration file, else of PORTOLAN_DATA_DIR.
 * @throws PortolanError USAGE when nobody names one, YAML_INVALID
 */
export function dataDirOf(
  flag: string | undefined,
  configFile: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const found =
    flag ?? (configFile === undefined ? undefined : configured(configFile)) ?? env.PORTOLAN_DATA_DIR;
  if (found !== undefined && found !== '') return found;
  throw new PortolanError('USAGE', 'nothing says where the agent keeps its data', {
    fix: 'Give `--data-dir <dir>`, or a `--config <file>` with `dataDir`.',
  });
}

function configured(file: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new PortolanError('CONFIG_INVALID', `the configuration ${file} cannot be read`, {
      fix: 'Check the path, and that this user may read it.',
      cause,
    });
  }
  const [document] = parseText(text);
  const value = document?.value;
  if (typeof value !== 'object' || value === null || !('dataDir' in value)) return undefined;
  return typeof value.dataDir === 'string' ? value.dataDir : undefined;
}
