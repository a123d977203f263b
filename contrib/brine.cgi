#!/bin/sh
# The program that the web server runs for EST. Install as /usr/local/lib/brine/brine.cgi, mode 0755, owned by root.
# Passes no arguments: CGI turns a query without "=" into arguments (RFC 3875 section 4.4).
exec /usr/local/bin/brine cgi --data-dir /var/lib/brine
