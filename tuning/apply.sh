#!/bin/sh
# Changes this host to what an exchange asks of it: only what exists here, only where it is not so yet. Old values go to a
# state file first, from which revert.sh restores them. What each change is for: tuning/README.md.
set -eu
# The state is written to disk by root, and says what revert.sh writes: nobody else's business.
umask 077

root=${TUNING_ROOT:-}
state=$root/var/lib/exchange-tuning/state
dry_run=
cores=
interface=
data=
changed=0
refused=0
tab=$(printf '\t')

usage() {
    cat <<USAGE
usage: apply.sh [--dry-run] [--state FILE] [--cores LIST] [--interface NAME] [--data DIR]

  --dry-run         say what would be changed, change nothing
  --state FILE      where old values are recorded ($state)
  --cores LIST      cores meant for the exchange, such as 2,3: keeps interrupts away, lets them sleep lightly
  --interface NAME  the card that it uses: rings, offloads, multicast from anywhere
  --data DIR        the directory of the journal: its disk's scheduler

All of it lasts until the next boot. Undo: revert.sh.
USAGE
}

fail() {
    printf 'apply.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry_run=yes ;;
    --help | -h)
        usage
        exit 0
        ;;
    --state | --cores | --interface | --data)
        [ $# -ge 2 ] || fail "$1 needs a value" 2
        case $1 in
        --state) state=$2 ;;
        --cores) cores=$2 ;;
        --interface) interface=$2 ;;
        --data) data=$2 ;;
        esac
        shift
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    shift
done

# ---- Sets of cores ----------------------------------------------------------------------------------------------------

# 0-2,5 as a line for each.
expanded() {
    printf '%s\n' "$1" | tr ',' '\n' | while IFS=- read -r first last; do
        [ -z "$first" ] || seq "$first" "${last:-$first}"
    done
}

# The cores of $1 that are not in $2, with commas.
without() {
    expanded "$1" | while read -r core; do
        expanded "$2" | grep -qx "$core" || printf '%s\n' "$core"
    done | paste -sd, -
}

# Whether $1 and $2 have a core in common.
meet() {
    expanded "$1" | while read -r core; do
        if expanded "$2" | grep -qx "$core"; then
            echo yes
            break
        fi
    done | grep -q yes
}

# ---- One change -------------------------------------------------------------------------------------------------------

# Records an old value, unless an older one is recorded already.
record() {
    if [ -f "$state" ] && grep -qF "$1$tab$2$tab" "$state"; then
        return
    fi
    mkdir -p "$(dirname "$state")"
    printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$state"
    recorded=yes
}

# Takes back a record that was made for a change that was refused.
forget() {
    [ "${recorded:-}" = yes ] || return 0
    grep -vF "$1$tab$2$tab" "$state" >"$state.new" || true
    mv "$state.new" "$state"
}

# What a file says: the chosen word of `a [b] c`, else all of it.
value() {
    sed -n '1{s/.*\[\(.*\)\].*/\1/;p;}' "$root$1" 2>/dev/null
}

tell() {
    printf '%-10s %s: %s -> %s\n' "$1" "$2" "$3" "$4"
}

# set FILE VALUE: writes it there, if it is not so.
set_to() {
    file=$1
    new=$2
    [ -e "$root$file" ] || return 0
    old=$(value "$file")
    [ "$old" != "$new" ] || return 0
    if [ -n "$dry_run" ]; then
        tell would "$file" "$old" "$new"
        return
    fi
    recorded=
    record file "$file" "$old"
    if (printf '%s\n' "$new" >"$root$file") 2>/dev/null && [ "$(value "$file")" != "$old" ]; then
        tell changed "$file" "$old" "$(value "$file")"
        changed=$((changed + 1))
    else
        tell refused "$file" "$old" "$new"
        refused=$((refused + 1))
        forget file "$file"
    fi
}

# raise FILE NUMBER: at least so much.
raise() {
    [ -e "$root$1" ] || return 0
    now=$(value "$1")
    case $now in
    '' | *[!0-9]*) return ;;
    esac
    [ "$now" -ge "$2" ] || set_to "$1" "$2"
}

# lower FILE NUMBER: at most so much.
lower() {
    [ -e "$root$1" ] || return 0
    now=$(value "$1")
    case $now in
    '' | *[!0-9]*) return ;;
    esac
    [ "$now" -le "$2" ] || set_to "$1" "$2"
}

# card OPTION NAME KEY OLD NEW: `ethtool OPTION NAME KEY NEW`, recorded as such.
card() {
    [ "$4" != "$5" ] || return 0
    if [ -n "$dry_run" ]; then
        tell would "ethtool $1 $2 $3" "$4" "$5"
        return
    fi
    recorded=
    record ethtool "$1 $2 $3" "$4"
    if ethtool "$1" "$2" "$3" "$5" >/dev/null 2>&1; then
        tell changed "ethtool $1 $2 $3" "$4" "$5"
        changed=$((changed + 1))
    else
        tell refused "ethtool $1 $2 $3" "$4" "$5"
        refused=$((refused + 1))
        forget ethtool "$1 $2 $3"
    fi
}

# ---- What may be asked ------------------------------------------------------------------------------------------------

