import { expect, it } from 'vitest';
import { volumeUnits } from '../../../../../src/server/state/drbd/units.ts';

it('names the program and the state directory whatever they are called', () => {
  const [up] = volumeUnits({ program: '/opt/my statectl', state: '/srv/100% "state" $HOME' });
  const lines = up?.text.split('\n') ?? [];
  expect(lines).toContain('RequiresMountsFor="/srv/100%% \\"state\\" $HOME"');
  expect(lines).toContain('ExecStart="/opt/my statectl" node drbd all --up --state "/srv/100%% \\"state\\" $$HOME"');
  // systemd stops it before what it comes after, drbd.service.
  expect(lines).toContain('ExecStop="/opt/my statectl" node drbd all --down --state "/srv/100%% \\"state\\" $$HOME"');
  expect(lines).toContain('After=network-online.target drbd.service');
});
