/** Folders of a cache, below what is spooled of the item: of root, in RAM. */
export const cacheFolders = (spool: string) => ({
  /** What the agent and the process that shows the folder leave for each other. */
  shared: `${spool}/cache`,
  /** Where the files can be reached that are shown united with the server's. */
  files: `${spool}/files`,
  /** As long as it is not known whether it can be shown: Moonraker waits for it. */
  mark: `${spool}.cache.loading`,
});
