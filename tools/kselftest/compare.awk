# SPDX-License-Identifier: MIT
# What the kernel's selftests did over each backend, beside stock: from the list of tests and the lines
# of run-each.  In the environment: format (table, tap, markdown or junit), variants (BACKEND or
# BACKEND/mailbox), compare, logs, known (a file of losses that have a cause: a pattern for
# "MACHINE TEST VARIANT", the reason and its source, by tabs), machine, version.  Exit status: 1 if
# something that stock passes is lost.
BEGIN {
	FS = "\t"
	format = ENVIRON["format"]
	machine = ENVIRON["machine"]
	n = split(ENVIRON["variants"], variant, " ")
	variant[0] = "stock"
	while ((getline line < ENVIRON["known"]) > 0) {
		if (line ~ /^#/ || split(line, part, /\t+/) < 2)
			continue
		pattern[++patterns] = part[1]
		because[patterns] = part[2]
	}
}

# 126, 127: the program is not there.
function verdict(status) {
	return status == 126 || status == 127 ? "LOST" : status == "-" ? "-" : status == 0 ? "PASS" : status == 4 ? "SKIP" : status == 124 || status == 137 ? "TIMEOUT" : "FAIL"
}

function reason_of(test, variant,    i) {
	for (i = 1; i <= patterns; i++)
		if (machine " " test " " variant ~ pattern[i])
			return because[i]
	return ""
}

function log_of(i, b,    name) {
	name = test[i] "." variant[b]
	gsub(/\//, "-", name)
	return ENVIRON["logs"] "/" name ".log"
}

# The last lines of a test's output.
function last_words(i, b,    line, k, count, lines) {
	while ((getline line < log_of(i, b)) > 0)
		lines[++count] = line
	close(log_of(i, b))
	for (k = count > 6 ? count - 5 : 1; k <= count; k++)
		print "#     " lines[k]
}

function xml(text) {
	gsub(/&/, "\\&amp;", text)
	gsub(/</, "\\&lt;", text)
	gsub(/"/, "\\&quot;", text)
	return text
}

FILENAME == ARGV[1] { test[++tests] = $1; next }
$1 == "#kernel" { kernel = $2; module = $3; next }
{
	result[$1, $2] = verdict($3)
	if ($5 != "")
		cost[$2] = $5
}

# What a GUEST_SYNC cost: the ioctls, and the time.
function ioctls_of(variant) {
	return variant in cost ? substr(cost[variant], 1, index(cost[variant], " ") - 1) + 0 : "?"
}

function time_of(variant,    ns) {
	if (!(variant in cost))
		return "?"
	ns = substr(cost[variant], index(cost[variant], " ") + 1)
	return ns < 10000 ? sprintf("%.1f us", ns / 1000) : sprintf("%.0f us", ns / 1000)
}

# Sets state[i, b]: kept, known, lost, or why nothing can be said.
function judge(    i, b, why) {
	for (i = 1; i <= tests; i++)
		for (b = 0; b <= n; b++) {
			v[i, b] = (test[i], variant[b]) in result ? result[test[i], variant[b]] : "LOST"
			if (!b) {
				stocks[v[i, 0]]++
				continue
			}
			same[b] += v[i, b] == v[i, 0] && v[i, b] != "LOST"
			passes[b] += v[i, 0] == "PASS"
			if (v[i, 0] == "LOST" || v[i, b] == "LOST")
				state[i, b] = "lost"
			else if (v[i, 0] != "PASS")
				state[i, b] = "skipped"
			else if (v[i, b] == "PASS")
				state[i, b] = "kept"
			else if ((why = reason_of(test[i], variant[b])) != "") {
				state[i, b] = "known"
				cause[i, b] = why
			} else
				state[i, b] = "lost"
			count[state[i, b]]++
			of[b, state[i, b]]++
		}
}

function tap(    i, b, point) {
	print "TAP version 13"
	print "1.." tests * n
	for (i = 1; i <= tests; i++)
		for (b = 1; b <= n; b++) {
			printf "%s %d - %s %s", state[i, b] == "lost" ? "not ok" : "ok", ++point, test[i], variant[b]
			if (v[i, 0] == "LOST" || v[i, b] == "LOST")
				print " # not run"
			else if (state[i, b] == "skipped")
				print " # SKIP stock: " v[i, 0]
			else
				print state[i, b] == "known" ? " # SKIP known: " cause[i, b] : ""
			if (state[i, b] == "lost")
				last_words(i, b)
		}
}

function junit(    i, b) {
	print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
	printf "<testsuite name=\"kselftest kvm, Linux %s\" tests=\"%d\" failures=\"%d\">\n", ENVIRON["version"], tests * n,
		count["lost"]
	for (i = 1; i <= tests; i++)
		for (b = 1; b <= n; b++) {
			printf "  <testcase classname=\"%s\" name=\"%s\"", xml(variant[b]), xml(test[i])
			if (state[i, b] == "kept")
				print "/>"
			else if (state[i, b] == "skipped")
				printf "><skipped message=\"stock: %s\"/></testcase>\n", v[i, 0]
			else if (state[i, b] == "known")
				printf "><skipped message=\"known: %s\"/></testcase>\n", xml(cause[i, b])
			else
				printf "><failure message=\"%s\">%s</failure></testcase>\n", v[i, b], xml(log_of(i, b))
		}
	print "</testsuite>"
}

# A row for each variant, and then what is lost.
function markdown(    i, b) {
	print "| tests of | machine | backend | kept | GUEST_SYNC: ioctls | time |"
	print "|---|---|---|---|---|---|"
	for (b = 0; b <= n; b++)
		printf "| Linux %s | %s, Linux %s, %s | %s | %s | %s | %s |\n", ENVIRON["version"], machine, kernel, module,
			variant[b], b ? of[b, "kept"] + 0 " of " passes[b] + 0 : stocks["PASS"] + 0 " passed", ioctls_of(variant[b]),
			time_of(variant[b])
	print ""
	for (i = 1; i <= tests; i++)
		for (b = 1; b <= n; b++)
			if (state[i, b] == "lost" || state[i, b] == "known")
				printf "- %s over %s: %s%s\n", test[i], variant[b], v[i, b], (i, b) in cause ? ": " cause[i, b] : ""
}

function table(    i, b, width, differences) {
	width = 20
	for (i = 1; i <= tests; i++)
		if (length(test[i]) > width)
			width = length(test[i])
	printf "%-" width "s", "TEST"
	for (b = 0; b <= n; b++)
		printf "  %-12s", toupper(variant[b])
	print ""
	for (i = 1; i <= tests; i++) {
		printf "%-" width "s", test[i]
		for (b = 0; b <= n; b++)
			printf "  %-12s", v[i, b]
		print ""
	}
	print ""
	for (i = 1; i <= tests; i++)
		for (b = 1; b <= n; b++) {
			if ((v[i, b] == v[i, 0] && v[i, b] != "LOST") || v[i, b] == "-")
				continue
			differences++
			printf "%s over %s: %s, stock %s%s\n", test[i], variant[b], v[i, b], v[i, 0],
				(i, b) in cause ? "; known: " cause[i, b] : ""
			if (ENVIRON["compare"] != "")
				last_words(i, b)
		}
	if (differences)
		print ""
	if ("stock" in cost)
		for (b = 0; b <= n; b++)
			printf "a GUEST_SYNC, %s: %s ioctls, %s\n", variant[b], ioctls_of(variant[b]), time_of(variant[b])
	printf "Linux %s on %s (Linux %s, %s), stock: %d passed, %d skipped, %d failed, %d timed out\n", ENVIRON["version"],
		machine, kernel, module, stocks["PASS"], stocks["SKIP"], stocks["FAIL"], stocks["TIMEOUT"] + stocks["LOST"]
	for (b = 1; b <= n; b++)
		printf "%s: %d of the %d tests that pass as stock%s; %d of all %d verdicts are the same\n", variant[b], of[b, "kept"], passes[b],
			of[b, "known"] ? ", " of[b, "known"] " lost for a known reason" : "", same[b], tests
	print "logs are in " ENVIRON["logs"]
	printf "%d passed, %d failed, %d skipped\n", count["kept"], count["lost"], count["skipped"] + count["known"]
}

END {
	judge()
	if (format == "tap")
		tap()
	else if (format == "junit")
		junit()
	else if (format == "markdown")
		markdown()
	else
		table()
	if (!tests || (!stocks["PASS"] && !count["lost"])) {
		print "ucall kselftest: no test passes here as it is, so nothing can be said; the logs say why" >"/dev/stderr"
		exit 77
	}
	exit count["lost"] > 0
}
