-- Run in the ops database. Of each lead the part of its page.
select lead_id, field_list,
    convert_from(substring(fields from ((place - 1) * width)::integer + 1 for width), 'SQL_ASCII'),
    extract(epoch from stamp)::float8, extract(epoch from updated_at)::float8
from ops.page_writes,
    lateral (select octet_length(fields) / cardinality(leads) as width) as one,
    unnest(leads, times) with ordinality as listed (lead_id, updated_at, place)
where destination = %(destination)s and lead_id = any(%(ids)s::bigint[])
