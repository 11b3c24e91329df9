# What /init does when the controller crashed, with busybox alone. Sourced after rescue.sh.
# shellcheck shell=sh disable=SC2154 # Names come from rescue.sh.

# What the controller had mounted when it crashed; a loop device lets go of its file last.
unmount_leftovers() {
	for place in /sysroot '/run/statectl/(image|upper)' '/run/initramfs/(skeleton|image|user-data)'; do
		awk -v place="^$place(/|$)" '$2 ~ place { print $2 }' /proc/mounts | sort -r | while read -r at; do
			umount "$at" 2>/dev/null || umount -l "$at"
		done
	done
}

# The controller could not say what happened: what ash can tell, without what looks like a secret.
crash_report() { # exit status
	printf '\nstatectl: the controller crashed (status %s); the report: %s\n→ "dmesg | tail" may say why: memory, a damaged initramfs\n\n' "$1" "$report" >"$failure"
	(
		umask 077
		{
			cat "$failure"
			for file in /proc/cmdline /proc/mounts /proc/modules /proc/meminfo /proc/net/dev /run/statectl/journal.jsonl; do
				printf '\n# %s\n' "$file"
				tail -c 100000 "$file"
			done
			printf '\n# dmesg\n'
			dmesg | tail -c 200000
		} 2>&1 | sed -E 's#://[^/@ ]+@#://[redacted]@#g; s#((password|passwd|psk|token|secret|key)=)[^ ]+#\1[redacted]#gi' >"$report"
	)
}

keep_crash_report() {
	logs=$(user_data)/persistent/logs
	[ ! -d "$logs" ] || cp "$report" "$logs/last-crash.txt"
}
