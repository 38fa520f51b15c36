"""SprintHub: the leads of each CRM segment, complete, enriched, within the API's patience.

Replaces the pg_cron job `sync-segments-daily`, the Edge Function `sync-segment-leads` and the script
`sync-and-enrich-segment.js`. Partition: a segment (a row of `public.sync_segments_control`). Key: the lead's id.

The way of a segment (`pipeline.SegmentSync`), under its lock, with one row of `public.sync_segments_logs`:

    segments/  control    who is due: the application's own control table, which people edit, is obeyed
               cadence    the next tick of SPRINTHUB_CRON after the start, so that no run costs the next day's
               execution  the lock, the log row, success or failure in the control table, alerts
    leads/     extract    all pages of the list, kept as they came, until two readings have the same leads
               snapshot   the list in `sync_private`, who entered and who left, in one transaction, proved
               enrich     details of leads that are new, changed or old, several at once, committed as they come
               validate   a detail as columns of `api.leads`: what the API said, or a reject, never a guess
               load       merged by key: only named columns, null only where the API said null
               prove      key set and content of the segment against what the CRM said
               promotion  values of `extra` for which the table has a column by now, moved without a call
               drift      fields of the segment that have no column, as its rows hold them in `extra`
               report     the figures of the last runs, the SQL for unknown fields
    new_leads/ webhook    the receiver stores the number of a lead that the CRM announces
               drain      one call a lead, merged as above, every arrival decided

| asset | grain | key | done means |
|---|---|---|---|
| `sprinthub/segment_leads` | segment | lead id | as many leads as the CRM counts, in two readings the same |
| `sprinthub/segment_membership` | segment | lead id, entered | equal to the list; leaving is recorded |
| `sprinthub/leads` | segment | lead id | every lead of the segment is there with what its detail said |
| `sprinthub/new_leads` | – | lead id | every arrival is applied, superseded or rejected |

Outside: the CRM is a REST API (`client`) that counts our calls (`lib/http/budget`); the destination is the Postgres
database of the project `oficialmed`.
"""
