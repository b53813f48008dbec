import { PortolanError } from '../../../src/errors/error.ts';
import { isKind, kindNamed } from '../../../src/resources/catalogue.ts';
import { didYouMean } from '../../../src/resources/suggest.ts';
import { type ParsedInput, parseResource } from '../../../src/resources/validate.ts';
import { parseText, type TextDocument } from '../../../src/resources/yaml.ts';
import { ADOPT, type SourceStatus, type Wanted, type WantedSet } from '../contract.ts';
import { idOf } from '../managed.ts';
import type { FolderContent, TextFile } from './read-folder.ts';

export type Problem = SourceStatus['problems'][number];

export interface ParsedFolder extends WantedSet {
  /** What cannot be used; while there is any, nothing is removed. */
  readonly problems: readonly Problem[];
  /** What is left out on purpose. */
  readonly notes: readonly string[];
}

/** Groups whose documents are the hub's; those of others in the same folder are somebody else's. */
const OUR_GROUP = /^portolan\.dev\//;
const GATEWAY_GROUP = /^gateway\.networking\.k8s\.io\//;
/** Files that tell a tool how to use the others. */
const TOOL_FILES = new Set(['kustomization.yaml', 'kustomization.yml', '.sops.yaml', 'Chart.yaml']);
/** More documents than these are refused: they would be more than a hub serves. */
const MAX_DOCUMENTS = 50_000;

/** What the files of a folder want. Pure; a document that cannot be used is a problem and stands in nobody's way but of removals. */
export function parseFolder(content: FolderContent): ParsedFolder {
  const problems: Problem[] = [...content.problems];
  const notes: string[] = [...content.notes];
  const objects = new Map<string, Wanted>();
  const twice = new Set<string>();
  let documents = 0;
  for (const file of content.files) {
    if (TOOL_FILES.has(file.path.slice(file.path.lastIndexOf('/') + 1))) {
      notes.push(`${file.path} is not an object of the hub`);
      continue;
    }
    for (const document of documentsOf(file, problems)) {
      documents += 1;
      if (documents > MAX_DOCUMENTS) continue;
      const foreign = foreignKind(document.value);
      if (foreign !== undefined) {
        notes.push(`${file.path}:${document.line}: ${foreign} is not an object of the hub`);
        continue;
      }
      const one = wantedOf(file, document, problems);
      if (one === undefined) continue;
      const { kind, metadata } = one.input;
      const id = idOf({ kind, namespace: metadata.namespace, name: metadata.name });
      const first = objects.get(id);
      if (first === undefined && !twice.has(id)) objects.set(id, one);
      else {
        // Neither: which of the two is meant is not for the hub to say.
        problems.push({
          origin: one.origin,
          object: id,
          message: `${id} stands in the folder twice: in ${first?.origin ?? 'another file'} and in ${one.origin}`,
          fix: 'Remove one of the two.',
        });
        objects.delete(id);
        twice.add(id);
      }
    }
  }
  if (documents > MAX_DOCUMENTS) {
    problems.push({
      origin: '.',
      message: `the folder has ${documents} documents; at most ${MAX_DOCUMENTS} are read`,
      fix: 'Split it among several hubs.',
    });
  }
  if (objects.size === 0 && problems.length === 0) {
    problems.push({
      origin: '.',
      message: 'the folder has no object of the hub, so nothing is removed',
      fix: 'If everything is meant to go, delete it with `portolan delete --take-over`; if not, correct the path.',
    });
  }
  return { objects, complete: problems.length === 0, problems, notes };
}

function documentsOf(file: TextFile, problems: Problem[]): readonly TextDocument[] {
  try {
    return parseText(file.text);
  } catch (thrown) {
    const { message, fix } = PortolanError.from(thrown);
    const [, line, column, rest] = /^line (\d+)(?:, column (\d+))?: ([\s\S]*)$/.exec(message) ?? [];
    const at = line === undefined ? '' : `:${line}${column === undefined ? '' : `:${column}`}`;
    problems.push({ origin: `${file.path}${at}`, message: rest ?? message, fix });
    return [];
  }
}

/** `apiVersion kind` of what is not the hub's; undefined: it is, or should be. */
function foreignKind(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('apiVersion' in value) || !('kind' in value))
    return undefined;
  const { apiVersion, kind } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string' || apiVersion === '') return undefined;
  if (OUR_GROUP.test(apiVersion)) return undefined;
  if (GATEWAY_GROUP.test(apiVersion) && isKind(kind)) return undefined;
  // A misspelt group would pass silently, and what the document had set before would be removed.
  if (kindNamed(kind) !== undefined && isNearlyOurs(apiVersion)) return undefined;
  return `${kind} of ${apiVersion}`.slice(0, 120);
}

function isNearlyOurs(apiVersion: string): boolean {
  const group = apiVersion.slice(0, Math.max(0, apiVersion.indexOf('/')));
  return (
    /portolan/i.test(apiVersion) ||
    didYouMean(group, ['portolan.dev', 'gateway.networking.k8s.io']) !== undefined
  );
}

function wantedOf(file: TextFile, document: TextDocument, problems: Problem[]): Wanted | undefined {
  const origin = `${file.path}:${document.line}`;
  let input: ParsedInput;
  try {
    input = parseResource(document.value);
  } catch (thrown) {
    const error = PortolanError.from(thrown);
    if (error.violations.length === 0) problems.push({ origin, message: error.message, fix: error.fix });
    for (const { path, message, fix } of error.violations) {
      problems.push({
        origin: `${file.path}:${document.lineOf(path)}`,
        message: path === '' ? message : `${path} ${message}`,
        fix,
      });
    }
    return undefined;
  }
  return { input, origin, adopt: input.metadata.annotations?.[ADOPT] === 'true' };
}
