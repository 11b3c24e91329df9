import { describe, expect, it } from 'vitest';
import { settingsHolder } from '../../../../src/agent/servers/server-settings.ts';
import { keepBundle } from '../../../../src/fetch/kept-bundle.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { unpackMembers } from '../../../../src/signed/bundle/archive.ts';
import { sha256Of } from '../../../../src/signed/bundle/manifest.ts';
import { verifyBundle } from '../../../../src/signed/bundle/verify.ts';
import { createBundle, createContent } from '../../../fixtures/bundle.ts';
import { createFacts } from '../../../fixtures/facts.ts';
import { TRUSTED_KEY } from '../../../fixtures/image/image.ts';

const [A, B, BAKED] = ['http://a.lab:8080', 'http://b.lab:8080', 'http://baked.lab:8080'] as const;
const HOME = '/run/statectl/bundle';

async function lab(commandLine = '') {
  const host = memoryHost({ files: { [HOME]: { type: 'dir' } } });
  const facts = createFacts({ commandLine, config: { server: { servers: [BAKED] } } });
  const holder = await settingsHolder(host, { ...facts, baked: facts.config });
  return {
    holder,
    facts,
    /** As a refresh does. */
    async keep(servers: readonly string[], sequence: number) {
      const { archive } = createBundle({ content: createContent([], { server: { servers: [...servers] } }), sequence });
      await host.files.write('/run/answer', archive);
      const { digest } = verifyBundle(unpackMembers(archive), [TRUSTED_KEY.publicPem]);
      await keepBundle(host, HOME, { archive: '/run/answer', sha256: sha256Of(archive), digest });
      return holder.readAgain();
    },
    damage: () => host.files.write(`${HOME}/current`, 'nonsense'),
  };
}

describe('the servers of a running machine', () => {
  it('are those of its boot while it has no bundle', async () => {
    const { holder, facts } = await lab();
    expect(holder.settings()).toMatchObject({
      listed: [BAKED],
      all: [BAKED],
      configDigest: facts.machine.configDigest,
    });
    expect(await holder.readAgain()).toBe(false);
  });

  it('are others after one edit, and those of the initramfs stay to fall back on', async () => {
    const { holder, keep } = await lab();
    expect(await keep([A], 1000)).toBe(true);
    const before = holder.settings();
    expect(before).toMatchObject({ listed: [A], all: [A, BAKED], bundle: { sequence: 1000, node: 'print01' } });
    expect(await holder.readAgain()).toBe(false);
    expect(holder.settings()).toBe(before);
    expect(await keep([B], 2000)).toBe(true);
    expect(holder.settings()).toMatchObject({ listed: [B], all: [B, BAKED], configDigest: 'cd'.repeat(32) });
  });

  it('are those of config.d before those of the kernel command line, which iPXE had of an older one', async () => {
    const { holder, keep } = await lab(`statectl.server=${A}`);
    await keep([B], 1000);
    expect(holder.settings()).toMatchObject({ listed: [B], all: [B, A] });
    await keep([], 2000);
    expect(holder.settings()).toMatchObject({ listed: [A], all: [A] });
  });

  it('are those of the boot where the bundle that is kept cannot be read', async () => {
    const { holder, keep, damage } = await lab();
    await keep([A], 1000);
    await damage();
    await holder.readAgain();
    expect(holder.settings().listed).toEqual([BAKED]);
  });
});
