#!/bin/sh
# Brings a checkout to where `npm start` and `npm test` can run: npm packages (they hold Node 26, so the machine's own
# Node may be Debian's 18) and Debian packages. Says what it does; does nothing when all is there.
# With --npm only the npm packages.
set -eu
cd "$(dirname "$0")/.."

if ! cmp -s package-lock.json node_modules/.statectl-lock; then
	echo "setup: npm packages (npm ci)"
	npm ci --no-fund --no-audit --loglevel=error
	cp package-lock.json node_modules/.statectl-lock
fi
[ "${1:-}" != --npm ] || exit 0

missing=
for package in $(sed 's/#.*//' build/debian-packages); do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

command="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ]; then
	echo "setup: Debian packages:$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	# shellcheck disable=SC2086 # the list is meant to be split
	apt-get install -qq -y --no-install-recommends $missing >/dev/null
else
	echo "setup: Debian packages are missing. Install them, then run this again:" >&2
	echo "  sudo apt-get update && sudo $command" >&2
	exit 1
fi
