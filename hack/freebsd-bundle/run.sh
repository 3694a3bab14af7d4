#!/bin/sh
# Tests go-libioc on this FreeBSD machine: the unit tests of every package, the
# conformance suites against the real kernel and the real ZFS, and the whole way
# from an archive to a command in a jail. Nothing but the base system of FreeBSD
# 13.2 or later is needed. Runs as root.
#
# The firewalls pf and ipfw are loaded for the tests and unloaded in the end where
# they were not there; ipfw only so that it accepts what no rule denies. A small
# vfs.zfs.arc_max is raised for as long.
#
# Environment, all optional:
#   IOC_TEST_POOL     an existing, empty pool; or a disk device or a file, on
#                     which the pool ioctest is made, and destroyed at the end.
#                     A missing file is created. Default: a file of 4 GB
#                     (sparse) in the work directory.
#   IOC_TEST_BASE     a release's base.txz for the run of quickstart. Without it
#                     that part is skipped.
#   IOC_TEST_RELEASE  the name of that release. Default: this system's.
#   IOC_TEST_FILTER   an extended regular expression: only the parts whose name
#                     matches are run. Names are a package's folder (kernel), a
#                     suite (suite:kernel), replay:kernel, quickstart,
#                     torture and bench. A package that was taken out of another also has
#                     the name of that one.
#   IOC_TEST_BENCHTIME  how long each benchmark runs beside its tool, as go test
#                     -benchtime takes it. Default: 0.5s.
#   IOC_TEST_JAILS    how many VNET jails are started beside jail(8). Default: 100.
#   IOC_TEST_TIMEOUT  the longest time for one test binary, as Go writes
#                     durations. Default: 3h, for emulated machines.
#   IOC_TEST_SIMULATED  "long" runs the long tests of package jail on its
#                     simulated host in full, as go test does everywhere.
#                     Default: brief. What runs on the real machine is always
#                     run in full.
#   IOC_TEST_TORTURE  how long programs are killed, disks filled and files damaged,
#                     as Go writes durations; 0 leaves it out. Default: 2m.
#   IOC_TEST_TORTURE_SEED  replays the order of what a run of torture did.
#   IOC_TEST_SETTLE   how many seconds may pass after a part until the machine is
#                     as before. Default: 10.
#   IOC_TEST_WORK     the work directory, which keeps the logs. Default: a new
#                     one in /var/tmp.
#
# The last line is "N passed, N failed, N skipped": tests and subtests, each
# check that nothing was left behind, and the runs of quickstart and torture. The
# exit status is 0 if nothing failed, else 1.

set -u
LC_ALL=C
PATH=$PATH:/sbin:/bin:/usr/sbin:/usr/bin
TZ=UTC
export LC_ALL PATH TZ

top=$(cd "$(dirname "$0")" && pwd) || exit 1
passed=0 failed=0 skipped=0
made_pool= made_file= test_jail= test_md= firewalls= old_arc=

say() { printf '%s\n' "$*"; }

die() {
	say "run.sh: $*" >&2
	exit 1
}

# put_back removes what this script itself made.
put_back() {
	bad=0
	if [ -n "$test_jail" ]; then jail -r "$test_jail" || bad=1; fi
	if [ -n "$test_md" ]; then mdconfig -d -u "$test_md" || bad=1; fi
	if [ -n "$made_pool" ]; then zpool destroy -f "$made_pool" || bad=1; fi
	if [ -n "$made_file" ]; then rm -f "$made_file" || bad=1; fi
	for module in $firewalls; do kldunload "$module" || bad=1; done
	if [ -n "$old_arc" ]; then sysctl vfs.zfs.arc_max="$old_arc" >/dev/null || bad=1; fi
	test_jail= test_md= made_pool= made_file= firewalls= old_arc=
	return $bad
}

# wanted NAME... reports whether the filter selects a part, by any of its names.
wanted() { printf '%s\n' "$@" | grep -Eq -- "${IOC_TEST_FILTER:-.}"; }

forks() {
	total=0
	for counter in v_forks v_vforks v_rforks; do
		n=$(sysctl -n vm.stats.vm.$counter 2>/dev/null) && total=$((total + n))
	done
	say $total
}

