import { expect, test } from 'vitest';
import { writePrint } from '../../../build/bench/print/print-report.ts';

test('what the state of print hosts costs stands beside what it may cost', () => {
  const one = { count: 667, p50Ms: 12.4, p99Ms: 90.6 };
  const text = writePrint({
    farm: {
      ...{
        printers: 500,
        minutes: 10,
        cpuShare: 0.375,
        rssBytes: 200 << 20,
        leasesS: 4.26,
        faults: ['database: busy'],
      },
      shipped: { database: one, variables: one, config: one, gcode: one },
    },
    latency: {
      ...{ databaseS: [0.5, 0.7, 0.6], saveConfigS: [1, 2, 3], variablesS: [0.1, 0.3], savedEachMinute: 998.6 },
    },
    agent: {
      ...{
        agentBytes: 30 << 20,
        childrenBytes: 5 << 20,
        idleCpuShare: 0.0456,
        emulation: 9.5,
        timerMs: { without: 2, beside: 2.2 },
      },
    },
    cache: { coldMbs: 145.4, readMs: { p50: 0.04, p99: 1.03 }, kills: 10, longestMs: 312.4, serverBytes: 50 << 20 },
  });
  for (const line of [
    /until the server has a copy +0\.60 s \(at most 0\.70 s, of 3\) +< 2 s$/m,
    /SAVE_VARIABLE at 999 a minute, .* +0\.20 s \(at most 0\.30 s, of 2\) +< 1 s$/m,
    /private memory of the agent +30\.0 MiB +< 40 MiB$/m,
    /idle agent, emulated +4\.56 % of a core/m,
    /as it is here, .* +0\.48 % \(1 \/ 9\.5\) +< 1 %$/m,
    /2\.20 ms, 2\.00 ms without the agent: 1\.10 × +1\.2 ×$/m,
    /nobody read before, by 8 KiB +145 MB\/s +≥ 50 MB\/s$/m,
    /with server and agent dead, .* +0\.04 ms, 1\.03 ms +< 5 ms$/m,
    /who shows it was killed 10 times +312 ms/m,
    /a server with 500 printers .* +38 % of a core, 200 MiB/m,
    /… 667 × config, half of them and 99 % within +12 ms, 91 ms$/m,
    /… refused +1 +0\nfault: database: busy\n$/m,
  ])
    expect(text).toMatch(line);
});
