/** Every `statectl.` argument there is, as docs/reference has it; others get a warning with a suggestion. */
export const STATECTL_ARGUMENTS = {
  'statectl.server':
    'base URL of a server, `http://HOST:PORT`; several, separated by commas or given again, in order. Replaces those of config.d',
  'statectl.image': 'image to boot, `NAME` or `NAME@VERSION`; default: what the server chooses',
  'statectl.set':
    'one setting over all others, `PATH=VALUE` with VALUE as in a file: `statectl.set=tmpfs./tmp.size=10%`; given again for several',
  'statectl.label': 'what a node file can match: `NAME=VALUE`; several, separated by commas or given again',
  'statectl.break': 'phases before which a shell opens, separated by commas; leaving it goes on',
  'statectl.rescue': 'the rescue prompt at once, instead of a boot',
  'statectl.shell':
    '`0`: no prompt when the boot fails, but the unattended answer of controller/rescue.conf after ten seconds',
  'statectl.crash': 'when the controller itself crashes: `plan` (that of the last good boot), `rescue` or `reboot`',
  'statectl.events': 'a port that gets the journal as JSON lines, such as `/dev/ttyS1`',
} as const;
