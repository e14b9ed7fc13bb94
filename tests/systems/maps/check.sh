# Run in the restored system, line by line; each must succeed. LVM by itself would have
# placed each volume in one piece.
ranges() { lvs --noheadings --segments -O seg_start_pe -o seg_pe_ranges rootvg/$1 | sed 's,/dev/vda3,hdisk0,g; s,/dev/vdb1,hdisk1,g'; }; test "$(ranges root | xargs)" = 'hdisk0:200-349 hdisk1:300-449 hdisk0:20-119' && test "$(ranges swap | xargs)" = 'hdisk0:470-533' && test "$(ranges srv | xargs)" = 'hdisk1:10-39 hdisk0:400-429 hdisk1:100-119 hdisk0:360-379'
lvs --noheadings --segments -O seg_start_pe -o seg_pe_ranges rootvg/root | tr -d ' ' | sed 's,/dev/vda3,hdisk0,; s,/dev/vdb1,hdisk1,' | while IFS=:- read disk first last; do seq -f "$disk:%g" $((first + 1)) $((last + 1)); done | cmp - /var/lib/lifeboat/maps/rootvg.root.map
test "$(lvs --noheadings -o segtype,stripes,stripesize --units k --nosuffix rootvg/srv | sort -u | xargs)" = 'striped 2 64.00'
test "$(lvs --noheadings -o segtype,chunksize --units k --nosuffix rootvg/pool | xargs)" = 'thin-pool 64.00'
test "$(lvs --noheadings -o segtype,pool_lv rootvg/home | xargs)" = 'thin pool'
test "$(lvs --noheadings -o segtype rootvg/root | sort -u | xargs)" = linear
test "$(lvs --noheadings -o segtype rootvg/twice | xargs)" = raid1
test "$(lvs --noheadings -a -o devices -S 'lv_name=~twice_rimage' rootvg | tr -d ' ' | cut -c1-8 | sort -u | wc -l)" = 2
mountpoint -q /home && mountpoint -q /srv && mountpoint -q /opt/twice
for i in $(seq 300); do lvs --noheadings -o sync_percent rootvg/twice | grep -q 100.00 && break; sleep 1; done; lvs --noheadings -o sync_percent rootvg/twice | grep -q 100.00
