-- Leads that people made in Gestão itself: numbers from its sequence, marks in all the spellings that are found,
-- and fields that only Gestão has.

insert into public.leads (
    nome, age, telefone, email, aprovado, supervisor, sync_source, analisado_por, analisado_em, latitude, longitude,
    criado, updated_at, maxsystem_id_ficha
)
select
    'Cadastro local ' || n, 15 + n, '(11) 90000-' || lpad(n::text, 4, '0'), 'local' || n || '@example.com', n % 2 = 0,
    'Supervisão ' || n % 3,
    (array['gestao-scouter', 'Gestao', 'gestao_scouter', 'manual', null])[1 + n % 5],
    md5('pessoa-' || n % 12)::uuid, timestamptz '2025-10-01 12:00+00' + n * interval '1 hour',
    -23.55 + n / 1000.0, -46.63, timestamptz '2025-09-01 12:00+00' + n * interval '1 hour',
    timestamptz '2025-10-01 12:00+00' + n * interval '1 hour', 'GS-' || n
from generate_series(1, 6) as n;
