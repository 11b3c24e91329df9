import { expect, it } from 'vitest';
import { install } from '../../../../src/boot/phases/install.ts';
import { BEFORE_ROOT } from '../../../../src/boot/roots.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { withFound } from '../../../../src/machine/facts/found-facts.ts';
import {
  givenCredentials,
  CREDENTIALS as KEPT,
  planCredentials,
} from '../../../../src/machine/identity/credentials.ts';
import { serverHttp } from '../../../../src/machine/identity/server-http.ts';
import { machineHost } from '../../../../src/machine/roots.ts';
import type { Step } from '../../../../src/machine/steps/step.ts';
import { applyStep } from '../../../../src/machine/steps/step.ts';
import { createFacts } from '../../../fixtures/facts.ts';
import { makeCertificate } from '../../../fixtures/identity/certificates.ts';

const SERVER = 'https://boot.lab';
const CREDENTIALS = { certificate: 'secret:tls', key: 'secret:tls-key' };
const facts = createFacts({
  config: { server: { servers: [SERVER], authentication: 'mtls', credentials: CREDENTIALS } },
});
const boot = { say: () => {}, warn: () => {}, signal: new AbortController().signal };

it('credentials of the machine segment are kept in RAM for the agent, who shows them as the boot did', async () => {
  const own = await makeCertificate({ name: 'print01', isAuthority: false });
  const host = memoryHost({
    files: {
      '/etc/statectl/secrets/tls': own.pem,
      '/etc/statectl/secrets/tls-key': own.keyPem,
      '/run': { type: 'dir' },
    },
    servers: { [SERVER]: () => ({}) },
    startMs: Date.now(),
  });
  const [round] = install.rounds;
  const gathered = withFound(facts, (await round?.gather?.(machineHost(host, BEFORE_ROOT), facts, boot)) ?? {});
  const isTheirs = (step: Step) => 'from' in step && step.from.startsWith('/etc/statectl');
  for (const step of round?.plan?.(gathered) ?? [])
    if (isTheirs(step) || (step.kind === 'mkdir' && step.path.endsWith('/credentials')))
      await applyStep(step, host, boot);
  expect((await host.files.stat('/run/statectl/credentials'))?.mode).toBe(0o700);
  expect((await host.files.stat('/run/statectl/credentials/tls-key'))?.mode).toBe(0o600);
  // The initramfs is gone.
  await host.files.remove('/etc/statectl');
  const warned: string[] = [];
  await serverHttp(host, KEPT)(facts, (text) => warned.push(text)).request(`${SERVER}/v1/status`);
  expect(warned).toEqual([]);
  const asked = host.calls.flatMap((call) => (call.kind === 'request' ? [call.request.tls] : []));
  expect(asked).toEqual([{ certPem: own.pem, keyPem: own.keyPem }]);
});

it('credentials that the segment does not have hold up no boot', async () => {
  const host = memoryHost({ files: { '/etc/statectl/secrets/tls': 'PEM' } });
  expect(await givenCredentials(host, facts)).toEqual(['tls']);
  expect(await givenCredentials(host, createFacts())).toEqual([]);
  expect(planCredentials(undefined)).toEqual([]);
});
