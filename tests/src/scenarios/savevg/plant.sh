# Makes a volume group over two whole disks, with files that are hard to back up,
# and copies these aside by a program that is not ours. Runs as root in the guest.
set -euo pipefail
export LC_ALL=C

vgcreate -s 8m datavg /dev/vdc /dev/vdd
lvcreate -qq -n data -l 80 datavg
lvcreate -qq -n logs -L 320m datavg
lvcreate -qq -n paging00 -L 64m datavg
lvcreate -qq -n rawdb -L 16m datavg
mkfs.ext4 -q -L stuff -O ^metadata_csum_seed -I 512 -m 1 /dev/datavg/data
mkfs.xfs -q -L logs -m rmapbt=0 /dev/datavg/logs
mkswap -q /dev/datavg/paging00
mkdir -p /srv/data
echo '/dev/datavg/data /srv/data ext4 noatime,user_xattr 0 2' >> /etc/fstab
mount /dev/datavg/data /srv/data
mkdir /srv/data/logs && mount -o noatime /dev/datavg/logs /srv/data/logs

cp -a /etc /usr/share/perl5 /srv/data/
cp -a /var/log/. /srv/data/logs/
cd /srv/data
chmod 2751 /srv/data && chown 5:6 logs && touch --date '2001-02-03 04:05:06.070809 UTC' old
echo x > attributes && setfattr --name user.comment --value kept attributes && setfacl --modify u:65534:r attributes
echo x > one && ln one two && ln -s one link && mkfifo fifo && mknod node c 1 3
truncate --size 200M hole && printf tail | dd of=hole bs=1M seek=150 conv=notrunc status=none
echo x > frozen && chattr +i frozen
echo x > logs/project && chattr -p 4242 logs/project
mkdir scratch && echo no > scratch/no
printf '^./srv/data/scratch/\n' > /etc/exclude.datavg
sync
