"""ERP sync: invoices (NF-e), products, titles and the company of every connected ERP account, then the analyses.

Replaces the pg_cron job `erp-auto-sync-daily` and the Edge Functions `erp-auto-sync` and `erp-sync`. Partition: a
connection (a row of `public.erp_connections`); of invoices and titles connection and month.

One sync (`pipeline.ConnectionSync`) works on one connection, under its lock, with one row of `public.erp_sync_logs`;
a module that fails keeps what the others did:

    connections/ control      the application's own table, which people edit, is obeyed
                 due          who is due: auto-sync, status, `next_sync_at`, `frequency_hours`
                 execution    the lock, the log row, success or failure in the connection's row, mails
                 credentials  sealed by the application, legacy or not to be opened
                 tokens       OAuth: one refresh at a time, the new pair stored before its first use
    vendors/     vendor       what an ERP must be able to say; a file each: paging, dates, limits, errors, mapping
                 session      calls judged, retried, within the vendor's budgets
                 registry     the vendors that are served, a line each
    company/     load         `company_profile`: no filled field is overwritten with an empty one
    products/    known        details that are in hand, and not read again for some days (`detail_age`)
                 load         the catalogue, in hand before anything is written; rows for the NCM screen
    invoices/    extract      the list of all months, its raw pages kept
                 validate     what is no invoice, what is marked, what needs its document
                 fetch        XML of what is new, changed or lost, several at once, kept in the store
                 nfe/         an XML as columns, or a reject with its rule
                 load         a month in one transaction: imports, analyses, what was listed
                 prove        the live rows of the month against what was meant, before the commit
                 guard        invoices that vanished from the list are asked for, and too many stop the month
    financials/  extract      receivables and payables of all months, by the date that the vendor's list offers
                 detail       category and competence, where a list leaves them out
                 load, prove  a month of titles in one transaction
                 mapping      which line of the statement a category is: data in `words`
                 statement    every month of the company from all its stored titles
                 dre          `company_dre` where it differs, a month a transaction, what is not ours untouched
    analyses/    credits      `analyze-credits`, once for each changed import; its effect proved
                 summary      today's summary rebuilt from all credits of the user
                 dispatch     the other functions, each where what it reads has changed; what they overwrite put back
    module_runs  the modules one after the other, then the analyses
    button       the old screen's *sync now*, a sync in a process of its own

| asset | grain | key | done means |
|---|---|---|---|
| `erp/empresa` | connection | user, CNPJ | what the ERP says stands in the profile |
| `erp/produtos` | connection | the ERP's number | the catalogue is what the ERP listed |
| `erp/nfe` | connection × month | user, access key | every listed invoice is accounted for, rows are as the XML |
| `erp/financeiro` | connection × month | side, the ERP's number | every listed title is accounted for |
| `erp/dre` | connection | month of competence | lines are the sums of the titles, figures what they give |
| `erp/credits` | connection | import | every import is analysed as it is; the summary is the sum |
| `erp/ncm_analysis`, `erp/opportunities`, `erp/tax_score` | connection | user | made of what is stored now |
| `erp/connections` | – | – | the card as the tables have it |

Outside: the vendors' APIs, the application's Edge Functions, its Postgres database and its storage.
"""
