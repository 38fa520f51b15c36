-- The invoices (NF-e): what makes an import recognisable, and what each ERP listed (contract of the ERPs, section 2.4).
-- Additive and repeatable.

create schema if not exists sync_private;

do $$
begin
    if to_regclass('public.erp_connections') is null or to_regclass('public.xml_imports') is null then
        raise exception 'public.erp_connections and public.xml_imports are not both there: ERP_DATABASE_URL has to name'
            ' the project of the tax application';
    end if;
end
$$;

-- The application writes to these tables: whoever uses one is not made to wait behind us.
set local lock_timeout = '5s';

alter table public.xml_imports
    add column if not exists nfe_key text,
    add column if not exists connection_id uuid references public.erp_connections (id) on delete set null,
    add column if not exists nfe_status text,
    add column if not exists issue_date date,
    add column if not exists content_sha256 text;

-- One row an invoice, whichever of the user's ERPs listed it. Uploads of the application have no key.
create unique index if not exists uq_xml_imports_user_key on public.xml_imports (user_id, nfe_key);

-- One row an invoice that a connection listed, by the vendor's own number; `decision` says what became of it.
create table if not exists sync_private.invoices (
    connection_id uuid not null references public.erp_connections (id) on delete cascade,
    vendor_id text not null,
    month date not null,
    nfe_key text,
    state text not null,
    model text,
    direction smallint,
    series text,
    number text,
    issue_date date,
    total numeric,
    decision text not null check (decision in ('stored', 'marked', 'skipped', 'rejected', 'unread')),
    reason text,
    -- What a person should know of a stored invoice: its items do not add up, its own date is of another month.
    remarks text[] not null default '{}',
    import_id uuid references public.xml_imports (id) on delete set null,
    content_hash uuid,
    listed_at timestamptz not null default now(),
    -- When its document was judged.
    read_at timestamptz,
    -- Since when the list lacks it, though nobody said that it was cancelled.
    vanished_at timestamptz,
    primary key (connection_id, vendor_id)
);
create index if not exists idx_invoices_month on sync_private.invoices (connection_id, month);
create index if not exists idx_invoices_import on sync_private.invoices (import_id);
create index if not exists idx_invoices_key on sync_private.invoices (nfe_key);
