# Plants what is hard to back up, on the file systems of a Debian system with
# ext4 on / and xfs on /var. Runs as root in the guest.
set -euo pipefail
export LC_ALL=C

hard=/srv/hard
mkdir "$hard" && cd "$hard"

# Times to the nanosecond, before 1970, far ahead.
echo old > old && touch --date '1969-07-20 20:17:40.123456789 UTC' old
echo new > new && touch --date '2099-12-31 23:59:59.987654321 UTC' new

# Attributes of every kind.
echo x > attributes
setfattr --name user.comment --value 'kept by a backup' attributes
setfattr --name user.bytes --value 0x00ff0a3d25 attributes
setfattr --name trusted.secret --value hidden attributes
setfattr --name security.selinux --value system_u:object_r:etc_t:s0 attributes
setfacl --modify u:65534:r,g:5:rw attributes
mkdir --mode 3771 defaults && setfacl --default --modify u:65534:rx defaults
cp /usr/bin/true capable && setcap cap_net_bind_service,cap_chown=ep capable
cp /usr/bin/true setid && chown 1:2 setid && chmod 6755 setid

# Flags of inodes.
echo x > immutable && chattr +i immutable
echo x > append-only && chattr +a append-only
echo x > nodump && chattr +dA nodump
mkdir frozen && echo x > frozen/inside && ln frozen/inside frozen/other && chattr +i frozen

# Several names of one file, also in other directories.
echo links > name-1 && ln name-1 name-2 && mkdir elsewhere && ln name-1 elsewhere/name-3
ln -s 'a target that does not exist' dangling && ln dangling dangling-2
ln -s "$(printf 'x%.0s' {1..3000})" long-target

# Holes: in the middle, at the end, nothing but; and more than 8 GiB.
printf head > sparse && printf tail | dd of=sparse bs=1M seek=40 status=none && truncate --size 64M sparse
truncate --size 1G hole
printf 'behind 9 GiB' | dd of=huge bs=1M seek=9216 status=none

# What is no file.
mkfifo --mode 0620 fifo
mknod --mode 0640 block b 7 200 && mknod --mode 0604 character c 1 250 && chown 3:4 block character
perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un("socket")) or die'

# Names: every byte but 0 and /, options, blanks, 255 bytes.
mkdir names && cd names
perl -e 'for (1..255) { next if $_ == 47; open F, ">", "byte-" . chr($_) . "-" or die; print F $_ }'
echo x > ' leading and trailing ' && echo x > -rf && echo x > $'new\nline' && echo x > '*'
echo x > "$(printf 'n%.0s' {1..255})"
cd ..

# A path longer than any path may be in one call.
perl -e 'for (1..30) { my $d = sprintf("%03d-", $_) . "d" x 196; mkdir $d or die; chdir $d or die }
         open F, ">", "deepest" or die; print F "deep"'

# Many files in one directory, and a project's quota id, where xfs has them.
mkdir /var/many && perl -e 'for (1..100000) { open F, ">", sprintf("/var/many/%06d", $_) or die; print F $_ if $_ % 100 == 0 }'
mkdir /var/project && echo x > /var/project/file && chattr -p 4242 /var/project/file

# What the exclude file names goes; what only looks like it stays.
mkdir --mode 0710 /srv/scratch && echo no > /srv/scratch/no && mkdir /srv/scratchy && echo yes > /srv/scratchy/yes
printf '^./srv/scratch/\n' > /etc/exclude.rootvg
sync
