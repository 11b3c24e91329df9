import { describe, expect, it } from 'vitest';
import { runTable } from '../../../../../src/commands/node/node-run.ts';
import type { Program } from '../../../../../src/host/memory/exec.ts';
import { memoryHost } from '../../../../../src/host/memory.ts';
import { nodeAddresses } from '../../../../../src/server/admin/nodes/node-addresses.ts';
import { type RunOnNodes, runOnNodes, sshArgv } from '../../../../../src/server/admin/nodes/run-on-nodes.ts';

const OPTIONS = { command: ['uptime', '-p'], timeoutMs: 60_000, options: [] };

const nodeOf = (argv: readonly string[]): string => argv[argv.indexOf('--') + 1] ?? '';

async function run(count: number, ssh: Program, changes: Partial<RunOnNodes> = {}) {
  const host = memoryHost({ programs: { ssh } });
  const targets = Array.from({ length: count }, (_, at) => ({ node: `n${at + 1}` }));
  const { signal } = new AbortController();
  const runs = await runOnNodes(host, { ...OPTIONS, targets, width: 2, signal, ...changes });
  return { runs, tookMs: host.clock.uptimeMs(), commands: host.commands };
}

describe('a command on many nodes', () => {
  it('runs on as many at once as was said, and the results come in the order of the nodes', async () => {
    let now = 0;
    let most = 0;
    const { runs, tookMs } = await run(
      5,
      async (argv) => {
        now += 1;
        most = Math.max(most, now);
        await Promise.resolve();
        setImmediate(() => {
          now -= 1;
        });
        return { stdout: `up ${nodeOf(argv)}\n`, tookMs: 1000 };
      },
      { width: 2 },
    );
    expect(runs.map(({ node, firstLine }) => `${node}: ${firstLine}`)).toEqual(
      [1, 2, 3, 4, 5].map((at) => `n${at}: up n${at}`),
    );
    expect(most).toBeLessThanOrEqual(2);
    // Two, two, and the last.
    expect(tookMs).toBe(3000);
  });

  it('is ended where it takes too long, and goes on elsewhere', async () => {
    const { runs } = await run(3, (argv) => ({ tookMs: nodeOf(argv) === 'n2' ? Number.POSITIVE_INFINITY : 10 }), {
      timeoutMs: 5000,
    });
    expect(runs.map(({ exitCode, failure, tookMs }) => failure ?? [exitCode, tookMs])).toEqual([
      [0, 10],
      'timeout',
      [0, 10],
    ]);
  });

  it('is stopped everywhere at once; what has not begun does not begin', async () => {
    const abort = new AbortController();
    const { runs, commands } = await run(
      5,
      async (argv) => {
        if (nodeOf(argv) === 'n1') return { stdout: 'done\n' };
        setImmediate(() => abort.abort(new Error('ctrl-c')));
        return { tookMs: 1_000_000 };
      },
      { signal: abort.signal },
    );
    expect(runs.map(({ failure }) => failure)).toEqual([undefined, 'stopped', 'stopped', 'stopped', 'stopped']);
    expect(commands).toHaveLength(3);
  });

  it('shows why it failed: by what it printed, else by what ssh says', async () => {
    const { runs } = await run(3, (argv) => {
      if (nodeOf(argv) === 'n1') return { exitCode: 3, stdout: '\ninactive\nmore\n', stderr: 'noise\n' };
      return { exitCode: 255, stderr: 'line\r\nssh: connect to host n2 port 22: No route to host\r\n' };
    });
    expect(runTable(runs.slice(0, 2))).toBe(
      `NODE  EXIT  SECONDS  FIRST LINE
n1    3     0.0      inactive
n2    255   0.0      ssh: connect to host n2 port 22: No route to host
2 of 2 failed: n[1-2]
`,
    );
  });

  it('that prints what a terminal obeys does nothing to it', async () => {
    const { runs } = await run(1, () => ({ stdout: '\u001b[2Jgone\u0007\n' }));
    expect(runTable(runs)).toContain('\\x1b[2Jgone\\x07\n');
  });

  it('is heard line by line, however its output comes in pieces', async () => {
    const lines: string[] = [];
    const ssh: Program = (_argv, _input, { onOutput }) => {
      for (const text of ['fir', 'st\nsec', 'ond\r\nlast']) onOutput?.(text);
      return undefined;
    };
    const { runs } = await run(1, ssh, { onLine: (node, line) => void lines.push(`${node}: ${line}`) });
    expect(lines).toEqual(['n1: first', 'n1: second', 'n1: last']);
    expect(runs[0]?.firstLine).toBe('first');
  });

  const LOCKED = 'locked: print-voron (klipper of voron: prints a.gcode), at most until 2026-11-23 12:00\n';

  it('is not run where a print is, and the table says which, and what to do', async () => {
    const ssh: Program = (argv) =>
      nodeOf(argv) === 'n2' ? { exitCode: 75, stderr: LOCKED } : { exitCode: 75, stderr: 'busy\n' };
    const { runs, commands } = await run(2, ssh, { lockedBy: '/x/statectl' });
    // The command may end with 75, too.
    expect(runs).toMatchObject([{ exitCode: 75 }, { failure: 'locked' }]);
    expect(runs[1]).not.toHaveProperty('exitCode');
    expect(commands[0]).toContain('-- n1 /bin/sh -c');
    expect(commands[0]).toMatch(/lock check; test \$\? -ne 75' \|\| exit 75; uptime -p$/);
    expect(runTable(runs)).toContain(`nothing was run where a print or another lock is: n2
→ --wait 12h comes back to them, --force runs it all the same`);
    expect((await run(1, ssh)).commands[0]).not.toContain('lock check');
  });

  it('comes back each minute to those with a print, after all others, for as long as was said', async () => {
    const order: string[] = [];
    const prints: Record<string, number> = { n1: 3, n3: 1_000 };
    const ssh: Program = (argv) => {
      const node = nodeOf(argv);
      order.push(node);
      const left = prints[node] ?? 0;
      prints[node] = left - 1;
      return left > 0 ? { exitCode: 75, stderr: LOCKED } : 'done\n';
    };
    const done: string[] = [];
    const { runs, tookMs } = await run(4, ssh, {
      ...{ width: 1, lockedBy: '/x/statectl', waitMs: 10 * 60_000 },
      onDone: ({ node, failure }) => void done.push(failure ?? node),
    });
    expect(runs.map(({ exitCode, failure }) => failure ?? exitCode)).toEqual([0, 0, 'locked', 0]);
    expect(order.slice(0, 6)).toEqual(['n1', 'n2', 'n3', 'n4', 'n1', 'n3']);
    expect(done).toEqual(['n2', 'n4', 'n1', 'locked']);
    expect(tookMs).toBe(10 * 60_000);
  });

  it('goes by ssh, which knows the node by its name and by the authority of the server, and asks nobody anything', () => {
    const argv = sshArgv(
      { node: 'print01', address: '192.168.7.9' },
      {
        ...OPTIONS,
        user: 'root',
        identityFile: '/k',
        knownHosts: '/tmp/kh',
        options: ['Port=2222'],
        signal: AbortSignal.abort(),
      },
    );
    const settings = argv.flatMap((word, at) => (argv[at - 1] === '-o' ? [word] : []));
    expect(settings[0]).toBe('Port=2222');
    expect(settings).toEqual(
      expect.arrayContaining([
        'BatchMode=yes',
        'StrictHostKeyChecking=yes',
        'HostKeyAlias=print01',
        'HostName=192.168.7.9',
        'UserKnownHostsFile=/tmp/kh ~/.ssh/known_hosts',
      ]),
    );
    expect(argv.slice(argv.indexOf('--'))).toEqual(['--', 'print01', 'uptime', '-p']);
    expect(argv.join(' ')).toContain('-l root -i /k --');
  });
});

describe('the address of a node', () => {
  const enrolment = (node: string, remote: string, lastSeenMs: number) => ({ node, remote, lastSeenMs }) as never;
  const report = (node: string, remote: string) => ({ node, remote, receivedAt: '2026-11-20T12:00:00Z', machine: {} });

  it('is where its key was used last, which counts more than what anybody can report', () => {
    const approved = [enrolment('a', '10.0.0.2', 2), enrolment('a', '::ffff:10.0.0.1', 1)];
    const reports = new Map([
      ['1', report('a', '10.0.0.66')],
      ['2', report('b', '::ffff:10.0.0.3')],
    ]);
    expect([...nodeAddresses(approved, reports)]).toEqual([
      ['a', '10.0.0.2'],
      ['b', '10.0.0.3'],
    ]);
  });
});
