# The words that the lines below are made of. Each looks before it sets.
root=${RDA_ROOT-}
check=
[ "${1-}" = -c ] && check=1
set_now=0 as_wanted=0 differing=0 not_here=0 d= n=

absent() {
    not_here=$((not_here + 1))
    echo "rda: $*" >&2
}

# what, its value, the one wanted: true if it has to be set
to_set() {
    if [ "$2" = "$3" ]; then
        as_wanted=$((as_wanted + 1))
        return 1
    fi
    [ -n "$check" ] || return 0
    differing=$((differing + 1))
    echo "$1: $2, not $3"
    return 1
}

# what, its value now, the one wanted
was_set() {
    if [ "$2" = "$3" ]; then
        set_now=$((set_now + 1))
        echo "$1: $3 now"
    else
        absent "$1 stays $2, not $3"
    fi
}

section() {
    d= n=
    case " ${RDA_SKIP-} " in *" $1 "*) return 1 ;; esac
}

read_file() {
    { cat "$1" | tr -s '[:space:]' ' ' | sed 's/^ //; s/ $//'; } 2>/dev/null
}

# directory of all, place, its identity, files that may have the identity, name it had
pick() {
    d= n=$5 found=0
    for p in $root$2; do
        [ -e "$p" ] || continue
        d=$p found=$((found + 1))
    done
    [ "$found" -eq 1 ] || d=
    if [ -z "$d" ] && [ -n "$3" ]; then
        for p in "$root$1"/*; do
            for f in $4; do
                [ -s "$p/$f" ] && [ "$(read_file "$p/$f")" = "$3" ] && d=$p && break 2
            done
        done
    fi
    if [ -n "$d" ]; then n=${d##*/}; else absent "nothing is in the place of $5"; fi
}

disk() { pick /sys/block "$1" "$2" 'serial device/serial wwid device/wwid' "$3"; }

card() { pick /sys/class/net "$1" "$2" address "$3"; }

interface() {
    n=$1 d=$root/sys/class/net/$1
    [ -d "$d" ] || { d= && absent "there is no interface $1"; }
}

# attribute of the device, value
attribute() {
    [ -n "$d" ] || return 0
    f=$d/$1
    [ -e "$f" ] || { absent "$n has no $1" && return; }
    to_set "$n $1" "$(attribute_now)" "$2" || return 0
    printf '%s\n' "$2" 2>/dev/null >"$f"
    was_set "$n $1" "$(attribute_now)" "$2"
}

# Of several words the one in brackets counts.
attribute_now() { read_file "$f" | sed 's/.*\[\(.*\)\].*/\1/'; }

name() {
    [ -n "$d" ] || return 0
    [ "$n" = "$1" ] && as_wanted=$((as_wanted + 1)) && return
    absent "$n was called $1; a file in /etc/systemd/network gives it the name"
}

mac() {
    [ -n "$d" ] || return 0
    to_set "$n address" "$(read_file "$d/address")" "$1" || return 0
    ip link set dev "$n" address "$1"
    was_set "$n address" "$(read_file "$d/address")" "$1"
}

# short name, long name, on or off
offload() {
    [ -n "$d" ] || return 0
    to_set "$n $1" "$(offload_now "$2")" "$3" || return 0
    ethtool -K "$n" "$1" "$3" >/dev/null 2>&1
    was_set "$n $1" "$(offload_now "$2")" "$3"
}

offload_now() { ethtool -k "$n" 2>/dev/null | sed -n "s/^[[:space:]]*$1: \([a-z]*\).*/\1/p"; }

# speed, duplex
link() {
    [ -n "$d" ] || return 0
    to_set "$n link" "$(link_now)" "$1 $2 fixed" || return 0
    ethtool -s "$n" autoneg off speed "$1" duplex "$2" >/dev/null 2>&1
    was_set "$n link" "$(link_now)" "$1 $2 fixed"
}

link_now() {
    auto=$(ethtool "$n" 2>/dev/null | sed -n 's/.*Auto-negotiation: //p')
    [ "$auto" = off ] && auto=fixed
    echo "$(read_file "$d/speed") $(read_file "$d/duplex") ${auto:-unknown}"
}

# family, route without its device
route() {
    [ -n "$d" ] || return 0
    to_set "route $2 dev $n" "$(route_now "$@")" there || return 0
    # Its words are the arguments.
    # shellcheck disable=SC2086
    ip "$1" route add $2 dev "$n"
    was_set "route $2 dev $n" "$(route_now "$@")" there
}

route_now() {
    # shellcheck disable=SC2086
    if [ -n "$(ip "$1" route show $2 dev "$n" 2>/dev/null)" ]; then echo there; else echo missing; fi
}

# setting below /proc/sys, value
kernel() {
    f=$root/proc/sys/$1
    [ -e "$f" ] || { absent "the kernel has no setting $1" && return; }
    to_set "$1" "$(read_file "$f")" "$2" || return 0
    printf '%s\n' "$2" 2>/dev/null >"$f"
    was_set "$1" "$(read_file "$f")" "$2"
}

# directory, file that gets a line if none of the directory has it, the line
line() {
    to_set "$2: $3" "$(line_now "$@")" there || return 0
    mkdir -p "$root$1"
    printf '%s\n' "$3" >>"$root$2"
    was_set "$2: $3" "$(line_now "$@")" there
}

line_now() {
    for f in "$root$1"/*.conf "$root${1%.d}.conf"; do
        [ -e "$f" ] || continue
        if tr -s ' \t' ' ' <"$f" | sed 's/^ //; s/ $//; s/^-//; s/ *= */=/' | grep -qxF -- "$3"; then
            echo there
            return
        fi
    done
    echo missing
}

# path; the text comes on standard input
file() {
    text=$(cat)
    to_set "$1" "$(file_now "$1")" same || return 0
    [ -e "$root$1" ] && [ ! -e "$root$1.before-rda" ] && cp -p "$root$1" "$root$1.before-rda"
    printf '%s\n' "$text" >"$root$1"
    was_set "$1" "$(file_now "$1")" same
}

file_now() {
    if [ ! -e "$root$1" ]; then
        echo missing
    elif [ "$(cat "$root$1")" = "$text" ]; then
        echo same
    else
        echo other
    fi
}

host_name() {
    f=$root/proc/sys/kernel/hostname
    to_set 'host name' "$(read_file "$f")" "$1" || return 0
    printf '%s\n' "$1" >"$root/etc/hostname"
    printf '%s\n' "$1" >"$f"
    was_set 'host name' "$(read_file "$f")" "$1"
}

finish() {
    if [ -n "$check" ]; then
        echo "rda: $differing differ, $as_wanted are the same"
    else
        echo "rda: $set_now set, $as_wanted as they should be already"
    fi
    [ "$not_here" -eq 0 ] || echo "rda: $not_here do not apply to this machine" >&2
    [ -z "$check" ] || [ $((differing + not_here)) -eq 0 ]
}
