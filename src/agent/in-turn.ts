/**
 * Lets tasks of one process run one after the other: two that change accounts or files at the same time would undo each other's
 * work. One that fails stops no other.
 */
export function inTurn(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(task: () => Promise<T>): Promise<T> => {
    const mine = last.then(task);
    last = mine.catch(() => {});
    return mine;
  };
}
