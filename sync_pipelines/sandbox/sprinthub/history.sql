-- What the application left behind: leads as its last sync wrote them, runs that were logged as good.
-- %(leads)s are the numbers of leads that are there already, %(segments)s those of the segments.

-- Names, phones and custom fields were overwritten with null, jsonb holds its own text, the dialler has its own.
insert into api.leads (
    id, firstname, lastname, email, phone, whatsapp, city, points, owner, user_access, create_date, categoria,
    archived, segmento, synced_at, enviado_callix, data_envio_callix, callix_id, status_callix, qualificacao_callix
)
select
    id,
    case when mod(id, 40) = 0 then initcap(split_part(format('lead%%s@example.com', id), '@', 1)) end,
    null,
    format('lead%%s@example.com', id),
    null,
    case when mod(id, 50) = 0 then format('+55119%%s', lpad(id::text, 8, '0')) end,
    case when mod(id, 3) = 0 then 'SÃ£o Paulo' end,
    0,
    null,
    to_jsonb('[' || (10 + mod(id, 4)) || ',20]'),
    timestamptz '2022-06-01 00:00:00.123+00' + id * interval '997 seconds',
    null,
    mod(id, 30) = 0,
    segment,
    timestamptz '2026-03-01 06:12:00+00',
    mod(id, 5) = 0,
    case when mod(id, 5) = 0 then timestamptz '2026-02-20 13:00:00+00' end,
    case when mod(id, 5) = 0 then format('CX-%%s', id) end,
    case when mod(id, 5) = 0 then (array['atendido', 'não atendido', 'caixa postal'])[1 + mod(id, 3)] end,
    case when mod(id, 15) = 0 then 'interessado' end
from unnest(%(leads)s::bigint[], %(of_segments)s::integer[]) as listed (id, segment);

insert into public.segmento (id, name, alias, is_published)
select segment_id, format('Segmento %%s', segment_id), format('segmento-%%s', segment_id), true
from unnest(%(segments)s::integer[]) as segment_id;

insert into public.segmento_lead (segmento_id, lead_id)
select segment, id from unnest(%(leads)s::bigint[], %(of_segments)s::integer[]) as listed (id, segment)
where mod(id, 2) = 0;

-- Page 0 and no more, reported as a success (contract, section 7, point 1).
insert into public.sync_segments_logs (
    segment_id, execution_time, status, message, stats, duration_seconds, success_rate
)
select
    segment_id, timestamptz '2026-03-01 06:00:07+00' - day * interval '1 day', 'success', 'Sincronização concluída',
    jsonb_build_object('totalLeadsInSegment', 100, 'processed', 100, 'inserted', 0, 'updated', 100, 'errors', 0),
    15.2, 100
from unnest(%(segments)s::integer[]) as segment_id, generate_series(0, 6) as day;
