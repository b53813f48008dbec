import type { World } from './world.ts';

export type Show = (world: World) => Promise<void>;

/** One row of the table. What a column cannot have is a reason in the place of the test: a sentence for the table's footnotes. */
export interface Behaviour {
  readonly title: string;
  /** Over HTTP/1.1, and over HTTP/2 when `http2` says nothing else. */
  readonly http: Show | string;
  readonly http2?: Show | string;
  readonly grpc: Show | string;
}

/** Stable name → row. */
export type Behaviours = Readonly<Record<string, Behaviour>>;
