# shellcheck shell=bash
# Read by .ci/run and the scripts that it runs.

# need TOOL=PACKAGE... checks that each tool exists, a command or an absolute
# path. Debian's packages of those that are missing are installed if CI is set in
# the environment; otherwise they are named, and need fails.
need() {
	local pair missing=() sudo=()
	for pair; do
		case $pair in
		/*) [[ -e ${pair%%=*} ]] || missing+=("${pair#*=}") ;;
		*) command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}") ;;
		esac
	done
	((${#missing[@]})) || return 0
	if [[ -z ${CI:-} ]]; then
		echo "missing: ${missing[*]}"
		echo "on Debian: apt-get install --no-install-recommends ${missing[*]}"
		return 1
	fi
	echo "installing ${missing[*]}"
	[[ $(id -u) != 0 ]] && sudo=(sudo -n)
	"${sudo[@]}" apt-get update -q &&
		"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
}
