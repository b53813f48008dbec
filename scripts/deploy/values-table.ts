import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { JsonSchema } from '../../src/resources/json-schema.ts';
import { agentValuesSchema, hubValuesSchema } from './values-schema.ts';

/** Values that say enough in one row of their own, without their fields. */
const WHOLE = [
  'image',
  'resources',
  'serviceAccount',
  'persistence',
  'serviceMonitor',
  'podDisruptionBudget',
];
/** Values that every chart has, and that people know from every chart. */
const USUAL = [
  'fullnameOverride',
  'podAnnotations',
  'podLabels',
  'nodeSelector',
  'tolerations',
  'affinity',
  'priorityClassName',
  'terminationGracePeriodSeconds',
  'topologySpreadConstraints',
  'extraEnv',
  'extraVolumes',
  'extraVolumeMounts',
];

function rows(schema: JsonSchema, values: unknown, path: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    if (path === '' && (USUAL.includes(name) || name === 'global')) return [];
    const value = field(values, name);
    const at = path === '' ? name : `${path}.${name}`;
    if (WHOLE.includes(name) || name === 'service') {
      const fields = Object.keys(inner.properties ?? {}).join('`, `');
      return [row(at, '', `${inner.description ?? ''} Fields: \`${fields}\`.`)];
    }
    if (inner.properties !== undefined && name !== 'config') return rows(inner, value, at);
    return [row(at, `\`${JSON.stringify(value)}\``, inner.description ?? '')];
  });
}

const row = (path: string, fallback: string, description: string): string =>
  `| \`${path}\` | ${fallback} | ${description.replaceAll('|', '\\|')} |`;

function field(values: unknown, name: string): unknown {
  return typeof values === 'object' && values !== null
    ? Object.entries(values).find(([k]) => k === name)?.[1]
    : undefined;
}

function table(chart: string, schema: JsonSchema): string {
  const file = fileURLToPath(new URL(`../../deploy/helm/${chart}/values.yaml`, import.meta.url));
  const values: unknown = parse(readFileSync(file, 'utf8'));
  return ['| Value | Default | Meaning |', '|---|---|---|', ...rows(schema, values, '')].join('\n');
}

/** The guide with the tables between its markers as the charts are now. */
export function guideWithValues(text: string): string {
  let guide = text;
  for (const [chart, schema] of [
    ['portolan-hub', hubValuesSchema()],
    ['portolan-agent', agentValuesSchema()],
  ] as const) {
    const [begin, end] = [`<!-- values of ${chart} -->`, `<!-- end of values of ${chart} -->`];
    const [from, to] = [guide.indexOf(begin), guide.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`the guide has no place for the values of ${chart}`);
    guide = `${guide.slice(0, from + begin.length)}\n${table(chart, schema)}\n${guide.slice(to)}`;
  }
  return guide;
}
