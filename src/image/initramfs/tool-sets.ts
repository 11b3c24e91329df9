import type { Host } from '../../host/host.ts';
import { type Copy, type Link, planRuntime, type RuntimePlan, type RuntimeQuestion } from './segments/runtime-plan.ts';
import type { ToolList } from './tools-tree.ts';

/** Where /init mounts each tool set, by its name. */
const SETS_MOUNT = '/run/initramfs/sets';

/** Programs that not every machine needs, and the libraries that only they need: a squashfs in a segment of its own. */
export interface ToolSet extends Pick<RuntimePlan, 'tools' | 'libraries'> {
  readonly name: string;
}

export interface SharedOut {
  /** What is always there. */
  readonly runtime: RuntimePlan;
  readonly sets: readonly ToolSet[];
  /** In the runtime's folder, where all look for what lies in a set; where that is not mounted they lead nowhere. */
  readonly links: readonly Link[];
}

/** Shares out programs and libraries to the runtime and to tool sets, each of which needs no other set. Throws as `planRuntime`. */
export async function planToolSets(
  host: Pick<Host, 'files'>,
  question: Omit<RuntimeQuestion, 'tools'>,
  { runtime: always, sets: listed }: ToolList,
): Promise<SharedOut> {
  const planOf = (tools: RuntimeQuestion['tools']) => planRuntime(host, { ...question, tools });
  const base = await planOf(always);
  const more: ToolSet[] = [];
  for (const [name, tools] of listed) {
    const plan = await planOf([...always, ...tools]);
    more.push({ name, tools: without(plan.tools, base.tools), libraries: without(plan.libraries, base.libraries) });
  }
  // What two sets need is the runtime's, which is there whichever of them is.
  const sets = more.map((set) => ({
    ...set,
    ...withoutAll(
      set,
      more.filter((other) => other !== set),
    ),
  }));
  const whole = await planOf([...always, ...[...listed.values()].flat()]);
  return {
    runtime: { ...whole, ...withoutAll(whole, sets) },
    sets,
    links: sets.flatMap(({ name: set, tools, libraries }) => [
      ...tools.map(({ name }) => ({ name: `bin/${name}`, target: `${SETS_MOUNT}/${set}/bin/${name}` })),
      ...libraries.map(({ name }) => ({ name: `lib/${name}`, target: `${SETS_MOUNT}/${set}/lib/${name}` })),
    ]),
  };
}

const without = (copies: readonly Copy[], others: readonly Copy[]): readonly Copy[] =>
  copies.filter(({ name }) => !others.some((other) => other.name === name));

type Copies = Pick<ToolSet, 'tools' | 'libraries'>;

const withoutAll = ({ tools, libraries }: Copies, others: readonly Copies[]): Copies => ({
  tools: without(
    tools,
    others.flatMap((other) => other.tools),
  ),
  libraries: without(
    libraries,
    others.flatMap((other) => other.libraries),
  ),
});
