# Run in the restored system, line by line; each must succeed.
mdadm --detail --export /dev/md/boot | grep -qx MD_LEVEL=raid1
mdadm --detail --export /dev/md/boot | grep -qx MD_DEVICES=2
mdadm --detail --export /dev/md/boot | grep -qx MD_UUID=1feb0a70:00000000:00000000:00000001
mdadm --detail --export /dev/md/system | grep -qx MD_LEVEL=raid10
mdadm --detail --export /dev/md/system | grep -qx MD_DEVICES=3
mdadm --detail --export /dev/md/system | grep -qx MD_UUID=1feb0a70:00000001:00000000:00000002
mdadm --detail --export /dev/md/srv | grep -qx MD_LEVEL=raid5
mdadm --detail --export /dev/md/srv | grep -qx MD_UUID=1feb0a70:00000002:00000000:00000003
mdadm --detail /dev/md/system | grep -q 'Layout : near=2'
mdadm --detail /dev/md/srv | grep -q 'Chunk Size : 64K'
for i in $(seq 300); do grep -qE 'resync|recovery' /proc/mdstat || break; sleep 1; done; ! grep -qE 'resync|recovery|_' /proc/mdstat
for a in boot system srv; do n=$(basename $(readlink -f /dev/md/$a)); echo check > /sys/block/$n/md/sync_action; done; for i in $(seq 300); do grep -q check /proc/mdstat || break; sleep 1; done; test "$(cat /sys/block/md*/md/mismatch_cnt | sort -u)" = 0
