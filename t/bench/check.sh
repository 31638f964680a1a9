#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh LIMITS.json RESULTS.json...: checks that each figure, the least of all results, is within
# its limit.  Prints both, and which figures miss their targets.  Ratios and counts only; what could
# not be measured here is reported and passes.
# (A locale may have a comma in numbers.)
export LC_ALL=C
exec awk '
# The value of a member of the object in this line; "" if it has none.
function value(line, member,    at, rest) {
	at = index(line, "\"" member "\": ")
	if (!at)
		return ""
	rest = substr(line, at + length(member) + 4)
	if (substr(rest, 1, 1) == "\"") {
		rest = substr(rest, 2)
		return substr(rest, 1, index(rest, "\"") - 1)
	}
	sub(/[,}].*/, "", rest)
	return rest
}
function key(line) {
	return value(line, "name") " " value(line, "engine") " " value(line, "ring")
}
FNR == 1 { files++ }
files == 1 && /^\{"name"/ { limits[++count] = $0 }
files > 1 && /^\{"name"/ { rows[key($0), files] = $0 }
files > 1 && /^"vm"/ { rows["vm  ", files] = $0 }
files > 1 && /^"ring"/ { rows["ring  ", files] = $0 }
# The least value of a figure; "" if no result has it.
function least(name, member,    i, v, best) {
	best = ""
	for (i = 2; i <= files; i++) {
		v = value(rows[name, i], member)
		if (v != "" && v != "null" && (best == "" || v + 0 < best + 0))
			best = v
	}
	return best
}
END {
	if (!count || files < 2) {
		print "bench-check: no limits, or no results" >"/dev/stderr"
		exit 2
	}
	for (i = 1; i <= count; i++) {
		member = value(limits[i], "member")
		max = value(limits[i], "max") + 0
		target = value(limits[i], "target")
		got = least(key(limits[i]), member)
		name = key(limits[i])
		sub(/ +$/, "", name)
		if (got == "") {
			said = "not measured here"
			unmeasured++
		} else if (got + 0 > max) {
			said = "TOO MUCH"
			bad++
		} else {
			said = target != "" && got + 0 > target + 0 ? "ok; the target is " target : "ok"
			good++
		}
		printf "%-20s %-20s %8s  limit %-6g %s\n", name, member, got, max, said
	}
	printf "%d within their limits, %d not, %d not measured\n", good, bad, unmeasured
	exit bad > 0
}' "$@"
