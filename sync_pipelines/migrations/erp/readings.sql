-- When what the ERP says beside its lists was read: it is read again after some days, and not each time.

alter table sync_private.products
    -- What the list said of a product when its detail was read, and when that was; null where it has none.
    add column if not exists list_hash uuid,
    add column if not exists detail_at timestamptz;
alter table sync_private.invoices
    -- When the ERP was last asked for an invoice that its list lacks, and answered.
    add column if not exists asked_at timestamptz;
