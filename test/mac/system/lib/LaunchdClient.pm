package LaunchdClient;

# Asks process 1 for something and passes its answer on.

use strict;
use warnings;
use IO::Socket::UNIX ();
use Socket           qw(SOCK_STREAM);

# (exit code, stdout, stderr); 1 when process 1 does not answer.
sub ask {
    my (@words) = @_;
    my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => "/private/var/run/launchd.socket")
        or return (1, "", "launchd: $!\n");
    print {$socket} join "\0", @words;
    $socket->flush;
    shutdown $socket, 1;
    local $/;
    my $answer = <$socket> // "";
    my ($code, $length, $rest) = $answer =~ /\A(\d+) (\d+)\n(.*)\z/s or return (1, "", "launchd: no answer\n");
    return ($code, substr($rest, 0, $length), substr $rest, $length);
}

1;
