"""Readings of thermometers: `public.raw_readings` -> `public.readings`, both in the toy project.

Replaces no cron job: it is the smallest system that keeps every promise. Partition: a day (UTC). Key: the reading's id.
Done means: read = loaded + unchanged + rejected, and the digest of the day is the source's, compared before the COMMIT.

extract (the day's rows as text) -> validate (a number, or a reject) -> load (the slice of the day) -> prove -> report
"""
