"""Error rates from labelled photographs (terms of ISO/IEC 19795-1)."""
