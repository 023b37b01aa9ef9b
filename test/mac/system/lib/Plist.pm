package Plist;

# Property lists as launchd and plutil need them: XML and JSON to and from one tree. A node is [type, value]:
# dict => [[key, node], ...] in file order, array => [node, ...], string integer real data date => text, true, false.
# Errors are strings in plutil's manner, with the line.

use strict;
use warnings;
use JSON::PP ();

my %ENTITY = (lt => "<", gt => ">", amp => "&", quot => '"', apos => "'");

sub parse {
    my ($text) = @_;
    return parse_json($text)                                    if $text =~ /\A\s*[\{\[]/;
    die "Property List error: Unexpected character at line 1\n" if $text !~ /\A(?:\x{FEFF}|\xEF\xBB\xBF)?\s*</;
    return parse_xml($text);
}

sub parse_xml {
    my ($text) = @_;
    my $reader = { text => $text };
    pos($reader->{text}) = 0;
    my $tag = next_tag($reader);
    fail($reader, "Encountered unknown tag $tag->{name}") if $tag->{name} ne "plist";
    fail($reader, "Encountered unexpected EOF")           if $tag->{empty};
    my $node = parse_node($reader, next_tag($reader));
    my $end  = next_tag($reader);
    fail($reader, "Encountered unexpected element ($end->{name}) (plist can only include one object)")
        if !$end->{close} || $end->{name} ne "plist";
    fail($reader, "Junk after plist") if $reader->{text} !~ /\G\s*\z/gc;
    return $node;
}

sub fail {
    my ($reader, $text) = @_;
    my $line = 1 + (substr($reader->{text}, 0, pos($reader->{text}) // 0) =~ tr/\n//);
    die "$text on line $line\n";
}

sub next_tag {
    my ($reader) = @_;
    for ($reader->{text}) {
        1 while /\G(?:\x{FEFF}|\xEF\xBB\xBF|\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[[^\]]*\])?\s*>)/gcs;
        /\G<(\/?)([A-Za-z][\w.-]*)[^<>]*?(\/?)>/gcs
            or fail($reader, /\G\z/ ? "Encountered unexpected EOF" : "Malformed data byte group");
        return { close => $1 eq "/", name => $2, empty => $3 eq "/" };
    }
}

sub read_text {
    my ($reader, $name) = @_;
    my $out = "";
    for ($reader->{text}) {
        while (1) {
            if    (/\G([^<&]+)/gc)               { $out .= $1 }
            elsif (/\G<!\[CDATA\[(.*?)\]\]>/gcs) { $out .= $1 }
            elsif (/\G&#x([0-9A-Fa-f]{1,6});/gc) { $out .= chr hex $1 }
            elsif (/\G&#(\d{1,7});/gc)           { $out .= chr $1 }
            elsif (/\G&(\w+);/gc && $ENTITY{$1}) { $out .= $ENTITY{$1} }
            elsif (/\G<\/\Q$name\E\s*>/gc)       { return $out }
            else                                 { fail($reader, "Close tag on $name not found") }
        }
    }
}

sub parse_node {
    my ($reader, $tag) = @_;
    my $name = $tag->{name};
    fail($reader, "Encountered unexpected close tag $name") if $tag->{close};
    if ($name eq "true" || $name eq "false") {
        read_text($reader, $name) if !$tag->{empty};
        return [$name];
    }
    if ($name =~ /\A(?:string|integer|real|data|date)\z/) {
        my $value = $tag->{empty} ? "" : read_text($reader, $name);
        fail($reader, "Encountered empty <$name>") if $value eq "" && $name !~ /\A(?:string|data)\z/;
        fail($reader, "Encountered invalid <integer> \"$value\"")
            if $name eq "integer" && $value !~ /\A\s*[-+]?(?:\d+|0x[0-9a-fA-F]+)\s*\z/;
        $value =~ s/\s+//g if $name =~ /\A(?:integer|real|data)\z/;
        return [$name, $value];
    }
    if ($name eq "array") {
        my @items;
        return [array => \@items] if $tag->{empty};
        while (1) {
            my $next = next_tag($reader);
            return [array => \@items] if $next->{close} && $next->{name} eq "array";
            push @items, parse_node($reader, $next);
        }
    }
    if ($name eq "dict") {
        my @pairs;
        return [dict => \@pairs] if $tag->{empty};
        while (1) {
            my $next = next_tag($reader);
            return [dict => \@pairs]                     if $next->{close} && $next->{name} eq "dict";
            fail($reader, "Found non-key inside <dict>") if $next->{close} || $next->{name} ne "key";
            my $key   = $next->{empty} ? "" : read_text($reader, "key");
            my $value = next_tag($reader);
            fail($reader, "Value missing for key inside <dict>") if $value->{close} || $value->{name} eq "key";
            push @pairs, [$key, parse_node($reader, $value)];
        }
    }
    fail($reader, "Encountered unknown tag $name");
}

sub parse_json {
    my ($text) = @_;
    my $value = eval { JSON::PP->new->utf8->allow_nonref->decode($text) };
    die "JSON text did not start with array or object and option to allow fragments not set.\n" if $@;
    return from_perl($value);
}

# Perl or JSON data as a tree; keys sorted, since a hash has no order.
sub from_perl {
    my ($value) = @_;
    if (ref $value eq "HASH") {
        return [dict => [map { [$_, from_perl($value->{$_})] } sort keys %$value]];
    }
    if (ref $value eq "ARRAY") {
        return [array => [map { from_perl($_) } @$value]];
    }
    if (JSON::PP::is_bool($value)) { return [$value ? "true" : "false"] }
    die "Invalid object in plist for destination format\n" if !defined $value;

    # JSON::PP leaves numbers as numbers: only they come out of the encoder without quotes.
    my $text = JSON::PP->new->allow_nonref->encode($value);
    return [string => $value] if $text =~ /^"/;
    return [$text =~ /[.eE]/ ? "real" : "integer", $text];
}

# Plain Perl data; booleans become 1 and 0.
sub to_perl {
    my ($node) = @_;
    my ($type, $value) = @$node;
    return { map { $_->[0] => to_perl($_->[1]) } @$value } if $type eq "dict";
    return [map { to_perl($_) } @$value]                   if $type eq "array";
    return 1                                               if $type eq "true";
    return 0                                               if $type eq "false";
    return hex $value                                      if $type eq "integer" && $value =~ /^0x/;
    return $type eq "integer" ? 0 + $value : $value;
}

sub escape { return $_[0] =~ s/&/&amp;/gr =~ s/</&lt;/gr =~ s/>/&gt;/gr }

sub to_xml {
    my ($node) = @_;
    return join "", qq{<?xml version="1.0" encoding="UTF-8"?>\n},
        qq{<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">\n},
        qq{<plist version="1.0">\n}, node_xml($node, ""), "</plist>\n";
}

# Apple writes a plist's keys sorted, indented with tabs.
sub node_xml {
    my ($node, $indent) = @_;
    my ($type, $value)  = @$node;
    return "$indent<$type/>\n" if $type eq "true" || $type eq "false";
    if ($type eq "array") {
        return "$indent<array/>\n" if !@$value;
        return join "", "$indent<array>\n", (map { node_xml($_, "$indent\t") } @$value), "$indent</array>\n";
    }
    if ($type eq "dict") {
        return "$indent<dict/>\n" if !@$value;
        my @pairs = sort { $a->[0] cmp $b->[0] } @$value;
        return join "", "$indent<dict>\n",
            (map { "$indent\t<key>" . escape($_->[0]) . "</key>\n" . node_xml($_->[1], "$indent\t") } @pairs),
            "$indent</dict>\n";
    }
    return "$indent<data>\n$indent$value\n$indent</data>\n" if $type eq "data";
    return "$indent<$type>" . escape($value) . "</$type>\n";
}

# JSON as plutil writes it: keys sorted, slashes escaped; data and dates have no JSON form.
sub to_json {
    my ($node, $readable) = @_;
    my $json = JSON::PP->new->utf8->canonical->allow_nonref->escape_slash;
    $json->indent->space_before->space_after->indent_length(2) if $readable;
    return $json->encode(json_value($node)) =~ s/\n\z//r;
}

sub json_value {
    my ($node) = @_;
    my ($type, $value) = @$node;
    return { map { $_->[0] => json_value($_->[1]) } @$value } if $type eq "dict";
    return [map { json_value($_) } @$value]                   if $type eq "array";
    return $type eq "true" ? JSON::PP::true : JSON::PP::false if $type =~ /\A(?:true|false)\z/;
    return 0 + $value                                         if $type =~ /\A(?:integer|real)\z/;
    die "Invalid object in plist for JSON format\n"           if $type ne "string";
    return $value;
}

# The node at a key path (dots between keys, numbers index arrays; `\.` is a dot in a key), or undef.
sub at_path {
    my ($node, $path) = @_;
    for my $key (map {s/\\\././gr} split /(?<!\\)\./, $path) {
        my ($type, $value) = @$node;
        if ($type eq "dict") {
            ($node) = map { $_->[0] eq $key ? $_->[1] : () } @$value;
        }
        elsif ($type eq "array" && $key =~ /^\d+$/) { $node = $value->[$key] }
        else                                        {return}
        return if !defined $node;
    }
    return $node;
}

1;
