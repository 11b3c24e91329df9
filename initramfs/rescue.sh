# The prompt of /init when a boot fails: says why, waits for a person, else goes on by itself. Sourced by /init, and by
# the controller's breakpoints through /bin/rescue-shell.

reboot_now() {
	sync
	say "rebooting" 28
	reboot -f
	sleep 10
	exit 1
}

# `panic=` forbids the prompt by its presence, as in initramfs-tools: >0 seconds, <0 at once, 0 waits for ever.
panic_answer() {
	panic=$(argument panic)
	case $panic in
	'') return 1 ;;
	-*) reboot_now ;;
	0) say "panic=0: waiting for ever" 27; while :; do sleep 3600; done ;;
	*) say "rebooting in $panic s (panic=$panic)"; sleep "$panic"; reboot_now ;;
	esac
}

# How many unattended reboots in a row: kept where the last good plan is; without a disk in no place that lasts.
attempt_file=/run/initramfs/user-data/persistent/statectl/attempts
count_attempt() {
	[ -d "${attempt_file%/*}" ] || return 0
	count=$(($(cat $attempt_file 2>/dev/null || echo 0) + 1))
	echo $count >$attempt_file.tmp && mv $attempt_file.tmp $attempt_file && sync
	say "unattended reboot $count of $STATECTL_ATTEMPTS"
	[ $count -le "$STATECTL_ATTEMPTS" ]
}

give_up() {
	case $STATECTL_UNATTENDED in
	reboot)
		if count_attempt; then
			cp /run/initramfs/report.txt "${attempt_file%/*}/last-failure.txt" 2>/dev/null
			reboot_now
		fi
		say "$STATECTL_ATTEMPTS reboots in a row did not help: waiting for a person" 27
		;;
	poweroff) sync; poweroff -f; sleep 10 ;;
	esac
}

# Enter within the countdown, or nobody is there. 0 waits for ever.
somebody_there() {
	left=$STATECTL_COUNTDOWN
	[ "$left" -gt 0 ] || left=-1
	while [ "$left" -ne 0 ]; do
		if [ "$left" -gt 0 ]; then
			printf '\rstatectl: press Enter for the rescue shell; %s in %s s ' "$STATECTL_UNATTENDED" "$left"
		else
			printf '\rstatectl: press Enter for the rescue shell '
		fi
		started=$(cut -d . -f 1 /proc/uptime)
		read -r -t 15 _ && return 0
		# A console at its end makes read return at once; the seconds pass all the same.
		[ "$(cut -d . -f 1 /proc/uptime)" != "$started" ] || sleep 15
		[ "$left" -lt 0 ] || left=$((left > 15 ? left - 15 : 0))
	done
	return 1
}

rescue_shell() {
	case $STATECTL_ACCESS in
	none)
		echo "statectl: this image allows no rescue shell (controller/rescue.conf: access: none)"
		return 1
		;;
	open) setsid cttyhack sh ;;
	*)
		printf 'root:%s:::::::\n' "$STATECTL_ACCESS" >/etc/shadow
		chmod 600 /etc/shadow
		setsid cttyhack sulogin -t 60
		;;
	esac
}

rescue() {
	cat /run/initramfs/failure 2>/dev/null
	panic_answer
	rm -f /run/initramfs/answer
	if [ "$(argument statectl.shell)" = 0 ]; then
		give_up
	elif somebody_there; then
		echo "statectl: \`statectl rescue\` lists what can be done; \`exit\` tries the boot again"
		rescue_shell || { sleep 5; give_up; }
	else
		give_up
	fi
	resume=$(cat /run/initramfs/answer 2>/dev/null)
	[ "$resume" != reboot ] || reboot_now
}
