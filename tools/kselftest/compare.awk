# SPDX-License-Identifier: MIT
# What the kernel's selftests did over each backend, beside stock: from the list of tests and the lines
# of run-each.  In the environment: format (table, tap, markdown or junit), backends, compare, logs,
# known (a file of losses that have a cause: a pattern for "MACHINE TEST BACKEND", the reason and its
# source, by tabs), machine, version.  Exit status: 1 if something that stock passes is lost.
BEGIN {
	FS = "\t"
	format = ENVIRON["format"]
	machine = ENVIRON["machine"]
	n = split(ENVIRON["backends"], backend, " ")
	while ((getline line < ENVIRON["known"]) > 0) {
		if (line ~ /^#/ || split(line, part, /\t+/) < 2)
			continue
		pattern[++patterns] = part[1]
		because[patterns] = part[2]
	}
}

function verdict(status) {
	return status == "" ? "LOST" : status == 0 ? "PASS" : status == 4 ? "SKIP" : status == 124 || status == 137 ? "TIMEOUT" : "FAIL"
}

function reason_of(test, variant,    i) {
	for (i = 1; i <= patterns; i++)
		if (machine " " test " " variant ~ pattern[i])
			return because[i]
	return ""
}

function log_of(test, variant) {
	gsub(/\//, "-", test)
	return ENVIRON["logs"] "/" test "." variant ".log"
}

# The last lines of a test's output.
function last_words(test, variant,    line, i, count, lines) {
	while ((getline line < log_of(test, variant)) > 0)
		lines[++count] = line
	close(log_of(test, variant))
	for (i = count > 6 ? count - 5 : 1; i <= count; i++)
		print "#     " lines[i]
}

function xml(text) {
	gsub(/&/, "\\&amp;", text)
	gsub(/</, "\\&lt;", text)
	gsub(/"/, "\\&quot;", text)
	return text
}

FNR == NR { test[++tests] = $1; next }
{ result[$1, $2] = verdict($3) }

END {
	for (i = 1; i <= tests; i++) {
		stock = (test[i], "stock") in result ? result[test[i], "stock"] : "LOST"
		stocks[stock]++
		for (b = 1; b <= n; b++) {
			mine = (test[i], backend[b]) in result ? result[test[i], backend[b]] : "LOST"
			if (stock == "LOST" || mine == "LOST")
				lost++ # it was not run
			else if (mine == stock)
				same[b]++
			if (stock != "PASS")
				continue
			passes[b]++
			if (mine == "PASS")
				kept[b]++
			else if ((why = reason_of(test[i], backend[b])) != "") {
				expected[b]++
				cause[i, b] = why
			} else if (mine != "LOST")
				lost++
		}
	}
	if (format == "tap") {
		print "TAP version 13"
		print "1.." tests * n
	} else if (format == "markdown") {
		printf "| Linux %s on %s | stock |", ENVIRON["version"], machine
		for (b = 1; b <= n; b++)
			printf " %s |", backend[b]
		printf "\n|---|---|"
		for (b = 1; b <= n; b++)
			printf "---|"
		print ""
	} else if (format == "junit") {
		print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
		printf "<testsuite name=\"kselftest kvm, Linux %s\" tests=\"%d\" failures=\"%d\">\n", ENVIRON["version"], tests * n, lost
	} else {
		width = 20
		for (i = 1; i <= tests; i++)
			if (length(test[i]) > width)
				width = length(test[i])
		printf "%-" width "s  %-8s", "TEST", "STOCK"
		for (b = 1; b <= n; b++)
			printf "  %-8s", toupper(backend[b])
		print ""
	}
	for (i = 1; i <= tests; i++) {
		stock = (test[i], "stock") in result ? result[test[i], "stock"] : "LOST"
		line = ""
		for (b = 1; b <= n; b++) {
			mine = (test[i], backend[b]) in result ? result[test[i], backend[b]] : "LOST"
			if (format == "tap") {
				point++
				good = stock != "LOST" && (stock != "PASS" || mine == "PASS" || (i, b) in cause)
				printf "%s %d - %s %s%s\n", good ? "ok" : "not ok", point, test[i], backend[b],
					stock == "LOST" ? " # not run" : stock != "PASS" ? " # SKIP stock: " stock : mine != "PASS" && (i, b) in cause ? " # SKIP known: " cause[i, b] : ""
				if (!good)
					last_words(test[i], backend[b])
			} else if (format == "junit") {
				printf "  <testcase classname=\"%s\" name=\"%s\"", xml(backend[b]), xml(test[i])
				if (stock != "PASS")
					printf "><skipped message=\"stock: %s\"/></testcase>\n", stock
				else if (mine == "PASS")
					print "/>"
				else if ((i, b) in cause)
					printf "><skipped message=\"known: %s\"/></testcase>\n", xml(cause[i, b])
				else
					printf "><failure message=\"%s\">%s</failure></testcase>\n", mine, xml(log_of(test[i], backend[b]))
			} else if (format == "markdown")
				line = line " " mine " |"
			else
				line = line sprintf("  %-8s", mine)
		}
		if (format == "table")
			printf "%-" width "s  %-8s%s\n", test[i], stock, line
		else if (format == "markdown" && stock == "PASS")
			printf "| %s | %s |%s\n", test[i], stock, line
	}
	if (format == "junit")
		print "</testsuite>"
	if (format == "table") {
		print ""
		for (i = 1; i <= tests; i++)
			for (b = 1; b <= n; b++) {
				mine = (test[i], backend[b]) in result ? result[test[i], backend[b]] : "LOST"
				stock = (test[i], "stock") in result ? result[test[i], "stock"] : "LOST"
				if (mine == stock && stock != "LOST")
					continue
				differences++
				printf "%s over %s: %s, stock %s%s\n", test[i], backend[b], mine, stock,
					(i, b) in cause ? "; known: " cause[i, b] : ""
				if (ENVIRON["compare"] != "")
					last_words(test[i], backend[b])
			}
		if (differences)
			print ""
		printf "Linux %s, stock: %d passed, %d skipped, %d failed, %d timed out\n", ENVIRON["version"], stocks["PASS"],
			stocks["SKIP"], stocks["FAIL"], stocks["TIMEOUT"] + stocks["LOST"]
		for (b = 1; b <= n; b++)
			printf "%s: %d of %d that stock passes%s; %d of %d verdicts are stock's\n", backend[b], kept[b], passes[b],
				expected[b] ? ", " expected[b] " lost for a known reason" : "", same[b], tests
		print "logs are in " ENVIRON["logs"]
	}
	exit lost > 0
}
