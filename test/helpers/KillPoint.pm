# Loaded into pam-auth-update: adds a point (kill-point) before each file below /etc that it replaces.
package KillPoint;
use strict;
use warnings;

BEGIN {
    *CORE::GLOBAL::rename = sub {
        my ($from, $to) = @_;
        # Its stdout is debconf's.
        system("kill-point 'rename $to' >/dev/null") if $to =~ m{^/etc/};
        return CORE::rename($from, $to);
    };
}

1;
