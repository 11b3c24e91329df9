#!/bin/sh
# Brings a checkout to where `npm start` and `npm test` can run: npm packages (they hold Node 26, so the machine's own
# Node may be Debian's 18) and Debian packages. Says what it does; does nothing when all is there. What is missing and only
# root can give is said first, all of it. With --start nothing that only tests and the bench need; with --npm PACKAGE… only the
# npm packages, and these of Debian: that needs no root.
set -eu
cd "$(dirname "$0")/.."

needs_root=yes
case ${1:-} in
--npm)
	shift
	needs_root=
	wanted=$*
	;;
--start) wanted=$(sed 's/#.*//' build/debian-packages) ;;
*) wanted=$(sed 's/#.*//' build/debian-packages build/debian-packages.test) ;;
esac
if [ "$wanted" ] && ! command -v dpkg-query >/dev/null; then
	echo "setup: this is no Debian, whose packages are needed here:" "$wanted" >&2
	exit 1
fi
missing=
for package in $wanted; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
	[ "$status" = installed ] || missing="$missing $package"
done

if [ "$(id -u)" != 0 ]; then
	fault=
	word=${npm_lifecycle_event:-start}
	word=${word#pre}
	case $word in start | test) ;; *) word="run $word" ;; esac
	if [ "$needs_root" ]; then
		fault=yes
		echo "setup: this builds a system with its owners and device nodes, and boots it: that needs root, and you are $(id -un 2>/dev/null || id -u)" >&2
		if [ "${SUDO_UID:-}" ]; then
			# npm 7 and 8 run scripts as the owner of the folder, whoever called them.
			program=${word#run }
			case $program in *:*) program="${program%%:*}.ts --${program#*:}" ;; *) program=$program.ts ;; esac
			echo "→ this npm gives root away. Without it: sudo sh build/setup.sh && sudo node_modules/.bin/node build/$program" >&2
		else
			echo "→ sudo npm $word" >&2
		fi
		echo "  without root there are: npm run test:fast (lint, types, unit tests) and npm run build (dist/statectl)" >&2
	fi
	if [ "$missing" ]; then
		fault=yes
		echo "setup: Debian packages are missing; sudo npm $word installs them, or do it yourself:" >&2
		echo "→ sudo apt-get update && sudo apt-get install -y --no-install-recommends$missing" >&2
	fi
	for made in node_modules dist .cache keys; do
		[ -e "$made" ] || continue
		foreign=$(find "$made" -maxdepth 2 ! -user "$(id -u)" ! -path '.cache/*-tree*' ! -path '.cache/bench*' -print -quit 2>/dev/null)
		[ "$foreign" ] || continue
		fault=yes
		echo "setup: $foreign is not yours: an earlier run by root, without sudo, left it" >&2
		echo "→ sudo chown -R $(id -u):$(id -g) $made" >&2
	done
	[ -z "$fault" ] || exit 1
fi

if ! cmp -s package-lock.json node_modules/.statectl-lock; then
	echo "setup: npm packages (npm ci)"
	npm ci --no-fund --no-audit --loglevel=error
	cp package-lock.json node_modules/.statectl-lock
fi

if [ "$missing" ]; then
	echo "setup: Debian packages:$missing"
	export DEBIAN_FRONTEND=noninteractive
	# Their programs are wanted, no service of theirs, which Debian starts at once unless this forbids it (invoke-rc.d(8)).
	policy=/usr/sbin/policy-rc.d
	# One that is there is somebody's, or of a run that was killed.
	if [ ! -e $policy ] || grep -qs '^# statectl: ' $policy; then
		trap 'rm -f $policy' EXIT
		trap 'exit 1' HUP INT TERM
		printf '#!/bin/sh\n# statectl: while its build/setup.sh installs\nexit 101\n' >$policy
		chmod 755 $policy
	fi
	apt-get update -qq
	# shellcheck disable=SC2086 # the list is meant to be split
	apt-get install -qq -y --no-install-recommends $missing >/dev/null
fi
