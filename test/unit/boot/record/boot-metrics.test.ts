import { describe, expect, it } from 'vitest';
import { bootMetrics, pushBootMetrics, writeBootMetrics } from '../../../../src/boot/record/boot-metrics.ts';
import type { HttpRequest } from '../../../../src/host/host.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { loadFiles, SHIPPED_FILES } from '../../../fixtures/config.ts';
import { createFacts } from '../../../fixtures/facts.ts';
import { createRecord } from '../../../fixtures/running-system.ts';

const record = createRecord(createFacts());

it('escapes what a label may not hold', () => {
  const image = { name: 'a"b\\c\nd', version: '1', sha256: '' };
  expect(bootMetrics({ ...record, image }, 0)).toContain('statectl_boot_info{image="a\\"b\\\\c\\nd",version="1",');
});

it('tells what was booted, how long each phase took, and when', () => {
  const lines = bootMetrics(record, 1_795_000_000_123).split('\n');
  expect(lines).toContain('# TYPE statectl_boot_phase_seconds gauge');
  expect(lines).toContain('statectl_boot_timestamp_seconds 1795000000.123');
  expect(
    lines.filter((line) => /^statectl_boot_info\{.*server="http:\/\/boot\.lab:8080"\} 1$/.test(line)),
  ).toHaveLength(1);
  expect(lines.filter((line) => /^statectl_boot_phase_seconds\{phase="[a-z]+"\} [\d.]+$/.test(line)).length).toBe(
    record.phases.length,
  );
});

async function write(mounts: string) {
  const text = 'metrics: { textfile: /var/lib/node_exporter }';
  const config = await loadFiles({ ...SHIPPED_FILES, 'system/logging.conf': text });
  const host = memoryHost({ files: { '/proc/mounts': mounts, '/sysroot/var': { type: 'dir' } } });
  await writeBootMetrics(host, { ...createFacts(), config }, record);
  return host.files.readText('/sysroot/var/lib/node_exporter/statectl.prom');
}

it('makes the folder where the place is writable', async () => {
  expect(await write('root /sysroot squashfs ro 0 0\ntmpfs /sysroot/var tmpfs rw 0 0\n')).toContain(
    'statectl_boot_info',
  );
});

it('refuses a place that is read-only', async () => {
  await expect(write('root /sysroot squashfs ro 0 0\n')).rejects.toThrow('read-only');
});

describe('a Pushgateway', () => {
  const push = async (url: string, status = 200) => {
    const asked: ({ readonly url: string } & HttpRequest)[] = [];
    const config = await loadFiles({ ...SHIPPED_FILES, 'system/logging.conf': `metrics: { push: "${url}" }` });
    const host = memoryHost({});
    const http = {
      async request(to: string, request: HttpRequest = {}) {
        asked.push({ url: to, ...request });
        return { status, headers: {}, body: (async function* () {})() };
      },
    };
    await pushBootMetrics({ clock: host.clock, http }, { ...createFacts(), config }, record);
    return asked;
  };

  it('gets them under the name of the machine', async () => {
    expect(await push('http://metrics.lab:9091/gate/')).toMatchObject([
      {
        url: expect.stringMatching(/^http:\/\/metrics\.lab:9091\/gate\/metrics\/job\/statectl\/instance\/[^/]+$/),
        method: 'POST',
        body: expect.stringContaining('statectl_boot_info{'),
      },
    ]);
  });

  it('that refuses them is told of', async () => {
    await expect(push('http://metrics.lab:9091', 400)).rejects.toThrow('metrics.lab:9091 answers with status 400');
  });
});
