/** date(1), busybox's and coreutils'. */
export const dateArgv = (ms: number): readonly string[] => ['date', '-u', '-s', `@${Math.floor(ms / 1000)}`];

export const shownTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
