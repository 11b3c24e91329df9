import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FirstTimeUser, firstTimeUser } from '../../fixtures/reader/first-time-user.ts';
import { Guide } from '../../fixtures/reader/guide.ts';

const guide = new Guide('docs/start/print-farm.md', import.meta.url);

describe('a first-time user who follows docs/start/print-farm.md', () => {
  let user: FirstTimeUser;
  let clone: string;

  beforeAll(async () => {
    user = await firstTimeUser();
    clone = await user.clone('git clone … statectl');
  });
  afterAll(() => user[Symbol.asyncDispose]());

  test('sees what a pulled plug left of a printer, and is told first that it is simulated', async () => {
    const { all } = await user.start(guide.command('sudo npm run demo:print'), clone);
    expect(/^demo:print: .*$/m.exec(all)?.[0]).toMatch(
      /Klipper is (?:simulated|real), Moonraker is (?:simulated|real)/,
    );
    expect(all).toMatch(/when the server was killed: ([1-9]\d*) of \1 are there/);
    expect(all).toMatch(/when the plug was pulled: \d+ of [1-9]\d* are there/);
  });

  test('has typed every command that typed-commands.ts says of this file', () => {
    expect(guide.untyped).toEqual([]);
  });
});
