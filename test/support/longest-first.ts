import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take most of a minute and more, nearly all of it waiting: begun last, each would be waited for alone. */
const LONGEST = [
  'test/e2e/links-and-backends.test.ts',
  'test/integration/dnssec-agents.test.ts',
  'test/conformance/providers.test.ts',
  'test/integration/kubernetes-failover.test.ts',
  'test/integration/hub-election.test.ts',
  'test/integration/quota-agents.test.ts',
  'test/integration/hub-process.test.ts',
  'test/integration/demo.test.ts',
  'test/conformance/store.test.ts',
  'test/integration/acme-orders.test.ts',
  'test/simulation/quota.test.ts',
];

/** The longest files first, then the others as the runner has them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rest = await super.sort(files);
    const place = ({ moduleId }: TestSpecification): number => {
      const found = LONGEST.findIndex((file) => moduleId.endsWith(file));
      return found < 0 ? LONGEST.length : found;
    };
    // Stable: equal places keep their order.
    return rest.toSorted((a, b) => place(a) - place(b));
  }
}
