import { describe, expect, it } from 'vitest';
import { PARTS } from '../../../../src/config/config-dir.ts';
import { CONFIG_FILES } from '../../../../src/config/settings/files.ts';
import { documentedSettings, settingsBelow } from '../../../../src/config/settings/setting-documents.ts';
import { type SettingSchema, schemasAt, settingSchema } from '../../../../src/config/settings/setting-schema.ts';

/** Every schema below one, with the path to it; a key that an admin chooses is `*`. */
function* below(schema: SettingSchema, path: string): Generator<readonly [string, SettingSchema]> {
  for (const one of schema.oneOf ?? schema.anyOf ?? [schema]) {
    for (const [key, property] of Object.entries(one.properties ?? {})) {
      yield [`${path}.${key}`, property];
      yield* below(property, `${path}.${key}`);
    }
    if (typeof one.additionalProperties === 'object') yield* below(one.additionalProperties, `${path}.*`);
  }
}

describe('the JSON Schema for editors', () => {
  it.each(PARTS)('of %s says what its file is, and describes every setting, groups of settings too', (part) => {
    const schema = settingSchema(CONFIG_FILES[part].schema);
    expect(schema).toMatchObject({ type: 'object', description: expect.stringMatching(/\w/) });
    const undescribed = [...below(schema, part)].filter(
      ([, { description, const: only }]) => only === undefined && !description,
    );
    expect(undescribed.map(([path]) => path)).toEqual([]);
  });

  it.each(PARTS)('of %s refuses keys that nobody knows', (part) => {
    const open = [...below(settingSchema(CONFIG_FILES[part].schema), part)].filter(
      ([, { properties, additionalProperties }]) => properties && additionalProperties !== false,
    );
    expect(open.map(([path]) => path)).toEqual([]);
  });

  it('names the keys that an admin chooses by what they are', () => {
    const names = PARTS.flatMap((part) =>
      documentedSettings(CONFIG_FILES[part].schema).map(({ name }) => `${part}.${name}`),
    );
    expect(names).toEqual(
      expect.arrayContaining([
        'overlays.MOUNTPOINT(bind).source',
        'fstab.MOUNTPOINT.source',
        'drives.DISK.partitions.LABEL.size',
        'btrfs.FILESYSTEM.subvolumes.SUBVOLUME.mount',
        'users.users.USER.uid',
        'etc.files.PATH.text',
        'python.PACKAGE.url',
      ]),
    );
    expect(names.filter((name) => /\bNAME\b/.test(name))).toEqual([]);
  });

  it('tells once what several kinds of an entry have alike, and of which kinds the rest is', () => {
    const names = documentedSettings(CONFIG_FILES.network.schema).map(({ name }) => name);
    expect(names.filter((name) => name.endsWith('.dhcp4'))).toEqual([
      'interfaces.INTERFACE(physical, vlan, bond, bridge).dhcp4',
    ]);
    expect(names).toEqual(
      expect.arrayContaining([
        'interfaces.INTERFACE.kind',
        'interfaces.INTERFACE(vlan).id',
        'interfaces.INTERFACE(bond, bridge).members',
      ]),
    );
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
    const overlays = documentedSettings(CONFIG_FILES.overlays.schema);
    const sizes = overlays.filter(({ name }) => name.endsWith('.size'));
    // The same words and another default are not alike.
    expect(sizes.map(({ name, usual }) => [name, usual])).toEqual([
      ['MOUNTPOINT(tmpfs, overlay).size', '"50%"'],
      ['MOUNTPOINT(ramdisk).size', '"25%"'],
    ]);
  });

  it('names what the kinds of one entry have without anything before it, for one that is asked for alone', () => {
    const below = schemasAt(settingSchema(CONFIG_FILES.network.schema), ['interfaces', 'eth0']).flatMap((schema) =>
      settingsBelow(schema, '').map(({ name }) => name),
    );
    expect(below).toEqual(expect.arrayContaining(['kind', '(physical, vlan, bond, bridge).dhcp4', '(vlan).id']));
  });
});