[ -n "$dry_run" ] || [ -n "$root" ] || [ "$(id -u)" = 0 ] || fail 'needs root (--dry-run does not)'
online=$(cat "$root/sys/devices/system/cpu/online" 2>/dev/null || true)
case $cores in
*[!0-9,-]*) fail "--cores $cores: a list such as 2,3 or 2-5" 2 ;;
esac
if [ -n "$cores" ]; then
    absent=$(without "$cores" "$online")
    [ -z "$absent" ] || fail "there is no core $absent: this host has $online" 2
    [ -n "$(without "$online" "$cores")" ] || fail "--cores $cores leaves no core for the rest of the host" 2
fi
if [ -n "$interface" ] && [ ! -e "$root/sys/class/net/$interface" ]; then
    fail "there is no interface $interface: $(find "$root/sys/class/net" -mindepth 1 -maxdepth 1 -exec basename {} \; 2>/dev/null | sort | tr '\n' ' ')" 2
fi
[ -z "$data" ] || [ -d "$data" ] || fail "there is no directory $data" 2

# ---- The changes ------------------------------------------------------------------------------------------------------

raise /proc/sys/net/core/rmem_max 8388608
raise /proc/sys/net/core/wmem_max 1048576
raise /proc/sys/net/core/netdev_max_backlog 4096
if [ -r "$root/proc/sys/net/ipv4/udp_mem" ]; then
    # Pages; the second number is where the kernel begins to press.
    pressure=$(awk '{ print $2 }' "$root/proc/sys/net/ipv4/udp_mem")
    [ "${pressure:-16384}" -ge 16384 ] || set_to /proc/sys/net/ipv4/udp_mem "12288${tab}16384${tab}24576"
fi

raise /proc/sys/vm/nr_hugepages 9
if [ "$(value /sys/kernel/mm/transparent_hugepage/enabled)" = never ]; then
    set_to /sys/kernel/mm/transparent_hugepage/enabled madvise
fi
if [ -r "$root/proc/swaps" ] && [ "$(wc -l <"$root/proc/swaps")" -gt 1 ]; then
    lower /proc/sys/vm/swappiness 1
fi

lower /proc/sys/kernel/nmi_watchdog 0
lower /proc/sys/kernel/numa_balancing 0
raise /proc/sys/vm/stat_interval 10
lower /proc/sys/kernel/io_uring_disabled 0

for core in $(expanded "${cores:-$online}"); do
    directory=/sys/devices/system/cpu/cpu$core
    if grep -qw performance "$root$directory/cpufreq/scaling_available_governors" 2>/dev/null; then
        set_to "$directory/cpufreq/scaling_governor" performance
    fi
done

if [ -n "$cores" ]; then
    for core in $(expanded "$cores"); do
        for sleep in "$root/sys/devices/system/cpu/cpu$core"/cpuidle/state*; do
            if [ -r "$sleep/latency" ] && [ "$(cat "$sleep/latency")" -gt 10 ]; then
                set_to "${sleep#"$root"}/disable" 1
            fi
        done
    done
    others=$(without "$online" "$cores")
    for interrupt in "$root"/proc/irq/[0-9]*; do
        list=${interrupt#"$root"}/smp_affinity_list
        if [ -r "$root$list" ] && meet "$(value "$list")" "$cores"; then
            set_to "$list" "$others"
        fi
    done
    for process in "$root"/proc/[0-9]*; do
        if [ "$(cat "$process/comm" 2>/dev/null)" = irqbalance ]; then
            echo 'note       irqbalance runs and may bring interrupts back: systemctl disable --now irqbalance'
            break
        fi
    done
fi

if [ -n "$interface" ]; then
    for name in all "$interface"; do
        file=/proc/sys/net/ipv4/conf/$name/rp_filter
        [ "$(value "$file")" != 1 ] || set_to "$file" 2
    done
    if [ -e "$root/sys/class/net/$interface/device" ] && command -v ethtool >/dev/null; then
        rings=$(ethtool -g "$interface" 2>/dev/null || true)
        for ring in RX TX; do
            most=$(printf '%s\n' "$rings" | awk -v ring="$ring:" '$1 == ring { print $2; exit }')
            now=$(printf '%s\n' "$rings" | awk -v ring="$ring:" '$1 == ring { last = $2 } END { print last }')
            case $most$now in
            '' | *[!0-9]*) continue ;;
            esac
            card -G "$interface" "$(echo "$ring" | tr 'RTX' 'rtx')" "$now" "$most"
        done
        # What is fixed has a third word.
        features=$(ethtool -k "$interface" 2>/dev/null | awk '
            NF != 2 { next }
            $1 == "generic-receive-offload:" { print "gro", $2, "on" }
            $1 == "tx-udp-segmentation:" { print "tx-udp-segmentation", $2, "on" }
            $1 == "large-receive-offload:" { print "lro", $2, "off" }')
        while read -r feature now new; do
            [ -z "$feature" ] || card -K "$interface" "$feature" "$now" "$new"
        done <<FEATURES
$features
FEATURES
    fi
fi

if [ -n "$data" ]; then
    # A partition has the queue of its disk.
    device=/sys/dev/block/$(stat -c '%Hd:%Ld' "$data")
    for queue in "$device/queue" "$device/../queue"; do
        if grep -qw none "$root$queue/scheduler" 2>/dev/null; then
            [ "$(cat "$root$queue/rotational")" = 1 ] || set_to "$queue/scheduler" none
            break
        fi
    done
fi

if [ -n "$dry_run" ]; then
    echo 'nothing was changed'
elif [ "$changed" = 0 ] && [ "$refused" = 0 ]; then
    echo 'everything that exists here is so already'
else
    echo "$changed changed, $refused refused; old values in $state, revert.sh restores them"
fi
