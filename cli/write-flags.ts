import type { Command } from 'commander';
import type { WriteOptions } from '../src/client/client.ts';
import { PortolanError } from '../src/errors/error.ts';

export interface WriteFlags {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly reason?: string;
}

/** `--dry-run`, `--force` and `--reason`, the same at every command that writes. */
export function addWriteFlags(command: Command): Command {
  return command
    .option('--dry-run', 'check everything and store nothing')
    .option(
      '--force',
      'override the guards for last capacity and change budget; needs --reason and the admin role',
    )
    .option('--reason <text>', 'why; goes into the audit log');
}

/** @throws PortolanError USAGE when --force comes without --reason */
export function writeOptions(flags: WriteFlags): WriteOptions {
  if (flags.force === true && (flags.reason ?? '') === '') {
    throw new PortolanError('USAGE', '--force needs --reason', {
      fix: 'Say why: --force --reason "moving out of the region". It goes into the audit log.',
    });
  }
  return {
    ...(flags.dryRun === true ? { dryRun: true } : {}),
    ...(flags.force === true ? { force: true } : {}),
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
  };
}