# state writes what must be the same before and after into a directory. State
# directories may stay, files in them may not.
state() {
	mkdir -p "$1" || die "cannot write $1"
	zfs list -H -o name -t all -r "$pool" >"$1/datasets" 2>&1
	mount -p | tr -s '\t ' ' ' | sort >"$1/mounts"
	jls -N >"$1/jails" 2>&1
	ifconfig -l >"$1/interfaces" 2>&1
	# Without the times of expiry, and what redirects of routers have made.
	netstat -rn 2>/dev/null | awk '$3 !~ /D/ { print $1, $2, $3, $4 }' >"$1/routes"
	devfs rule showsets >"$1/rulesets" 2>/dev/null
	if kldstat -qm ipfw; then
		ipfw -S list >"$1/ipfw" 2>&1
		sysctl net.inet.ip.fw.enable net.link.bridge net.link.ether >"$1/ipfw-nodes" 2>/dev/null
	fi
	if kldstat -qm pf; then pf_state >"$1/pf" 2>&1; fi
	if [ "$(sysctl -n kern.racct.enable 2>/dev/null)" = 1 ]; then
		rctl >"$1/limits" 2>&1
	fi
	ps -axo jid,command | awk '$1 > 0' >"$1/processes"
	find /var/run/go-libioc /var/db/go-libioc /var/cache/go-libioc ! -type d \
		2>/dev/null | sort >"$1/files"
	ls -A "$TMPDIR" | sort >"$1/temporary-files"
}

# pf_state prints whether pf(4) is on, and the rules of every anchor.
pf_state() {
	pfctl -s info | awk 'NR == 1 { print $1, $2 }'
	pfctl -s rules
	pfctl -s nat
	for anchor in $(pfctl -v -s Anchors); do
		say "anchor $anchor"
		pfctl -a "$anchor" -s rules
		pfctl -a "$anchor" -s nat
	done
}

# leftovers compares the state with the one before, several times if they differ:
# a removed jail dies when its last connection does.
leftovers() {
	try=0
	while state "$work/now" && ! diff -r "$1" "$work/now" >"$work/difference"; do
		try=$((try + 1))
		[ $try -ge "${IOC_TEST_SETTLE:-10}" ] && break
		sleep 1
	done
	if [ -s "$work/difference" ]; then
		failed=$((failed + 1))
		say "FAIL $2 left something behind (< before, > after):"
		sed 's/^/     /' "$work/difference"
		# The next part is compared with the state now.
		rm -rf "$1" && mv "$work/now" "$1"
		return 1
	fi
	passed=$((passed + 1))
}

# results counts the results in a log: "passed failed skipped".
results() {
	awk '
		/^ *--- PASS: / { p++ }
		/^ *--- FAIL: / { f++ }
		/^ *--- SKIP: / { s++ }
		END { print p + 0, f + 0, s + 0 }' "$1"
}

# skips lists the skipped tests of a log, each with its last words.
skips() {
	awk -v part="$2" '
		/^=== / { name = $3; next }
		/^ +[A-Za-z0-9_]+\.go:[0-9]+: / {
			text = $0
			sub(/^ +[A-Za-z0-9_]+\.go:[0-9]+: /, "", text)
			reason[name] = text
		}
		/^ *--- SKIP: / {
			name = $3
			text = name in reason ? reason[name] : "(no reason given)"
			print part ": " name ": " text
		}' "$1" >>"$work/skips"
}

# measured prints what tests have measured, which is logged with that word.
measured() { sed -n 's/^ *[A-Za-z0-9_]*\.go:[0-9]*: measured: /     /p' "$1"; }

