# SPDX-License-Identifier: MIT
# JUnit's XML of a matrix: a testsuite for each run, a testcase for each point.  Input and variables as
# table.awk.
function xml(text) {
	gsub(/&/, "\\&amp;", text)
	gsub(/</, "\\&lt;", text)
	gsub(/>/, "\\&gt;", text)
	gsub(/"/, "\\&quot;", text)
	gsub(/[\001-\010\013\014\016-\037\177-\377]/, "?", text)
	return text
}

BEGIN {
	FS = "\t"
	print "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
	print "<testsuites>"
}

function put(text) {
	printf "%s", text # one by one, since there is a limit to a format
}

{
	name = $1
	points = out "/" name "/points"
	status = first_line(out "/" name "/status")
	tests = failures = skips = 0
	while (status != "" && status != 77 && (getline line < points) > 0) {
		tests++
		failures += line ~ /^fail\t/
		skips += line ~ /^(skip|known)\t/
	}
	close(points)
	if (status == "" || status == 77) {
		tests = 1
		failures = status == ""
		skips = !failures
	}
	printf "  <testsuite name=\"%s\" tests=\"%d\" failures=\"%d\" skipped=\"%d\" time=\"%d\">\n", xml(name), tests,
		failures, skips, first_line(out "/" name "/seconds")
	if (status == "" || status == 77)
		printf "    <testcase classname=\"%s\" name=\"the machine\"><%s message=\"%s\"/></testcase>\n", xml(name),
			status == "" ? "failure" : "skipped", xml(status == "" ? "not finished" : why_skipped(name))
	while (status != "" && status != 77 && (getline line < points) > 0) {
		split(line, part, "\t")
		put("    <testcase classname=\"" xml(name (part[2] == "" ? "" : "." part[2])) "\" name=\"" xml(part[3]) "\"")
		if (part[1] == "fail")
			put("><failure message=\"" xml(part[4]) "\">" \
				xml(name "/" (part[2] == "" ? "output" : "tests/" part[2]) ".log") "</failure></testcase>\n")
		else if (part[1] == "skip" || part[1] == "known")
			put("><skipped message=\"" (part[1] == "known" ? "known to fail: " : "") xml(part[4]) "\"/></testcase>\n")
		else
			put("/>\n")
	}
	close(points)
	print "  </testsuite>"
}

END { print "</testsuites>" }
