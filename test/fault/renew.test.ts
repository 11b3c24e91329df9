import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { IDENTITY } from '../../src/machine/identity/identity.ts';
import { failingHost } from '../fixtures/hosts/failing.ts';
import { identityServer, type RenewingMachine } from '../fixtures/identity/identity-server.ts';

const DAY = 86_400_000;
const reloads = ({ machine }: RenewingMachine) => machine.commands.filter((line) => line.startsWith('systemctl'));

describe('a machine', () => {
  it('whose agent is killed while it is renewed has all of it after the next try, and a key that fits at any moment', async () => {
    await using server = await identityServer();
    for (let at = 1; ; at += 1) {
      await server.decide('forgotten');
      // It enrolled so long ago that its certificate is due; one that is new is not, by either clock.
      server.setClock(Date.now() - 11 * DAY);
      const it = await server.approvedMachine();
      server.setClock(Date.now());
      await server.store.write('token', Buffer.from(`canary ${at}`));
      const failing = failingHost(it.host, { at, how: 'stop' });
      await it.renew(undefined, failing).catch(() => undefined);
      const [key, pem] = [await it.read(`${IDENTITY}/key.pem`), await it.read(`${IDENTITY}/cert.pem`)];
      expect(new X509Certificate(pem).checkPrivateKey(createPrivateKey(key))).toBe(true);
      if (failing.effects < at) break;
      await it.renew();
      expect(await it.read('/etc/app/token'), `at effect ${at}`).toBe(`canary ${at}`);
      expect(reloads(it), `at effect ${at}`).toContain('systemctl try-reload-or-restart app');
    }
  });
});
