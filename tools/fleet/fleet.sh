#!/bin/bash
# SPDX-License-Identifier: MIT
# fleet.sh [OPTION...]: runs a matrix of backends, architectures and machines by debci: a broker, workers,
# a request for each cell, and one table of the results.  docs/FLEET.md
#
#	--packages FOLDER	libucall's packages, as dpkg-buildpackage makes them (..)
#	--backends LIST		separated by commas (pio,mmio,halt,ring)
#	--archs LIST		architectures of guests (x86_64,aarch64)
#	--machines LIST		"here", and machines of `ucall lab` (here)
#	--suite			one more cell: the installed test suite
#	--workers N		how many workers run here (2)
#	--image FOLDER		the testbeds' system; it is made if it is not there
#	--lab-cache FOLDER	the cache of `ucall lab` for all of them
#	--out FOLDER		the logs and results (fleet-results)
#	--limit SECONDS		for all of it (7200)
#	--kill			kills the first worker in the middle of a test
# fleet.sh --join URL --repository FOLDER [OPTION...]: one worker more, for a broker that runs already
#	--name NAME		the worker's name
set -eu -o pipefail
tools=$(cd "$(dirname "$0")" && pwd)

die() { # STATUS WORDS
	status=$1
	shift
	printf 'fleet.sh: %s\n' "$*" >&2
	exit "$status"
}

say() {
	printf '%s %s\n' "$(date +%T)" "$*"
}

packages=.. backends="pio mmio halt ring" archs="x86_64 aarch64" machines=here suite=no workers=2 kill_one=no
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}
image=$cache/ucall-fleet/system lab_cache=$cache/ucall-lab out=fleet-results limit=7200
join='' repository='' name=''

list() { # OPTION LIST
	case ,$2, in *[!A-Za-z0-9_,.-]* | *,,* | *,-*) die 2 "$1 \"$2\": give names, separated by commas" ;; esac
	echo "$2" | tr , ' '
}

