import { describe, expect, it } from 'vitest';
import { moonrakerFaults } from '../../../../src/config/check/moonraker-conf.ts';

const GOOD = '[server]\nhost: 0.0.0.0\n\n[machine]\nprovider: none\nvalidate_service: False\n';
const faults = (text: string): readonly string[] =>
  moonrakerFaults(text).map(({ line, message }) => `${line ?? '-'} ${message.split(/[:(]/)[0]?.trim()}`);

describe('a moonraker.conf of a read-only system', () => {
  it.each([
    ['as it is said', GOOD],
    ['with = for :', '[machine]\nprovider=none\nvalidate_service = false\n'],
    ['with keys in any case, and comments', '[machine]\nProvider: none  # no systemd\nVALIDATE_SERVICE: FALSE ; no\n'],
    ['of another system', '[machine]\r\nprovider: none\r\nvalidate_service: False\r\n'],
    ['that says it twice, right at last', `[machine]\nprovider: systemd_cli\n${GOOD}`],
  ])('is right %s', (_, text) => {
    expect(faults(text)).toEqual([]);
  });

  it('is told of each section of the update manager, by its line', () => {
    expect(
      faults(`[update_manager]\nchannel: dev\n${GOOD}[update_manager mainsail]\ntype: web\n#[update_manager x]\n`),
    ).toEqual(['1 [update_manager]', '9 [update_manager mainsail]']);
    expect(faults(`${GOOD}[update_managers]\n`)).toEqual([]);
  });

  it('is told of what is said otherwise, and of what is missing', () => {
    expect(faults('[machine]\nprovider: systemd_dbus\nvalidate_service: True\n')).toEqual([
      '2 provider is systemd_dbus',
      '3 validate_service is True',
    ]);
    expect(faults('\n[machine]\n')).toEqual(['2 [machine] says no provider', '2 [machine] says no validate_service']);
    expect(faults('')).toEqual(['- [machine] says no provider', '- [machine] says no validate_service']);
    expect(faults('provider: none\n[other]\nvalidate_service: False\n')).toHaveLength(2);
  });

  it('takes what is indented for what went before, as Moonraker does', () => {
    expect(faults(`${GOOD}[authorization]\ntrusted_clients:\n    [update_manager]\n    provider: x\n`)).toEqual([]);
  });
});

it.each([
  ['blanks after a key', `[machine]\nprovider${' '.repeat(500_000)}none\n`],
  ['comments in a line of another end', `[machine]\n${'x #'.repeat(200_000)}\ry\n`],
])('%s take no longer than others', (_title, text) => {
  const before = performance.now();
  expect(moonrakerFaults(text)).toHaveLength(2);
  expect(performance.now() - before).toBeLessThan(2_000);
});
