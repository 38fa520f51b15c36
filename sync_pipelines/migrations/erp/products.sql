-- The catalogue of products of each ERP, which the application's own analysis of NCM codes does not erase.

create table if not exists sync_private.products (
    connection_id uuid not null references public.erp_connections (id) on delete cascade,
    vendor_id text not null,
    code text,
    name text not null,
    ncm text,
    unit text,
    ean text,
    price numeric,
    is_active boolean not null,
    is_service boolean not null,
    content_hash uuid not null,
    read_at timestamptz not null,
    -- The row of company_ncm_analysis that stands for it, while that is there.
    ncm_row_id uuid,
    primary key (connection_id, vendor_id)
);

create table if not exists sync_private.product_catalogs (
    connection_id uuid primary key references public.erp_connections (id) on delete cascade,
    -- The start of the last pass over the whole catalogue, and of the last one over changes.
    full_at timestamptz,
    changes_at timestamptz
);