# A folder that workers see: they begin in /, and each has a /tmp of its own.
folder() { # OPTION FOLDER
	path=$(realpath -m "$2")
	case $path in
	/tmp | /tmp/*) die 2 "$1 $path: not below /tmp, where each worker has files of its own" ;;
	*[[:space:],:\\]*) die 2 "$1 $path: a path without spaces, commas, colons and backslashes is needed" ;;
	esac
	echo "$path"
}

number() { # OPTION N
	case $2 in *[!0-9]* | '' | 0* | ????????*) die 2 "$1 \"$2\": give a number, 1 to 9999999" ;; esac
	echo "$2"
}

usage() { # STATUS
	sed -n '3,${/^#/!q; s/^# \{0,1\}//p}' "$0"
	exit "$1"
}

read_options() {
	while test $# -gt 0; do
		case $1 in
		--suite) suite=yes ;;
		--kill) kill_one=yes ;;
		-h | --help) usage 0 ;;
		--packages | --backends | --archs | --machines | --workers | --image | --lab-cache | --out | --limit | --join | --repository | --name)
			test $# -gt 1 || die 2 "$1 needs a value"
			case $1 in
			--packages) packages=$2 ;;
			--backends) backends=$(list "$1" "$2") ;;
			--archs) archs=$(list "$1" "$2") ;;
			--machines) machines=$(list "$1" "$2") ;;
			--workers) workers=$(number "$1" "$2") ;;
			--image) image=$2 ;;
			--lab-cache) lab_cache=$2 ;;
			--out) out=$2 ;;
			--limit) limit=$(number "$1" "$2") ;;
			--join) join=$2 ;;
			--repository) repository=$2 ;;
			--name) name=$(list "$1" "$2") ;;
			esac
			shift
			;;
		*) usage 2 >&2 ;;
		esac
		shift
	done
	image=$(folder --image "$image")
	lab_cache=$(folder --lab-cache "$lab_cache")
	packages=$(realpath -m "$packages")
	test ! "$repository" || repository=$(folder --repository "$repository")
	folder "the source" "$tools" >/dev/null
	test ! "$join" || test "$repository" || die 2 "--join needs --repository: the folder that the broker's fleet.sh tells"
	test $kill_one = no || test "$workers" -ge 2 || die 2 "--kill needs two workers"
}

check_programs() {
	missing=
	for program in debci:debci-worker amqp-publish:amqp-tools autopkgtest:autopkgtest mmdebstrap:mmdebstrap \
		dpkg-source:dpkg-dev unshare:util-linux setpriv:util-linux python3:python3; do
		command -v ${program%:*} >/dev/null || missing="$missing ${program#*:}"
	done
	test -e /usr/lib/rabbitmq/bin/rabbitmq-server || test "$join" || missing="$missing rabbitmq-server"
	test ! "$missing" || die 77 "missing here; run as root: apt-get install --no-install-recommends$missing"
	test "$(id -u)" = 0 || die 77 "testbeds need root"
}

# ---- what the namespace has ----

# A broker of this run's own, on the loopback device only.
start_broker() {
	read -r amqp distribution epmd < <(python3 -c 'import socket
s = [socket.socket() for i in range(3)]
for x in s: x.bind(("127.0.0.1", 0))
print(*[x.getsockname()[1] for x in s])')
	broker=$run/broker
	mkdir -p "$broker/home" "$broker/mnesia" "$broker/log"
	# Without a limit for consumers, a test of more than half an hour would be given to another, too.
	cat >"$broker/rabbitmq.conf" <<-END
		listeners.tcp.1 = 127.0.0.1:$amqp
		consumer_timeout = 86400000
		disk_free_limit.absolute = 50MB
		log.console = true
		log.file = false
	END
	: >"$broker/environment"
	echo '[].' >"$broker/plugins"
	env HOME="$broker/home" RABBITMQ_CONF_ENV_FILE="$broker/environment" RABBITMQ_NODENAME=fleet@localhost \
		RABBITMQ_CONFIG_FILE="$broker/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$broker/plugins" \
		RABBITMQ_MNESIA_BASE="$broker/mnesia" RABBITMQ_LOG_BASE="$broker/log" RABBITMQ_LOGS=- \
		RABBITMQ_PID_FILE="$broker/pid" RABBITMQ_DIST_PORT="$distribution" ERL_EPMD_ADDRESS=127.0.0.1 \
		ERL_EPMD_PORT="$epmd" \
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}' \
		/usr/lib/rabbitmq/bin/rabbitmq-server >"$broker/output" 2>&1 &
	url=amqp://guest:guest@127.0.0.1:$amqp
	tries=0
	until amqp-declare-queue --url="$url" --durable --queue=debci_results >/dev/null 2>&1; do
		tries=$((tries + 1))
		test $tries -lt 120 || die 1 "the broker did not start: $(tail -n 5 "$broker/output")"
		sleep 0.5
	done
	say "broker: $url"
}

# debci's settings; nothing in /etc is used or changed.
set_up_debci() {
	mkdir -p "$run/debci/config/conf.d" "$run/debci/data" "$run/debci/lock" "$lab_cache"
	export debci_config_dir="$run/debci/config" debci_data_basedir="$run/debci/data" debci_lock_dir="$run/debci/lock"
	export debci_secrets_dir="$run/debci" debci_suite=bookworm debci_backend=fleet debci_amqp_server="$url" debci_quiet=false
	debci_arch=$(dpkg --print-architecture)
	export debci_arch fleet_tools="$tools" fleet_image="$image" fleet_repository="$repository" fleet_cache="$lab_cache"
	export PATH="$tools/debci:$PATH"
	queue=debci-tests-$debci_arch-fleet
}

# A worker is a namespace: whatever kills it takes its test and its testbed with it.  debci takes its name
# from the host's.
worker() { # NAME
	# shellcheck disable=SC2016 # sh's own
	exec env -u TMPDIR unshare --mount --uts --pid --fork --kill-child --mount-proc --propagation private -- \
		sh -c 'hostname "$1" && mount -t tmpfs -o mode=1777 tmp /tmp && cd / && exec debci worker' sh "$1" </dev/null
}

start_workers() {
	pids=()
	for ((w = 1; w <= workers; w++)); do
		worker "w$w" >"$run/w$w.log" 2>&1 &
		pids+=($!)
		disown $!
	done
	tries=0
	until test "$(cat "$run"/w*.log | grep -c Connecting)" -ge "$workers" &&
		debci amqp declare-queue --arch "$debci_arch" --backend fleet; do
		tries=$((tries + 1))
		test $tries -lt 60 || die 1 "the workers did not start: $(tail -n 5 "$run"/w1.log)"
		sleep 0.5
	done
	say "workers: $workers"
}

index_packages() {
	cp "$packages"/*.deb "$repository/"
	(cd "$repository" && dpkg-scansources . >Sources && dpkg-scanpackages . >Packages) 2>/dev/null
	! command -v apt-ftparchive >/dev/null || (cd "$repository" && apt-ftparchive release . >Release)
}

# Puts a request for each cell into the queue.
request() {
	id=0
	while read -r cell _; do
		id=$((id + 1))
		printf '%s %s run-id:%s trigger:%s' "$cell" $debci_suite $id "$cell" |
			amqp-publish --url="$url" --persistent --routing-key="$queue"
	done <"$run/cells"
	say "requests: $id"
}

results() {
	find "$out/autopkgtest-incoming" -name exitcode 2>/dev/null | wc -l
}

# Kills the first worker once it has been in a test for two seconds.
kill_worker() {
	now=$(tail -n 1 "$run/w1.log" | sed -n 's/ .* started$//p')
	sleep 2
	test "$now" && test "$now" = "$(tail -n 1 "$run/w1.log" | sed -n 's/ .* started$//p')" || return 0
	lost=$now
	kill -KILL "${pids[0]}"
	kill_one=over
	say "killed worker w1 in the middle of $lost"
}

wait_for_results() {
	begun=$SECONDS lost=''
	amqp-consume --url="$url" --queue=debci_results --prefetch-count 1 -- tar -C "$out" -xzf - >"$run/collector.log" 2>&1 &
	until test "$(results)" -ge $id; do
		if test $((SECONDS - begun)) -ge "$limit"; then
			say "the limit of $limit s has passed"
			break
		fi
		test $kill_one != yes || kill_worker
		sleep 1
	done
	# The last one's other files.
	sleep 2
	say "$(results) results after $((SECONDS - begun)) s"
}

# One row for each cell; fails if a cell failed or has no result.
table() {
	bad=0 passes=0 skips=0 id=0
	printf '\n%-12s %-8s %-14s %-8s %6s %6s %7s %7s  %-6s %s\n' BACKEND ARCH MACHINE RESULT PASSED FAILED SKIPPED SECONDS WORKER RUNS
	while read -r cell backend arch machine; do
		id=$((id + 1))
		folder=$(find "$out/autopkgtest-incoming" -path "*/$cell/$id" -type d | head -n 1)
		result=lost seconds=- by=- points="- - -"
		if test "$folder"; then
			case $(cat "$folder/exitcode") in
			0 | 2) result=pass ;;
			8) result=skip ;;
			4 | 6) result=fail ;;
			12 | 14) result=package ;;
			*) result=testbed ;;
			esac
			seconds=$(cat "$folder/duration" 2>/dev/null || echo -)
			by=$(cat "$folder/worker" 2>/dev/null || echo -)
			points=$(zcat -f "$folder"/log* | sed -n 's/^\([0-9]*\) points passed, \([0-9]*\) failed, \([0-9]*\) skipped.*/\1 \2 \3/p' | tail -n 1)
		fi
		case $result in
		pass) passes=$((passes + 1)) ;;
		skip) skips=$((skips + 1)) ;;
		*) bad=$((bad + 1)) ;;
		esac
		read -r passed failed skipped <<<"${points:-- - -}"
		# By the workers here.
		runs=$(cat "$run"/w*.log | grep -c "^$cell .* started" || true)
		test "$runs" != 0 || runs=-
		printf '%-12s %-8s %-14s %-8s %6s %6s %7s %7s  %-6s %s\n' "$backend" "$arch" "$machine" $result "$passed" "$failed" "$skipped" \
			"$seconds" "$by" "$runs"
	done <"$run/cells"
	printf '\n%s cells: %s passed, %s failed, %s skipped\n' $id $passes $bad $skips
	test $bad -eq 0 && test $passes -gt 0
}

