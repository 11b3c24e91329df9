import { makePrinterFile, type PrinterFile } from '../state/printer-file.ts';
import type { RestorePrinter } from '../state/restore-printer.ts';
import { restorePrinter } from '../state/restore-printer.ts';
import { kind, onPath } from './kind.ts';

/** What a machine gets back of what it was before. */
export const state = {
  'restore-printer': kind<RestorePrinter>({
    located: (step, at) => ({
      ...step,
      ...{ identity: at(step.identity), to: at(step.to) },
      ...(step.kept !== undefined && { kept: at(step.kept) }),
      items: step.items.map((item) => ({
        ...item,
        path: at(item.path),
        ...(item.kind === 'snapshot' && { with: item.with.map(at) }),
      })),
    }),
    describe: ({ printer, items }) => `the state of ${printer}: ${items.map(({ name }) => name).join(', ')}`,
    apply: restorePrinter,
  }),
  'printer-file': kind<PrinterFile>({
    located: onPath,
    describe: ({ path, uid, gid }) => `${path} of ${uid}:${gid}, since there is none`,
    apply: makePrinterFile,
  }),
};
