import type { CompressionName } from '../../image/squashfs.ts';

export interface InitramfsOptions {
  readonly image?: string;
  readonly config: string;
  readonly modules?: readonly string[];
  readonly tools?: string;
  readonly statectl: string;
  readonly compression: CompressionName;
  readonly modulesCompression: CompressionName;
  readonly keys: string;
  readonly cache: string;
  readonly scripts?: string;
  readonly out?: string;
  readonly verbose?: true;
  readonly json?: true;
  readonly list?: string;
  readonly unpack?: string;
  readonly asRoot?: boolean;
  readonly append?: string;
  readonly to?: string;
}
