import type { Host } from '../../../host/host.ts';
import { onMachine } from '../../../host/tree.ts';
import { runProgram } from '../../host-programs.ts';
import type { Report } from '../../progress.ts';
import { type CompressionName, makeSquashfs } from '../../squashfs.ts';
import type { SharedOut, ToolSet } from '../tool-sets.ts';
import { RUNTIME_MOUNT, type RuntimePlan } from './runtime-plan.ts';

export interface RuntimeInput {
  readonly plan: Pick<SharedOut, 'runtime' | 'links'>;
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
  await stage(host, tree, plan.runtime, staged);
  for (const { name, target } of plan.runtime.aliases) await files.symlink(target, `${staged}/bin/${name}`);
  for (const { name, target } of plan.links) await files.symlink(target, `${staged}/${name}`);
  await files.symlink(`lib/${plan.runtime.linker}`, `${staged}/ld.so`);
  await copyFile(host, statectl, `${staged}/statectl`);
  // After the injection: patchelf keeps what the single executable holds, strip would not (measured, docs/design/decisions.md).
  const binding = ['--set-interpreter', `${RUNTIME_MOUNT}/ld.so`, '--set-rpath', `${RUNTIME_MOUNT}/lib`] as const;
  await runProgram(host, ['patchelf', ...binding, `${staged}/statectl`]);
  await files.symlink('../statectl', `${staged}/bin/statectl`);
  await makeSquashfs(host, staged, out, { compression, content: 'ours', ...(report && { report }) });
}

/** One squashfs with the programs of a set and the libraries that only they need: `lib/`, `bin/`. */
export async function buildToolSet(
  host: Host,
  { set, tree, compression }: Pick<RuntimeInput, 'tree' | 'compression'> & { readonly set: ToolSet },
  work: string,
  out: string,
): Promise<void> {
  const staged = `${work}/set-${set.name}`;
  await stage(host, tree, set, staged);
  await makeSquashfs(host, staged, out, { compression, content: 'ours' });
}

async function stage(
  host: Host,
  tree: string,
  { tools, libraries }: Pick<RuntimePlan, 'tools' | 'libraries'>,
  staged: string,
): Promise<void> {
  for (const dir of ['', '/bin', '/lib']) await host.files.mkdir(staged + dir, 0o755);
  for (const { name, from } of libraries) await copyFile(host, onMachine(tree, from), `${staged}/lib/${name}`);
  for (const { name, from } of tools) await copyFile(host, onMachine(tree, from), `${staged}/bin/${name}`);
}

async function copyFile(host: Host, from: string, to: string): Promise<void> {
  await runProgram(host, ['cp', '--reflink=auto', from, to]);
  await host.files.chmod(to, 0o755);
}
