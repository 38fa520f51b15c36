-- After a reverse sync a lead's updated_at is the time of that sync, and what people change there meanwhile would look
-- older. So, as long as nobody has changed the lead here, its version is that of the change that was applied last.
update incoming as i set
    outcome = case
        when is_echo or is_ours then 'ignored'
        when not is_there then 'created'
        when compared.differing = 0 then 'same'
        when i.version < compared.stored_version then 'ignored'
        else 'updated'
    end,
    reason = case
        when is_echo then 'echo of the last exchange'
        when is_ours then 'marked as ours, and no exchange is known'
        when not is_there then null
        when compared.differing = 0 then 'nothing differs'
        when i.version < compared.stored_version then 'older version'
    end,
    differing = compared.differing
from (
    select
        whole.id,
        lead.id is not null as is_there,
        coalesce({payload_hash} = whole.known_hash, false) as is_echo,
        -- sync_source alone proves nothing if the lead was synced before: it stays on a row that people edit later.
        whole.known_hash is null
            and regexp_replace(lower(coalesce(staged.inbox_sync_source, '')), '[^a-z]', '', 'g')
                = any({ours}::text[])
            as is_ours,
        {differing} as differing,
        case
            when whole.known_direction = 'taken_back' and {hash} = whole.known_hash
                then coalesce({applied}, whole.applied_at, lead.updated_at)
            else lead.updated_at
        end as stored_version
    from staged
    join incoming as whole on whole.id = staged.inbox_id
    left join public.leads as lead on lead.id = staged.lead_id
) as compared
where i.id = compared.id
