#!/bin/sh
# Restores exactly what apply.sh recorded, the last change first. What can not be restored stays recorded.
set -eu
umask 077

root=${TUNING_ROOT:-}
state=$root/var/lib/exchange-tuning/state
dry_run=
tab=$(printf '\t')

fail() {
    printf 'revert.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry_run=yes ;;
    --state)
        [ $# -ge 2 ] || fail '--state needs a value' 2
        state=$2
        shift
        ;;
    *)
        echo 'usage: revert.sh [--dry-run] [--state FILE]' >&2
        [ "$1" = --help ] || [ "$1" = -h ] || exit 2
        exit 0
        ;;
    esac
    shift
done

if [ ! -s "$state" ]; then
    echo "nothing is recorded in $state"
    exit 0
fi
[ -n "$dry_run" ] || [ -n "$root" ] || [ "$(id -u)" = 0 ] || fail 'needs root (--dry-run does not)'

# What a file says: the chosen word of `a [b] c`, else all of it.
value() {
    sed -n '1{s/.*\[\(.*\)\].*/\1/;p;}' "$root$1" 2>/dev/null
}

failed=$state.failed
lines=$state.lines
: >"$failed"
# Not in a pipe, so that what fails is known behind the loop.
sed -n '1!G;h;$p' "$state" >"$lines"
while IFS=$tab read -r kind target old; do
    if [ -n "$dry_run" ]; then
        printf 'would      %s: %s\n' "$target" "$old"
        continue
    fi
    is_restored=
    case $kind in
    file)
        if [ "$(value "$target")" = "$old" ]; then
            is_restored=yes
        elif (printf '%s\n' "$old" >"$root$target") 2>/dev/null && [ "$(value "$target")" = "$old" ]; then
            is_restored=yes
        fi
        ;;
    ethtool)
        # Three words: option, interface, key.
        # shellcheck disable=SC2086
        if ethtool $target "$old" >/dev/null 2>&1; then
            is_restored=yes
        fi
        ;;
    esac
    if [ -n "$is_restored" ]; then
        printf 'restored   %s: %s\n' "$target" "$old"
    else
        printf 'refused    %s: %s\n' "$target" "$old"
        printf '%s\t%s\t%s\n' "$kind" "$target" "$old" >>"$failed"
    fi
done <"$lines"
rm -f "$lines"

if [ -n "$dry_run" ]; then
    rm -f "$failed"
    echo 'nothing was changed'
elif [ -s "$failed" ]; then
    sed -n '1!G;h;$p' "$failed" >"$state"
    rm -f "$failed"
    fail "not all could be restored; what is left is in $state"
else
    rm -f "$failed" "$state"
    echo 'everything is as it was'
fi
