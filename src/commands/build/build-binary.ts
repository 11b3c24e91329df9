import { isSea } from 'node:sea';
import { Command } from 'commander';
import { StatectlError } from '../../error.ts';

/** `statectl build binary`: one file from this checkout. */
export const buildBinaryCommand = (): Command =>
  new Command('binary')
    .description('make dist/statectl from a checkout of the project')
    .option('--out <file>', 'where to', 'dist/statectl')
    .addHelpText('after', '\nExample:\n  statectl build binary')
    .action(async ({ out }: { out: string }) => {
      if (isSea())
        throw new StatectlError('usage', '`build binary` works in a checkout of the project', {
          hint: 'clone it and run `npm run build`',
        });
      const { buildBinary } = await import('../../../build/binary.ts');
      await buildBinary(out);
    });
