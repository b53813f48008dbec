import type { KeyMark } from '../../gateway/keys/image.ts';

/** The control process tells the data process: on the disk the keys stand there. What changed is read from the disk. */
export interface KeysMessage {
  readonly type: 'keys';
  readonly mark: KeyMark;
  /** Milliseconds since the hub last said that nothing is missing; -1: it never did. */
  readonly heardAgoMs: number;
}
