# SPDX-License-Identifier: MIT
# Runs the tests of `ucall kselftest` in a machine of the lab.  Sourced by kselftest.sh.

make_root() {
	root=$work/root
	mkdir -p "$root/ks"
	cp "$tools/run-each" "$root/ks/"
	for way in stock $ways; do
		while read -r name; do
			mkdir -p "$root/ks/$way/$(dirname "$name")"
			# What could not be built is not there, and counts as lost.
			test ! -e "$programs/$way/$name" ||
				"${prefix}strip" -g -o "$root/ks/$way/$name" "$programs/$way/$name"
		done <"$work/tests"
	done
}

# Takes the results out of the machine's output; lines with # are the ends of what tests printed.
take_results() { # OUTPUT
	results=$results logs=$logs awk -F '\t' '
		/^#kernel\t/ { print >>ENVIRON["results"] }
		/^[^\t#]+\t[^\t]+\t(-|[0-9]+)\t[0-9]+\t[^\t]*$/ {
			print >>ENVIRON["results"]
			name = $1 "." $2
			gsub(/\//, "-", name)
			log_file = ENVIRON["logs"] "/" name ".log"
			next
		}
		/^#\t/ && log_file != "" { print substr($0, 3) >log_file }' "$1"
}

# The tests that have not been run over everything; the first of them stopped the machine, if it did.
what_is_left() {
	awk -F '\t' -v runs=$(($(echo "$variants" | wc -w) + 1)) '
		FILENAME == ARGV[1] { n[$1]++; next } n[$1] < runs' "$results" "$work/tests"
}

# What is missing of the test that stopped the machine is a time-out.
give_up_on() { # TEST
	for variant in stock $variants; do
		cut -f 1,2 "$results" | grep -qxF "$1	$variant" || printf '%s\t%s\t124\t0\t\n' "$1" "$variant" >>"$results"
	done
}

run_in_lab() {
	# Enough for the tests with a gigabyte of their own; all that Bochs can have.
	lab_memory=3072
	test "$lab" != x86_64-vmx || lab_memory=2048
	make_root
	count=$(wc -l <"$work/tests")
	while test "$count" -gt 0; do
		what_is_left >"$root/ks/tests"
		count=$(wc -l <"$root/ks/tests")
		test "$count" -gt 0 || break
		output=$work/output
		: >"$output"
		sh "$here/lab.sh" run "$lab" ${kernel:+--kernel "$kernel"} --memory $lab_memory --timeout 36000 --root "$root" -- \
			sh /ks/run-each /ks/ /ks/tests "$limit" - "$variants" >"$output" 2>"$work/lab.log" </dev/null &
		runner=$!
		last=$(date +%s) size=-1 booted=yes
		while kill -0 "$runner" 2>/dev/null; do
			sleep 2 >/dev/null 2>&1
			now=$(wc -c <"$output")
			test "$now" = "$size" || last=$(date +%s) size=$now
			# A machine that is silent for much longer than a test may take has stopped.
			test $(($(date +%s) - last)) -le $((limit + 120)) || kill -TERM "$runner" 2>/dev/null || true
		done
		status=0
		wait "$runner" || status=$?
		runner=
		take_results "$output"
		grep -q '^#kernel' "$output" || booted=no
		: >"$output"
		test "$booted" = yes || test $status -eq 2 || test $status -eq 77 ||
			die 125 "the machine $lab did not start: $(tail -n 3 "$work/lab.log")"
		case $status in
		0) ;;
		2 | 77) die $status "$(sed -n 's/^ucall lab: //p' "$work/lab.log" | tail -n 1)" ;;
		*)
			stopped=$(what_is_left | head -n 1)
			test ! "$stopped" || {
				echo "$self: $stopped stopped the machine; it is booted again for the rest" >&2
				give_up_on "$stopped"
			}
			;;
		esac
	done
}
