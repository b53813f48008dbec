import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseTsigKey, type TsigKey } from '../src/dns/tsig-key.ts';
import { messageOf, PortolanError } from '../src/errors/error.ts';

/**
 * A TSIG key from a file as `tsig-keygen` prints it (`key "name" { algorithm …; secret "…"; };`), or one line
 * `algorithm:name:secret`.
 * @throws PortolanError USAGE, TSIG_KEY_INVALID; no message holds the secret
 */
export function readTsigKeyFile(file: string, workingFolder: string): TsigKey {
  let text: string;
  try {
    text = readFileSync(resolve(workingFolder, file), 'utf8');
  } catch (cause) {
    throw new PortolanError('USAGE', `${file} cannot be read: ${messageOf(cause)}`, {
      cause,
      fix: 'Correct the path given with --tsig-file.',
    });
  }
  const [, name] = /\bkey\s+"?([^\s"{;]+)"?\s*\{/.exec(text) ?? [];
  const [, algorithm] = /\balgorithm\s+"?([^\s";]+)"?\s*;/.exec(text) ?? [];
  const [, secret] = /\bsecret\s+"?([^\s";]+)"?\s*;/.exec(text) ?? [];
  if (name !== undefined && algorithm !== undefined && secret !== undefined)
    return parseTsigKey({ name, algorithm, secret });
  const line = /^\s*([^:\s]+):([^:\s]+):([^:\s]+)\s*$/.exec(text);
  if (line !== null) {
    const [, first = '', second = '', third = ''] = line;
    return parseTsigKey({ algorithm: first, name: second, secret: third });
  }
  throw new PortolanError('TSIG_KEY_INVALID', `${file} holds no TSIG key`, {
    fix: 'Make one with `tsig-keygen -a hmac-sha256 name`, or write algorithm:name:secret.',
  });
}
