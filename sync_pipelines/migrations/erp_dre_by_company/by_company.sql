-- A row of company_dre for each company of a user and month (ERP_DRE_BY_COMPANY): the unique key gets company_id. Rows
-- without a company stay unique among themselves. Repeatable; every row that is there fits.

-- The application writes to this table: whoever uses it is not made to wait behind us.
set local lock_timeout = '5s';

create unique index if not exists company_dre_company_period_unique on public.company_dre
    (user_id, company_id, period_type, period_year, period_month) nulls not distinct;

-- The key without a company, whatever its name.
do $$
declare
    narrow record;
begin
    for narrow in
        select i.indexrelid::regclass::text as index, c.conname
        from pg_index as i
        left join pg_constraint as c on c.conindid = i.indexrelid and c.contype = 'u'
        where i.indrelid = 'public.company_dre'::regclass and i.indisunique and not i.indisprimary and i.indpred is null
            and array(
                select attname::text from pg_attribute where attrelid = i.indrelid and attnum = any(i.indkey) order by 1
            ) = array['period_month', 'period_type', 'period_year', 'user_id']
    loop
        if narrow.conname is not null then
            execute format('alter table public.company_dre drop constraint %I', narrow.conname);
        else
            execute format('drop index %s', narrow.index);
        end if;
    end loop;
end
$$;
