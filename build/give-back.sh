#!/bin/sh
# give-back.sh PROGRAM…: runs it, and gives what it made in this checkout to whoever called sudo, whose own build and tests
# would fail on files of root. Also after Ctrl-C and after a failure.
set -u
cd "$(dirname "$0")/.." || exit
# Debian's icupkg and depmod are where only root looks.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
# The program hears of it too, and ends by itself.
trap : INT TERM HUP
"$@"
status=$?
if [ "$(id -u)" = 0 ] && [ "${SUDO_UID:-0}" != 0 ]; then
	for made in node_modules dist .cache keys; do
		# What these trees hold has the owners of a system.
		[ ! -e "$made" ] || find "$made" \( -path '.cache/*-tree' -o -path .cache/bench \) -prune -o \
			-uid 0 -exec chown -h "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" {} +
	done
fi
exit "$status"
