/** How `statectl lock check` of a machine says to `statectl node run` that it must not be disturbed: sysexits.h, EX_TEMPFAIL. */
export const LOCKED_STATUS = 75;
/** And what its one line begins with: the command may end with the same status. */
export const LOCKED_WORD = 'locked: ';
