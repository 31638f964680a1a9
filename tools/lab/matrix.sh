# SPDX-License-Identifier: MIT
# ucall lab --matrix: one command on many machines, kernels and module options, as one table.  Sourced
# by lab.sh.
#
# Each run is `lab.sh run` with a folder of its own below DIR:
#
#	options, command	what it is	output.log	what the command printed
#	lab.log			the lab's words
#	status, seconds		how it ended	points		see points.awk
#	tests/TEST.log		the part of one test
#
# GNU parallel runs them: it has slots, a log of its jobs, and ends whole trees of processes.  prove and
# meson also read TAP, but as programs with one TAP stream each; avocado is not in Debian.

matrix_usage="usage: ucall lab --matrix FILE [--out DIR] [--jobs N] [--resume] -- CMD [ARG...]"

# The runs of a file: each line is a machine and, by name=value, what `ucall lab` has as options; a
# word with several values, by commas, or that comes several times makes a run of each.
#	x86_64-vmx kernel=bookworm,trixie-backports options="ept=0" options= known=vmx.known
# Prints NAME, the options quoted for a shell, and the files of known failures, by tabs.
read_matrix() { # FILE
	line_number=0
	while IFS= read -r line || test "$line"; do
		line_number=$((line_number + 1))
		line=${line#"${line%%[![:space:]]*}"}
		case $line in
		'' | '#'*) continue ;;
		esac
		words=$(printf '%s\n' "$line" | tr -d '\r' | xargs -n 1 printf '%s\n' 2>/dev/null) ||
			die 2 "$1:$line_number: a quote has no end"
		# A word for each line.
		IFS=$newline
		set -f
		expand "$1:$line_number" $words
		set +f
		unset IFS
	done <"$1"
}
newline='
'

# Prints the product of a line's values.
expand() { # WHERE MACHINE WORD...
	where=$1 named=$2
	shift 2
	said=$( (machine "$named") 2>&1) || die 2 "$where: ${said#ucall lab: }"
	machine "$named"
	kernels='' option_lists='' cpus='' memories='' rest='' known=''
	for word; do
		value=${word#*=}
		values=$(printf %s "$value" | tr , '\n')$newline
		case $word in
		options= | *=?*) ;;
		*) die 2 "$where: \"$word\" has no value" ;;
		esac
		case $word in
		kernel=*) kernels=$kernels$values ;;
		# Not empty, for the loop.
		options=*) option_lists="$option_lists:$value$newline" ;;
		smp=*) cpus=$cpus$values ;;
		memory=*) memories=$memories$values ;;
		timeout=*) rest="$rest --timeout $(quote "$value")" ;;
		root=*) rest="$rest --root $(quote "$value")" ;;
		known=*)
			test -r "$value" || die 2 "$where: known=$value: no such file"
			case $value in
			*[[:space:]\\]*) die 2 "$where: known=$value: the path has a space or a backslash" ;;
			esac
			said=$(known=$value status=0 awk -f "$here/points.awk" </dev/null 2>&1 >/dev/null) ||
				die 2 "$where: known=$value: $said"
			known="$known $value"
			;;
		*) die 2 "$where: unexpected \"$word\"; use kernel=, options=, smp=, memory=, timeout=, root= or known=" ;;
		esac
	done
	for a in ${kernels:--}; do
		for b in ${option_lists:--}; do
			for c in ${cpus:--}; do
				for d in ${memories:--}; do
					print_run "$a" "$b" "$c" "$d"
				done
			done
		done
	done
}