# binary NAME FOLDER FLAGS... runs one test binary as go test would, with its
# package as the working directory.
binary() {
	name=$1 folder=$2
	shift 2
	log=$work/log/$(printf '%s' "$name" | tr '/:' '--').log
	begin=$(date +%s)
	(cd "$top/tree/$folder" && exec ./go.test -test.v -test.timeout "${IOC_TEST_TIMEOUT:-3h}" "$@") \
		>"$log" 2>&1 </dev/null
	status=$?
	seconds=$(($(date +%s) - begin))
	set -- $(results "$log")
	word=ok why=
	if [ $status -ne 0 ]; then
		word=FAIL
		# A panic or the time limit ends the binary without a result.
		[ "$2" -eq 0 ] && set -- "$1" 1 "$3" && why="exit status $status; "
	elif [ "$2" -gt 0 ]; then
		word=FAIL
	elif [ $(($1 + $3)) -eq 0 ]; then
		word=FAIL why="no test ran; "
		set -- 0 1 0
	fi
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
	printf '%-4s %-28s %4d s  %s%d passed, %d failed, %d skipped\n' \
		$word "$name" $seconds "$why" "$1" "$2" "$3"
	measured "$log"
	skips "$log" "$name"
	if [ $word = FAIL ]; then
		say "     the failed tests, and the last 60 lines of $log without the passed ones:"
		grep -E '^ *--- FAIL: ' "$log" | sed 's/^/     ! /'
		grep -Ev '^ *--- PASS: |^=== ' "$log" | tail -n 60 | sed 's/^/     | /'
	fi
	leftovers "$work/before" "$name"
}

open_pool() {
	pool=${IOC_TEST_POOL:-$work/pool.img}
	case $pool in
	/*)
		vdev=$pool pool=ioctest
		zpool list -H -o name $pool >/dev/null 2>&1 && die "a pool $pool exists"
		if [ ! -e "$vdev" ]; then
			truncate -s 4g "$vdev" || die "cannot make $vdev"
			made_file=$vdev
		fi
		zpool create -f -o cachefile=none -m /$pool $pool "$vdev" || die "cannot make a pool on $vdev"
		made_pool=$pool
		;;
	*)
		sets=$(zfs list -H -o name -t all -r "$pool") || die "no pool $pool"
		[ "$sets" = "$pool" ] || die "the pool $pool is not empty"
		;;
	esac
}

# unit runs the tests of every package. The suites come later and are left out.
unit() {
	leave_out=$(awk '{ printf "%s%s", (NR > 1 ? "|" : ""), $2 }' "$top/suites")
	while read -r folder former; do
		wanted "$folder" $former || continue
		skip=$leave_out
		if grep -q 'func TestReplayReal(' "$top/tree/$folder"/*_test.go 2>/dev/null; then
			skip="$skip|TestReplayReal" # it has run, and there is a jail now
		fi
		binary "$folder" "$folder" -test.skip "^($skip)\$"
	done <"$top/tests"
}

conformance() {
	while read -r folder test former; do
		wanted "suite:$folder" ${former:+"suite:$former"} || continue
		before=$(forks)
		binary "suite:$folder" "$folder" -test.run "^$test\$"
		say "     $(($(forks) - before)) forks"
	done <"$top/suites"
}

quickstart() {
	wanted quickstart || return
	if [ -z "${IOC_TEST_BASE:-}" ]; then
		skipped=$((skipped + 1))
		say "quickstart: IOC_TEST_BASE names no base.txz" >>"$work/skips"
		return
	fi
	log=$work/log/quickstart.log
	begin=$(date +%s)
	before=$(forks)
	"$top/bin/quickstart" -real -pool "$pool" -archive "$IOC_TEST_BASE" \
		-release "$IOC_TEST_RELEASE" >"$log" 2>&1 </dev/null
	status=$?
	used=$(($(forks) - before))
	word=ok
	if [ $status -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1)) word=FAIL
	fi
	printf '%-4s %-28s %4d s  exit status %d, %d forks\n' \
		$word quickstart $(($(date +%s) - begin)) $status $used
	tail -n 200 "$log" | sed 's/^/     | /'
	leftovers "$work/before" quickstart
}

# torture kills programs, fills disks and damages files for a time. What it found is
# below the work directory, with the seed that repeats it in the log.
torture() {
	wanted torture || return
	[ -x "$top/bin/torture" ] && [ "${IOC_TEST_TORTURE:-2m}" != 0 ] || return
	log=$work/log/torture.log
	begin=$(date +%s)
	rm -rf "$work/torture"
	mkdir -p "$work/torture" || die "cannot write $work/torture"
	"$top/bin/torture" -real -pool "$pool" -dir "$work/torture" -time "${IOC_TEST_TORTURE:-2m}" \
		-seed "${IOC_TEST_TORTURE_SEED:-0}" >"$log" 2>&1 </dev/null
	status=$?
	word=ok
	if [ $status -eq 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1)) word=FAIL
	fi
	printf '%-4s %-28s %4d s  exit status %d\n' $word torture $(($(date +%s) - begin)) $status
	if [ $word = FAIL ]; then
		head -n 1 "$log" | sed 's/^/     | /'
		tail -n 60 "$log" | sed 's/^/     | /'
	else
		tail -n 1 "$log" | sed 's/^/     | /'
	fi
	leftovers "$work/before" torture
}

# ratios reads the results of benchmarks that measure a tool of the base system
# beside the system calls, and prints one line for each.
ratios() {
	awk '
		$1 ~ /^Benchmark.*\/syscalls(-[0-9]+)?$/ {
			name = $1
			sub(/^Benchmark/, "", name)
			sub(/\/.*/, "", name)
			ours[name] = $3
		}
		/ times-syscalls/ {
			name = tool = $1
			sub(/^Benchmark/, "", name)
			sub(/\/.*/, "", name)
			sub(/^[^\/]*\//, "", tool)
			sub(/-[0-9]+$/, "", tool)
			for (i = 2; i < NF; i++)
				if ($(i + 1) == "times-syscalls")
					printf "     %-12s %10.3f ms by system calls %10.3f ms by %-9s 1 : %.1f\n",
						name, ours[name] / 1e6, $3 / 1e6, tool, $i
		}' "$1"
}