matrix() {
	repository=$run/repository
	mkdir -p "$repository"
	: >"$run/cells"
	make_matrix
	index_packages
	say "cells: $(wc -l <"$run/cells")"
	start_broker
	set_up_debci
	start_workers
	say "another worker: fleet.sh --join $url --repository $repository"
	request
	wait_for_results
	cp "$run"/w*.log "$out/"
	table | tee "$out/table"
}

read_options "$@"
check_programs
. "$tools/cells.sh"
if test "${fleet_run:-}"; then
	run=$fleet_run
	if test "$join"; then
		url=$join
		set_up_debci
		worker "${name:-$(hostname -s)}"
	else
		matrix
	fi
	exit
fi

# ---- outside of the namespace: the folder, and its end ----

more=
for machine in $machines; do
	test "$machine" = here || more="$more $(lab_packages "$machine" | sed 's/libucall-dev//')"
done
if test ! "$join"; then
	mkdir -p "$out" || die 2 "--out $out: it cannot be made"
	out=$(cd "$out" && pwd)
	set -- "$@" --out "$out"
	test ! -e "$out/autopkgtest-incoming" || die 2 "--out $out: it has the results of an earlier run; remove it, or give another folder: --out FOLDER"
	ls "$packages"/ucall-tools_*.deb >/dev/null 2>&1 ||
		die 2 "no ucall-tools_*.deb in $packages; run dpkg-buildpackage -b -uc -us, and give its folder: --packages FOLDER"
fi
say "system: $image"
# shellcheck disable=SC2086 # names of packages
"$tools/testbed.sh" image bookworm "$image" dpkg-dev gcc libc6-dev gnome-desktop-testing $more
# Not in /tmp: each worker has one of its own.
fleet_run=$(mktemp -d /var/tmp/fleet-XXXXXX)
export fleet_run
namespace=
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
	test ! "$namespace" || { kill -KILL "$namespace" && wait "$namespace"; } 2>/dev/null || true
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		rm -rf "$fleet_run" 2>/dev/null && break
		sleep 0.2
	done
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' HUP TERM
# Broker and workers are in a namespace, so that nothing of them is left.
setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc --propagation private -- "$tools/fleet.sh" "$@" &
namespace=$!
status=0
wait "$namespace" || status=$?
namespace=
exit $status
