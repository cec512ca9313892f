#!/bin/sh
# A test network on one machine: exchange, client and subscriber as hosts of their own, in network namespaces joined by a
# bridge. Nothing outside these namespaces is touched, and nothing leaves them. Needs root, `ip`, and `nft` (or netem) for
# losses. See tuning/README.md, "The lab".
set -eu

lab=${LAB:-lab}
net=${LAB_NET:-10.77.0}
hosts='exchange client subscriber'

usage() {
    cat <<USAGE
usage: lab.sh up                  make the network (again, if it is there)
       lab.sh down                remove it and everything that runs in it
       lab.sh run HOST COMMAND... run a command on a host: exchange, client, subscriber
       lab.sh loss PERCENT        every host loses this share of what it is sent, at random; 0 ends it
       lab.sh status              addresses, losses, processes
       lab.sh check               say whether this machine can do all that, and why not

Addresses: exchange $net.1, client $net.2, subscriber $net.3; market data by 239.0.0.0/8.
LAB=NAME keeps several labs apart (now $lab), LAB_NET=A.B.C chooses their addresses.
USAGE
}

fail() {
    printf 'lab.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

# The rules that lose $1 of 100,000 packets of those that come by $2.
rules() {
    cat <<RULES
table ip lab {
    chain losses {
        type filter hook input priority 0; policy accept;
        iifname "$2" numgen random mod 100000 < $1 counter drop
    }
}
RULES
}

# Prints why there can be no lab here; nothing when there can. With `loss`, whether packets can be lost in it.
obstacle() {
    if [ "$(id -u)" != 0 ]; then
        echo 'needs root: network namespaces are made by the superuser'
        return
    fi
    if ! command -v ip >/dev/null; then
        echo 'needs the command ip (package iproute2)'
        return
    fi
    trial=$lab-trial-$$
    if ! ip netns add "$trial" 2>/dev/null; then
        echo 'the kernel makes no network namespaces here'
        return
    fi
    if ! ip -n "$trial" link add trial type veth peer name other 2>/dev/null; then
        echo 'the kernel has no veth pairs'
    elif ! ip -n "$trial" link add bridge type bridge 2>/dev/null; then
        echo 'the kernel has no bridge'
    elif [ "${1:-}" = loss ] && ! can_nft "$trial" && ! can_netem "$trial"; then
        echo 'packets can not be lost: needs nft (package nftables), or tc and a kernel with netem'
    fi
    ip netns del "$trial"
}

can_nft() {
    command -v nft >/dev/null && rules 1 trial | ip netns exec "$1" nft -f - 2>/dev/null
}

can_netem() {
    command -v tc >/dev/null && ip netns exec "$1" tc qdisc add dev trial root netem loss 1% 2>/dev/null
}

is_up() {
    ip netns list | grep -q "^$lab-$1\\( \\|\$\\)"
}

address() {
    case $1 in
    exchange) echo "$net.1" ;;
    client) echo "$net.2" ;;
    subscriber) echo "$net.3" ;;
    *) fail "there is no host $1: exchange, client or subscriber" 2 ;;
    esac
}

down() {
    for host in $hosts switch; do
        is_up "$host" || continue
        # What runs in it would keep it alive.
        for process in $(ip netns pids "$lab-$host"); do
            kill -KILL "$process" 2>/dev/null || true
        done
        ip netns del "$lab-$host"
    done
}

up() {
    reason=$(obstacle)
    [ -z "$reason" ] || fail "$reason"
    down
    # What is made is taken away when the rest fails.
    trap 'down' EXIT
    ip netns add "$lab-switch"
    ip -n "$lab-switch" link set lo up
    # Without a querier a snooping bridge forgets who has joined; this one sends groups to everybody.
    ip -n "$lab-switch" link add bridge type bridge mcast_snooping 0
    ip -n "$lab-switch" link set bridge up
    for host in $hosts; do
        ip netns add "$lab-$host"
        ip -n "$lab-switch" link add "$host" type veth peer name eth0 netns "$lab-$host"
        ip -n "$lab-switch" link set "$host" master bridge up
        ip -n "$lab-$host" link set lo up
        ip -n "$lab-$host" link set eth0 up
        ip -n "$lab-$host" address add "$(address "$host")/24" dev eth0
        ip -n "$lab-$host" route add 224.0.0.0/4 dev eth0
    done
    trap - EXIT
}

# Loss is where a host takes packets in: what it sends still goes to everybody else.
loss() {
    percent=$1
    case $percent in
    '' | *[!0-9.]* | *.*.* | .) fail "loss PERCENT: a share from 0 to 100, such as 5 or 0.5" 2 ;;
    esac
    thousandths=$(awk -v percent="$percent" 'BEGIN { printf "%d", percent * 1000 + 0.5 }')
    [ "$thousandths" -le 100000 ] || fail "loss PERCENT: a share from 0 to 100, not $percent" 2
    for host in $hosts; do
        is_up "$host" || fail "the lab is not up: lab.sh up"
    done
    for host in $hosts; do
        if command -v nft >/dev/null; then
            # Made before it is removed, so that it can be removed.
            printf 'table ip lab\ndelete table ip lab\n' | ip netns exec "$lab-$host" nft -f -
            [ "$thousandths" = 0 ] || rules "$thousandths" eth0 | ip netns exec "$lab-$host" nft -f -
        elif [ "$thousandths" = 0 ]; then
            ip netns exec "$lab-switch" tc qdisc del dev "$host" root 2>/dev/null || true
        else
            ip netns exec "$lab-switch" tc qdisc replace dev "$host" root netem loss "$percent%" ||
                fail "packets can not be lost: $(obstacle loss)"
        fi
    done
}

status() {
    for host in $hosts; do
        if ! is_up "$host"; then
            printf '%-11s down\n' "$host"
            continue
        fi
        printf '%-11s %s, processes: %s\n' "$host" "$(address "$host")" "$(ip netns pids "$lab-$host" | tr '\n' ' ')"
        {
            ip netns exec "$lab-$host" nft list table ip lab 2>/dev/null || true
            ip netns exec "$lab-switch" tc qdisc show dev "$host" 2>/dev/null || true
        } | sed -n 's/.*\(numgen.*\)/            loses \1/p; s/.*netem.*\(loss.*\)/            loses \1/p'
    done
}

verb=${1:-}
[ $# = 0 ] || shift
case $verb in
up)
    [ $# = 0 ] || fail 'usage: lab.sh up' 2
    up
    status
    ;;
down)
    [ $# = 0 ] || fail 'usage: lab.sh down' 2
    down
    ;;
run)
    [ $# -ge 2 ] || fail 'usage: lab.sh run HOST COMMAND...' 2
    host=$1
    shift
    address "$host" >/dev/null
    is_up "$host" || fail "the lab is not up: lab.sh up"
    exec ip netns exec "$lab-$host" "$@"
    ;;
loss)
    [ $# = 1 ] || fail 'usage: lab.sh loss PERCENT' 2
    loss "$1"
    ;;
status) status ;;
check)
    reason=$(obstacle loss)
    [ -z "$reason" ] || fail "$reason"
    ;;
help | --help | -h) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
