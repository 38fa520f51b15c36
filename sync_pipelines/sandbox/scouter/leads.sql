-- One statement for 400 leads or 250,000. Every value hangs on the lead's number and the seed alone, so that a lead
-- is the same in a small sandbox and in a large one; only its place in time hangs on how many there are.

with given as (
    select
        %(leads)s::bigint as leads, %(seed)s::bigint as seed, %(newest)s::timestamptz as newest,
        %(days)s::integer as days, %(heavy_day)s::bigint as heavy_day,
        ((%(newest)s::timestamptz at time zone 'America/Sao_Paulo')::date)::timestamp as today
), drawn as (
    select
        given.*, n,
        -- Gaps, as deleted leads leave them.
        %(first)s::bigint + n + n / 7 as id,
        pg_temp.draw(n, seed, 1, 24) as first_name, pg_temp.draw(n, seed, 2, 20) as last_name,
        pg_temp.draw(n, seed, 3, 1000000) as moment, pg_temp.draw(n, seed, 4, days) as day,
        pg_temp.draw(n, seed, 5, 12) as person, pg_temp.draw(n, seed, 6, 6) as project,
        pg_temp.draw(n, seed, 7, 70) as years, pg_temp.draw(n, seed, 8, 10000) as phone,
        pg_temp.draw(n, seed, 9, 50001) as cents, pg_temp.draw(n, seed, 10, 1 << 20) as coins,
        pg_temp.draw(n, seed, 11, 700) as age_in_days, pg_temp.draw(n, seed, 12, 60) as step
    from given, generate_series(1, given.leads) as n
), placed as (
    select
        drawn.*,
        case
            when n > leads - heavy_day
                then (today - interval '3 days' + time '14:03:22.123456') at time zone 'America/Sao_Paulo'
            when n in (1, 2) then (today - n * interval '1 day') at time zone 'America/Sao_Paulo' - interval '500 us'
            when n in (3, 4) then (today - (n - 2) * interval '1 day') at time zone 'America/Sao_Paulo'
            when n in (5, 6) then (today - (n - 4) * interval '1 day') at time zone 'UTC' - interval '500 us'
            when n in (7, 8) then (today - (n - 6) * interval '1 day') at time zone 'UTC'
            when n between 9 and 12 or mod(n, 4999) = 0 then null
            when n = 13 then newest
            else newest - day * interval '1 day' - moment * interval '86399 us'
        end as touched,
        (array[
            'Ana', 'João', 'Beatriz', 'Caíque', 'Débora', 'Érica', 'Flávio', 'Graça', 'Heloísa', 'Ícaro', 'Júlia', 'Kauã',
            'Letícia', 'Márcio', 'Núbia', 'Otávio', 'Paola', 'Quitéria', 'Raíssa', 'Sebastião', 'Tainá', 'Úrsula',
            'Vitória', 'Zélia'
        ])[1 + first_name] || ' ' || (array[
            'da Conceição', 'Araújo', 'Assunção', 'Brandão', 'Cação', 'D''Ávila', 'Esperança', 'Falcão', 'Gonçalves',
            'Guimarães', 'Itaparica', 'Jordão', 'Leão', 'Magalhães', 'Négri', 'Óbidos', 'Paixão', 'Quinhões', 'São Bento',
            'Valadão'
        ])[1 + last_name] || case when mod(n, 41) = 0 then ' ✨👧🏽' else '' end as full_name
    from drawn
)
insert into public.leads (
    id, name, responsible, age, address, scouter, photo_url, date_modify, raw, updated_at, bitrix_telemarketing_id,
    commercial_project_id, responsible_user_id, celular, telefone_trabalho, telefone_casa, etapa, fonte, criado,
    nome_modelo, local_abordagem, ficha_confirmada, data_criacao_ficha, data_confirmacao_ficha, presenca_confirmada,
    compareceu, cadastro_existe_foto, valor_ficha, data_criacao_agendamento, horario_agendamento, data_agendamento,
    gerenciamento_funil, status_fluxo, etapa_funil, etapa_fluxo, funil_fichas, status_tabulacao, maxsystem_id_ficha,
    gestao_scouter, op_telemarketing, data_retorno_ligacao, last_sync_at, sync_source, sync_status, sync_error
)
select
    id,
    case mod(n, 61) when 0 then '' when 1 then null else full_name end,
    case mod(n, 9) when 0 then '' when 1 then null else 'Responsável ' || person end,
    case when years < 3 then 0 when years > 62 then null else years end,
    case when coins & 1 = 0 then 'Rua das Acácias, ' || phone || ' — São Paulo' else '' end,
    case when person < 10 then 'Scouter ' || 1 + mod(person, 8) end,
    case when coins & 2 = 0 then 'https://fotos.example.com/leads/' || id || '.jpg' else '' end,
    touched - mod(moment, 86400) * interval '1 second',
    case
        when mod(n, 5) = 0 then null
        else jsonb_build_object(
            'ID', id::text, 'TITLE', full_name, 'OPENED', 'Y', 'UF_IDADE', years, 'UF_VAZIO', '', 'UF_NADA', null,
            'UF_FOTOS', jsonb_build_array(phone, step), 'UF_NOTA', 'acentuação: ação, pé, ü; "aspas" e \barra'
        ) || case
            when n = 21 or mod(n, 2003) = 0
                then jsonb_build_object('UF_HISTORICO', repeat('Ligação atendida às ' || step || ' min. ', 8000))
            else '{}'
        end
    end,
    touched,
    case when coins & 4 = 0 then 100 + person end,
    case when project < 5 then md5('projeto-' || project)::uuid end,
    case when person < 9 then md5('pessoa-' || person)::uuid end,
    case mod(n, 4) when 0 then '' when 1 then null else '(11) 90000-' || lpad(phone::text, 4, '0') end,
    case mod(n, 3) when 0 then '(11) 3000-' || lpad(phone::text, 4, '0') when 1 then '' end,
    case mod(n, 5) when 0 then '(11) 2000-' || lpad(phone::text, 4, '0') when 1 then '' end,
    (array['Lead a Qualificar', 'Agendados', 'Em agendamento', 'Negócio Fechado', '', null])[1 + mod(step, 6)],
    (array['Scouter - Fichas', 'Meta', 'Indicação', null])[1 + mod(step, 4)],
    case when mod(n, 101) > 0 then least(touched, newest) - age_in_days * interval '1 day' end,
    full_name,
    case when coins & 8 = 0 then 'Shopping Itaquerão — piso ' || 1 + mod(step, 3) end,
    case when mod(n, 53) > 0 then coins & 16 = 0 end,
    touched - age_in_days * interval '1 hour',
    case when coins & 16 = 0 then touched - interval '30 minutes' end,
    coins & 32 = 0,
    case when mod(n, 59) > 0 then coins & 96 = 0 end,
    coins & 2 = 0,
    case mod(n, 6) when 0 then null when 1 then 0 else cents / 100.0 end,
    case when coins & 128 = 0 then touched - interval '2 days' end,
    case when coins & 128 = 0 then 8 + mod(step, 10) || ':30' else '' end,
    case when coins & 128 = 0 then (today + step * interval '1 day')::date end,
    case when coins & 256 = 0 then 'Funil ' || mod(step, 3) end,
    case when coins & 512 = 0 then 'Em fluxo' end,
    'Etapa ' || mod(step, 7),
    case when coins & 512 = 0 then 'Passo ' || mod(step, 4) end,
    case when coins & 1024 = 0 then 'Fichas' end,
    (array['Confirmada', 'Não confirmada', 'Aguardando', null])[1 + mod(step, 4)],
    case when mod(n, 3) > 0 then 'MAX-' || id end,
    case when coins & 2048 = 0 then 'Sim' end,
    case when coins & 4096 = 0 then 'Operação ' || person end,
    case when coins & 8192 = 0 then touched + interval '3 days' end,
    case when coins & 16384 = 0 then touched - interval '1 second' end,
    (array['bitrix', 'bitrix', 'bitrix', 'supabase', 'gestao_scouter', 'csv', null])[1 + mod(step, 7)],
    (array['synced', 'synced', 'pending', 'error', null])[1 + mod(step, 5)],
    case when mod(step, 5) = 3 then 'Tempo esgotado' end
from placed;
