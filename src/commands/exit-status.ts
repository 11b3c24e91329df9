/** What the exit statuses of the program mean, for its manual; main.ts gives them. */
export const EXIT_STATUSES: Readonly<Record<string, string>> = {
  0: 'it was done',
  1: 'it failed, or there are faults; the last line begins with → and says what to do',
  2: 'the words of the command are wrong',
  '10, 11, 12': 'of `statectl boot` alone, for /init: the rescue prompt, a reboot, the other slot',
  70: 'a fault of statectl itself: what it says then is for a report of it',
  75: 'of `statectl lock check` alone: there is a lock',
  130: 'Ctrl-C ended it at once; 129 and 143 are the same by SIGHUP and SIGTERM. The first Ctrl-C lets a build remove what is half made, and `node run` print how far it came: that is 1',
};
