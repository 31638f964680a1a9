# SPDX-License-Identifier: MIT
# Reads what a command printed, TAP or KTAP or neither, as its points, and prints one line for each:
#
#	RESULT <tab> TEST <tab> POINT <tab> REASON
#
# RESULT is pass, fail, skip, or known for a failure that a file of known failures lists, or mended for
# a point that this file lists and that passes.  TEST is the KTAP test that the point belongs to, or
# empty.  In the environment:
#
#	status		the command's exit status
#	name		of the command, for a point about itself
#	known		files of known failures, separated by spaces: pattern, reason and source, by tabs
#	logs		a folder: each test's output goes to TEST.log there
#	entries		a file: for each known failure, how many points it matched and how many failed
BEGIN {
	FS = "\n"
	OFS = "\t"
	status = ENVIRON["status"]
	name = ENVIRON["name"]
	logs = ENVIRON["logs"]
	entries = ENVIRON["entries"]
	files = split(ENVIRON["known"], file, " ")
	for (i = 1; i <= files; i++) {
		lines = 0
		while ((getline line < file[i]) > 0) {
			lines++
			if (line !~ /^[^#-]/)
				continue
			if (split(line, part, /\t+/) < 2) {
				print "line " lines " has no reason after a tab" >"/dev/stderr"
				exit wrong = 2
			}
			if ("" ~ part[1])
				; # a wrong expression ends awk here
			pattern[++patterns] = part[1]
			because[patterns] = part[2]
			place[patterns] = file[i] ":" lines
		}
		close(file[i])
	}
	planned = -1
}

# Without what a terminal would act on, and not longer than awk can print.
function clean(text) {
	gsub(/[\001-\037\177]/, "?", text)
	return substr(text, 1, 1000)
}

function report(result, point, reason,    i, was) {
	was = result
	point = clean(point)
	reason = clean(reason)
	for (i = 1; i <= patterns; i++) {
		if ((test == "" ? "" : test ": ") point !~ pattern[i] || was == "skip" || was == "known")
			continue
		matched[i]++
		failures[i] += was == "fail"
		result = was == "fail" ? "known" : "mended"
		reason = because[i]
	}
	if (result == "fail")
		test_failed = any_failed = 1
	if (result == "known")
		test_known = any_known = 1
	points++
	print result, test, point, reason
}

# A point of TAP at one level; returns its result.
function read_point(line,    good, text, directive, at) {
	good = line ~ /^ok/
	sub(/^(not )?ok *[0-9]*/, "", line)
	directive = ""
	gsub(/\\#/, "\001", line)
	if (match(line, /[ \t]+#[ \t]*([Ss][Kk][Ii][Pp]|[Tt][Oo][Dd][Oo]|XFAIL|TIMEOUT|ERROR|exit status)([ \t:]|$)/)) {
		directive = substr(line, RSTART)
		line = substr(line, 1, RSTART - 1)
		sub(/^[ \t]*#[ \t]*/, "", directive)
	}
	gsub(/\001/, "#", line)
	gsub(/\001/, "#", directive)
	sub(/^ *(- )?/, "", line)
	text = line
	at = toupper(substr(directive, 1, 4))
	if (at == "SKIP" || at == "XFAI") {
		sub(/^[A-Za-z]+:? */, "", directive)
		return "skip" "\t" text "\t" directive
	}
	if (at == "TODO" && !good) {
		sub(/^[A-Za-z]+:? */, "", directive)
		return "known" "\t" text "\t" directive
	}
	return (good ? "pass" : "fail") "\t" text "\t" directive
}

# A comment before a failure is its reason.
function remember(line) {
	sub(/^# */, "", line)
	if (length(comment) < 300)
		comment = comment (comment == "" ? "" : "; ") line
}

function take_point(line) {
	seen++
	split(read_point(line), part, "\t")
	if (part[1] == "fail" && part[3] == "")
		part[3] = comment
	comment = ""
	report(part[1], part[2], part[3])
	if (seen == planned)
		keep_plan()
}

function check_plan() {
	if (planned >= 0 && seen != planned)
		report("fail", "the number of points", planned " points were planned, " seen " came")
	else if (planned < 0 && seen && kept)
		report("fail", "the number of points", seen " points came after those that were planned")
	planned = -1
	seen = kept = 0
}

# The plan is fulfilled; more may come from another program.
function keep_plan() {
	planned = -1
	seen = 0
	kept = 1
}

# A plan comes before its points or after them.
function read_plan(line) {
	if (planned >= 0)
		check_plan()
	planned = substr(line, 4) + 0
	if (planned == 0 && !seen) {
		sub(/^1\.\.0[ \t]*(# *([Ss][Kk][Ii][Pp][A-Za-z]*:?)? *)?/, "", line)
		report("skip", test == "" ? name : "all of it", line)
		planned = -1
		skipped_all = 1
	} else if (seen == planned) {
		keep_plan()
	}
}

function log_line(line) {
	if (logs != "")
		print line >(logs "/" test ".log")
}

# The points of a test that is nested, at as many spaces as this line; what is nested deeper belongs to them.
!inside && /^ +# Subtest: / {
	match($0, /^ +/)
	indent = RLENGTH
	test = $0
	sub(/^ +# Subtest: */, "", test)
	gsub(/[^A-Za-z0-9._+=,-]/, "_", test)
	test = substr(test, 1, 100)
	if (++times[test] > 1)
		test = test "-" times[test]
	comment = ""
	test_failed = test_known = skipped_all = 0
	tests++
	before = points
	planned = -1
	seen = kept = 0
	inside = 1
	next
}
inside && /^ / {
	line = $0
	match(line, /^ +/)
	line = substr(line, (RLENGTH < indent ? RLENGTH : indent) + 1)
	log_line(line)
	if (line ~ /^(not )?ok( |$)/) {
		take_point(line)
	} else if (line ~ /^1\.\.[0-9]+/) {
		read_plan(line)
	} else if (line ~ /^Bail out!/) {
		report("fail", line, "")
	} else if (line ~ /^#/) {
		remember(line)
	}
	next
}
# Its own line ends it.  It counts itself only if no point of its own says the same.
inside && /^(not )?ok( |$)/ {
	check_plan()
	split(read_point($0), part, "\t")
	if (part[1] == "fail") {
		if (!test_failed && !(test_known && part[3] == "exit status 1"))
			report("fail", part[3] == "" ? "the end" : part[3], "")
	} else if (points == before && !skipped_all)
		report(part[1], "all of it", part[3])
	if (logs != "")
		close(logs "/" test ".log")
	inside = 0
	test = ""
	planned = -1
	seen = kept = 0
	next
}
/^(not )?ok( |$)/ {
	tests++
	take_point($0)
	next
}
# The plan of a KTAP stream counts its tests, which the lines above do not.
/^KTAP version/ { ktap = 1; next }
/^1\.\.[0-9]+/ {
	if (ktap)
		tests_planned += substr($0, 4) + 0
	else
		read_plan($0)
	next
}
/^Bail out!/ { report("fail", $0, "") }
/^#/ { remember($0) }
END {
	if (wrong)
		exit wrong
	ended = status == 124 ? "the time limit (--timeout) ended the machine" : "the machine ended before the command did"
	if (status == 124 || status == 125)
		report("fail", inside ? "the end" : name, ended)
	else if (inside)
		report("fail", "the end", "the command ended in it")
	else if (!ktap)
		check_plan()
	test = ""
	if (ktap && tests != tests_planned && status < 124)
		report("fail", name, tests_planned " tests were planned, " tests + 0 " came")
	if (points == 0)
		report(status == 0 ? "pass" : status == 77 ? "skip" : "fail", name, status == 0 ? "" : "exit status " status)
	else if (status != 0 && !any_failed && !(status == 1 && any_known))
		report("fail", name, "exit status " status)
	if (entries != "")
		for (i = 1; i <= patterns; i++)
			print place[i], matched[i] + 0, failures[i] + 0, pattern[i] >entries
}
