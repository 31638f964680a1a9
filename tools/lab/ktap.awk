# SPDX-License-Identifier: MIT
# KTAP of a matrix: each run is a test, and its points are the run's subtests.  Input and variables as
# table.awk.
# A # begins a directive.
function plain(text) {
	gsub(/#/, "", text)
	return text
}

BEGIN { FS = "\t" }
{ run[++runs] = $1 }
END {
	print "KTAP version 1"
	print "1.." runs
	for (i = 1; i <= runs; i++) {
		status = first_line(out "/" run[i] "/status")
		if (status == "") {
			printf "not ok %d %s # not finished\n", i, run[i]
			continue
		}
		if (status == 77) {
			printf "ok %d %s # SKIP %s\n", i, run[i], plain(why_skipped(run[i]))
			continue
		}
		n = bad = 0
		print "  KTAP version 1"
		print "  # Subtest: " run[i]
		while ((getline line < (out "/" run[i] "/points")) > 0) {
			split(line, part, "\t")
			n++
			bad += part[1] == "fail"
			printf "  %s %d %s%s", part[1] == "fail" ? "not ok" : "ok", n,
				part[2] == "" ? "" : plain(part[2]) ": ", plain(part[3])
			if (part[1] == "skip")
				printf " # SKIP %s", part[4]
			else if (part[1] == "known")
				printf " # XFAIL %s", part[4]
			print ""
		}
		close(out "/" run[i] "/points")
		print "  1.." n
		printf "%s %d %s\n", bad ? "not ok" : "ok", i, run[i]
	}
}
