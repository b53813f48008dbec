import { type Command, Option } from 'commander';
import { PortolanError } from '../src/errors/error.ts';
import { API_VERSION } from '../src/resources/metadata.ts';
import { wholeNumber } from './whole-number.ts';

/** A drill described by flags instead of a file. */
export interface DrillFlags {
  readonly filename?: string;
  readonly name?: string;
  readonly action?: string;
  readonly cluster?: string;
  readonly duration?: number;
  readonly countries?: readonly string[];
  readonly metricsPort?: number;
  readonly minCapacity?: number;
  readonly maxErrorRate?: number;
}

export function addDrillFlags(command: Command): Command {
  return command
    .option('-f, --filename <file>', 'a file with one Drill, instead of the flags')
    .option('--name <name>', 'name of the drill (default: <action>-<cluster>)')
    .addOption(
      new Option(
        '--action <action>',
        'fail: the cluster is seen failing; drain: it is taken out on purpose',
      ).choices(['fail', 'drain']),
    )
    .option('--cluster <name>', 'the cluster to take out')
    .option('--duration <seconds>', 'how long (default: 60)', wholeNumber('--duration'))
    .option(
      '--countries <codes>',
      'countries the report follows, such as DE,FR (default: those that matter)',
      countries,
    )
    .option(
      '--metrics-port <port>',
      'port of /metrics at every endpoint, to count requests',
      wholeNumber('--metrics-port'),
    )
    .option(
      '--min-capacity <percent>',
      'guard: capacity that must remain (default: 30)',
      wholeNumber('--min-capacity'),
    )
    .option(
      '--max-error-rate <percent>',
      'guard: failing requests at which it rolls back (default: 5)',
      wholeNumber('--max-error-rate'),
    );
}

function countries(text: string): readonly string[] {
  return text.split(',').map((code) => code.trim().toUpperCase());
}

/**
 * The Drill document that the flags describe; the hub validates it.
 * @throws PortolanError USAGE when the action or the cluster is missing
 */
export function drillDocument(
  flags: DrillFlags,
  namespace: string,
): {
  readonly apiVersion: string;
  readonly kind: 'Drill';
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: Readonly<Record<string, unknown>>;
} {
  const { action, cluster } = flags;
  if (action === undefined || cluster === undefined) {
    throw new PortolanError('USAGE', 'a drill needs --action and --cluster, or a file', {
      fix: 'Write it like: portolan drill run --action fail --cluster frankfurt --duration 20',
    });
  }
  const guards = {
    ...(flags.minCapacity === undefined ? {} : { minCapacityPercent: flags.minCapacity }),
    ...(flags.maxErrorRate === undefined ? {} : { maxErrorRatePercent: flags.maxErrorRate }),
  };
  return {
    apiVersion: API_VERSION,
    kind: 'Drill',
    metadata: { namespace, name: flags.name ?? `${action}-${cluster}` },
    spec: {
      action,
      cluster,
      ...(flags.duration === undefined ? {} : { durationSeconds: flags.duration }),
      ...(flags.countries === undefined ? {} : { countries: flags.countries }),
      ...(Object.keys(guards).length === 0 ? {} : { guards }),
      ...(flags.metricsPort === undefined ? {} : { metrics: { port: flags.metricsPort } }),
    },
  };
}
