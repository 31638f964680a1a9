# SPDX-License-Identifier: MIT
# Reads KTAP of tests whose points are subtests, and prints LAVA's helpers' commands, for sh: a test set for
# each test, a test case for each point.  Names in LAVA's signals have no spaces, "=" or ">".

function name(text) {
	gsub(/[^A-Za-z0-9._-]+/, "-", text)
	gsub(/^-+|-+$/, "", text)
	return text == "" ? "point" : substr(text, 1, 120)
}

# A point's line without its indentation: sets result and label; false if it is another line.
function is_point(text) {
	if (text !~ /^(not )?ok( |$)/)
		return 0
	result = text ~ /^not / ? "fail" : "pass"
	sub(/^not /, "", text)
	sub(/^ok *[0-9]* *(- )?/, "", text)
	if (sub(/ *# *SKIP.*$/, "", text) && result == "pass")
		result = "skip"
	sub(/ *# (TIMEOUT|exit status).*$/, "", text)
	label = name(text)
	# Two points may have one name.
	plain = label
	for (n = 2; (set, label) in seen; n++)
		label = plain "-" n
	seen[set, label] = 1
	return 1
}

/^  # Subtest: / {
	set = name(substr($0, length("  # Subtest: ") + 1))
	print "lava-test-set start " set
	next
}

/^  / {
	if (set != "" && is_point(substr($0, 3)))
		print "lava-test-case " label " --result " result
	next
}

# The test itself, after its subtests.
{
	if (!is_point($0))
		next
	if (set != "")
		print "lava-test-set stop"
	set = ""
	print "lava-test-case " label " --result " result
}

# A test that has not ended.
END {
	if (set != "") {
		print "lava-test-set stop"
		print "lava-test-case " set " --result fail"
	}
}
