"""HITSS: the income statement (DRE) of one company, from the Excel export of HITSS Control to a mirror and to backups.

The way of the data:

    HITSS Control ──download──▶ landing store ──▶ sync_private.dre_lines ─┬─▶ public.dre_hitss ──┬─▶ public.dre_summary
     (Excel export)            (the raw workbook)   (both reports, typed)  └─▶ public.dre_orcado ─┘
    public.dre_hitss ──mirror──▶ public.dre_hitss of the hitss database
    public.dre_hitss ──backup──▶ public.dre_hitss_backup_YYYYMMDD_HH24MI beside it

`dre/`, the export (asset `dre_export`)
    Grain: one workbook a run. Key: the SHA-256 of the file. Done means: the raw file is kept, every row is read or
    rejected, the guards hold. Replaces `hitss-automation-daily` (pg_cron) and `hitss-automation` (Edge Function).
`dre/`, the tables (assets `dre_lines`, `dre_hitss`, `dre_orcado`, `dre_summary`)
    Grain: month. Key of a line: md5 of its financial columns, and its occurrence among equal lines. Done means: every
    row of the month was compared, in the transaction that wrote it. Replaces `dre-automation-daily` (pg_cron),
    `hitss-data-processor` and `execute-dre-automation` (Edge Functions).
`mirror/` (asset `dre_mirror`)
    Grain and key: month. Done means: count, total and digest of the month are equal in both databases. Replaces
    `sync-dre-data-hourly` (pg_cron) and `sync-dre-data` (Edge Function).
`backup/` (asset `dre_backup`)
    Grain: day of UTC. Key: the name of the table. Done means: rows, total and digest of every month are those of the
    source. Replaces `backup-dre-daily` (pg_cron) and `backup_dre_data()`.

The steps of a feature are files of these names: `extract` (of the mirror: a snapshot of the source, and the digests of
both databases), `validate` (the workbook; its rules are in `cells`, `lines` and `guards`), `load` (one month in one
transaction, or one backup), `prove` (inside that transaction), `report` (run log and proofs). `pipeline` calls them,
and `defs/` shows them to Dagster. The rules come from the contract of HITSS.
"""
