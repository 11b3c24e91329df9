import type { Host } from '../../host/host.ts';
import { onMachine } from '../../host/tree.ts';
import { runProgram } from '../host-programs.ts';
import type { Report } from '../progress.ts';
import { type CompressionName, makeSquashfs } from '../squashfs.ts';
import { RUNTIME_MOUNT, type RuntimePlan } from './runtime-plan.ts';

export interface RuntimeInput {
  readonly plan: RuntimePlan;
  /** dist/statectl. */
  readonly statectl: string;
  readonly tree: string;
  readonly compression: CompressionName;
  readonly report?: Report;
}

/** One squashfs with statectl, its tools, and the libraries of both: `ld.so`, `lib/`, `bin/`, `statectl`. */
export async function buildRuntime(host: Host, input: RuntimeInput, work: string, out: string): Promise<void> {
  const { files } = host;
  const { plan, statectl, tree, compression, report } = input;
  const staged = `${work}/runtime`;
  for (const dir of ['', '/bin', '/lib']) await files.mkdir(staged + dir, 0o755);
  const copy = async (from: string, to: string, mode: number) => {
    await runProgram(host, ['cp', '--reflink=auto', from, `${staged}/${to}`]);
    await files.chmod(`${staged}/${to}`, mode);
  };
  for (const { name, from } of plan.libraries) await copy(onMachine(tree, from), `lib/${name}`, 0o755);
  for (const { name, from } of plan.tools) await copy(onMachine(tree, from), `bin/${name}`, 0o755);
  for (const { name, target } of plan.aliases) await files.symlink(target, `${staged}/bin/${name}`);
  await files.symlink(`lib/${plan.linker}`, `${staged}/ld.so`);
  await copy(statectl, 'statectl', 0o755);
  // After the injection: patchelf keeps what the single executable holds, strip would not (measured, docs/design/decisions.md).
  const binding = ['--set-interpreter', `${RUNTIME_MOUNT}/ld.so`, '--set-rpath', `${RUNTIME_MOUNT}/lib`] as const;
  await runProgram(host, ['patchelf', ...binding, `${staged}/statectl`]);
  await files.symlink('../statectl', `${staged}/bin/statectl`);
  await makeSquashfs(host, staged, out, { compression, content: 'ours', ...(report && { report }) });
}
