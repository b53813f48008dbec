import type { CompiledResidency } from '../src/policy/model.ts';
import { HostTable } from './host-names.ts';

/** Which clients must not be served here, by host (I5). */
export class ResidencyRules {
  readonly #byHost = new HostTable<CompiledResidency['rules'][number][]>();

  constructor(residency: CompiledResidency) {
    const rules = residency.rules.filter(({ inside }) => !inside);
    const names = new Set(rules.flatMap(({ hostnames }) => hostnames.map(hostOf)));
    for (const name of names) {
      const holding = rules.filter(({ hostnames }) => hostnames.some((host) => hostOf(host) === name));
      this.#byHost.add(name, holding);
    }
  }

  /** @param countryOf asked only where a rule holds @returns the region whose clients are not served here */
  refusedFor(host: string, countryOf: () => string | undefined): string | undefined {
    const rules = this.#byHost.find(host);
    if (rules === undefined) return undefined;
    const country = countryOf();
    return rules.find(({ countries, unknown }) =>
      country === undefined ? unknown === 'restrict' : countries.includes(country),
    )?.region;
  }
}

function hostOf(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}