# Each is - if the line has no such word.
print_run() { # KERNEL :OPTIONS CPUS MEMORY
	name=$machine words=
	if test "$1" != -; then
		name=$name.$1
		words="$words --kernel $(quote "$1")"
	fi
	if test "$2" != - && test "$2" != :; then
		name=$name.$(printf %s "${2#:}" | tr -c 'A-Za-z0-9_=-' +)
		words="$words --module-options $(quote "${2#:}")"
	fi
	if test "$3" != -; then
		name=$name.smp$3
		words="$words --smp $(quote "$3")"
	fi
	if test "$4" != -; then
		name=$name.${4}M
		words="$words --memory $(quote "$4")"
	fi
	said=$( (
		unset IFS
		eval "read_options $words$rest"
	) 2>&1) || die 2 "$where: ${said#ucall lab: }"
	printf '%s\t%s\t%s\n' "$name" "$(quote "$named")$words$rest" "${known# }"
}

# One run; GNU parallel calls it.
run_one() { # FOLDER
	folder=$1
	start=$(date +%s)
	: >"$folder/started"
	status=0
	lab_begun=$folder/begun
	export lab_begun
	eval "sh \"\$here/lab.sh\" run $(cat "$folder/options") -- $(cat "$folder/command")" \
		>"$folder/output.log" 2>"$folder/lab.log" </dev/null || status=$?
	echo $(($(date +%s) - start)) >"$folder/seconds"
	if test ! -e "$folder/begun" && test $status -ne 124 && test $status -ne 125; then
		# The lab itself could not run it.
		result=fail
		test $status -ne 77 || result=skip
		printf '%s\t\tnot run\t%s\n' $result "$(reason_of "$folder")" >"$folder/points"
		echo $status >"$folder/status"
		echo "ucall lab: $(basename "$folder"): not run: $(reason_of "$folder")" >&2
		return
	fi
	# 77 is that of a run that was skipped.
	mkdir -p "$folder/tests"
	status=$status name="the command" known=$(cat "$folder/known") logs=$folder/tests entries=$folder/entries awk -f "$here/points.awk" "$folder/output.log" >"$folder/points"
	test $status -ne 77 || status=0
	echo $status >"$folder/status"
	echo "ucall lab: $(basename "$folder"): $(count "$folder/points") in $(cat "$folder/seconds") s" >&2
}

count() { # POINTS...
	awk -F '\t' '{ n[$1]++ } END {
		printf "%d passed, %d failed, %d skipped", n["pass"] + n["mended"], n["fail"], n["skip"]
		if (n["known"])
			printf ", %d known to fail", n["known"]
	}' "$@"
}

# Why a run was skipped.
reason_of() { # FOLDER
	sed -n 's/^ucall lab: //p' "$1/lab.log" | tail -n 1
}

# Tells every 30 s what runs.
heartbeat() {
	seconds=0
	while kill -0 $$ 2>/dev/null; do
		sleep 1 >/dev/null 2>&1
		seconds=$((seconds + 1))
		test $((seconds % 30)) -eq 0 || continue
		line=
		while read -r name; do
			test -e "$out/$name/started" && test ! -e "$out/$name/status" || continue
			quiet=$(($(date +%s) - $(stat -c %Y "$out/$name/output.log" 2>/dev/null || date +%s)))
			points=$(grep -cE '^ *(not )?ok ' "$out/$name/output.log" 2>/dev/null || true)
			line="$line; $name: ${points:-0} points"
			if test ! -e "$out/$name/begun"; then
				line="$line, not booted yet"
			elif test $quiet -ge 30; then
				line="$line, nothing for $quiet s"
			fi
		done <"$out/names"
		echo "ucall lab: $seconds s, $(ls "$out"/*/status 2>/dev/null | wc -l) of $(wc -l <"$out/names") runs are done$line" >&2
	done
}

table() {
	test ! -t 1 || test "${NO_COLOR:-}" || colour=yes
	out=$out colour=${colour:-} awk -f "$here/results.awk" -f "$here/table.awk" "$out/names"
}

