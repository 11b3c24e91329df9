# What is read by `shutdown` and by `stopping`: the way down of disks. Nothing is waited for without end, what blocks is named.
# shellcheck shell=sh

LOG=/run/initramfs/down.log
# There when the disk of /user-data was writable until the system stopped.
WRITABLE=/run/initramfs/down.writable
umask 077

argument() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p" | tail -n 1; }
LIMIT=$(argument rd.shutdown.timeout.umount)
case $LIMIT in '' | *[!0-9]*) LIMIT=90 ;; esac

# For the kernel's log, which is on the console too, and for the log of the way down. 3: a person has to know, 6: good to know.
say() { # level, text
	echo "<$((24 + $1))>statectl: shutdown: $2" >/dev/kmsg
	echo "[$(cut -d ' ' -f 1 /proc/uptime)] $2" >>"$LOG"
}

# What waits for a disk or a server that is gone is given up, also when nothing can kill it: 124. Else its own exit status.
bounded() { # seconds, command and its words
	most=$1
	shift
	read -r began _ </proc/uptime
	"$@" &
	child=$!
	while sleep 0.02 && kill -0 $child 2>/dev/null; do
		read -r now _ </proc/uptime
		[ $((${now%.*} - ${began%.*})) -gt "$most" ] || continue
		kill -KILL $child
		spared="$spared $child"
		return 124
	done
	wait $child
}

# Programs of the runtime, and where it carries them, of its tool sets.
RT=/run/initramfs/rt
has_tool() { [ -e "$RT/bin/$1" ]; }
tool() { # program and its words
	program=$1
	shift
	"$RT/ld.so" --library-path "$RT/lib" "$RT/bin/$program" "$@"
}

# --- processes

# PID 1, this script and whoever waits for it.
spared=" 1"
spare_ours() {
	above=$$
	while [ "$above" -gt 1 ]; do
		spared="$spared $above"
		read -r stat <"/proc/$above/stat" || return
		# proc_pid_stat(5): what follows the name, which may have anything in it: state, parent …
		# shellcheck disable=SC2086
		set -- ${stat##*) }
		above=$2
	done
}
spare_ours

# Sets `others`: processes that are neither the kernel's nor spared nor ended. A first letter @ says that the disks need it
# (systemd's ROOT_STORAGE_DAEMONS). No process is started for that: it would be one of them.
find_others() { # "@": those too
	others=
	for folder in /proc/[0-9]*; do
		pid=${folder#/proc/}
		case "$spared " in *" $pid "*) continue ;; esac
		{ read -r stat <"$folder/stat"; } 2>/dev/null || continue
		after=${stat##*) }
		# shellcheck disable=SC2086
		set -- "$1" $after
		# PF_KTHREAD
		if [ "$2" = Z ] || [ $(($8 & 2097152)) != 0 ]; then continue; fi
		[ "$1" = @ ] || {
			name=
			{ read -r name <"$folder/cmdline"; } 2>/dev/null
			case $name in @*) continue ;; esac
		}
		name=${stat#*(}
		others="$others $pid(${name%)*})"
	done
}

signal_others() {
	for one in $others; do kill "-$1" "${one%%(*}" 2>/dev/null; done
}

# TERM, five seconds, KILL, five seconds. Whoever is left then hangs in the kernel, and is named.
end_processes() { # "@": those too
	find_others "$1"
	[ -n "$others" ] || return 0
	signal_others TERM
	# Who is stopped hears of it only when it goes on.
	signal_others CONT
	await_end "$1" && return
	say 6 "did not end when asked to:$others"
	signal_others KILL
	await_end "$1" || say 3 "cannot be ended:$others"
}

await_end() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
		sleep 0.2
		find_others "$1"
		[ -n "$others" ] || return 0
	done
	return 1
}

# Who has something open there, works there or runs from there: PIDs and what they are.
blockers() { # mount point
	for link in /proc/[0-9]*/cwd /proc/[0-9]*/root /proc/[0-9]*/exe /proc/[0-9]*/fd/*; do
		case $(readlink "$link") in
		"$1" | "$1"/*)
			pid=${link#/proc/}
			pid=${pid%%/*}
			echo "$pid ($(tr '\0' ' ' <"/proc/$pid/cmdline"))"
			;;
		esac
	done 2>/dev/null | sort -u | tr '\n' ' '
}

# --- file systems

# Spaces and their like are octal in /proc/mounts: printf reads four digits, so that a digit behind is none of them.
plain() { # as it stands there
	case $1 in
	*\\*) printf %b "$(printf %s "$1" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g')" ;;
	*) printf %s "$1" ;;
	esac
}

# What was given up once is not waited for again; a line each, as in /proc/mounts.
given_up=
is_given_up() { case "
$given_up" in *"
$1
"*) return 0 ;; esac; return 1; }

# `wanted`, of the script that reads this, chooses among lines of /proc/mounts. What lies deepest goes first, of two in one place
# the upper one; moved mounts stand there in no order of theirs.
mounted() {
	awk '{ print split($2, names, "/"), NR, $0 }' /proc/mounts | sort -k1,1nr -k2,2nr | cut -d ' ' -f 3- | wanted
}

unmount_all() {
	# The second time for what was busy because of another mount.
	for _ in 1 2; do
		mounted >/run/initramfs/down.mounts
		while read -r source point type _; do
			is_given_up "$point" && continue
			target=$(plain "$point")
			bounded "$LIMIT" umount "$target" 2>/dev/null
			[ $? = 124 ] || continue
			given_up="$given_up$point
"
			say 3 "gave up to unmount $target ($source, $type) after $LIMIT s"
		done </run/initramfs/down.mounts
	done
}

# The last resort for what stays mounted: nobody writes there any more, so that the disk is clean. What is in RAM, or cannot be
# written to, loses nothing.
make_read_only() { # file system as a line of /proc/mounts has it: source and mount point
	target=$(plain "$2")
	by=
	[ "$3" = quiet ] || by=$(blockers "$target")
	bounded 10 mount -o remount,ro "$target" 2>/dev/null
	case $? in
	0) [ "$3" = quiet ] || say 4 "$1 is still in use${by:+ by $by}: made read-only" ;;
	124)
		given_up="$given_up$2
"
		say 3 "$1 on $target does not answer: not clean, it is checked at the next boot"
		;;
	*) say 3 "$1 is still in use${by:+ by $by}: not clean, it is checked at the next boot" ;;
	esac
}

# "quiet": that it stays mounted is known.
make_all_read_only() {
	mounted >/run/initramfs/down.mounts
	while read -r source point _ options _; do
		case "$source $options" in /dev/*" rw" | /dev/*" rw,"*) make_read_only "$source" "$point" "$1" ;; esac
	done </run/initramfs/down.mounts
}

# --- what lies below file systems

# Again as long as something went: one lies on the other. What is in use stays.
detach_all() {
	swap_off
	for _ in 1 2 3 4; do
		gone=
		end_volumes
		detach_loops
		detach_mapped
		detach_arrays
		[ -n "$gone" ] || break
	done
}

# Only of what keeps something else busy: a partition or zram would be read into RAM for nothing.
swap_off() {
	while read -r file type _; do
		case $type$file in
		file* | */dev/loop* | */dev/dm-* | */dev/md* | */dev/drbd*) bounded "$LIMIT" swapoff "$(plain "$file")" 2>/dev/null ;;
		esac
	done </proc/swaps
}