load() {
	for module in "$@"; do
		# One that the kernel has built in may have no file.
		kldload -nq "$module" 2>/dev/null || kldstat -qm "$module" || say "note: no kernel module $module"
	done
}

# load_firewalls loads pf(4), which is off until pfctl -e, and ipfw(4) if that is
# safe: without rules it denies everything, also the session this runs in, unless
# the kernel environment says otherwise at that moment. put_back unloads them.
load_firewalls() {
	if ! kldstat -qm pf; then
		load pf
		kldstat -qm pf && firewalls=pf
	fi
	kldstat -qm ipfw && return # the machine's own, with its rules
	node=net.inet.ip.fw.default_to_accept
	old=$(kenv -q $node 2>/dev/null)
	kenv $node=1 >/dev/null 2>&1
	if [ "$(kenv -q $node 2>/dev/null)" != 1 ]; then
		say "note: ipfw is left out: kenv(1) cannot set $node=1, and it would deny everything"
		return
	fi
	load ipfw
	kldstat -qm ipfw && firewalls="ipfw $firewalls"
	if [ -n "$old" ]; then kenv $node="$old"; else kenv -u $node; fi >/dev/null
	if kldstat -qm ipfw && [ "$(sysctl -n $node)" != 1 ]; then
		kldunload ipfw && firewalls=${firewalls#ipfw }
		say "note: ipfw is left out: it denies everything in spite of $node=1"
	fi
}

# raise_arc lets ZFS cache in a half of the memory, until put_back: to make 400
# datasets with a vfs.zfs.arc_max of 256 MB takes over ten minutes on 13.2, with
# more one minute.
raise_arc() {
	now=$(sysctl -n vfs.zfs.arc_max 2>/dev/null) && half=$(($(sysctl -n hw.physmem) / 2)) || return
	[ "$now" -ne 0 ] && [ "$now" -lt "$half" ] || return
	sysctl vfs.zfs.arc_max=$half >/dev/null && old_arc=$now
}

# replay makes the recorded calls to the kernel, which must have no jail then.
replay() {
	while read -r folder former; do
		wanted "replay:$folder" ${former:+"replay:$former"} || continue
		grep -q 'func TestReplayReal(' "$top/tree/$folder"/*_test.go 2>/dev/null || continue
		binary "replay:$folder" "$folder" -test.run '^TestReplayReal$'
	done <"$top/tests"
}

# bench runs the benchmarks that have a tool beside them.
bench() {
	wanted bench || return
	while read -r folder former; do
		grep -q 'times-syscalls' "$top/tree/$folder"/*_test.go 2>/dev/null || continue
		log=$work/log/bench-$(printf '%s' "$folder" | tr '/' '-').log
		begin=$(date +%s)
		(cd "$top/tree/$folder" && exec ./go.test -test.run '^$' \
			-test.bench '^Benchmark(JailSet|List1000|MountDevfs|EpairVnet)$' \
			-test.benchtime "${IOC_TEST_BENCHTIME:-0.5s}" \
			-test.timeout "${IOC_TEST_TIMEOUT:-3h}") >"$log" 2>&1 </dev/null
		status=$?
		word=ok
		if [ $status -eq 0 ] && grep -q 'times-syscalls' "$log"; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1)) word=FAIL
		fi
		printf '%-4s %-28s %4d s  exit status %d\n' $word "bench:$folder" $(($(date +%s) - begin)) $status
		if [ $word = FAIL ]; then
			tail -n 60 "$log" | sed 's/^/     | /'
		fi
		ratios "$log"
		leftovers "$work/before" "bench:$folder"
	done <"$top/tests"
}

trap 'exit 1' INT TERM HUP
trap 'put_back' EXIT

[ "$(uname -s)" = FreeBSD ] || die "this is not FreeBSD"
[ "$(id -u)" = 0 ] || die "must run as root"

work=${IOC_TEST_WORK:-$(mktemp -d /var/tmp/go-libioc-test.XXXXXX)} || exit 1
TMPDIR=$work/tmp
rm -rf "$TMPDIR" "$work/log" "$work/skips" "$work/before" "$work/now"
mkdir -p "$work/log" "$TMPDIR" || exit 1
: >"$work/skips"

load zfs nullfs fdescfs procfs tmpfs if_bridge if_epair

raise_arc
open_pool
if [ -n "${IOC_TEST_BASE:-}" ]; then
	[ -f "$IOC_TEST_BASE" ] || die "no file $IOC_TEST_BASE"
	IOC_TEST_BASE=$(cd "$(dirname "$IOC_TEST_BASE")" && pwd)/$(basename "$IOC_TEST_BASE")
fi
: "${IOC_TEST_RELEASE:=$(freebsd-version -u | sed 's/-p[0-9]*$//')}"
IOC_TEST_POOL=$pool IOC_TEST_JAIL= IOC_TEST_DISK=
: "${IOC_TEST_SIMULATED:=brief}"
export IOC_TEST_POOL IOC_TEST_BASE IOC_TEST_RELEASE IOC_TEST_JAIL IOC_TEST_DISK IOC_TEST_SIMULATED TMPDIR

say "FreeBSD $(freebsd-version -ku | tr '\n' ' ')$(uname -m), pool $pool, logs in $work/log"
state "$work/before"
all=$(forks)
replay
load unionfs linprocfs linsysfs # the recordings are of a machine without them
load_firewalls
# A running jail, for the suites that hand datasets to one.
if jail -c name=ioctestjail path=/ persist >/dev/null; then
	test_jail=ioctestjail
else
	say "note: no jail could be made for IOC_TEST_JAIL"
fi
IOC_TEST_JAIL=$test_jail
# A disk in memory for the pool "zroot" of the recordings of zfs(8).
if zpool list -H -o name zroot >/dev/null 2>&1; then
	say "note: there is a pool zroot, so IOC_TEST_DISK names no disk"
elif test_md=$(mdconfig -a -t swap -s 512m); then
	IOC_TEST_DISK=/dev/$test_md
fi
state "$work/before"
unit
conformance
quickstart
torture
bench
put_back || { failed=$((failed + 1)); say "FAIL run.sh could not remove its own jail, pool or module"; }
say "$(($(forks) - all)) forks altogether (vm.stats.vm: v_forks, v_vforks, v_rforks)"

if [ -s "$work/skips" ]; then
	say "skipped, and why:"
	sed 's/^/     /' "$work/skips"
fi
say "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
