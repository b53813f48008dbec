import type { Command } from 'commander';
import type { WriteOptions } from '../src/client/client.ts';
import { PortolanError } from '../src/errors/error.ts';

export interface WriteFlags {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly takeOver?: boolean;
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

/** As `addWriteFlags`, where the object may be one that a Git folder or Kubernetes sets. */
export function addObjectWriteFlags(command: Command): Command {
  return addWriteFlags(command).option(
    '--take-over',
    'take the object from the Git folder or Kubernetes that sets it; needs --reason and the admin role',
  );
}

/** @throws PortolanError USAGE when --force or --take-over comes without --reason */
export function writeOptions(flags: WriteFlags): WriteOptions {
  const flag = flags.force === true ? '--force' : flags.takeOver === true ? '--take-over' : undefined;
  if (flag !== undefined && (flags.reason ?? '') === '') {
    throw new PortolanError('USAGE', `${flag} needs --reason`, {
      fix: `Say why: ${flag} --reason "moving out of the region". It goes into the audit log.`,
    });
  }
  return {
    ...(flags.dryRun === true ? { dryRun: true } : {}),
    ...(flags.force === true ? { force: true } : {}),
    ...(flags.takeOver === true ? { takeOver: true } : {}),
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
  };
}
