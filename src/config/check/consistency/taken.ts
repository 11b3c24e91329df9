/** What the kernel, or the boot itself, mounts in every system. */
const TAKEN = ['/dev', '/proc', '/run', '/sys'];

/** Why nothing of an admin's can be there; undefined when it can. Pure. */
export function takenBy(path: string): string | undefined {
  const taken = TAKEN.find((folder) => path === folder || path.startsWith(`${folder}/`));
  return taken && `${taken} is the kernel's and the boot's own in every system`;
}
