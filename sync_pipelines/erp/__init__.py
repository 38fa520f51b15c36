"""ERP sync: invoices (NF-e), products and the company of every connected ERP account, then the credits analysis.

Replaces the pg_cron job `erp-auto-sync-daily` and the Edge Functions `erp-auto-sync` and `erp-sync`.
"""
