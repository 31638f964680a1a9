# SPDX-License-Identifier: MIT
# The table of a matrix, with results.awk, from the folders of its runs, named on the input.  Exit status: 0 if nothing
# failed and something ran, 77 if every run was skipped, else 1.  In the environment: colour, if not empty.
BEGIN {
	FS = "\t"
	colour = ENVIRON["colour"]
	red = colour == "" ? "" : "\033[31m"
	green = colour == "" ? "" : "\033[32m"
	yellow = colour == "" ? "" : "\033[33m"
	plain = colour == "" ? "" : "\033[0m"
}

{
	runs++
	run[runs] = $1
	if (length($1) > width)
		width = length($1)
	status[runs] = first_line(out "/" $1 "/status")
	if (status[runs] == "" || status[runs] == 77)
		next
	seconds[runs] = first_line(out "/" $1 "/seconds")
	while ((getline line < (out "/" $1 "/points")) > 0) {
		split(line, part, "\t")
		count[runs, part[1]]++
		total[part[1]]++
		if (part[1] == "fail") {
			failure[++failures] = (part[2] == "" ? "" : part[2] ": ") part[3]
			failure_reason[failures] = part[4]
			failure_log[failures] = $1 "/" (part[2] != "" ? "tests/" part[2] : part[3] == "not run" ? "lab" : "output") ".log"
			failure_run[failures] = $1
		}
	}
	close(out "/" $1 "/points")
	# A known failure is looked for in all runs that its file is used for.
	while ((getline line < (out "/" $1 "/entries")) > 0) {
		split(line, part, "\t")
		if (!(part[1] in pattern))
			entry[++entries] = part[1]
		pattern[part[1]] = part[4]
		matched[part[1]] += part[2]
		failed[part[1]] += part[3]
	}
	close(out "/" $1 "/entries")
}

END {
	printf "%-" width "s  PASSED  FAILED  KNOWN  SKIPPED  SECONDS  LOGS\n", "RUN"
	for (i = 1; i <= runs; i++) {
		if (status[i] == "") {
			printf "%s%-" width "s  not finished%s\n", yellow, run[i], plain
			unfinished++
		} else if (status[i] == 77) {
			printf "%s%-" width "s  skipped: %s%s\n", yellow, run[i], why_skipped(run[i]), plain
			skipped++
		} else {
			bad = count[i, "fail"] > 0
			printf "%s%-" width "s  %6d  %6d  %5d  %7d  %7d  %s%s\n", bad ? red : green, run[i],
				count[i, "pass"] + count[i, "mended"], count[i, "fail"], count[i, "known"], count[i, "skip"],
				seconds[i], run[i] "/", plain
		}
	}
	if (failures)
		print ""
	for (i = 1; i <= failures; i++) {
		printf "%sfailed%s  %s  %s%s\n", red, plain, failure_run[i], failure[i],
			failure_reason[i] == "" ? "" : " (" failure_reason[i] ")"
		# Once for several of one test.
		if (failure_log[i] != failure_log[i + 1])
			printf "        %s/%s\n", out, failure_log[i]
	}
	mended = 0
	for (i = 1; i <= entries; i++)
		if (matched[entry[i]] && !failed[entry[i]]) {
			if (!mended++)
				print ""
			printf "%sno longer fails here%s  %s: %s\n", yellow, plain, entry[i], pattern[entry[i]]
		}
	print ""
	print "logs, results.xml (JUnit) and results.ktap are in " out
	printf "%d passed, %d failed, %d skipped", total["pass"] + total["mended"], total["fail"], total["skip"]
	if (total["known"])
		printf ", %d known to fail", total["known"]
	if (unfinished)
		printf "; %d of %d runs were not finished", unfinished, runs
	print ""
	exit total["fail"] || unfinished ? 1 : skipped == runs ? 77 : 0
}
