import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';

/** One kind of step, whole: `Body` is what a step of this kind says besides its kind. */
export interface Kind<Body extends object> {
  /** Its paths joined: of one that has none, absent. */
  readonly located?: (step: Body, at: (path: string) => string) => Body;
  /** The sentence for the log: what is being done, in the words of an admin. */
  readonly describe: (step: Body) => string;
  /**
   * The command that does the same by hand, for `--plan` and for the plan that /init can run without the controller. Absent:
   * only the controller can do it.
   */
  readonly command?: (step: Body) => string;
  /** Does it. Errors say what was done, what the machine answered, and what to look at. */
  readonly apply: (step: Body, host: Host, task: TaskContext) => Promise<void>;
}

/** Names the body once, so that a family's file reads as a table. */
export const kind = <Body extends object>(whole: Kind<Body>): Kind<Body> => whole;

type At = (path: string) => string;

/** Of kinds that are about one path. */
export const onPath = <Body extends { readonly path: string }>(step: Body, at: At): Body => ({
  ...step,
  path: at(step.path),
});

/** Of kinds that bring something from one path to another. */
export const onFromAndTo = <Body extends { readonly from: string; readonly to: string }>(step: Body, at: At): Body => ({
  ...step,
  from: at(step.from),
  to: at(step.to),
});
