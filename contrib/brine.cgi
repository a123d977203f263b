#!/bin/sh
# The program that fcgiwrap or a web server runs for each request of EST; brine-est.service needs none. Install as /usr/local/lib/brine/brine.cgi, mode 0755, owned by root.
# Passes no arguments: CGI turns a query without "=" into arguments (RFC 3875 section 4.4).
exec /usr/local/bin/brine cgi --data-dir /var/lib/brine
