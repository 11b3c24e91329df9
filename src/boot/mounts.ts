export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
}

const unescape = (field: string): string => field.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));

/** /proc/mounts, oldest first; fields as in fstab(5), with the kernel's octal escapes undone. */
export const parseMounts = (text: string): readonly Mount[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [source = '', target = '', type = '', options = ''] = line.split(' ');
      return { source: unescape(source), target: unescape(target), type, options: options.split(',') };
    });