matrix() { # FILE [OPTION...] -- CMD [ARG...]
	file=$1 out=lab-results jobs=$(nproc) resume=
	shift
	test -r "$file" || die 2 "--matrix: cannot read $file"
	while test $# -gt 0; do
		case $1 in
		--)
			shift
			break
			;;
		--resume)
			resume=--resume
			shift
			continue
			;;
		--out | --jobs) test $# -ge 2 || die 2 "$1 needs a value" ;;
		--root | --timeout | --module-options | --kernel | --smp | --memory)
			die 2 "$1: with --matrix, write it into $file as kernel=, smp=, memory=, options=, timeout= or root="
			;;
		*) die 2 "unexpected \"$1\"; $matrix_usage" ;;
		esac
		case $1 in
		--out) out=$2 ;;
		--jobs)
			is_number "$2" 1 999 || die 2 "--jobs $2: give a number, 1 or more"
			jobs=$2
			;;
		esac
		shift 2
	done
	test $# -gt 0 || die 2 "$matrix_usage"
	need parallel parallel
	need xargs findutils
	need flock util-linux
	check_needs
	runs=$(read_matrix "$file") || exit
	test "$runs" || die 2 "$file has no machine"
	twice=$(printf '%s\n' "$runs" | cut -f 1 | sort | uniq -d | head -n 1)
	test ! "$twice" || die 2 "$file has the same run twice: $twice"
	sum=$({
		printf '%s\n' "$runs"
		quote "$@"
		for word; do
			test ! -f "$word" || cksum "$word"
		done
	} | cksum)
	mkdir -p "$out" || die 2 "--out: cannot make the folder $out"
	out=$(cd "$out" && pwd)
	# GNU parallel has the lock too, if this script is killed.
	exec 7>"$out/.lock"
	flock -n 7 || die 2 "--out: another matrix is running with $out"
	if test "$resume" && test -e "$out/sum" && test "$(cat "$out/sum")" != "$sum"; then
		die 2 "--resume: $out is of another matrix or command; leave out --resume, or give another --out"
	fi
	if test -e "$out/names" && test ! "$resume"; then
		while read -r name; do
			rm -rf "${out:?}/$name"
		done <"$out/names"
		rm -f "$out/jobs" "$out/names"
	elif test "$(ls "$out")" && test ! -e "$out/names"; then
		die 2 "--out: the folder $out holds other files; name an empty one, or one of an earlier matrix"
	fi
	echo "$sum" >"$out/sum"
	printf '%s\n' "$runs" >"$out/runs"
	cut -f 1 "$out/runs" >"$out/names"
	quote "$@" >"$out/command"
	tab=$(printf '\t')
	while IFS=$tab read -r name options known; do
		if test -e "$out/$name/status" && ! grep -q '	not run	' "$out/$name/points"; then
			echo "ucall lab: $name: done before" >&2
			continue
		fi
		rm -rf "${out:?}/$name"
		mkdir -p "$out/$name/root/.lab"
		cp "$out/command" "$out/$name/command"
		echo "$known" >"$out/$name/known"
		test ! "$known" || cat $known >"$out/$name/root/.lab/known"
		echo "$options --root $(quote "$out/$name/root")" >"$out/$name/options"
	done <"$out/runs"
	rm -f "$out/runs" "$out/jobs"
	while read -r name; do
		test -e "$out/$name/status" || echo "$name"
	done <"$out/names" >"$out/left"
	heartbeat 7>&- &
	heart=$!
	interrupted=
	trap 'interrupted=yes; kill -TERM $runner 2>/dev/null; kill -TERM $runner 2>/dev/null' INT TERM HUP
	lab_script=$here/lab.sh lab_out=$out parallel --will-cite --jobs "$jobs" --joblog "$out/jobs" --line-buffer \
		--termseq TERM,15000,KILL,100 'sh "$lab_script" run-one "$lab_out"/{}' <"$out/left" >&2 &
	runner=$!
	wait $runner || true
	while kill -0 $runner 2>/dev/null; do
		wait $runner || true
	done
	kill -KILL $heart 2>/dev/null || true
	wait $heart 2>/dev/null || true
	result=0
	table || result=$?
	for format in junit ktap; do
		out=$out awk -f "$here/results.awk" -f "$here/$format.awk" "$out/names" >"$out/results.$format"
	done
	mv "$out/results.junit" "$out/results.xml"
	test ! "$interrupted" || die 130 "interrupted; --resume goes on"
	exit $result
}
