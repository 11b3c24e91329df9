import { unescapeOctal } from '../../host/unescape-octal.ts';

export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** /proc/mounts, oldest first; fields as in fstab(5), with the kernel's octal escapes undone. */
export const parseMounts = (text: string): readonly Mount[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [source = '', target = '', type = '', options = ''] = line.split(' ');
      return { source: unescapeOctal(source), target: unescapeOctal(target), type, options: options.split(',') };
    });
