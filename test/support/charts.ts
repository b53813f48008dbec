import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHARTS, type Chart, type Manifest, rendered } from '../../scripts/deploy/manifests.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const renderings = new Map<string, Promise<readonly Manifest[]>>();

/** The folder of a chart of deploy/. */
export const chartOf = (chart: Chart): string => join(root, `deploy/helm/portolan-${chart}`);

/** Every values file that comes with a chart. */
export async function chartCases(): Promise<readonly (readonly [Chart, string])[]> {
  const found = CHARTS.map(async (chart) =>
    (await readdir(join(chartOf(chart), 'ci'))).map((file) => [chart, file] as const),
  );
  return (await Promise.all(found)).flat();
}

export const valuesOf = (chart: Chart, file: string): readonly string[] => [
  '--values',
  join(chartOf(chart), 'ci', file),
];

/** What a chart makes for the release `shop` in the namespace `edge`: rendered once for the same arguments. */
export function renderChart(
  helm: string,
  chart: Chart,
  args: readonly string[] = [],
): Promise<readonly Manifest[]> {
  const key = JSON.stringify([chart, args]);
  const made = renderings.get(key) ?? rendered(helm, chartOf(chart), args, 'edge', 'shop');
  renderings.set(key, made);
  return made;
}
