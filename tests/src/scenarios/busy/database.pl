# A file under constant writes whose consistency can be checked, as a database is:
#   database.pl write FILE   writes until it is killed
#   database.pl check FILE   says whether the file is of one moment
# A transaction N writes N at the beginning, then into every page, then at the
# end, each reaching the disk before the next. At any one moment the numbers
# never rise from the beginning to the end, and differ by one at most.
use strict;
use warnings;
use IO::Handle;

my ($act, $path) = @ARGV;
my ($page, $pages) = (4096, 512);

if ($act eq 'write') {
    open my $file, '+>', $path or die "$path: $!";
    binmode $file;
    syswrite $file, "\0" x ($page * $pages) or die;
    for (my $n = 1; ; $n++) {
        for my $step ([0], [1 .. $pages - 2], [$pages - 1]) {
            for my $at (@$step) {
                sysseek $file, $at * $page, 0 or die;
                syswrite $file, pack('Q<', $n) or die;
            }
            $file->sync or die;
        }
    }
}
open my $file, '<', $path or die "$path: $!";
binmode $file;
my ($first, $last);
for my $at (0 .. $pages - 1) {
    sysread($file, my $bytes, $page) == $page or die "$path is too short\n";
    my $n = unpack 'Q<', $bytes;
    die "page $at has transaction $n, the page before it $last\n" if defined $last && $n > $last;
    $first //= $n;
    $last = $n;
}
die "it begins with transaction $first and ends with $last\n" if $first - $last > 1;
die "nothing was ever written\n" if $first == 0;
print "of one moment: transactions $first and $last\n";
