import { LOADER_FOLDER, MOST_TRIES } from '../../signed/loader-layout.ts';

/** One try fewer, as GRUB's script can say it, which knows no arithmetic. */
const COUNT_DOWN = Array.from({ length: MOST_TRIES }, (_, index) => MOST_TRIES - index)
  .map((left, index) => `${index === 0 ? 'if' : 'elif'} [ "$left" = ${left} ]; then set left=${left - 1}`)
  .join('\n  ');

/**
 * What GRUB does, on every machine: it is in core.img, so that its digest is in the signed manifest, and no disk can have another.
 * It looks for our folder on the disk that the BIOS booted, reads there which entry is first and how many tries each has left,
 * counts, and boots. An entry whose files cannot be loaded is passed over; those whose tries are used up come last, since a
 * machine that tries is better than one that does not. `machine/loader/choice.ts` says the same in TypeScript.
 */
export const GRUB_CONFIG = `regexp --set=1:drive '^[(](.*)[)]$' "$cmdpath"
search --no-floppy --set=place --hint "$drive," --file ${LOADER_FOLDER}/grubenv
set dir="($place)${LOADER_FOLDER}"
load_env --file "$dir/grubenv" first a a_left b b_left
function count {
  set counted=1
  ${COUNT_DOWN}
  else set counted=
  fi
}
function save {
  if [ "$slot" = a ]; then
    set a_left="$left"
    save_env --file "$dir/grubenv" a_left
  else
    set b_left="$left"
    save_env --file "$dir/grubenv" b_left
  fi
}
function try {
  if [ "$slot" = a ]; then set entry="$a"; set left="$a_left"; else set entry="$b"; set left="$b_left"; fi
  if [ "$left" = 0 ]; then set tries=spent; else set tries=good; fi
  if [ -n "$entry" ]; then
    if [ "$tries" = "$pass" ]; then
      if [ -f "$dir/$entry.cfg" ]; then
        count
        if [ -n "$counted" ]; then save; fi
        source "$dir/$entry.cfg"
      fi
    fi
  fi
}
if [ -n "$place" ]; then
  for pass in good spent; do
    if [ "$first" = b ]; then
      set slot=b; try
      set slot=a; try
    else
      set slot=a; try
      set slot=b; try
    fi
  done
fi
echo "statectl: nothing on this disk boots; the BIOS goes on with its next device"
sleep 5
exit
`;
