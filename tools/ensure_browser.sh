#!/bin/sh
# The browser tests need Chromium: take the one that is here, else install one.
set -eu

for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done

echo 'Installing Chromium for the browser tests.' >&2
if command -v apt-get >/dev/null; then
    as_root=''
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update -qq
    # Inter is for the screenshots: the pages take whatever font there is.
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq --no-install-recommends chromium fonts-inter >/dev/null
else
    .venv/bin/python -m playwright install chromium
fi
