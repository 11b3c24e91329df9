import { describe, expect, it } from 'vitest';
import { createFile } from '../../fixtures/bundle.ts';
import { runningMachine } from '../../fixtures/running-machine.ts';

const motd = (content: string) => createFile('/etc/motd', { content });

describe('a file of a new bundle', () => {
  it('is written without a reboot; one that is equal is not touched', async () => {
    const running = await runningMachine({ files: [motd('one'), createFile('/etc/same')] });
    running.serve({
      files: [motd('two'), createFile('/etc/same'), createFile('/etc/new/x', { mode: 0o640, owner: 'klipper' })],
    });
    expect(await running.refresh()).toEqual({
      state: 'applied',
      applied: ['/etc/motd', '/etc/new/x'],
      needsReboot: [],
      keptLocal: [],
    });
    expect([await running.read('/etc/motd'), await running.read('/etc/new/x')]).toEqual(['two', '# /etc/new/x\n']);
    expect(await running.host.files.stat('/etc/new/x')).toMatchObject({ mode: 0o640, uid: 998 });
    expect(await running.refresh()).toMatchObject({ state: 'unchanged', applied: [] });
  });
});
