import type { KeyMark } from '../../gateway/keys/image.ts';

/** The control process tells the data process: on the disk the keys stand there. What changed is read from the disk. */
export interface KeysMessage {
  readonly type: 'keys';
  readonly mark: KeyMark;
  /** Generation of the last image that was read anew from the hub: what stands at the same mark may differ. 0: none since the start. */
  readonly synced: number;
  /** Milliseconds since the hub last said that nothing is missing; -1: it never did. */
  readonly heardAgoMs: number;
}
