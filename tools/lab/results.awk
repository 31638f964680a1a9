# SPDX-License-Identifier: MIT
# Reads the folders of a matrix's runs, for table.awk, junit.awk and ktap.awk.  In the environment:
# out, the folder above.
BEGIN { out = ENVIRON["out"] }

function first_line(file,    line) {
	line = ""
	getline line < file
	close(file)
	return line
}

# The last of the lab's own words.
function why_skipped(name,    line, last) {
	last = ""
	while ((getline line < (out "/" name "/lab.log")) > 0)
		if (sub(/^ucall lab: /, "", line))
			last = line
	close(out "/" name "/lab.log")
	return last
}
