-- The reverse sync by webhook, optional: each change that people make in Gestão Scouter is sent to TabuladorMax.
-- Run it in the SQL editor of Gestão Scouter. It may be run again, and replaces a trigger of this name whose body
-- holds a key.
--
-- To install:
--   1. create extension if not exists pg_net;
--   2. put the receiver's address and a secret of its own into the Vault; no service key belongs here:
--        select vault.create_secret('https://.../functions/v1/sync-from-gestao-scouter', 'GESTAO_WEBHOOK_URL');
--        select vault.create_secret('<a long random text that the receiver knows too>', 'GESTAO_WEBHOOK_SECRET');
--   3. run this file.
-- A request waits in net.http_request_queue with the secret in its headers: do not expose the schema net.
-- pg_net asks once and does not repeat. If no change may be lost, use outbox.sql instead.
--
-- To remove:
--   drop trigger if exists sync_to_tabuladormax on public.leads;
--   drop function if exists public.notify_tabuladormax();
--   delete from vault.secrets where name in ('GESTAO_WEBHOOK_URL', 'GESTAO_WEBHOOK_SECRET');

create or replace function public.notify_tabuladormax() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    -- Columns that describe the sync and not the lead. Names that this table lacks do no harm: nothing is read by
    -- name from the row itself, so that a dropped column cannot break the application's write.
    bookkeeping constant text[] := array[
        'sync_source', 'sync_status', 'last_sync_at', 'updated_at',
        'modificado', 'origem_sincronizacao', 'ultima_sincronizacao'
    ];
    lead jsonb;
    before jsonb;
    is_marked boolean;
    url text;
    secret text;
begin
    begin
        lead := to_jsonb(new);
        before := case when tg_op = 'UPDATE' then to_jsonb(old) end;
    exception when others then
        -- A json column may hold what jsonb does not take.
        raise warning 'A lead was not announced to TabuladorMax: it cannot be read (SQLSTATE %).', sqlstate;
        return null;
    end;
    -- sync_source has many spellings: TabuladorMax, tabulador-max, tabulador_max.
    is_marked := lower(regexp_replace(coalesce(lead ->> 'sync_source', ''), '[-_[:space:]]', '', 'g'))
        in ('tabuladormax', 'supabase');
    if tg_op = 'INSERT' then
        if is_marked then
            return null;
        end if;
    else
        -- sync_source stays on a row after our push, so it alone would hide every later edit by a person. What
        -- distinguishes the two is last_sync_at: every push writes a new one, and an edit in the application leaves
        -- it as it is. A push that is repeated with the same values changes nothing, and is not announced either.
        if is_marked and lead -> 'last_sync_at' is distinct from before -> 'last_sync_at' then
            return null;
        end if;
        if lead - bookkeeping = before - bookkeeping then
            return null;
        end if;
    end if;

    -- The lead is the application's, and the announcement is ours: whatever fails here, the write goes on.
    begin
        select decrypted_secret into url from vault.decrypted_secrets where name = 'GESTAO_WEBHOOK_URL';
        select decrypted_secret into secret from vault.decrypted_secrets where name = 'GESTAO_WEBHOOK_SECRET';
        if secret is null or url is null or url !~ '^(https://|http://(127\.0\.0\.1|localhost)[:/])' then
            raise warning 'Lead % was not announced: the Vault needs both secrets, and the address https.', lead ->> 'id';
            return null;
        end if;
        perform net.http_post(
            url := url,
            body := jsonb_build_object('lead', lead, 'source', 'gestao_scouter', 'operation', lower(tg_op)),
            headers := jsonb_build_object(
                'Content-Type', 'application/json', 'Authorization', 'Bearer ' || secret
            ),
            timeout_milliseconds := 10000
        );
    exception when others then
        -- Without the error's own text, which may quote the lead or the secret.
        raise warning 'Lead % was not announced to TabuladorMax (SQLSTATE %).', lead ->> 'id', sqlstate;
    end;
    return null;
end
$$;

-- Nobody calls it by hand; a trigger fires without this right.
revoke execute on function public.notify_tabuladormax() from public, anon, authenticated, service_role;

drop trigger if exists sync_to_tabuladormax on public.leads;
create trigger sync_to_tabuladormax after insert or update on public.leads
for each row execute function public.notify_tabuladormax();
