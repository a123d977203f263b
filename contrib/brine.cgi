#!/bin/sh
# The program that the web server runs for EST. Goes to /usr/local/lib/brine/brine.cgi, mode 0755, owned by root.
# Nothing of the request becomes an argument: CGI passes a query without "=" as such (RFC 3875 section 4.4).
exec /usr/local/bin/brine cgi --data-dir /var/lib/brine
