"""Readings of thermometers: from the meter's REST API to `public.readings` of the toy project.

Replaces no cron job: it is the smallest system that keeps every promise. Partition: a day (UTC). Key: the reading's id.
Done means: read = loaded + unchanged + rejected, and the digest of the day is the source's, compared before the COMMIT.

extract (the day's rows as the meter sends them) -> validate (a number, or a reject) -> load (the slice of the day)
-> prove -> report (a row of `public.reading_runs`, the application's own log)

`endpoints.py` answers the application's screen: how many readings a day has.
"""
