import { chmodSync, writeFileSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import {
  importKuadrant,
  type KuadrantImport,
  type SourceDocument,
} from '../../src/import/kuadrant/import.ts';
import { API_VERSION } from '../../src/resources/metadata.ts';
import { readLive } from '../kuadrant-live.ts';
import { readManifests } from '../manifest.ts';
import { documentText } from '../output/document.ts';
import { repeated } from '../repeated-option.ts';
import { globals, outputOf, type Session } from '../session.ts';

interface Options {
  readonly filename?: readonly string[];
  readonly live?: readonly string[];
  readonly kubeconfig?: string;
  readonly zone?: readonly string[];
  readonly keys?: string;
  readonly failOn?: 'approximate' | 'unsupported';
}

export function addImportKuadrant(command: Command, session: Session): void {
  command
    .command('kuadrant')
    .summary('policies of Kuadrant and Red Hat Connectivity Link')
    .description(
      "Reads DNSPolicy, TLSPolicy, AuthPolicy, RateLimitPolicy and TokenRateLimitPolicy with their Gateways, cert-manager's Issuers and the Secrets of keys and providers, and writes documents for `portolan apply`. Says of every field whether it means the same (exact), nearly (approximate), or has nothing here (unsupported). A condition of access that cannot be said denies. Nothing is written to any cluster or hub.",
    )
    .option(
      '-f, --filename <[cluster=]file>',
      'a file, a folder, or - for stdin, and the name of the cluster it is of; may be repeated',
      repeated,
    )
    .option(
      '--live <[cluster=]context>',
      'read a cluster through this context of the kubeconfig; may be repeated',
      repeated,
    )
    .option('--kubeconfig <file>', 'default: KUBECONFIG, or ~/.kube/config')
    .option(
      '--zone <origin>',
      'zone that providers are for: DNSProviders are made for it; may be repeated',
      repeated,
    )
    .option('--keys <file>', 'write the API keys there, for `portolan key import`; else they are left out')
    .addOption(
      new Option('--fail-on <verdict>', 'exit code 1 when a field is this or worse').choices([
        'approximate',
        'unsupported',
      ]),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ portolan import kuadrant -f eu=clusters/eu -f us=clusters/us --zone example.com > portolan.yaml\n  $ portolan import kuadrant --live eu=admin@eu --keys keys.jsonl --fail-on unsupported',
    )
    .action(async (options: Options, self: Command) => {
      const format = outputOf(self, ['json', 'yaml']);
      const imported = importKuadrant(await documentsOf(session, options), {
        zones: options.zone ?? [],
        clusterNamespace: globals(self).namespace ?? 'default',
      });
      const commands = options.keys === undefined ? undefined : writeKeys(session, options.keys, imported);
      if (format === 'json') {
        const { documents, ledger, keys, clusters } = imported;
        const list = { apiVersion: API_VERSION, kind: 'List', items: documents };
        session.terminal.out(documentText({ ...list, ledger, keys: keys.length, clusters }, 'json'));
      } else {
        session.terminal.out(
          imported.documents.map((document) => documentText(document, 'yaml')).join('---\n'),
        );
        session.terminal.err(ledgerText(imported, commands));
      }
      if (options.failOn !== undefined && isWorse(imported, options.failOn)) session.exitCode = 1;
    });
}

async function documentsOf(session: Session, options: Options): Promise<readonly SourceDocument[]> {
  const { filename = [], live = [] } = options;
  if (filename.length + live.length === 0)
    throw new PortolanError('USAGE', 'there is nothing to read', {
      fix: 'Name files with -f, or a context of your kubeconfig with --live.',
    });
  const documents: SourceDocument[] = [];
  for (const given of filename) {
    const { cluster, from } = split(given);
    const read = await readManifests([from], {
      workingFolder: session.terminal.workingFolder,
      readStdin: session.terminal.readStdin,
      namespace: 'default',
      namespaceIsExplicit: false,
    });
    documents.push(...read.map(({ value }) => ({ value, ...cluster })));
  }
  for (const given of live) {
    const { cluster, from } = split(given);
    const file = options.kubeconfig;
    const values = await readLive({
      ...(from === '' ? {} : { context: from }),
      ...(file === undefined ? {} : { file: resolve(session.terminal.workingFolder, file) }),
    });
    documents.push(...values.map((value) => ({ value, ...cluster })));
  }
  return documents;
}

/** `eu=clusters/eu`: names of clusters have no slash and no dot, so that a path with "=" in it stays one. */
function split(given: string): { readonly cluster: { readonly cluster?: string }; readonly from: string } {
  const [, cluster, from] = /^([a-z0-9][-a-z0-9]*)=(.*)$/s.exec(given) ?? [];
  return cluster === undefined || from === undefined
    ? { cluster: {}, from: given }
    : { cluster: { cluster }, from };
}

/**
 * Keys of one namespace are not good in another: each has a file of its own when there are several, `keys.shop.jsonl` for `keys.jsonl`.
 * @returns a command for each that imports it where it was
 */
function writeKeys(session: Session, file: string, { keys }: KuadrantImport): readonly string[] {
  const spaces = [...Map.groupBy(keys, ({ namespace }) => namespace)];
  if (spaces.length === 0) writeSecret(session, file, '');
  return spaces.map(([namespace, own]) => {
    const { dir, name, ext } = parse(file);
    const path = spaces.length === 1 ? file : join(dir, `${name}.${namespace}${ext}`);
    writeSecret(session, path, own.map(({ namespace: _, ...key }) => `${JSON.stringify(key)}\n`).join(''));
    return `portolan key import ${path} -n ${namespace}`;
  });
}

function writeSecret(session: Session, file: string, text: string): void {
  try {
    const path = resolve(session.terminal.workingFolder, file);
    writeFileSync(path, text, { mode: 0o600 });
    // A file that was there keeps its mode otherwise.
    chmodSync(path, 0o600);
  } catch (cause) {
    throw new PortolanError('USAGE', `${file} cannot be written: ${messageOf(cause)}`, {
      cause,
      fix: 'Correct the path given with --keys.',
    });
  }
}

function ledgerText(
  { documents, ledger, keys, clusters }: KuadrantImport,
  keyImports: readonly string[] | undefined,
): string {
  const count = (verdict: string): number => ledger.filter((line) => line.verdict === verdict).length;
  const notable = ledger.filter(({ verdict }) => verdict !== 'exact');
  const width = Math.max(0, ...notable.map(({ object }) => object.length));
  const lines = notable.map(
    ({ verdict, object, field, says }) =>
      `${verdict.padEnd(11)}  ${object.padEnd(width)}  ${field}${says === undefined ? '' : `: ${says}`}\n`,
  );
  const needed = clusters.length === 0 ? '' : `They need the Clusters ${clusters.join(', ')} in the hub.\n`;
  const left =
    keys.length > 0 && keyImports === undefined
      ? `${keys.length} API keys were left out: --keys FILE writes them.\n`
      : (keyImports ?? []).map((command) => `${command}\n`).join('');
  const secret = documents.some(({ kind }) => kind === 'Secret')
    ? 'The documents hold credentials of DNS providers in the open: keep them where nobody else reads.\n'
    : '';
  return `${lines.join('')}${documents.length} documents; fields: ${count('exact')} exact, ${count('approximate')} approximate, ${count('unsupported')} unsupported.\n${left}${secret}${needed}`;
}

function isWorse({ ledger }: KuadrantImport, least: 'approximate' | 'unsupported'): boolean {
  return ledger.some(({ verdict }) => verdict === 'unsupported' || verdict === least);
}
