# Makes the demo's system backup:
#   archive.sh ROOTFS.TAR WORK LIFEBOAT IMAGE.DATA BOSINST.DATA BACKUP
# Unpacks the system, plants what is hard to back up, lists every file with
# tools that are not ours, and has `lifeboat mksysb` write the backup. Runs as
# root, or as the root of a user namespace.
set -euo pipefail
tar=$1 work=$2 lifeboat=$3 image_data=$4 bosinst_data=$5 backup=$6
export LC_ALL=C

tree=$work/tree
mkdir "$tree"
# The kernel fills /dev; a user namespace could not make its nodes.
tar --extract --file "$tar" --directory "$tree" --numeric-owner --preserve-permissions \
    --xattrs --xattrs-include='*' --acls --exclude='./dev/*'

# An installed system has its identity; without one it would behave as on a
# first boot. mmdebstrap empties the file, so it is written here.
echo 11feb0a711feb0a711feb0a711feb0a7 > "$tree/etc/machine-id"

hard=$tree/srv/demo
mkdir "$hard"
printf 'the only data in a file of 64 MiB\n' | dd of="$hard/sparse" bs=1M seek=63 status=none
truncate --size 64M "$hard/sparse"
echo 'one file with three names' > "$hard/name-1"
ln "$hard/name-1" "$hard/name-2"
mkdir "$hard/elsewhere"
ln "$hard/name-1" "$hard/elsewhere/name-3"
ln --symbolic 'a target that does not exist' "$hard/dangling"
mkfifo --mode 0620 "$hard/fifo"
: > "$hard/empty"
echo odd > "$hard/ leading and trailing "
echo odd > "$hard/line
break"
echo odd > "$hard/back\\slash"
echo odd > "$hard/"$'not-utf8-\xff\xfe'
echo odd > "$hard/-rf"
long=$(printf 'n%.0s' {1..255})
mkdir "$hard/${long:0:200}"
echo 'a name of 255 bytes below one of 200' > "$hard/${long:0:200}/$long"
cp "$tree/usr/bin/true" "$hard/with-capability"
setcap cap_net_bind_service=ep "$hard/with-capability"
echo attributes > "$hard/with-attributes"
setfattr --name user.comment --value 'kept by a backup' "$hard/with-attributes"
setfacl --modify u:65534:r,g:5:rw "$hard/with-attributes"
mkdir --mode 2770 "$hard/with-default-acl"
setfacl --default --modify u:65534:rx "$hard/with-default-acl"
chown 12345:54321 "$hard/empty"
touch --date '1999-12-31 23:59:59.123456789 UTC' "$hard/empty"

lists=$tree/var/lib/lifeboat-demo
mkdir "$lists"
cd "$tree"
find . -xdev -path ./var/lib/lifeboat-demo -prune -o -type f -print0 |
    sort --zero-terminated | xargs --null sha256sum -- > "$work/sha256sums"
find . -xdev -path ./var/lib/lifeboat-demo -prune -o \
    -type d -printf '%p %y %#m %U %G\n' -o -printf '%p %y %#m %U %G %s %l\n' |
    sort > "$work/attributes"
getfattr --recursive --physical --no-dereference --dump --match=- --encoding=hex . > "$work/xattrs"
cp "$work/sha256sums" "$work/attributes" "$work/xattrs" "$lists"

"$lifeboat" mksysb --tree "$tree" --image-data "$image_data" --bosinst-data "$bosinst_data" "$backup"
test -s "$backup"
cd "$work"
rm -rf "$tree"
