-- The titles of each ERP, and which lines of company_dre follow from them (contract of the ERPs, sections 2.7 and 10).
-- Additive and repeatable.

do $$
begin
    if to_regclass('public.company_dre') is null or to_regclass('public.company_profile') is null then
        raise exception 'public.company_dre and public.company_profile are not both there: ERP_DATABASE_URL has to name'
            ' the project of the tax application';
    end if;
end
$$;

-- One row a receivable or payable that a connection listed, by the vendor's own number. Its description is not kept,
-- because it may name people; only the line of the statement that its words tell.
create table if not exists sync_private.titles (
    connection_id uuid not null references public.erp_connections (id) on delete cascade,
    side text not null check (side in ('receber', 'pagar')),
    vendor_id text not null,
    -- The month of the list that it was read with: that of its date of the list, or the current one if that is later.
    month date not null,
    listed_on date not null,
    issued_on date,
    due_on date,
    competence date,
    -- The month of the income statement that it belongs to.
    competence_month date not null,
    amount numeric not null,
    state text not null,
    number text,
    nfe_key text,
    -- [{"amount": "10.00", "category": "the vendor's id or name"}], in the order of the vendor.
    splits jsonb not null default '[]',
    told_line text,
    -- What the vendor said, of the columns above but the month.
    content_hash uuid not null,
    -- What the list alone said; another value is a reason to read the detail again.
    list_hash uuid not null,
    -- When its detail was read, where the list leaves out what stands there.
    detail_at timestamptz,
    read_at timestamptz not null,
    -- Since when the list lacks it, and the vendor does not have it either.
    vanished_at timestamptz,
    primary key (connection_id, side, vendor_id)
);
create index if not exists idx_titles_month on sync_private.titles (connection_id, month);
create index if not exists idx_titles_competence on sync_private.titles (connection_id, competence_month);

-- The categories of titles, as the company keeps them in its ERP.
create table if not exists sync_private.title_categories (
    connection_id uuid not null references public.erp_connections (id) on delete cascade,
    vendor_id text not null,
    name text not null,
    side text,
    parent text,
    dre_code text,
    dre_name text,
    is_transfer boolean not null,
    read_at timestamptz not null,
    -- Since when the ERP does not list it any more; titles may still be of it.
    vanished_at timestamptz,
    primary key (connection_id, vendor_id)
);

-- The lines of company_dre that we wrote: what, and what stood there before.
create table if not exists sync_private.dre_lines (
    dre_id uuid not null references public.company_dre (id) on delete cascade,
    line text not null,
    company_id uuid not null references public.company_profile (id) on delete cascade,
    month date not null,
    amount numeric not null,
    before numeric,
    -- Whose titles made it: no foreign key, because a connection that is gone is a reason to leave the line as it is.
    connections uuid[] not null,
    written_at timestamptz not null,
    primary key (dre_id, line)
);
create index if not exists idx_dre_lines_company on sync_private.dre_lines (company_id, month);
