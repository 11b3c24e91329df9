import { mkdirSync, mkdtempDisposableSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { restorePrinter } from '../../../src/machine/state/restore-printer.ts';
import { GCODE_ITEM } from '../../fixtures/state/printer-item.ts';
import { EVERY_KIND } from '../../fixtures/steps.ts';

const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

it.each([
  ['mirror', {}],
  ['cache', { cache: { restart: 'resume' } }],
] as const)(
  'lets whoever copies a database get through the folder of a printer whose gcode is a %s',
  async (_, more) => {
    using root = mkdtempDisposableSync(join(tmpdir(), 'statectl-folder-'));
    const at = (name: string): string => join(root.path, name);
    mkdirSync(at('gcodes'));
    await restorePrinter(
      {
        ...EVERY_KIND['restore-printer'],
        ...{ urls: [], to: at('state/voron/session.json'), kept: at('kept') },
        items: [{ ...GCODE_ITEM, ...more, path: at('gcodes'), ...owner }],
      },
      { ...linuxHost(), console: { line: () => undefined } },
      { say: () => {}, warn: () => {}, signal: new AbortController().signal },
    );
    for (const folder of ['state', 'state/voron']) expect((statSync(at(folder)).mode & 0o777).toString(8)).toBe('711');
  },
);
