import type { Upstreams } from './contract.ts';

/** Nothing is dialled: for trying a configuration out where its backends are not. */
export const NO_UPSTREAMS: Upstreams = {
  choose: () => undefined,
  sessionValue: () => '',
  forward: () => ({ contended: false, drained: () => undefined, abort: () => undefined }),
  mirror: () => undefined,
  connect: (_choice, opened) => opened(undefined),
};
