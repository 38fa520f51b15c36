"""Scouter: leads of TabuladorMax pushed to Gestão Scouter, and what people change there brought back.

Replaces the Edge Functions `export-to-gestao-scouter-batch`, `validate-gestao-scouter-schema`,
`validate-gestao-scouter-config`, `reload-gestao-scouter-schema-cache` and `sync-from-gestao-scouter` with its trigger,
and pg_cron's clean-up of error rows. The old screen goes on: `endpoints` answers its calls as those functions did.

The way of a lead, newest day first (`push.pipeline.LeadPush`):

    export_jobs/  actions    a person, the schedule or a backfill creates a job in `gestao_scouter_export_jobs`
                  worker     one run claims it, advances its checkpoint, ends it
    schema/       doctor     both live schemas are compared through the mapping; a push starts only if they fit
    mapping/      rendering  the lead as JSON text and its content hash, both made by SQL in the source
    push/         engine     day by day: prefetches pages, sends batches side by side, commits them in order
                  extract    pages of a day, rendered as they are sent; `batcher` leaves out what is unchanged
                  load       bulk upserts over PostgREST; a rejected batch is halved down to the bad lead
                  prove      what was sent is read back and compared, column by column
                  report     counters, checkpoint, rejected leads and `sync_events`, in one transaction

The way of a webhook, or of an outbox entry (`reverse.pipeline.ReverseSync`; SCOUTER_WAY_BACK switches it on):

    reverse/      webhook    the receiver checks the body and stores it in `ops.inbox`; nothing else happens in the call
                  extract    without webhooks: the outbox of Gestão Scouter (`sql/outbox.sql`) is collected
                  drain      batch by batch: reads the rows there, merges, records what was seen and what was decided
                  batch      one transaction in TabuladorMax: `three_way` decides each field, `write` writes the leads
                  claims     what the row there, and the changes announced beside it, say of each field
                  conflicts  fields that both sides had changed, and a person's choice
                  report     counts by decision and reason

Where the reverse sync is on, the push looks before it sends (`push.merge_first`): what people changed there is merged
first. `field_bases` keeps how each field was last seen there, and what is being written; one lock excludes the two.

| asset | grain | key | done means |
|---|---|---|---|
| `scouter/schema` | none | destination column | every mapped column exists on both sides and takes what is sent |
| `scouter/leads_export` | a day of `updated_at` | the lead's id | all that was sent was read back and is equal |
| `scouter/leads_inbound` | none | the lead's id | every row is applied, ignored with a reason, or rejected |

Outside: TabuladorMax is a Postgres database, Gestão Scouter a PostgREST (`client`); our own is the ops database with
the inbox, the schema reports and the last-synced state of each lead.
"""
