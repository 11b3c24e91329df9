import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { askForBundle, bundleAnswer } from '../../../../src/fetch/ask-bundle.ts';
import { chooseBundle } from '../../../../src/fetch/choose-bundle.ts';
import { keepBundle, readKeptBundle } from '../../../../src/fetch/kept-bundle.ts';
import { linuxClock } from '../../../../src/host/linux/clock.ts';
import { linuxFiles } from '../../../../src/host/linux/files.ts';
import { linuxHost } from '../../../../src/host/linux/host.ts';
import { leanHttp } from '../../../../src/host/linux/http/lean-http.ts';
import type { StepOf } from '../../../../src/machine/steps/step.ts';
import { startServer } from '../../../../src/server/listen.ts';
import { CLAIMS, createContent, createFile, SIGNER } from '../../../fixtures/bundle.ts';
import { createFacts, createMachineFacts } from '../../../fixtures/facts.ts';
import { TRUSTED_KEY } from '../../../fixtures/image/image.ts';

test('a bundle comes from the real server over the HTTP of a boot, is kept on a real disk, and not sent twice', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'statectl-bundle-'));
  const host = { files: linuxFiles(), http: leanHttp(), clock: linuxClock() };
  const server = await startServer({
    state: join(folder, 'state'),
    listen: { host: '127.0.0.1', port: 0 },
    host: { ...host, exec: linuxHost().exec },
    log: () => {},
    config: {
      signer: SIGNER,
      renderNode: async () => createContent([createFile('/etc/ü', { content: 'ü'.repeat(1e5) })]),
    },
  });
  const warned: string[] = [];
  const boot = { say: () => {}, warn: (text: string) => warned.push(text), signal: new AbortController().signal };
  const [answers, home] = [join(folder, 'answers'), join(folder, 'kept')];
  const facts = createFacts({ machine: createMachineFacts() });
  const step: StepOf<'ask-bundle'> = {
    kind: 'ask-bundle',
    urls: [`${server.url}/v1/bundle?${new URLSearchParams({ ...CLAIMS })}`],
    to: answers,
    limits: { connectMs: 2000, stallMs: 2000, tries: 1 },
  };
  try {
    await askForBundle(step, host, boot);
    const { newBundle } = await chooseBundle(host, answers, facts, boot, async () => {});
    expect(newBundle).toMatchObject({ server: server.url, archive: bundleAnswer(answers, 0) });
    await keepBundle(host, home, newBundle!);
    const kept = await readKeptBundle(host, home, [TRUSTED_KEY.publicPem]);
    expect(kept?.manifest.entries).toMatchObject([{ path: '/etc/ü', sizeBytes: 2e5 }]);
    await askForBundle({ ...step, known: kept!.manifest.contentDigest }, host, boot);
    expect(JSON.parse(await host.files.readText(join(answers, 'answers.json')))).toMatchObject([{ status: 304 }]);
    expect(warned).toEqual([]);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
});
