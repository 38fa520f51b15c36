-- The catalogue of products of each ERP, which the application's own analysis of NCM codes does not erase.

create table if not exists sync_private.products (
    connection_id uuid not null references public.erp_connections (id) on delete cascade,
    vendor_id text not null,
    code text,
    name text not null,
    -- As the vendor writes it; the application's code and status follow from it.
    ncm text,
    ncm_code text not null,
    ncm_status text not null,
    ncm_reason text,
    unit text,
    ean text,
    price numeric,
    is_active boolean not null,
    is_service boolean not null,
    -- What the vendor said of the columns above.
    content_hash uuid not null,
    read_at timestamptz not null,
    -- When a pass over the whole catalogue did not find it any more.
    vanished_at timestamptz,
    -- The row of company_ncm_analysis that stands for it, while that is there.
    ncm_row_id uuid,
    primary key (connection_id, vendor_id)
);
create index if not exists idx_products_ncm_row on sync_private.products (ncm_row_id) where ncm_row_id is not null;

create table if not exists sync_private.product_catalogs (
    connection_id uuid primary key references public.erp_connections (id) on delete cascade,
    -- The start of the last pass over the whole catalogue, and of the last one over changes.
    full_at timestamptz,
    changes_at timestamptz,
    -- What it left: a catalogue with another digest was changed by somebody else, and is read whole.
    digest text
);
