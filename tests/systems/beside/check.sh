# Run in the restored system, line by line; each must succeed.
mountpoint -q /data
grep -qx 'the data of others' /data/file
vgs --noheadings -o vg_name | xargs | grep -qx 'datavg rootvg'
