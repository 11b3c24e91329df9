import { describe, expect, it } from 'vitest';
import { checkConfigDir } from '../../../src/config/check.ts';
import { readConfigDir } from '../../../src/config/config-dir.ts';
import { formatFault } from '../../../src/config/fault.ts';
import { readTemplates } from '../../../src/config/templates/template-set.ts';
import { configHost } from '../../fixtures/config.ts';

/** What `config check` finds, of all or of one node: faults as lines, then what it only supposes. */
async function check(files: Readonly<Record<string, string>>, node?: string) {
  const host = configHost(files);
  const dir = await readConfigDir(host, '/config.d');
  const one = node === undefined ? undefined : dir.nodes.nodes.get(node);
  const { faults, warnings } = checkConfigDir(dir, await readTemplates(host, '/config.d'), one);
  return { faults: faults.map(formatFault), warnings: warnings.map(formatFault) };
}

describe('config check', () => {
  const print = { 'nodes/print.conf': 'node: print[01-24]\n' };

  it('fails for members of a group that are misspelt, and of a node that was meant too', async () => {
    const files = { ...print, 'nodes/voron.conf': 'group: voron\nnodes: prnt[13-24]\n' };
    const fault = 'nodes/voron.conf:2:1 no node file names prnt[13-24]: did you mean print[13-24]?';
    expect(await check(files)).toEqual({ faults: [fault], warnings: [] });
    expect(await check(files, 'print13')).toEqual({ faults: [fault], warnings: [] });
    expect(await check(files, 'print01')).toEqual({ faults: [], warnings: [] });
  });

  it('only supposes that members without a node file are still to come', async () => {
    expect(await check({ ...print, 'nodes/all.conf': 'group: all\nnodes: print[01-30]\n' })).toEqual({
      faults: [],
      warnings: ['nodes/all.conf:2:1 no node file names print[25-30]: group all does nothing for them yet'],
    });
  });
});
