# The rescue prompt. Sourced by /init, which waits here when a boot failed, and by /bin/rescue-shell, which is one console
# of it. What a person wants arrives as one file, the answer: the words for the next `statectl boot`, none for a new try.
# shellcheck shell=sh disable=SC2034 # Some of these names are for the scripts that source it.

answer=/run/initramfs/answer
failure=/run/initramfs/failure
report=/run/initramfs/report.txt
# There while somebody is waited for: PID of the session on each console, who is there, until when, what `exit` means.
rescue=/run/initramfs/rescue

# What the builder compiled from config.d, since ash cannot read YAML: see src/image/initramfs/statectl-env.ts.
STATECTL_CRASH=plan STATECTL_LOADER_MODULES='' STATECTL_USER_DATA='' STATECTL_COUNTDOWN=300
STATECTL_UNATTENDED=reboot STATECTL_ATTEMPTS=5 STATECTL_ACCESS=open
# shellcheck source=/dev/null
[ ! -e /etc/statectl.env ] || . /etc/statectl.env

# A line for the kernel's log, which every console shows: 27 is an error, seen even with `quiet`, 28 a warning, 30 a word.
say() { echo "<${2:-28}>statectl: $1" >/dev/kmsg; }

# The value of NAME=value on the kernel command line, baked-in layers first; the last one wins. No quotes are read here.
argument() {
	cat /etc/cmdline.d/*.conf /etc/cmdline /proc/cmdline 2>/dev/null | tr ' ' '\n' | sed -n "s/^$1=//p" | tail -n 1
}

uptime_s() {
	read -r up _ </proc/uptime
	echo "${up%.*}"
}

# Reboots, powers off or halts, with every disk left clean.
leave() { # reboot, poweroff, halt, or kexec
	how=$1
	say "$1 now" 27
	timeout 30 sync
	awk '$1 ~ "^/dev/" && $4 ~ "^rw" { print $2 }' /proc/mounts | sort -r | while read -r at; do
		umount "$at" 2>/dev/null || mount -o remount,ro "$at" 2>/dev/null
	done
	# It comes back only when it did not: the firmware then boots what it boots.
	[ "$how" != kexec ] || { how=reboot; kexec -e -x -y; }
	"$how" -f
	sleep 10
	# Of PID 1 this is a kernel panic, the last resort: `panic=` makes it a reboot.
	exit 1
}

# `panic=` forbids the prompt by its presence, as in initramfs-tools: >0 reboots after seconds, <0 at once, 0 never.
panic_answer() {
	panic=$(argument panic)
	case $panic in
	'' | *[!0-9-]*) return ;;
	0)
		say "no prompt (panic=0): waiting for ever" 27
		while :; do sleep 3600; done
		;;
	-*) say "no prompt (panic=$panic)" 27 ;;
	*)
		say "no prompt (panic=$panic): reboot in $panic s" 27
		sleep "$panic"
		;;
	esac
	leave reboot
}

# Why this machine has no rescue shell, and which key opens one; nothing where it has.
refusal() {
	case " $(argument statectl.shell) $(argument rd.shell) " in
	*" 0 "* | *" no "* | *" off "*)
		echo "statectl.shell=0 is on the kernel command line: boot without it"
		return
		;;
	esac
	[ "$STATECTL_ACCESS" != none ] ||
		echo "controller/rescue.conf of this initramfs has \`access: none\`: build it with \`open\` or a hash, or boot with rdinit=/bin/sh"
}

# The terminals of the kernel's consoles: /dev/console is the last of them.
consoles() {
	read -r active </sys/class/tty/console/active
	for name in $active; do
		[ "$name" != tty0 ] || name=$(cat /sys/class/tty/tty0/active)
		[ ! -c "/dev/$name" ] || echo "$name"
	done
}

# Keeps a rescue-shell on each console, leader of a session with that terminal. The second setsid leads one already and so
# forks: the shell lives by itself. `&` would do that too, but make all that it starts deaf to Ctrl-C.
tend_consoles() {
	for tty in $ttys; do
		pid=$(cat "$rescue/$tty.pid" 2>/dev/null)
		[ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null || continue
		rm -f "$rescue/$tty.pid" "$rescue/$tty.person"
		{ setsid setsid -c /bin/rescue-shell "$mode" "$tty" <>"/dev/$tty" >&0 2>&0; } 2>/dev/null
		for _ in 1 2 3 4 5; do
			[ -s "$rescue/$tty.pid" ] || sleep 1
		done
	done
}

close_consoles() {
	for file in "$rescue"/*.pid; do
		[ ! -s "$file" ] || kill -HUP "$(cat "$file")" 2>/dev/null
	done
	sleep 1
}

somebody_is_there() { [ -n "$(find "$rescue" -name '*.person')" ]; }

# Seconds from now; nothing means that no time is too long.
set_deadline() {
	deadline=${1:+$(($(uptime_s) + $1))}
	echo "$deadline" >"$rescue/deadline"
}

# Fails when nobody answered in time. While a person is there, the time does not run.
wait_for_answer() {
	until [ -e $answer ]; do
		tend_consoles
		! somebody_is_there || set_deadline "$patience"
		[ -z "$deadline" ] || [ "$(uptime_s)" -lt "$deadline" ] || return 1
		sleep 1
	done
}

# Where the disk of /user-data is now, before or after the root was put together.
user_data() { awk '$1 ~ "^/dev/" && $2 ~ "^(/run/initramfs|/sysroot)/user-data$" { at = $2 } END { print at }' /proc/mounts; }

# Whether one more reboot may help. What counts them is on the disk; a good boot removes it.
count_attempt() {
	disk=$(user_data)
	if [ ! -d "$disk/persistent/statectl" ]; then
		say "there is no disk to count reboots on: every boot is the first attempt"
		return 0
	fi
	attempts=$disk/persistent/statectl/attempts
	count=$(($(cat "$attempts" 2>/dev/null || echo 0) + 1))
	[ "$count" -le "$STATECTL_ATTEMPTS" ] || return 1
	echo "$count" >"$attempts.tmp" && mv "$attempts.tmp" "$attempts"
	say "unattended reboot $count of at most $STATECTL_ATTEMPTS in a row"
}

# Nobody came.
give_up() {
	case $unattended in
	poweroff | halt) leave "$unattended" ;;
	reboot)
		! count_attempt || leave reboot
		say "$STATECTL_ATTEMPTS reboots in a row did not help: waiting for a person" 27
		;;
	esac
	patience=
	set_deadline
	ttys=$(consoles)
	wait_for_answer
}

# Waits on every console for `exit` or `statectl rescue …`; fails when nobody came. Words: how the shells begin, what
# leaving one answers, and for how many seconds nobody is waited for.
open_prompt() { # prompt or now, words, seconds
	rm -rf "$rescue" "$answer"
	mkdir -p "$rescue"
	mode=$1 patience=$3
	echo "$2" >"$rescue/default"
	set_deadline "$patience"
	wait_for_answer
}

close_prompt() {
	close_consoles
	resume=$(cat $answer 2>/dev/null)
	rm -rf "$rescue" "$answer"
}

# The controller crashed, or the system did not begin, and nobody feeds the watchdog that it left running: people take longer.
close_watchdog() {
	read -r watchdog 2>/dev/null </run/initramfs/watchdog || return 0
	rm -f /run/initramfs/watchdog
	printf V >"$watchdog"
}

# A stop without a failure: statectl.break, or statectl.rescue. Where nobody can have a shell, it does not stop.
stop_for_a_look() { # what leaving the shell answers
	refused=$(refusal)
	ttys=$(consoles)
	[ -z "$refused" ] || say "no rescue shell: $refused" 27
	if [ -n "$refused" ] || [ -z "$ttys" ]; then
		resume=$1
		return
	fi
	case $STATECTL_ACCESS in
	open) open_prompt now "$1" '' ;;
	*) open_prompt now "$1" 120 || echo "$1" >$answer ;;
	esac
	close_prompt
}

# The boot failed: a person decides, or after the countdown the unattended answer. Leaves the words of the next try in $resume.
rescue() {
	close_watchdog
	if [ -e /run/initramfs/asked ]; then
		rm -f /run/initramfs/asked
		stop_for_a_look '--from cmdline'
		return
	fi
	panic_answer
	unattended=$(argument rd.emergency)
	case $unattended in reboot | poweroff | halt) ;; *) unattended=$STATECTL_UNATTENDED ;; esac
	export unattended
	refused=$(refusal)
	[ -z "$refused" ] || say "no rescue shell: $refused" 27
	ttys=$(consoles)
	patience=$STATECTL_COUNTDOWN
	case $refused in statectl.shell=*)
		# Nobody is expected: no prompt, but time to read the reason.
		[ "$unattended" = wait ] || { ttys='' patience=10; }
		;;
	esac
	if [ "$unattended" = wait ] || [ "$patience" -eq 0 ]; then patience=; fi
	open_prompt prompt '' "$patience" || give_up
	close_prompt
}
