#!/bin/sh
# SPDX-License-Identifier: MIT
# The options of KVM's module are what the lab was asked for; by default it has nested paging.
n=0
check() { # NAME VALUE
	set -- "$1" "$2" /sys/module/kvm*/parameters/"$1"
	test -e "$3" || return 0
	n=$((n + 1))
	value=$(cat "$3")
	case $2 in
	0) wanted=N ;;
	1) wanted=Y ;;
	*) wanted=$2 ;;
	esac
	case $value in
	"$2" | "$wanted") echo "ok $n - $1 is $value" ;;
	*) echo "not ok $n - $1 is $value, not $2" ;;
	esac
}
options=$(cat /.lab/options)
for option in npt=1 ept=1; do
	case " $options " in
	*" ${option%=*}="*) ;;
	*) check "${option%=*}" "${option#*=}" ;;
	esac
done
for option in $options; do
	check "${option%=*}" "${option#*=}"
done
test -c /dev/kvm || printf "not "
echo "ok $((n + 1)) - there is /dev/kvm"
echo "1..$((n + 1))"