# Without a file that it is of, a loop is free.
detach_loops() {
	for folder in /sys/block/loop*/loop; do
		[ -r "$folder/backing_file" ] || continue
		device=${folder#/sys/block/}
		# One in use would only be told to go with its last user, which it does anyway.
		bounded 10 losetup -d "/dev/${device%/loop}" 2>/dev/null && [ ! -e "$folder" ] && gone=1
	done
}

detach_mapped() {
	has_tool dmsetup || return 0
	for file in /sys/block/dm-*/dm/name; do
		{ read -r name <"$file"; } 2>/dev/null || continue
		bounded 10 tool dmsetup remove --noudevsync --noudevrules "$name" >/dev/null 2>&1 && gone=1
	done
}

write_word() { echo "$1" 2>/dev/null >"$2"; }

# As mdadm --stop does (Documentation/admin-guide/md.rst), which takes the mark off that says that it is written to.
detach_arrays() {
	for file in /sys/block/md*/md/array_state; do
		{ read -r state <"$file"; } 2>/dev/null || continue
		case $state in clear | inactive) continue ;; esac
		bounded 10 write_word clear "$file" && gone=1
	done
}

# Volumes were sent to their end and given up while the network was there; this is what is left of one that was not.
end_volumes() {
	for folder in /sys/block/drbd*; do
		[ -d "$folder" ] || continue
		minor=${folder#/sys/block/drbd}
		setup=drbdsetup
		grep -q '^version: 8\.' /proc/drbd 2>/dev/null && setup=drbdsetup-84
		has_tool $setup || return 0
		# Where it locks what it works on.
		mkdir -p /var/lock /var/run /var/lib/drbd
		for name in $(bounded 5 tool $setup events2 --now 2>/dev/null | sed -n "s/^exists device name:\([^ ]*\) .*minor:$minor .*/\1/p"); do
			bounded 10 tool $setup secondary "$name" >/dev/null 2>&1
			if bounded 10 tool $setup down "$name" >/dev/null 2>&1; then gone=1; else say 4 "the volume $name (/dev/drbd$minor) is still in use"; fi
		done
	done
}

# --- what is left of it

# The log of the last way down, whole or not at all.
keep_log() { # where /user-data is
	[ -d "$1/persistent" ] || return 0
	# systemd made it read-only where it was in use.
	[ ! -e "$WRITABLE" ] || mount -o remount,rw "$1" 2>/dev/null
	mkdir -p "$1/persistent/logs" && tail -c 65536 "$LOG" >"$1/persistent/logs/.down.log" &&
		sync "$1/persistent/logs/.down.log" && mv "$1/persistent/logs/.down.log" "$1/persistent/logs/down.log"
}

# Without sync(2), which waits for a disk that does not answer; the disks were flushed as far as they could.
end_machine() { # reboot, poweroff, halt or kexec
	[ -n "$given_up" ] || bounded 30 sync || say 3 'gave up to flush the disks after 30 s'
	case $1 in
	kexec) tool kexec -e -x -y ;;
	poweroff | halt) "$1" -f -n ;;
	esac
	[ "$1" = reboot ] || say 3 "the kernel does not $1: it reboots"
	reboot -f -n
	echo b >/proc/sysrq-trigger
}
