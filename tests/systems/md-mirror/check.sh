# Run in the restored system, line by line; each must succeed.
mdadm --detail --export /dev/md/system | grep -qx MD_LEVEL=raid1
mdadm --detail --export /dev/md/system | grep -qx MD_DEVICES=2
mdadm --detail --export /dev/md/system | grep -qx MD_UUID=1feb0a70:00000935:00000000:00000001
test "$(lvs --noheadings -o segtype rootvg/hd4 | tr -d ' ')" = linear
for i in $(seq 600); do grep -qE 'resync|recovery' /proc/mdstat || break; sleep 1; done; ! grep -qE 'resync|recovery|_' /proc/mdstat
