# SPDX-License-Identifier: MIT
# Writes a man page of section 3 from the comments of a public header:
#
#	awk -v name=ucall-host -v version=0.1.0 -v also="..." -f man.awk include/ucall/ucall.h >ucall-host.3
#
# The header's first comment is the description.  Each declaration after a comment becomes an entry: its code
# in bold, the comment below it.  A line "/* ---- text ---- */" begins a section.  Function bodies and macro
# definitions are left out; what has no comment is left out as well.  With -v links=FOLDER, each name that an
# entry declares gets a page there that refers to this one.

function escape(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	if (text ~ /^[.']/)
		text = sprintf("%c&", 92) text
	return text
}

# A comment's lines as paragraphs; indented lines as an example.
function prose(    i, line, example, empty) {
	example = 0
	empty = 0
	for (i = 1; i <= lines; i++) {
		line = comment[i]
		if (line ~ /^[ \t]*$/) {
			empty = 1
			continue
		}
		if (line ~ /^\t/) {
			if (!example)
				print ".PP\n.nf\n.RS 4"
			else if (empty)
				print ""
			example = 1
			sub(/^\t/, "", line)
		} else {
			if (example)
				print ".RE\n.fi\n.PP"
			else if (empty)
				print ".PP"
			example = 0
		}
		print escape(line)
		empty = 0
	}
	if (example)
		print ".RE\n.fi"
}

function forget() {
	lines = 0
	code = ""
	have = 0
}

# The names that a piece of code declares: the first before a parenthesis of each line that is not indented;
# of macros without arguments, those that are made of others, as UCALL_GUEST.
function names_of(text,    found, n, all, i, word, words) {
	found = ""
	n = text ~ /\{/ ? 0 : split(text, all, "\n") # a structure's members are not linked
	for (i = 1; i <= n; i++) {
		if (all[i] !~ /^[A-Za-z#]/)
			continue
		sub(/\/\*.*/, "", all[i])
		if (all[i] ~ /^#define [A-Z_]+ UCALL_/) {
			split(all[i], words, " ")
			found = found " " words[2]
		} else if (match(all[i], /[A-Za-z_][A-Za-z0-9_]*\(/)) {
			word = substr(all[i], RSTART, RLENGTH - 1)
			if (word !~ /^(__attribute__|sizeof|offsetof|defined)$/)
				found = found " " word
		}
	}
	return found
}

# An entry of the page: the code that followed the comment.
function entry(    n, all, i, text) {
	if (code == "" || comment[1] ~ /^Internal/ || (!lines && code !~ /UCALL_(PUBLIC|HIDDEN)/)) {
		code = ""
		return
	}
	text = code
	sub(/\n+$/, "", text)
	n = split(text, all, "\n")
	print (n > 1 ? ".PP\n.nf" : ".TP\n.nf")
	for (i = 1; i <= n; i++) {
		sub(/^UCALL_(PUBLIC|INLINE|HIDDEN) /, "", all[i])
		sub(/ __attribute__\(\(.*\)\)/, "", all[i])
		gsub(/\t/, "    ", all[i])
		print "\\fB" escape(all[i]) "\\fP"
	}
	print ".fi"
	if (n > 1)
		print ".RS 7"
	prose()
	if (n > 1)
		print ".RE"
	if (links != "") {
		n = split(names_of(text), all, " ")
		for (i = 1; i <= n; i++)
			if (all[i] != name && !(all[i] in linked)) {
				linked[all[i]] = 1
				print ".so man3/" name ".3" >(links "/" all[i] ".3")
				close(links "/" all[i] ".3")
			}
	}
	forget()
}

# The first sentence of the header's comment is the title, the rest the description.
function begin_page(    title, i, rest) {
	title = comment[1]
	sub(/^<[^>]*> - /, "", title)
	for (i = 2; i <= lines && comment[i] != ""; i++) {
		title = title " " comment[i]
		comment[i] = ""
	}
	rest = ""
	if (match(title, /\. /)) {
		rest = substr(title, RSTART + 2)
		sub(/^ /, "", rest)
		title = substr(title, 1, RSTART - 1)
	}
	sub(/\.$/, "", title)
	comment[1] = rest
	print ".\\\" SPDX-License-Identifier: MIT"
	print ".\\\" Written by docs/man.awk from <ucall/" file ">: change that."
	print ".TH " toupper(name) " 3 \"\" \"libucall " version "\" \"libucall\""
	print ".SH NAME\n" escape(name) " \\- " escape(title)
	print ".SH SYNOPSIS\n.B #include <ucall/" file ">"
	print ".SH DESCRIPTION"
	prose()
	print ".SH DECLARATIONS"
	started = 1
	forget()
}

BEGIN {
	started = 0
	depth = 0
	forget()
}

FNR == 1 {
	file = FILENAME
	sub(/.*\//, "", file)
}

# ---- comments ----

!inside && /^\/\* ---- .* ---- \*\/$/ && depth == 0 {
	entry()
	forget()
	sub(/^\/\* ---- /, "")
	sub(/ ---- \*\/$/, "")
	print ".SS " toupper(substr($0, 1, 1)) substr($0, 2)
	next
}
!inside && /^\/\*/ && depth == 0 {
	if (/SPDX/)
		next
	entry()
	forget()
	have = 1
	inside = 1
	sub(/^\/\*[ \t]?/, "")
	if ($0 == "")
		next
	if (/\*\/[ \t]*$/) {
		sub(/[ \t]*\*\/[ \t]*$/, "")
		inside = 0
	}
	comment[++lines] = $0
	next
}
inside {
	last = /\*\/[ \t]*$/
	sub(/[ \t]*\*\/[ \t]*$/, "")
	sub(/^ \* ?/, "")
	if ($0 != "" || !last)
		comment[++lines] = $0
	if (last) {
		inside = 0
		if (!started)
			begin_page()
	}
	next
}

# ---- code ----

# The rest of a macro, of a function's body.
skip_macro {
	# The value of a constant may stand on a line of its own.
	if (constant) {
		sub(/^[ \t]+/, " ")
		sub(/\n$/, $0 "\n", code)
		constant = 0
	}
	skip_macro = /\\$/
	next
}
skip_body {
	if (/^}/)
		skip_body = 0
	next
}
/^#(ifndef|if|ifdef|else|elif|endif|include|undef)/ || /^extern "C"/ || /^}$/ && depth == 0 {
	entry()
	forget()
	next
}
/^$/ && depth == 0 {
	entry()
	forget()
	next
}
/^#define/ && depth == 0 {
	if (!have)
		next
	skip_macro = /\\$/
	if (match($0, /^#define [A-Za-z_0-9]+\([^)]*\)/))
		code = code substr($0, 1, RLENGTH) "\n"
	else {
		constant = skip_macro
		sub(/[ \t]*\\$/, "")
		code = code $0 "\n"
	}
	next
}
# A static inline function: its prototype alone.
(/^static inline/ || /^UCALL_INLINE/ || in_inline) && depth == 0 {
	if (/^{/) {
		in_inline = 0
		skip_body = 1
		sub(/\n$/, ";\n", code)
		next
	}
	in_inline = 1
	if (have)
		code = code $0 "\n"
	next
}
{
	if (have || /^UCALL_(PUBLIC|HIDDEN)/ || code != "")
		code = code $0 "\n"
	opened = gsub(/{/, "{")
	closed = gsub(/}/, "}")
	depth += opened - closed
}
END {
	entry()
	print ".SH SEE ALSO"
	n = split(also, all, " ")
	for (i = 1; i <= n; i++)
		print ".BR " escape(substr(all[i], 1, index(all[i], "(") - 1)) " " substr(all[i], index(all[i], "(")) (i < n ? "," : "")
}
