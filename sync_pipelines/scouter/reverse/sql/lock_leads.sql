-- Whoever writes these leads waits, so that what is decided next is still true when it is written. A lead that somebody
-- else has locked is left for later: it must not hold up the others.
select lead.id, {hashes}, {content_hash}, extract(epoch from lead.updated_at)::float8, lead.updated_at::text,
    to_json(lead.criado) #>> '{{}}'
from public.leads as lead where lead.id = any(%(ids)s::bigint[]) order by lead.id for update skip locked
