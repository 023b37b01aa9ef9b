#!/usr/bin/perl
# Medians, spread (smallest to largest) and multiples of native from the benchmark's CSV, as a table in Markdown.
use strict;
use warnings;

my (%seconds, @rows, @candidates, %is_known);
open my $csv, '<', $ARGV[0] or die "$ARGV[0]: $!";
while (<$csv>) {
    chomp;
    my ($candidate, $row, undef, $value) = split /,/;
    next if $candidate eq 'candidate';
    push @rows, $row unless $is_known{"row $row"}++;
    push @candidates, $candidate unless $is_known{"candidate $candidate"}++;
    push @{$seconds{$row}{$candidate}}, $value;
}
sub median {
    my @sorted = sort { $a <=> $b } @_;
    return @sorted % 2 ? $sorted[$#sorted / 2] : ($sorted[@sorted / 2 - 1] + $sorted[@sorted / 2]) / 2;
}
print '| row | ' . join(' | ', @candidates) . " |\n|---|" . '---|' x @candidates . "\n";
for my $row (@rows) {
    my $base = $seconds{$row}{native} ? median(@{$seconds{$row}{native}}) : 0;
    my @cells = map {
        my $values = $seconds{$row}{$_};
        if (!$values) { '-' }
        else {
            my @sorted = sort { $a <=> $b } @$values;
            my $cell = sprintf '%.3f s (%.3f-%.3f)', median(@sorted), $sorted[0], $sorted[-1];
            $cell .= sprintf ' **%.2fx**', median(@sorted) / $base if $base && $_ ne 'native';
            $cell;
        }
    } @candidates;
    print "| $row | " . join(' | ', @cells) . " |\n";
}
