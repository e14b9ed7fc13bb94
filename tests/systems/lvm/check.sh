# Run in the restored system, line by line; each must succeed.
test "$(lvs --noheadings -o segtype,stripes,stripesize --units k --nosuffix rootvg/srv | xargs)" = 'striped 2 64.00'
test "$(lvs --noheadings -o segtype,chunksize --units k --nosuffix rootvg/pool | xargs)" = 'thin-pool 64.00'
test "$(lvs --noheadings -o segtype,pool_lv rootvg/home | xargs)" = 'thin pool'
test "$(lvs --noheadings -o segtype rootvg/root | xargs)" = linear
test "$(lvs --noheadings -o segtype rootvg/twice | xargs)" = raid1
test "$(lvs --noheadings -a -o devices -S 'lv_name=~twice_rimage' rootvg | tr -d ' ' | cut -c1-8 | sort -u | wc -l)" = 2
mountpoint -q /home && mountpoint -q /srv && mountpoint -q /opt/twice
for i in $(seq 300); do lvs --noheadings -o sync_percent rootvg/twice | grep -q 100.00 && break; sleep 1; done; lvs --noheadings -o sync_percent rootvg/twice | grep -q 100.00
