# SPDX-License-Identifier: Apache-2.0
# Sourced by the other scripts: installs what is missing, from Debian's own
# packages, and says what and why.
#
#   need build demo test bench    groups of packages, see packages_of()
#
# Runs as root or through sudo, asks nothing.  Daemons that come along (the
# servers which the tests start for themselves, on ports of their own) are
# neither started now nor at the next boot.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# One line each: package, then what for.
packages_of() {
	case $1 in
	build) cat <<-'LIST' ;;
		make the build
		gcc the compiler
		libc6-dev the C library's headers
		pkg-config finding libraries
		libssl-dev TLS and signatures
		libsodium-dev sealing, password hashes
		libjansson-dev JSON
		libsqlite3-dev the store
		libseccomp-dev the sandbox
		zlib1g-dev compressed answers
		libbrotli-dev compressed answers
		libzstd-dev compressed answers
		ca-certificates whom TLS trusts
	LIST
	demo) cat <<-'LIST' ;;
		curl fetching the ticket
	LIST
	test) cat <<-'LIST' ;;
		libcmocka-dev unit tests
		clang the second compiler, and the sanitizers
		libclang-rt-14-dev the sanitizers' and the fuzzer's runtime
		llvm names in the sanitizers' reports
		clang-format the style
		cppcheck static analysis
		nginx-light a protected API to test against, and to compare with
		haproxy to compare with
		apache2 a protected API to test against
		apache2-utils its password files
		glewlwyd an authorization server to test against
		spin the model of the refresh protocol
		faketime clocks that are set while the tests run
		sqlite3 looking into database files
		strace disks that turn read-only
		slowhttptest clients that take their time
		tinyproxy-bin a proxy for outgoing calls
		openssl a certificate authority for the tests
		curl a client
		iproute2 network namespaces for the tests
		util-linux network namespaces for the tests
		procps what runs
	LIST
	node) cat <<-'LIST' ;;
		nodejs system tests
		npm the servers that they run against
	LIST
	browser) cat <<-'LIST' ;;
		chromium the studio's tests
	LIST
	bench) cat <<-'LIST' ;;
		nginx-light to compare with
		haproxy to compare with
		util-linux pinning to a processor
		iproute2 a network of its own
	LIST
	*) echo "no such group of packages: $1" >&2; return 1 ;;
	esac
}

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = \
		installed ]
}

# Node from wherever will do, if it is new enough.
node_is_here() {
	command -v npm > /dev/null && command -v node > /dev/null &&
		node -e 'const [a, b] = process.versions.node.split(".");
			process.exit(a > 18 || (a == 18 && b >= 19) ? 0 : 1)'
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo > /dev/null; then
		sudo "$@"
	else
		echo "This takes root (or sudo): $*" >&2
		return 1
	fi
}

# A system fresh from debootstrap does not even know localhost by name.
know_localhost() {
	[ -e /etc/hosts ] && return
	echo "Writing /etc/hosts, which is missing: localhost"
	printf '127.0.0.1\tlocalhost\n::1\tlocalhost\n' |
		as_root tee /etc/hosts > /dev/null
}

need() {
	local group package why missing=() groups=()
	for group in "$@"; do
		[ "$group" = node ] && node_is_here && continue
		groups+=("$group")
	done
	[ ${#groups[@]} -gt 0 ] || return 0
	while read -r package why; do
		installed "$package" && continue
		case " ${missing[*]} " in *" $package "*) continue ;; esac
		[ ${#missing[@]} -gt 0 ] ||
			echo "Installing from Debian's packages:"
		printf '  %-20s %s\n' "$package" "$why"
		missing+=("$package")
	done < <(for group in "${groups[@]}"; do packages_of "$group"; done)
	[ ${#missing[@]} -gt 0 ] || return 0

	if ! command -v apt-get > /dev/null; then
		echo "There is no apt-get here: install these yourself." >&2
		return 1
	fi
	if [ "$(id -u)" -ne 0 ] && ! command -v sudo > /dev/null; then
		echo "Installing takes root, and there is no sudo.  As root:" >&2
		echo "  apt-get install ${missing[*]}" >&2
		return 1
	fi
	install_packages "${missing[@]}"
}

# policy-rc.d is Debian's way to say that nothing is started on installation;
# a machine that has one already keeps it.
policy=/usr/sbin/policy-rc.d

install_packages() {
	local log daemon was_here=
	log=$(mktemp)
	for daemon in nginx apache2 haproxy glewlwyd; do
		installed "$daemon" && was_here="$was_here $daemon "
	done
	if ! start_nothing apt_install "$@" > "$log" 2>&1 < /dev/null; then
		tail -8 "$log" >&2
		echo "Installing failed; the whole story is in $log" >&2
		! grep -qE 'Failed to fetch|resolving|no installation candidate|Unable to locate' \
			"$log" || echo "Is there a network, and does" \
			"/etc/apt/sources.list name a mirror of Debian 12?" >&2
		return 1
	fi
	rm -f "$log"
	[ -d /run/systemd/system ] || return 0
	for daemon in nginx apache2 haproxy glewlwyd; do
		case $was_here in *" $daemon "*) continue ;; esac
		installed "$daemon" && as_root systemctl --quiet \
			disable "$daemon" 2> /dev/null
	done
	return 0
}

# In a subshell, so that its trap is its own.
start_nothing() (
	if [ ! -e "$policy" ]; then
		trap 'as_root rm -f "$policy"' EXIT
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" > \
			/dev/null && as_root chmod 755 "$policy"
	fi
	"$@"
)

apt_install() {
	local apt="as_root env DEBIAN_FRONTEND=noninteractive apt-get -q"
	$apt update && $apt -y -o Dpkg::Options::=--force-confold \
		--no-install-recommends install "$@"
}
